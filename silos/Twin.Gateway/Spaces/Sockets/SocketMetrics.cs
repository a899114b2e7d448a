using System.Diagnostics.Metrics;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>The loop's instruments (meter "Twin"). Counts are kept in plain fields by the loop's thread and given on a few times a second.</summary>
internal sealed class SocketMetrics
{
    private static readonly Meter Meter = new("Twin");
    private static readonly UpDownCounter<long> Connections = Meter.CreateUpDownCounter<long>("twin_space_sockets", description: "WebSocket connections of spaces, handshakes included");
    private static readonly Counter<long> MessageCounter = Meter.CreateCounter<long>("twin_space_socket_messages_total", description: "Messages by direction");
    private static readonly Counter<long> ByteCounter = Meter.CreateCounter<long>("twin_space_socket_bytes_total", "By", "Bytes by direction, framing included");
    private static readonly Counter<long> SkippedCounter = Meter.CreateCounter<long>("twin_space_socket_skipped_total", description: "Messages not sent because the client does not read");
    private static readonly Counter<long> ClosedCounter = Meter.CreateCounter<long>("twin_space_socket_closed_total", description: "Connections ended, by cause");
    private static readonly Counter<long> RefusedCounter = Meter.CreateCounter<long>("twin_space_socket_refused_total", description: "Handshakes refused, by status");
    private static readonly Counter<long> OverflowCounter = Meter.CreateCounter<long>("twin_space_commands_refused_total", description: "Commands of other threads refused because too many wait");
    private static readonly Counter<long> FaultCounter = Meter.CreateCounter<long>("twin_space_faults_total", description: "Exceptions of what speaks over the sockets");
    private static readonly Histogram<double> TurnTime = Meter.CreateHistogram<double>("twin_space_turn_seconds", "s", "Time of one turn");
    private static readonly Histogram<double> TurnLateness = Meter.CreateHistogram<double>("twin_space_turn_lateness_seconds", "s", "How much later than asked a turn began");
    private static readonly KeyValuePair<string, object?> InTag = new("direction", "in");
    private static readonly KeyValuePair<string, object?> OutTag = new("direction", "out");
    private static readonly KeyValuePair<string, object?>[] CauseTags = [.. Enum.GetNames<CloseCause>().Select(n => new KeyValuePair<string, object?>("cause", n))];

    public long MessagesIn;
    public long MessagesOut;
    public long BytesIn;
    public long BytesOut;
    public long Skipped;
    private (long MessagesIn, long MessagesOut, long BytesIn, long BytesOut, long Skipped) _given;

    /// <summary>Gives on what was counted since the last time. Of the loop's thread.</summary>
    public void Publish()
    {
        MessageCounter.Add(MessagesIn - _given.MessagesIn, InTag);
        MessageCounter.Add(MessagesOut - _given.MessagesOut, OutTag);
        ByteCounter.Add(BytesIn - _given.BytesIn, InTag);
        ByteCounter.Add(BytesOut - _given.BytesOut, OutTag);
        SkippedCounter.Add(Skipped - _given.Skipped);
        _given = (MessagesIn, MessagesOut, BytesIn, BytesOut, Skipped);
    }

    public static void Connected() => Connections.Add(1);

    public static void Disconnected() => Connections.Add(-1);

    public static void Closed(CloseCause cause) => ClosedCounter.Add(1, CauseTags[(int)cause]);

    public static void Refused(int status) => RefusedCounter.Add(1, new KeyValuePair<string, object?>("status", status));

    public static void Overflowed() => OverflowCounter.Add(1);

    public static void Faulted() => FaultCounter.Add(1);

    public static void Turned(double seconds, double lateSeconds)
    {
        TurnTime.Record(seconds);
        TurnLateness.Record(lateSeconds);
    }
}
