using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace Twin.Grains.Devices;

/// <summary>What a device's grain keeps.</summary>
[GenerateSerializer]
internal sealed class DeviceState
{
    [Id(0)] public string? SecretHash { get; set; }

    [Id(1)] public string TwinId { get; set; } = "";

    [Id(2)] public TimeSpan StaleAfter { get; set; } = TimeSpan.FromMinutes(5);

    [Id(3)] public string Desired { get; set; } = "{}";

    [Id(4)] public long DesiredVersion { get; set; }

    [Id(5)] public string Reported { get; set; } = "{}";

    [Id(6)] public bool IsDisabled { get; set; }

    [Id(7)] public DateTimeOffset? LastSeen { get; set; }

    [Id(8)] public bool IsListed { get; set; }

    [Id(9)] public bool IsBehindEdge { get; set; }

    [Id(10)] public DateTimeOffset? StaleSince { get; set; }

    [Id(11)] public DateTimeOffset? MarkedAt { get; set; }
}

/// <summary>Owns one device. Calls interleave, because a command waits for a reply that comes in as another call.</summary>
[Reentrant]
internal sealed class DeviceGrain([PersistentState("device", "twins")] IPersistentState<DeviceState> state, TimeProvider clock) : Grain, IDeviceGrain
{
    private const int MostCommands = 32;
    private const int MostReplies = 128;
    private const int MostStateCharacters = 64 * 1024;
    private static readonly TimeSpan RepliesKept = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, TaskCompletionSource<DeviceCommandReply>> _waiting = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Task<DeviceCommandReply> Reply, DateTimeOffset At)> _replies = new(StringComparer.Ordinal);
    private IDeviceLink? _link;
    private string? _connection;
    private long _session;
    private DateTimeOffset? _seen;

    private string DeviceId => this.GetPrimaryKeyString();

    public async Task<bool> RegisterAsync(string twinId, string secretHash, TimeSpan staleAfter)
    {
        if (state.State.SecretHash is { } known) return known == secretHash;
        if (staleAfter <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(staleAfter), staleAfter, "A device goes stale after a time above zero.");
        await ListAsync(); // before the secret is kept: a name without a device is passed over, a device without a name would be lost
        (state.State.TwinId, state.State.SecretHash, state.State.StaleAfter) = (twinId, secretHash, staleAfter);
        await state.WriteStateAsync();
        return true;
    }

    private async Task ListAsync()
    {
        if (!state.State.IsListed) state.State.IsListed = await GrainFactory.GetGrain<IDeviceDirectoryGrain>(DeviceDirectory.PartOf(DeviceId)).AddAsync(DeviceId);
    }

    public Task<bool> AuthenticateAsync(string secret) =>
        Task.FromResult(!state.State.IsDisabled && state.State.SecretHash is { } hash && DeviceSecrets.Verify(secret, hash));

    public async Task ConnectedAsync(IDeviceLink link, string connection, long session)
    {
        if (session < _session) return;
        (_link, _connection, _session, _seen) = (link, connection, session, clock.GetUtcNow());
        await ListAsync(); // registered before there was a directory
        if (state.State.DesiredVersion > 0) await link.SendDesiredAsync(DeviceId, state.State.Desired, state.State.DesiredVersion);
    }

    public Task DisconnectedAsync(long session)
    {
        if (session != _session) return Task.CompletedTask;
        (_link, _connection) = (null, null);
        state.State.LastSeen = _seen;
        return state.State.SecretHash is null ? Task.CompletedTask : state.WriteStateAsync();
    }

    public Task SeenAsync(DateTimeOffset at)
    {
        if (_seen is null || at > _seen) _seen = at;
        return Task.CompletedTask;
    }

    public Task<DeviceStatus> GetStatusAsync()
    {
        var seen = _seen ?? state.State.LastSeen;
        var isSilent = !state.State.IsBehindEdge && (seen is null || clock.GetUtcNow() - seen > state.State.StaleAfter);
        return Task.FromResult(new DeviceStatus(
            DeviceId, state.State.SecretHash is not null, _link is not null, isSilent || state.State.StaleSince is not null, seen, _connection, state.State.DesiredVersion, state.State.Desired, state.State.Reported, state.State.IsDisabled)
        {
            StaleSince = state.State.StaleSince, IsBehindEdge = state.State.IsBehindEdge,
        });
    }

    public async Task MarkAsync(bool isStale, DateTimeOffset at)
    {
        if (at < state.State.MarkedAt) return;
        state.State.MarkedAt = at;
        if (!isStale) _seen = at > _seen ? at : _seen ?? at;
        if (state.State.IsBehindEdge && state.State.StaleSince is not null == isStale) return;
        await ListAsync();
        if (at < state.State.MarkedAt) return; // a later mark came meanwhile
        (state.State.IsBehindEdge, state.State.StaleSince, state.State.LastSeen) = (true, isStale ? at : null, _seen ?? state.State.LastSeen);
        await state.WriteStateAsync();
    }

    public async Task<long> SetDesiredAsync(string mergePatchJson)
    {
        state.State.Desired = Merge(state.State.Desired, mergePatchJson);
        state.State.DesiredVersion++;
        await state.WriteStateAsync();
        if (_link is { } link) await link.SendDesiredAsync(DeviceId, state.State.Desired, state.State.DesiredVersion);
        return state.State.DesiredVersion;
    }

    public Task ReportAsync(string mergePatchJson)
    {
        state.State.Reported = Merge(state.State.Reported, mergePatchJson);
        _seen = clock.GetUtcNow();
        return state.WriteStateAsync();
    }

    public Task<DeviceCommandReply> InvokeAsync(string command, byte[] payload, TimeSpan timeout, string idempotencyKey)
    {
        if (timeout <= TimeSpan.Zero || timeout > LongestTimeout) throw new ArgumentOutOfRangeException(nameof(timeout), timeout, $"A command waits above 0 and at most {LongestTimeout}.");
        ForgetOldReplies();
        if (_replies.TryGetValue(idempotencyKey, out var earlier)) return earlier.Reply;
        if (_waiting.Count >= MostCommands || _replies.Count >= MostReplies)
            return Task.FromResult(new DeviceCommandReply(DeviceCommandStatus.Busy, 0, [], $"{MostCommands} commands wait for a reply, or {MostReplies} were sent within {RepliesKept}."));
        var reply = SendAsync(command, payload, timeout);
        _replies[idempotencyKey] = (reply, clock.GetUtcNow());
        return reply;
    }

    private async Task<DeviceCommandReply> SendAsync(string command, byte[] payload, TimeSpan timeout)
    {
        if (state.State.IsDisabled || state.State.SecretHash is null) return new DeviceCommandReply(DeviceCommandStatus.Refused, 0, [], $"Device '{DeviceId}' is {(state.State.IsDisabled ? "disabled" : "not registered")}.");
        if (_link is not { } link) return new DeviceCommandReply(DeviceCommandStatus.NotConnected, 0, [], $"Device '{DeviceId}' is not connected.");
        var correlation = Guid.NewGuid().ToString("N");
        var waiting = _waiting[correlation] = new TaskCompletionSource<DeviceCommandReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            if (!await link.SendCommandAsync(DeviceId, command, correlation, payload)) return new DeviceCommandReply(DeviceCommandStatus.NotConnected, 0, [], $"The session of '{DeviceId}' is gone.");
            return await waiting.Task.WaitAsync(timeout, clock);
        }
        catch (TimeoutException)
        {
            return new DeviceCommandReply(DeviceCommandStatus.TimedOut, 0, [], $"No reply within {timeout.TotalSeconds} s.");
        }
        finally
        {
            _waiting.Remove(correlation);
        }
    }

    public Task ReplyAsync(string correlationId, int code, byte[] payload)
    {
        if (_waiting.TryGetValue(correlationId, out var waiting)) waiting.TrySetResult(new DeviceCommandReply(DeviceCommandStatus.Replied, code, payload, null));
        return Task.CompletedTask;
    }

    public Task SetDisabledAsync(bool disabled)
    {
        state.State.IsDisabled = disabled;
        return state.WriteStateAsync();
    }

    private void ForgetOldReplies()
    {
        var before = clock.GetUtcNow() - RepliesKept;
        foreach (var key in _replies.Where(r => r.Value.At < before).Select(r => r.Key).ToArray()) _replies.Remove(key);
    }

    /// <summary>JSON Merge Patch, RFC 7396.</summary>
    private static string Merge(string current, string patch)
    {
        JsonNode? parsed;
        try
        {
            parsed = JsonNode.Parse(patch, documentOptions: new JsonDocumentOptions { MaxDepth = 32 });
        }
        catch (JsonException fault)
        {
            throw new ArgumentException($"The merge patch is not JSON: {fault.Message}", nameof(patch), fault);
        }

        if (parsed is not JsonObject changes) throw new ArgumentException("The merge patch must be a JSON object.", nameof(patch));
        var merged = MergeInto(JsonNode.Parse(current) as JsonObject ?? [], changes).ToJsonString();
        return merged.Length <= MostStateCharacters ? merged : throw new ArgumentException($"The state would have {merged.Length} characters; at most {MostStateCharacters} are kept.", nameof(patch));
    }

    private static JsonObject MergeInto(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null) target.Remove(name);
            else if (value is JsonObject inner) target[name] = MergeInto(target[name] as JsonObject is { } kept ? (JsonObject)kept.DeepClone() : [], inner);
            else target[name] = value.DeepClone();
        }

        return target;
    }
}
