using System.Text;

namespace Twin.Gateway.Mqtt;

/// <summary>A message on its way to subscribers; made only when there are any. Immutable.</summary>
internal sealed class MqttMessage(string topic, byte[] payload, byte qos, bool retain, byte[] forwarded, long expiresAtMs)
{
    public string Topic { get; } = topic;

    public byte[] TopicUtf8 { get; } = Encoding.UTF8.GetBytes(topic);

    public byte[] Payload { get; } = payload;

    public byte Qos { get; } = qos;

    public bool Retain { get; } = retain;

    /// <summary>Encoded properties passed on as they came.</summary>
    public byte[] Forwarded { get; } = forwarded;

    /// <summary>Unix milliseconds; 0 never expires.</summary>
    public long ExpiresAtMs { get; } = expiresAtMs;

    public int Size => TopicUtf8.Length + Payload.Length + Forwarded.Length + 16;

    public bool IsExpired(long nowMs) => ExpiresAtMs != 0 && nowMs >= ExpiresAtMs;

    /// <summary>Seconds left, rounded up; null when it never expires.</summary>
    public uint? SecondsLeft(long nowMs) => ExpiresAtMs == 0 ? null : (uint)Math.Max(0, (ExpiresAtMs - nowMs + 999) / 1000);
}
