namespace Twin.Grains.Devices;

/// <summary>What the device should be, what it says it is.</summary>
internal sealed partial class DeviceOwner
{
    private static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(5);

    private Task _pushing = Task.CompletedTask;
    private long _pushed; // the version this session was told; not kept

    public async Task<DeviceUpdate> SetDesiredAsync(string patch)
    {
        var update = await UpdateAsync(patch, static s => s.IsRegistered, static s => s.Desired, static (s, merged) => s with { Desired = merged, DesiredVersion = s.DesiredVersion + 1 });
        if (update.Status == DeviceUpdateStatus.Done) Push();
        return update;
    }

    public Task<DeviceUpdate> ReportAsync(string patch)
    {
        if (State.IsRegistered || State.IsBehindEdge) Saw(clock.GetUtcNow());
        return UpdateAsync(patch, static s => s.IsRegistered || s.IsBehindEdge, static s => s.Reported, static (s, merged) => s.Reported == merged ? s : s with { Reported = merged });
    }

    private async Task<DeviceUpdate> UpdateAsync(string patch, Func<DeviceState, bool> mayKeep, Func<DeviceState, string> current, Func<DeviceState, string, DeviceState> with)
    {
        ArgumentNullException.ThrowIfNull(patch);
        if (_state.IsCrowded) return End(DeviceUpdateStatus.Busy, $"{DeviceBounds.WaitingChanges} changes of device '{deviceId}' wait for the store.");
        var (status, detail) = (DeviceUpdateStatus.Busy, (string?)null);
        await _state.ChangeAsync(s =>
        {
            status = MergePatch.TryMerge(current(s), patch, out var merged, out detail);
            if (status == DeviceUpdateStatus.Done && !mayKeep(s)) (status, detail) = (DeviceUpdateStatus.NotRegistered, $"Device '{deviceId}' is not registered.");
            if (status != DeviceUpdateStatus.Done) return s;
            var after = with(s, merged);
            return ReferenceEquals(after, s) ? s : Stamp(after);
        });
        return End(status, detail);
    }

    private DeviceUpdate End(DeviceUpdateStatus status, string? detail)
    {
        DeviceMetrics.Ended(status);
        return new DeviceUpdate(status, State.DesiredVersion, detail);
    }

    /// <summary>Tells the device what it was not told yet; one call under way, the newest version, never failing whoever asked.</summary>
    private void Push()
    {
        if (_pushing.IsCompleted) _pushing = PushAsync();
    }

    private async Task PushAsync()
    {
        while (_link is { } link && State.DesiredVersion > _pushed)
        {
            var (version, session) = (State.DesiredVersion, _linkSession);
            try
            {
                if (!await link.SendDesiredAsync(deviceId, State.Desired, version).WaitAsync(SendLimit, clock)) return; // it does not listen yet: told when it next speaks
            }
            catch (Exception)
            {
                Failed("desired", session);
                return;
            }

            if (session == _linkSession) _pushed = version;
        }
    }

    /// <summary>A link that failed is let go of: a gateway that still has the session tells of it when the device speaks.</summary>
    private void Failed(string kind, long session)
    {
        DeviceMetrics.SendFailed(kind);
        if (_linkSession == session) (_link, _connection) = (null, null);
    }
}
