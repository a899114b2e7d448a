using System.Net;
using System.Net.WebSockets;
using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <content>The connection: opened, lost, opened again. One task owns all of it.</content>
public sealed partial class SpaceClient
{
    private static readonly TimeSpan Pinging = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan UnknownGrace = TimeSpan.FromSeconds(30);

    private SpaceSession _session;
    private SpaceSocket? _socket;
    private int _at;
    private int _standing;
    private int _budget;
    private long _heardAt;
    private volatile bool _isLeaving;

    /// <summary>Asks servers in turn until one lets in or refuses; waits in the line where there is one.</summary>
    private static async Task<(SpaceSession Session, int At)> AskAsync(IReadOnlyList<Uri> addresses, int at, string space, SpaceGuest guest, SpaceClientOptions options, Action<int>? waiting, CancellationToken cancellationToken)
    {
        for (var failures = 0; ;)
        {
            using var http = new TwinClient(addresses[at], options.Http);
            try
            {
                while (true)
                {
                    var admission = await http.AskToEnterAsync(space, guest, cancellationToken).ConfigureAwait(false);
                    if (admission.Session is { } session) return (session, at);
                    waiting?.Invoke(admission.Position);
                    await Task.Delay(admission.AskAgain, options.Http.Clock, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception fault) when (failures + 1 < addresses.Count && fault is HttpRequestException or TimeoutException or TwinException { Status: HttpStatusCode.ServiceUnavailable })
            {
                failures++;
                at = (at + 1) % addresses.Count;
            }
        }
    }

    private async Task LiveAsync()
    {
        try
        {
            await StayAsync(_stop.Token).ConfigureAwait(false);
            End(null);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            End(null);
        }
        catch (Exception fault)
        {
            End(fault);
        }
    }

    /// <summary>Returns when one has left; throws why it is over otherwise.</summary>
    private async Task StayAsync(CancellationToken cancellationToken)
    {
        var (tries, lostAt) = (0, _clock.GetTimestamp());
        while (true)
        {
            var welcomes = _resumes + (_welcome is null ? 0 : 1);
            var ending = await ConnectAsync(cancellationToken).ConfigureAwait(false);
            if (_isLeaving) return;
            if (_resumes + (_welcome is null ? 0 : 1) != welcomes) (tries, lostAt) = (0, _clock.GetTimestamp());
            if (ending.IsFinal) throw ending.ToException();
            var grace = _welcome is { } welcome ? TimeSpan.FromMilliseconds(welcome.ResumeGraceMilliseconds) : UnknownGrace;
            if (_clock.GetElapsedTime(lostAt) > grace) throw new TwinException(HttpStatusCode.ServiceUnavailable, "GraceOver", $"No server let this client back in within {grace.TotalSeconds} s; last: {ending.ToException().Detail}", null);
            Stand(SpaceStanding.Lost, ending.ToException().Detail);
            if (ending.IsTooSlow) Volatile.Write(ref _budget, Math.Max(SpaceLimits.LeastByteBudget, (_budget == 0 ? 160_000 : _budget) / 2));
            var wait = Math.Min(_options.LongestWait.TotalMilliseconds, _options.FirstWait.TotalMilliseconds * Math.Pow(2, Math.Min(tries++, 20)));
            await Task.Delay(TimeSpan.FromMilliseconds(wait * (0.5 + ((_options.Jitter ?? Random.Shared).NextDouble() / 2))), _clock, cancellationToken).ConfigureAwait(false);
            if (ending.IsStale) await AskAnewAsync(cancellationToken).ConfigureAwait(false);
            else if (ending.Code == 0) _at = (_at + 1) % _addresses.Count;
        }
    }

    /// <summary>The token brings in no more. Refusals are final; a server that does not answer is not.</summary>
    private async Task AskAnewAsync(CancellationToken cancellationToken)
    {
        try
        {
            (_session, _at) = await AskAsync(_addresses, _at, _session.Space, _guest, _options, null, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is HttpRequestException or TimeoutException or TwinException { Status: HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests })
        {
            _at = (_at + 1) % _addresses.Count;
        }
    }

    /// <summary>One connection from its handshake to its end.</summary>
    private async Task<SpaceEnding> ConnectAsync(CancellationToken cancellationToken)
    {
        using var socket = new SpaceSocket();
        using var until = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var opening = new CancellationTokenSource(_options.OpenTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(opening.Token, until.Token);
        var others = Task.CompletedTask;
        try
        {
            if (await socket.OpenAsync(_session.AddressAt(_addresses[_at]), _options.Http.HttpMessageHandler, either.Token).ConfigureAwait(false) is { } refused) return refused;
            await socket.SendAsync(new HelloMessage(SpaceLimits.Version, SpaceLimits.Version, _options.ClientName, _options.IsAdaptive, _budget, _options.IsDeadReckoned).ToBytes(), either.Token).ConfigureAwait(false);
            for (var isIn = false; ;)
            {
                if (await socket.ReadAsync(isIn ? until.Token : either.Token).ConfigureAwait(false) is not { } message) return socket.Ending;
                Volatile.Write(ref _heardAt, _clock.GetTimestamp());
                Hear(message.Span);
                if (isIn || Standing != SpaceStanding.Here) continue;
                isIn = true;
                Volatile.Write(ref _socket, socket);
                others = Task.WhenAll(QuietAsync(() => SendAllAsync(socket, _welcome!.TickHz, until.Token)), QuietAsync(() => PingAsync(socket, until.Token)));
            }
        }
        catch (SpaceWireException fault)
        {
            return new SpaceEnding(0, 0, $"unreadable: {fault.Message}");
        }
        catch (Exception fault) when (fault is WebSocketException or IOException or ObjectDisposedException || (fault is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return fault is OperationCanceledException ? new SpaceEnding(0, 0, $"no welcome within {_options.OpenTimeout.TotalSeconds} s") : socket.Ending;
        }
        finally
        {
            Volatile.Write(ref _socket, null);
            if (Standing == SpaceStanding.Here) Volatile.Write(ref _standing, (int)SpaceStanding.Lost);
            await until.CancelAsync().ConfigureAwait(false);
            await others.ConfigureAwait(false);
            Discard();
        }
    }

    /// <summary>Asks for the time now and then, and ends a connection that is silent.</summary>
    private async Task PingAsync(SpaceSocket socket, CancellationToken cancellationToken)
    {
        while (true)
        {
            await socket.SendAsync(new TimeSyncMessage(Microseconds()).ToBytes(), cancellationToken).ConfigureAwait(false);
            await Task.Delay(_options.Silence / 2 < Pinging ? _options.Silence / 2 : Pinging, _clock, cancellationToken).ConfigureAwait(false);
            if (_clock.GetElapsedTime(Volatile.Read(ref _heardAt)) <= _options.Silence) continue;
            socket.Abort();
            return;
        }
    }

    /// <summary>What was not sent over this connection is not sent over the next: it is old by then.</summary>
    private void Discard()
    {
        lock (_moveTurn) if (_hasMove) Forget();
        while (_waiting.Reader.TryRead(out _)) Drop(ref _messagesRefused, "message");
    }

    /// <summary>A sender ends with the connection; the reader tells how it ended.</summary>
    private static async Task QuietAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is WebSocketException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Told by the reader.
        }
    }

    private void End(Exception? fault)
    {
        Stand(SpaceStanding.Ended, fault?.Message ?? "");
        _events.Writer.TryComplete();
        if (fault is null)
        {
            _ended.TrySetResult();
            _firstWelcome.TrySetCanceled();
            return;
        }

        _ended.TrySetException(fault);
        _ = _ended.Task.Exception; // seen: who does not ask is not told by the finalizer
        _firstWelcome.TrySetException(fault);
        _ = _firstWelcome.Task.Exception;
    }
}
