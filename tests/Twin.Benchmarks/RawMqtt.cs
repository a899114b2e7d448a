using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twin.Benchmarks;

/// <summary>An MQTT 5 publisher of QoS 1 with a window, in as few system calls as possible; it must cost less than the broker it loads.</summary>
internal sealed class RawMqtt : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _out = new byte[256 * 1024];
    private readonly byte[] _in = new byte[64 * 1024];
    private readonly long[] _sentAt = new long[65_536];
    private int _inFilled;
    private ushort _packet;

    public long Acknowledged { get; private set; }

    public long Refused { get; private set; }

    public int Outstanding { get; private set; }

    public Latencies Latencies { get; } = new();

    public bool Measuring { get; set; }

    public static async Task<RawMqtt> ConnectAsync(int port, string client)
    {
        var mqtt = new RawMqtt();
        await mqtt._socket.ConnectAsync(IPAddress.Loopback, port);
        var id = Encoding.UTF8.GetBytes(client);
        byte[] connect = [0x10, (byte)(13 + id.Length), 0, 4, .. "MQTT"u8, 5, 2, 0, 60, 0, (byte)(id.Length >> 8), (byte)id.Length, .. id];
        await mqtt._socket.SendAsync(connect, SocketFlags.None);
        while (mqtt._inFilled < 2 || mqtt._inFilled < 2 + mqtt._in[1]) await mqtt.FillAsync();
        if (mqtt._in[0] != 0x20 || mqtt._in[3] != 0) throw new InvalidOperationException($"CONNACK reason 0x{mqtt._in[3]:x2}.");
        mqtt._inFilled = 0;
        return mqtt;
    }

    /// <summary>Writes one PUBLISH into the send buffer.</summary>
    private int Write(int at, string topic, ReadOnlySpan<byte> payload)
    {
        if (++_packet == 0) _packet = 1;
        _sentAt[_packet] = Stopwatch.GetTimestamp();
        var topicLength = Encoding.ASCII.GetByteCount(topic);
        var remaining = 2 + topicLength + 2 + 1 + payload.Length;
        _out[at++] = 0x32;
        for (; remaining > 127; remaining >>= 7) _out[at++] = (byte)(remaining | 0x80);
        _out[at++] = (byte)remaining;
        BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(at), (ushort)topicLength);
        at += 2 + Encoding.ASCII.GetBytes(topic, _out.AsSpan(at + 2));
        BinaryPrimitives.WriteUInt16BigEndian(_out.AsSpan(at), _packet);
        at += 2;
        _out[at++] = 0;
        payload.CopyTo(_out.AsSpan(at));
        return at + payload.Length;
    }

    /// <summary>Publishes without end, keeping <paramref name="window"/> unacknowledged; returns how many were sent.</summary>
    public async Task<long> RunAsync(int window, Func<byte[], (string Topic, int Length)> next, Func<bool> stop)
    {
        var payload = new byte[4096];
        var sent = 0L;
        while (!stop())
        {
            var at = 0;
            while (Outstanding < window && at < _out.Length - 8192)
            {
                var (topic, length) = next(payload);
                at = Write(at, topic, payload.AsSpan(0, length));
                Outstanding++;
                sent++;
            }

            if (at > 0) await _socket.SendAsync(_out.AsMemory(0, at), SocketFlags.None);
            while (Outstanding > window / 2) await TakeAsync();
        }

        while (Outstanding > 0) await TakeAsync();
        return sent;
    }

    private async Task TakeAsync()
    {
        await FillAsync();
        var at = 0;
        var now = Stopwatch.GetTimestamp();
        while (_inFilled - at >= 2 && _inFilled - at >= 2 + _in[at + 1])
        {
            if (_in[at] >> 4 == 4) TakeAcknowledgement(at, now);
            else if (_in[at] >> 4 == 14) throw new InvalidOperationException($"DISCONNECT 0x{_in[at + 2]:x2}.");
            at += 2 + _in[at + 1];
        }

        _in.AsSpan(at, _inFilled - at).CopyTo(_in);
        _inFilled -= at;
    }

    private void TakeAcknowledgement(int at, long now)
    {
        Outstanding--;
        if (_in[at + 1] > 2 && _in[at + 4] >= 0x80) Refused++;
        else Acknowledged++;
        if (Measuring) Latencies.Add(now - _sentAt[BinaryPrimitives.ReadUInt16BigEndian(_in.AsSpan(at + 2))]);
    }

    private async ValueTask FillAsync()
    {
        var read = await _socket.ReceiveAsync(_in.AsMemory(_inFilled), SocketFlags.None);
        if (read == 0) throw new IOException("The broker closed the connection.");
        _inFilled += read;
    }

    /// <summary>Writes <c>{"p0":v,...}</c> with <paramref name="values"/> values; returns the length.</summary>
    public static int WriteValues(Span<byte> to, int values, double start)
    {
        var at = 0;
        for (var i = 0; i < values; i++)
        {
            to[at++] = (byte)(i == 0 ? '{' : ',');
            "\"p"u8.CopyTo(to[at..]);
            at += 2;
            to[at++] = (byte)('0' + i);
            "\":"u8.CopyTo(to[at..]);
            at += 2;
            Utf8Formatter.TryFormat(start + (i / 10.0), to[at..], out var digits);
            at += digits;
        }

        to[at++] = (byte)'}';
        return at;
    }

    public void Dispose() => _socket.Dispose();
}
