using System.Diagnostics.Metrics;

namespace Twin.Gateway.Mqtt;

/// <summary>The door's instruments (meter "Twin"). Tags have few values each.</summary>
public sealed class MqttMetrics
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> ReceivedCounter = Meter.CreateCounter<long>("twin_mqtt_messages_received_total", description: "PUBLISH packets taken from clients");
    private static readonly Counter<long> BytesCounter = Meter.CreateCounter<long>("twin_mqtt_bytes_received_total", "By");
    private static readonly Counter<long> SentCounter = Meter.CreateCounter<long>("twin_mqtt_messages_sent_total", description: "PUBLISH packets given to clients");
    private static readonly Counter<long> DroppedCounter = Meter.CreateCounter<long>("twin_mqtt_messages_dropped_total", description: "Messages a subscriber did not get");
    private static readonly Counter<long> LimitedCounter = Meter.CreateCounter<long>("twin_mqtt_limited_total", description: "Clients or messages slowed or refused by a limit");
    private static readonly Counter<long> DisconnectedCounter = Meter.CreateCounter<long>("twin_mqtt_disconnected_total", description: "Connections ended, by reason");
    private static readonly Counter<long> UnacknowledgedCounter = Meter.CreateCounter<long>("twin_mqtt_refused_messages_total", description: "Messages answered with a failure");

    private long _received;
    private long _sent;
    private long _dropped;
    private long _limited;

    /// <summary>PUBLISH packets taken since start.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>PUBLISH packets handed to clients since start.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Messages dropped since start.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Times a limit was felt since start.</summary>
    public long Limited => Volatile.Read(ref _limited);

    internal void Take(int messages, int bytes)
    {
        BytesCounter.Add(bytes);
        if (messages == 0) return;
        Interlocked.Add(ref _received, messages);
        ReceivedCounter.Add(messages);
    }

    internal void Send()
    {
        Interlocked.Increment(ref _sent);
        SentCounter.Add(1);
    }

    internal void Drop(string reason)
    {
        Interlocked.Increment(ref _dropped);
        DroppedCounter.Add(1, new KeyValuePair<string, object?>("reason", reason));
    }

    internal void Limit(string limit)
    {
        Interlocked.Increment(ref _limited);
        LimitedCounter.Add(1, new KeyValuePair<string, object?>("limit", limit));
    }

    internal void Refuse(string reason) => UnacknowledgedCounter.Add(1, new KeyValuePair<string, object?>("reason", reason));

    internal void Disconnect(string reason) => DisconnectedCounter.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
