using Twin.Model;

namespace Twin.Scenarios;

/// <summary>
/// What an emulated device does between two reports. Holds that device's state: one instance a device, one caller at a time.
/// Deterministic: the same times and the same random stream give the same values.
/// </summary>
public interface IDeviceBehaviour
{
    /// <summary>Moves the device on and says what it reports.</summary>
    /// <param name="now">The time it is; drives everything that follows the time of day.</param>
    /// <param name="elapsed">Time since the step before; zero at the first, which reports everything.</param>
    /// <param name="random">The device's own stream.</param>
    /// <param name="output">Takes the readings; paths are properties of the device's twin. May stay empty.</param>
    void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output);
}

/// <summary>An emulated device.</summary>
/// <param name="TwinId">The twin it drives; also its device id.</param>
/// <param name="Group">Devices of one group share one MQTT connection, as they would behind a field gateway.</param>
/// <param name="Period">Time between steps.</param>
/// <param name="Offset">Its first step after the start, less than the period, so that a group does not speak in chorus.</param>
/// <param name="Seed">The scenario's seed.</param>
/// <param name="Start">Makes a behaviour in its first state.</param>
public sealed record DeviceProfile(string TwinId, string Group, TimeSpan Period, TimeSpan Offset, ulong Seed, Func<IDeviceBehaviour> Start)
{
    /// <summary>The device's random stream, from its beginning.</summary>
    public SeededRandom CreateRandom() => new(Seed, SeededRandom.EntityOf(TwinId), 1);
}
