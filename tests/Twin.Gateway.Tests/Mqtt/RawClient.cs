using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Tests.Mqtt;

/// <summary>A socket that says exactly what the test wants and reads packet by packet.</summary>
public sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly List<byte> _bytes = [];

    public static async Task<RawClient> OpenAsync(int port)
    {
        var client = new RawClient();
        await client._socket.ConnectAsync(IPAddress.Loopback, port);
        return client;
    }

    public static async Task<RawClient> ConnectAsync(int port, string id, Func<MqttConnect, MqttConnect>? with = null)
    {
        var client = await OpenAsync(port);
        var connect = new MqttConnect { ClientId = id };
        client.Send(w => MqttWriter.WriteConnect(w, with?.Invoke(connect) ?? connect));
        var (frame, body) = await client.ReadAsync();
        Assert.Equal(MqttPacketType.ConnAck, frame.Type);
        client.ConnAck = MqttConnAck.Read(body, MqttVersion.V5);
        return client;
    }

    public MqttConnAck ConnAck { get; private set; } = new();

    public Socket Socket => _socket;

    public void Send(Action<ArrayBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        Send(buffer.WrittenSpan);
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[_socket.Send(bytes)..];
    }

    public void Publish(string topic, string payload, byte qos, ushort id, bool duplicate = false) =>
        Send(w => MqttWriter.WritePublish(w, MqttVersion.V5, System.Text.Encoding.UTF8.GetBytes(topic), System.Text.Encoding.UTF8.GetBytes(payload), new MqttPublishOptions(qos, false, duplicate, id)));

    /// <summary>The next packet; type 0 when the other side has closed.</summary>
    public async Task<(MqttFrame Frame, byte[] Body)> ReadAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var chunk = new byte[4096];
        while (true)
        {
            var all = _bytes.ToArray();
            if (MqttFrame.Read(all, 1 << 24, out var frame) == MqttFrameStatus.Complete)
            {
                _bytes.RemoveRange(0, frame.TotalLength);
                return (frame, all[frame.HeaderLength..frame.TotalLength]);
            }

            int count;
            try
            {
                count = await _socket.ReceiveAsync(chunk, SocketFlags.None, limit.Token);
            }
            catch (SocketException)
            {
                count = 0;
            }

            if (count == 0) return default;
            _bytes.AddRange(chunk[..count]);
        }
    }

    public async Task<MqttAck> ReadAckAsync(MqttPacketType type)
    {
        var (frame, body) = await ReadAsync();
        Assert.Equal(type, frame.Type);
        return MqttAck.Read(body, MqttVersion.V5);
    }

    /// <summary>Reads until the broker says DISCONNECT; Success when it closed without a word.</summary>
    public async Task<MqttReason> ReadDisconnectAsync()
    {
        while (true)
        {
            var (frame, body) = await ReadAsync();
            if (frame.First == 0) return MqttReason.Success;
            if (frame.Type == MqttPacketType.Disconnect) return MqttDisconnect.Read(body, MqttVersion.V5).Reason;
        }
    }

    public void Dispose() => _socket.Dispose();
}
