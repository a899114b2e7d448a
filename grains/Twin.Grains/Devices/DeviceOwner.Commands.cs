using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orleans.Runtime;

namespace Twin.Grains.Devices;

/// <summary>
/// Commands. One under a key is written to the book before it is sent and the reply before it is told, so whatever happens between, a retry
/// never makes the device act twice. A command outlives the session it was sent on: the device may reply on the next one.
/// </summary>
internal sealed partial class DeviceOwner
{
    private readonly Dictionary<string, TaskCompletionSource<DeviceCommandReply>> _waiting = new(StringComparer.Ordinal); // by correlation
    private readonly Dictionary<string, (string Fingerprint, Task<DeviceCommandReply> Reply)> _underWay = new(StringComparer.Ordinal); // by key
    private readonly string _correlationPrefix = clock.GetUtcNow().UtcTicks.ToString("x", CultureInfo.InvariantCulture); // differs from the owner's before a restart
    private long _lastCorrelation;

    public async Task<DeviceCommandReply> InvokeAsync(string command, byte[] payload, TimeSpan timeout, string key)
    {
        if (!DeviceBounds.IsCommandName(command)) throw new ArgumentException($"A command's name is 1 to {DeviceBounds.CommandNameLength} letters, digits and - _ . : characters.", nameof(command));
        if (!DeviceBounds.IsKey(key)) throw new ArgumentException($"An idempotency key is at most {DeviceBounds.KeyLength} visible ASCII characters.", nameof(key));
        if (payload.Length > DeviceBounds.CommandPayloadBytes) throw new ArgumentException($"A command's payload has {payload.Length} bytes; at most {DeviceBounds.CommandPayloadBytes} are sent.", nameof(payload));
        if (timeout <= TimeSpan.Zero || timeout > DeviceBounds.LongestTimeout) throw new ArgumentOutOfRangeException(nameof(timeout), timeout, $"A command waits above 0 and at most {DeviceBounds.LongestTimeout}.");
        var until = clock.GetUtcNow() + timeout;
        var reply = key.Length == 0 ? await SendAsync(command, payload, until, null) : await InvokeOnceAsync(command, payload, until, key);
        DeviceMetrics.Ended(reply.Status);
        return reply;
    }

    /// <summary>The device's reply. A store that fails does not keep it from who waits.</summary>
    public async Task ReplyAsync(string correlation, int code, byte[] payload)
    {
        var reply = payload.Length <= DeviceBounds.ReplyPayloadBytes
            ? new DeviceCommandReply(DeviceCommandStatus.Replied, code, payload, null)
            : new DeviceCommandReply(DeviceCommandStatus.ReplyTooLarge, code, [], $"The reply has {payload.Length} bytes; at most {DeviceBounds.ReplyPayloadBytes} are taken.");
        try
        {
            if (_book.Value.FindByCorrelation(correlation) is { Status: null }) await _book.ChangeAsync(b => b.WithReply(correlation, reply));
        }
        finally
        {
            if (_waiting.TryGetValue(correlation, out var waiting)) waiting.TrySetResult(reply);
        }
    }

    private async Task<DeviceCommandReply> InvokeOnceAsync(string command, byte[] payload, DateTimeOffset until, string key)
    {
        var fingerprint = Fingerprint(command, payload);
        if (_underWay.TryGetValue(key, out var other)) return other.Fingerprint == fingerprint ? await JoinAsync(other.Reply, until) : Reused(key);
        if (_book.Value.Find(key, clock.GetUtcNow()) is { } sent)
        {
            if (sent.Fingerprint != fingerprint) return Reused(key);
            if (sent.Reply is { } reply) return reply;
        }
        else
        {
            sent = null;
        }

        var run = sent is null
            ? SendAsync(command, payload, until, new CommandEntry { Key = key, Fingerprint = fingerprint, SentAt = clock.GetUtcNow(), Deadline = until })
            : AwaitAsync(sent.Correlation, Expect(sent.Correlation), until < sent.Deadline ? until : sent.Deadline);
        if (run.IsCompleted) return await run;
        _underWay[key] = (fingerprint, run);
        try
        {
            return await run;
        }
        finally
        {
            _underWay.Remove(key);
        }
    }

