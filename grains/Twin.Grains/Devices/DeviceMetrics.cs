using System.Diagnostics.Metrics;

namespace Twin.Grains.Devices;

/// <summary>What device owners count. Thread-safe.</summary>
internal static class DeviceMetrics
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Commands = Meter.CreateCounter<long>("twin_device_commands_total", description: "Commands to devices by how they ended");
    private static readonly Counter<long> Updates = Meter.CreateCounter<long>("twin_device_updates_total", description: "Changes of desired and reported states by how they ended");
    private static readonly Counter<long> FailedSends = Meter.CreateCounter<long>("twin_device_sends_failed_total", description: "Calls to a gateway that holds a device's session which failed");
    private static readonly Counter<long> OldSessions = Meter.CreateCounter<long>("twin_device_old_sessions_total", description: "Sessions refused because a later one was known");

    public static void Ended(DeviceCommandStatus status) => Commands.Add(1, new KeyValuePair<string, object?>("status", status.ToString()));

    public static void Ended(DeviceUpdateStatus status) => Updates.Add(1, new KeyValuePair<string, object?>("status", status.ToString()));

    public static void SendFailed(string kind) => FailedSends.Add(1, new KeyValuePair<string, object?>("kind", kind));

    public static void SessionRefused() => OldSessions.Add(1);
}
