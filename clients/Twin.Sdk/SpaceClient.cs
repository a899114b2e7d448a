using System.Net.WebSockets;
using System.Text.Json;
using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <summary>What one needs to open a space's socket.</summary>
/// <param name="Token">Brings in within a minute of its issue, and back for as long as the avatar is there.</param>
/// <param name="Socket">The socket's path.</param>
/// <param name="Avatar">The avatar's number in the space.</param>
/// <param name="User">Whose.</param>
public sealed record SpaceSession(string Token, string Socket, int Avatar, string User);

/// <content>Spaces: places that people share.</content>
public sealed partial class TwinClient
{
    /// <summary>Creates or changes a space.</summary>
    /// <param name="space">Its id.</param>
    /// <param name="definition">As <c>PUT /spaces/{id}</c> takes it.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public async Task PutSpaceAsync(string space, object definition, CancellationToken cancellationToken = default)
    {
        using var answer = await _transport.SendAsync(() => Request(HttpMethod.Put, $"spaces/{Escape(space)}", JsonSerializer.SerializeToUtf8Bytes(definition, JsonSerializerOptions.Web)), true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A space's definition and what moderators ordered.</summary>
    public Task<JsonElement> GetSpaceAsync(string space, CancellationToken cancellationToken = default) => _transport.ReadAsync(() => Request(HttpMethod.Get, $"spaces/{Escape(space)}"), true, cancellationToken);

    /// <summary>Ends a space: everyone goes.</summary>
    public async Task DeleteSpaceAsync(string space, CancellationToken cancellationToken = default)
    {
        using var answer = await _transport.SendAsync(() => Request(HttpMethod.Delete, $"spaces/{Escape(space)}"), true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks to come in, and waits in the line where there is one.</summary>
    /// <param name="space">Its id.</param>
    /// <param name="user">Who, where the door does not know the caller; null for a guest.</param>
    /// <param name="name">Shown to others, at most 64 characters; null for the user.</param>
    /// <param name="onWaiting">Told of each place in the line.</param>
    /// <param name="cancellationToken">Leaves the line.</param>
    /// <exception cref="TwinException">One may not come in; the code says why.</exception>
    public async Task<SpaceSession> JoinSpaceAsync(string space, string? user = null, string? name = null, Action<int>? onWaiting = null, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var answer = await _transport.ReadAsync(() => Request(HttpMethod.Post, $"spaces/{Escape(space)}/sessions", JsonSerializer.SerializeToUtf8Bytes(new { user, name }, JsonSerializerOptions.Web)), true, cancellationToken).ConfigureAwait(false);
            if (AnswerReader.Text(answer, "sessionToken") is { } token) return new SpaceSession(token, AnswerReader.Text(answer, "socket")!, answer.GetProperty("avatar").GetInt32(), AnswerReader.Text(answer, "user")!);
            onWaiting?.Invoke(answer.GetProperty("position").GetInt32());
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Clamp(answer.GetProperty("retryAfterMs").GetInt32(), 200, 60_000)), _options.Clock, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Opens the socket of a session.</summary>
    public Task<SpaceClient> EnterSpaceAsync(SpaceSession session, bool isAdaptive = true, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        return SpaceClient.OpenAsync(Address, session, isAdaptive, _options.Clock, cancellationToken);
    }
}

/// <summary>
/// One person in a space, over its WebSocket: says poses, reads frames, and comes back with its token when the line is cut, for as long as the space keeps the avatar. Sends from one caller at a time; the view is read with <see cref="Read"/>; events come on the reading task and must be short.
/// </summary>
public sealed class SpaceClient : IAsyncDisposable
{
    private const int MostMessageBytes = 2 * 1024 * 1024;
    private readonly Lock _turn = new();
    private readonly Uri _address;
    private readonly SpaceSession _session;
    private readonly TimeProvider _clock;
    private readonly bool _isAdaptive;
    private readonly CancellationTokenSource _end = new();
    private readonly byte[] _out = new byte[64];
    private readonly TaskCompletionSource<WelcomeMessage> _welcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClientView _view = new();
    private ClientWebSocket? _socket;
    private Task _reading = Task.CompletedTask;
    private ushort _sequence;
    private long _frames;
    private long _bytes;
    private int _returns;

    private SpaceClient(Uri address, SpaceSession session, bool isAdaptive, TimeProvider clock) => (_address, _session, _isAdaptive, _clock) = (address, session, isAdaptive, clock);

    /// <summary>The newest welcome: the space's rules, where one stands.</summary>
    public WelcomeMessage Welcome { get; private set; } = null!;

    /// <summary>Frames read.</summary>
    public long Frames => Interlocked.Read(ref _frames);

    /// <summary>Bytes read.</summary>
    public long BytesIn => Interlocked.Read(ref _bytes);

    /// <summary>Times that the line was cut and taken up again.</summary>
    public int Returns => Volatile.Read(ref _returns);

    /// <summary>Why it has ended; null while it goes on.</summary>
    public string? Ended { get; private set; }

    /// <summary>Told of each frame, with the view advanced. Holds the view meanwhile.</summary>
    public Action<ClientView>? Framed { get; set; }

    /// <summary>Told of everything that is not a frame.</summary>
    public Action<SpaceMessage>? Heard { get; set; }

    /// <summary>Reads the view; must be short.</summary>
    public T Read<T>(Func<ClientView, T> look)
    {
        ArgumentNullException.ThrowIfNull(look);
        lock (_turn) return look(_view);
    }

    /// <summary>Says where one is; at the space's tick rate, or when dead reckoning would be wrong.</summary>
    /// <returns>False when there is no connection for the moment.</returns>
    public async ValueTask<bool> MoveAsync(AvatarPose pose, (short X, short Y, short Z) velocity = default, CancellationToken cancellationToken = default)
    {
        var length = InputEnvelope.Write(_out, new AvatarInput(++_sequence, pose, velocity.X, velocity.Y, velocity.Z));
        return await SendAsync(_out.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says something else: chat, a state, a report.</summary>
    /// <returns>False when there is no connection for the moment.</returns>
    public ValueTask<bool> SayAsync(SpaceMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return SendAsync(message.ToBytes(), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        if (_socket is { State: WebSocketState.Open } socket)
        {
            try
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
                await socket.SendAsync(new LeaveMessage().ToBytes(), WebSocketMessageType.Binary, true, limit.Token).ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                // Gone already.
            }
        }

        _socket?.Abort();
        await _reading.ConfigureAwait(false);
        _socket?.Dispose();
        _end.Dispose();
    }

    internal static async Task<SpaceClient> OpenAsync(Uri address, SpaceSession session, bool isAdaptive, TimeProvider clock, CancellationToken cancellationToken)
    {
        var client = new SpaceClient(address, session, isAdaptive, clock);
        for (var tries = 0; ; tries++)
        {
            try
            {
                await client.ConnectAsync(cancellationToken).ConfigureAwait(false);
                break;
            }
            catch (WebSocketException) when (tries < 20)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100 * Math.Min(10, tries + 1)), clock, cancellationToken).ConfigureAwait(false); // 503 while the space opens there
            }
        }

        client._reading = Task.Run(client.ReadAsync, CancellationToken.None);
        try
        {
            await client._welcome.Task.WaitAsync(TimeSpan.FromSeconds(15), clock, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return client;
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        var address = new UriBuilder(new Uri(_address, _session.Socket.TrimStart('/'))) { Query = "token=" + Uri.EscapeDataString(_session.Token) };
        address.Scheme = address.Scheme is "https" or "wss" ? "wss" : "ws";
        var socket = new ClientWebSocket();
        try
        {
            await socket.ConnectAsync(address.Uri, cancellationToken).ConfigureAwait(false);
            await socket.SendAsync(new HelloMessage(SpaceLimits.Version, SpaceLimits.Version, "twin-sdk-net", _isAdaptive).ToBytes(), WebSocketMessageType.Binary, true, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        lock (_turn) (_view, _sequence) = (new ClientView(), 0);
        Interlocked.Exchange(ref _socket, socket)?.Dispose();
    }

    private async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (_socket is not { State: WebSocketState.Open } socket || Welcome is null) return false;
        try
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, true, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception fault) when (fault is WebSocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            return false;
        }
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[16 * 1024];
        while (!_end.IsCancellationRequested)
        {
            try
            {
                while (await ReceiveAsync(buffer, grown => buffer = grown).ConfigureAwait(false) is >= 0 and var length) Hear(buffer.AsSpan(0, length));
            }
            catch (Exception fault) when (fault is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException or SpaceWireException)
            {
                // Cut, ended or unreadable: what follows decides.
            }

            if (_end.IsCancellationRequested || !await ComeBackAsync().ConfigureAwait(false)) break;
        }

        _welcome.TrySetException(new IOException($"The space did not let the client in: {Ended ?? "it was left"}."));
    }

    private async Task<bool> ComeBackAsync()
    {
        var code = (int)(_socket?.CloseStatus ?? 0);
        if (code is 4000 or 4001 or 4003 or 4004 or 4029 or 4400 or 4401)
        {
            Ended = $"{code} {_socket!.CloseStatusDescription}";
            return false;
        }

        var started = _clock.GetTimestamp();
        var grace = TimeSpan.FromMilliseconds(Welcome?.ResumeGraceMilliseconds ?? 0);
        for (var tries = 0; _clock.GetElapsedTime(started) < grace; tries++)
        {
            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(2_000, 100 << Math.Min(tries, 8)) * (0.5 + (Random.Shared.NextDouble() / 2))), _clock, _end.Token).ConfigureAwait(false);
                await ConnectAsync(_end.Token).ConfigureAwait(false);
                Interlocked.Increment(ref _returns);
                return true;
            }
            catch (Exception fault) when (fault is WebSocketException or IOException)
            {
                // Not yet.
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }

        Ended = $"the line was cut and could not be taken up again within {grace.TotalSeconds} s";
        return false;
    }

    private async Task<int> ReceiveAsync(byte[] buffer, Action<byte[]> grow)
    {
        var length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length >= MostMessageBytes) throw new SpaceWireException($"a message has more than {MostMessageBytes} bytes");
                Array.Resize(ref buffer, length * 2);
                grow(buffer);
            }

            var part = await _socket!.ReceiveAsync(buffer.AsMemory(length), _end.Token).ConfigureAwait(false);
            length += part.Count;
            if (part.MessageType == WebSocketMessageType.Close) return -1;
            if (!part.EndOfMessage) continue;
            Interlocked.Add(ref _bytes, length);
            return length;
        }
    }

    private void Hear(ReadOnlySpan<byte> message)
    {
        if (FrameEnvelope.TryRead(message, out var body))
        {
            lock (_turn)
            {
                _view.Apply(body);
                Interlocked.Increment(ref _frames);
                Framed?.Invoke(_view);
            }

            return;
        }

        if (SpaceMessage.ReadFromServer(message) is not { } heard) return;
        if (heard is WelcomeMessage welcome)
        {
            Welcome = welcome;
            _welcome.TrySetResult(welcome);
        }

        Heard?.Invoke(heard);
    }
}