    private async Task<DeviceCommandReply> JoinAsync(Task<DeviceCommandReply> first, DateTimeOffset until)
    {
        try
        {
            return await first.WaitAsync(Until(until), clock);
        }
        catch (TimeoutException)
        {
            return TimedOut();
        }
    }

    private async Task<DeviceCommandReply> SendAsync(string command, byte[] payload, DateTimeOffset until, CommandEntry? entry)
    {
        if (Refusal() is { } refusal) return refusal;
        var correlation = $"{_correlationPrefix}-{++_lastCorrelation:x}";
        var waiting = Expect(correlation);
        var isAwaited = false;
        try
        {
            if (entry is not null && (await _book.ChangeAsync(b => b.With(entry with { Correlation = correlation }, clock.GetUtcNow()))).FindByCorrelation(correlation) is null)
                return Busy($"{DeviceBounds.KeptCommands} commands were sent under keys within {DeviceBounds.RepliesKept}.");
            if (!await TrySendAsync(command, correlation, payload, until))
            {
                if (entry is not null) await _book.ChangeAsync(b => b.Without(correlation));
                return NotConnected();
            }

            isAwaited = true;
        }
        finally
        {
            if (!isAwaited) _waiting.Remove(correlation);
        }

        return await AwaitAsync(correlation, waiting, until);
    }

    /// <summary>False when it is certain that nothing was sent. A call that failed otherwise may have sent.</summary>
    private async Task<bool> TrySendAsync(string command, string correlation, byte[] payload, DateTimeOffset until)
    {
        if (_link is not { } link) return false; // gone while the book was written
        var session = _linkSession;
        try
        {
            return await link.SendCommandAsync(deviceId, command, correlation, payload).WaitAsync(Until(until), clock);
        }
        catch (Exception fault)
        {
            Failed("command", session);
            return fault is not ClientNotAvailableException;
        }
    }

    private TaskCompletionSource<DeviceCommandReply> Expect(string correlation) =>
        _waiting[correlation] = new TaskCompletionSource<DeviceCommandReply>(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<DeviceCommandReply> AwaitAsync(string correlation, TaskCompletionSource<DeviceCommandReply> waiting, DateTimeOffset until)
    {
        try
        {
            return await waiting.Task.WaitAsync(Until(until), clock);
        }
        catch (TimeoutException)
        {
            return TimedOut();
        }
        finally
        {
            _waiting.Remove(correlation);
        }
    }

    private TimeSpan Until(DateTimeOffset time)
    {
        var left = time - clock.GetUtcNow();
        return left <= TimeSpan.Zero ? TimeSpan.Zero : left < DeviceBounds.LongestTimeout ? left : DeviceBounds.LongestTimeout; // a clock that was set back does not prolong it
    }

    private DeviceCommandReply? Refusal()
    {
        if (!State.IsRegistered) return new DeviceCommandReply(DeviceCommandStatus.NotRegistered, 0, [], $"Device '{deviceId}' is not registered.");
        if (State.IsDisabled) return new DeviceCommandReply(DeviceCommandStatus.Refused, 0, [], $"Device '{deviceId}' is disabled.");
        if (_link is null) return NotConnected();
        return _waiting.Count >= DeviceBounds.WaitingCommands ? Busy($"{DeviceBounds.WaitingCommands} commands wait for a reply.") : null;
    }

    private DeviceCommandReply NotConnected() => new(DeviceCommandStatus.NotConnected, 0, [], $"Device '{deviceId}' is not connected, or does not listen to commands.");

    private static DeviceCommandReply Busy(string why) => new(DeviceCommandStatus.Busy, 0, [], why);

    private static DeviceCommandReply Reused(string key) => new(DeviceCommandStatus.KeyReused, 0, [], $"The key '{key}' was used for another command or payload within {DeviceBounds.RepliesKept}.");

    private DeviceCommandReply TimedOut() => new(DeviceCommandStatus.TimedOut, 0, [], $"Device '{deviceId}' has not replied in time; it may still act.");

    private static string Fingerprint(string command, byte[] payload)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(Encoding.UTF8.GetBytes(command));
        sha.AppendData([0]); // no name has it
        sha.AppendData(payload);
        sha.GetHashAndReset(hash);
        return Base64Url.EncodeToString(hash);
    }
}
