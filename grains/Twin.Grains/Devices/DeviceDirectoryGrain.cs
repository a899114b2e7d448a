using System.Diagnostics.Metrics;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace Twin.Grains.Devices;

/// <summary>What a part of the directory keeps: its device ids in ordinal order.</summary>
[GenerateSerializer]
internal sealed class DeviceDirectoryState
{
    [Id(0)] public List<string> Ids { get; set; } = [];
}

/// <summary>Names of devices. Calls interleave, so that devices registered at the same time share one write.</summary>
[Reentrant]
internal sealed class DeviceDirectoryGrain([PersistentState("directory", "twins")] IPersistentState<DeviceDirectoryState> state) : Grain, IDeviceDirectoryGrain
{
    private const int MostInAnAnswer = 10_000;
    private static readonly Counter<long> Refused = new Meter("Twin").CreateCounter<long>("twin_device_directory_full_total", description: "Devices that could not be listed because their part of the directory is full");

    private long _version;
    private long _written;
    private Task? _writing;

    public async Task<bool> AddAsync(string deviceId)
    {
        var ids = state.State.Ids;
        var at = ids.BinarySearch(deviceId, StringComparer.Ordinal);
        if (at < 0)
        {
            if (ids.Count >= DeviceDirectory.MostInAPart)
            {
                Refused.Add(1);
                return false;
            }

            ids.Insert(~at, deviceId);
            _version++;
        }

        for (var mine = _version; _written < mine;) await (_writing ??= WriteAsync());
        return true;
    }

    public Task<string[]> ListAsync(string after, string prefix, int top)
    {
        if (top is < 1 or > MostInAnAnswer) throw new ArgumentOutOfRangeException(nameof(top), top, $"Allowed: 1 to {MostInAnAnswer}.");
        var ids = state.State.Ids;
        var from = string.CompareOrdinal(after, prefix) < 0 ? prefix : after;
        var at = ids.BinarySearch(from, StringComparer.Ordinal);
        if (at < 0) at = ~at;
        else if (from == after) at++;
        var found = new List<string>();
        for (; at < ids.Count && found.Count < top && ids[at].StartsWith(prefix, StringComparison.Ordinal); at++) found.Add(ids[at]);
        return Task.FromResult(found.ToArray());
    }

    private async Task WriteAsync()
    {
        await Task.Yield(); // whoever comes in the same turn is written along
        var version = _version;
        try
        {
            await state.WriteStateAsync();
            _written = version;
        }
        finally
        {
            _writing = null;
        }
    }
}
