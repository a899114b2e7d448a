using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Twin.Sdk;

/// <content>The feed.</content>
public sealed partial class TwinClient
{
    /// <summary>
    /// Changes as they happen, over WebSocket. A lost connection is opened again at the last complete message's cursor: nothing is missed, nothing
    /// comes twice. A cursor too old brings a <see cref="StreamEvent.IsReset"/> event. Counts <c>twin_client_stream_reconnects_total</c>.
    /// </summary>
    /// <param name="filter">Null for all changes.</param>
    /// <param name="cursor">Where to go on; null starts now.</param>
    /// <param name="cancellationToken">Ends the stream with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="TwinException">The server refuses the stream: filter, cursor or rights.</exception>
    /// <exception cref="IOException">The server could not be reached <see cref="TwinClientOptions.StreamReconnects"/> times in a row.</exception>
    public async IAsyncEnumerable<StreamEvent> StreamAsync(StreamFilter? filter = null, string? cursor = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        filter ??= new StreamFilter();
        for (var failures = 0; ;)
        {
            using var connection = await StreamConnection.OpenAsync(_transport, _options, filter.ToQuery(cursor), cancellationToken).ConfigureAwait(false);
            while (connection is not null && await connection.ReadAsync(cancellationToken).ConfigureAwait(false) is { } message)
            {
                failures = 0;
                var next = AnswerReader.Text(message, "cursor") ?? cursor;
                if (message.TryGetProperty("reset", out var reset) && reset.ValueKind == JsonValueKind.True)
                {
                    cursor = next;
                    yield return new StreamEvent("reset", cursor, default);
                }

                var left = message.TryGetProperty("changes", out var changes) ? changes.GetArrayLength() : 0;
                foreach (var change in AnswerReader.Items(message, "changes"))
                    yield return new StreamEvent(AnswerReader.Text(change, "kind") ?? "", --left == 0 ? next : cursor, change);
                cursor = next;
            }

            if (++failures > _options.StreamReconnects) throw new IOException($"The stream at {Address} was lost and could not be opened again in {_options.StreamReconnects} attempts.");
            TwinTransport.Reconnected.Add(1);
            var wait = _options.FirstWait * Math.Pow(2, Math.Min(failures - 1, 16));
            await Task.Delay(wait < _options.LongestWait ? wait : _options.LongestWait, _options.Clock, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>One WebSocket of a stream. One reader.</summary>
    private sealed class StreamConnection : IDisposable
    {
        private readonly ClientWebSocket _socket = new();
        private readonly TwinClientOptions _options;
        private byte[] _buffer = new byte[16 * 1024];

        private StreamConnection(TwinClientOptions options) => _options = options;

        /// <summary>Null when the server cannot be reached now; throws when it refuses.</summary>
        public static async Task<StreamConnection?> OpenAsync(TwinTransport transport, TwinClientOptions options, string query, CancellationToken cancellationToken)
        {
            var connection = new StreamConnection(options);
            var address = new UriBuilder(new Uri(transport.Address, "stream")) { Query = query };
            address.Scheme = address.Scheme == "https" ? "wss" : "ws";
            connection._socket.Options.CollectHttpResponseDetails = true;
            transport.Authorize(connection._socket.Options.SetRequestHeader);
            try
            {
                using var invoker = new HttpMessageInvoker(transport.Handler, disposeHandler: false);
                using var deadline = new CancellationTokenSource(options.Timeout, options.Clock);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
                await connection._socket.ConnectAsync(address.Uri, invoker, either.Token).ConfigureAwait(false);
                return connection;
            }
            catch (Exception fault) when (fault is WebSocketException or HttpRequestException or OperationCanceledException)
            {
                var status = (int)connection._socket.HttpStatusCode;
                connection.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                if (status is >= 400 and < 500 and not 429) throw await RefusalAsync(transport, query, cancellationToken).ConfigureAwait(false);
                return null;
            }
        }

        // A failed handshake hides its body; asking again without an upgrade shows it.
        private static async Task<TwinException> RefusalAsync(TwinTransport transport, string query, CancellationToken cancellationToken)
        {
            try
            {
                using var answer = await transport.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, new Uri(transport.Address, "stream?" + query)), false, cancellationToken, headersOnly: true).ConfigureAwait(false);
                return new TwinException(System.Net.HttpStatusCode.UpgradeRequired, "StreamRefused", "The server refused the WebSocket but not the request; a proxy between may not pass upgrades.", null);
            }
            catch (TwinException refused)
            {
                return refused;
            }
        }

        /// <summary>The next message; null when the connection is lost or silent for too long.</summary>
        /// <exception cref="TwinException">The server sent what is no stream message.</exception>
        public async Task<JsonElement?> ReadAsync(CancellationToken cancellationToken)
        {
            using var silence = new CancellationTokenSource(_options.StreamSilence, _options.Clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
            try
            {
                for (var filled = 0; ;)
                {
                    var read = await _socket.ReceiveAsync(_buffer.AsMemory(filled), either.Token).ConfigureAwait(false);
                    if (read.MessageType == WebSocketMessageType.Close) return null;
                    filled += read.Count;
                    if (read.EndOfMessage) return Parse(_buffer.AsMemory(0, filled));
                    if (filled == _buffer.Length) Grow();
                }
            }
            catch (Exception fault) when (fault is WebSocketException or IOException or OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                return null;
            }
        }

        private void Grow()
        {
            if (_buffer.Length >= _options.LongestMessage)
                throw new TwinException(System.Net.HttpStatusCode.RequestEntityTooLarge, "MessageTooLong", $"A stream message is longer than {_options.LongestMessage} bytes (TwinClientOptions.LongestMessage).", null);
            Array.Resize(ref _buffer, (int)Math.Min(_buffer.Length * 2L, _options.LongestMessage));
        }

        private static JsonElement Parse(ReadOnlyMemory<byte> utf8)
        {
            try
            {
                using var document = JsonDocument.Parse(utf8);
                return document.RootElement.Clone();
            }
            catch (JsonException fault)
            {
                throw new TwinException(System.Net.HttpStatusCode.BadGateway, "AnswerInvalid", $"The stream sent no JSON: {fault.Message}", null);
            }
        }

        public void Dispose() => _socket.Dispose();
    }
}
