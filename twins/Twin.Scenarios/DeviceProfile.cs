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

/// <summary>A device that heeds a property people write on its twin, as <see cref="DeviceProfile.Setting"/> names it.</summary>
public interface ISettableBehaviour : IDeviceBehaviour
{
    /// <summary>Takes the setting; what is out of range counts as the end of the range. May be called on any thread, while <see cref="IDeviceBehaviour.Step"/> runs.</summary>
    void Set(double value);
}

/// <summary>A numeric property of the twin that its device follows.</summary>
/// <param name="Path">The property; writable in the twin's model.</param>
/// <param name="Ordinary">Its value while nobody wrote another; twins that have it, or none, need not be told.</param>
public sealed record DeviceSetting(string Path, double Ordinary);

/// <summary>An emulated device.</summary>
/// <param name="TwinId">The twin it drives; also its device id.</param>
/// <param name="Group">Devices of one group share one MQTT connection, as they would behind a field gateway.</param>
/// <param name="Period">Time between steps.</param>
/// <param name="Offset">Its first step after the start, less than the period, so that a group does not speak in chorus.</param>
/// <param name="Seed">The scenario's seed.</param>
/// <param name="Start">Makes a behaviour in its first state.</param>
public sealed record DeviceProfile(string TwinId, string Group, TimeSpan Period, TimeSpan Offset, ulong Seed, Func<IDeviceBehaviour> Start)
{
    /// <summary>What people may set; null when the device takes no setting. With one, the behaviour is an <see cref="ISettableBehaviour"/>.</summary>
    public DeviceSetting? Setting { get; init; }

    /// <summary>The device's random stream, from its beginning.</summary>
    public SeededRandom CreateRandom() => new(Seed, SeededRandom.EntityOf(TwinId), 1);
}
