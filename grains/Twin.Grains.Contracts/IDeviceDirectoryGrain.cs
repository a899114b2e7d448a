using Orleans;

namespace Twin.Grains;

/// <summary>
/// Owns the names of one part of the devices there are, so that they can be listed; a device's standing is its own grain's.
/// Keyed by part, 0 to <see cref="DeviceDirectory.Parts"/> - 1. Durable in the Orleans store.
/// </summary>
public interface IDeviceDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>Takes a device in; returns after the store has it. False when the part is full (<see cref="DeviceDirectory.MostInAPart"/>).</summary>
    Task<bool> AddAsync(string deviceId);

    /// <summary>Device ids above <paramref name="after"/> (ordinal; empty is from the start) that begin with <paramref name="prefix"/>, in order, at most <paramref name="top"/>, 1 to 10,000.</summary>
    Task<string[]> ListAsync(string after, string prefix, int top);
}

/// <summary>Which part of the directory names which device.</summary>
public static class DeviceDirectory
{
    /// <summary>Parts; fixed, because they are keys of what is stored.</summary>
    public const int Parts = 16;

    /// <summary>Devices of one part: a part is written whole, so it must stay a few megabytes at most.</summary>
    public const int MostInAPart = 65_536;

    /// <summary>The part of a device.</summary>
    public static int PartOf(string deviceId) => Model.ShardMap.ShardOf(deviceId, Parts);
}
