using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Twin.Gateway.Mqtt;

/// <summary>
/// Retained messages on disk: appended to one file before the publisher is acknowledged (in the operating system's cache, so a
/// killed process loses nothing; a machine that loses power may), rewritten when it is mostly stale. A record is
/// <c>length u32, crc32 u32, expiry i64, qos u8, topic length u16, topic, forwarded length u32, forwarded, payload</c>, little-endian;
/// an empty payload forgets the topic. A torn or damaged tail is cut off at open. Not thread-safe.
/// </summary>
internal sealed class RetainedLog : IDisposable
{
    private const int Header = 8;
    private readonly string _path;
    private FileStream _file;

    private RetainedLog(string path, FileStream file) => (_path, _file) = (path, file);

    /// <summary>Opens or makes the log and replays it.</summary>
    public static RetainedLog Open(string folder, Action<MqttMessage> replay)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "retained.log");
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        var good = Replay(bytes, replay);
        file.SetLength(good);
        file.Position = good;
        return new RetainedLog(path, file);
    }

    public void Append(MqttMessage message) => _file.Write(Encode(message));

    public bool ShouldCompact(long liveBytes) => _file.Length > (1 << 20) + (4 * liveBytes);

    /// <summary>Writes the live messages beside the log and swaps them in.</summary>
    public void Compact(IEnumerable<MqttMessage> live)
    {
        var next = new FileStream(_path + ".next", FileMode.Create, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 1 << 16);
        foreach (var message in live) next.Write(Encode(message));
        next.Flush(flushToDisk: true);
        File.Move(_path + ".next", _path, overwrite: true);
        _file.Dispose();
        next.Dispose();
        _file = new FileStream(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        _file.Position = _file.Length;
    }

    public void Dispose() => _file.Dispose();

    private static byte[] Encode(MqttMessage message)
    {
        var topic = message.TopicUtf8;
        var record = new byte[Header + 8 + 1 + 2 + topic.Length + 4 + message.Forwarded.Length + message.Payload.Length];
        var body = record.AsSpan(Header);
        BinaryPrimitives.WriteInt64LittleEndian(body, message.ExpiresAtMs);
        body[8] = message.Qos;
        BinaryPrimitives.WriteUInt16LittleEndian(body[9..], (ushort)topic.Length);
        topic.CopyTo(body[11..]);
        var at = 11 + topic.Length;
        BinaryPrimitives.WriteInt32LittleEndian(body[at..], message.Forwarded.Length);
        message.Forwarded.CopyTo(body[(at + 4)..]);
        message.Payload.CopyTo(body[(at + 4 + message.Forwarded.Length)..]);
        BinaryPrimitives.WriteInt32LittleEndian(record, body.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), Crc32.HashToUInt32(body));
        return record;
    }

    private static long Replay(ReadOnlySpan<byte> bytes, Action<MqttMessage> replay)
    {
        var at = 0;
        while (bytes.Length - at >= Header)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);
            if (length < 15 || length > bytes.Length - at - Header) break;
            var body = bytes.Slice(at + Header, length);
            if (Crc32.HashToUInt32(body) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[(at + 4)..])) break;
            var topicLength = BinaryPrimitives.ReadUInt16LittleEndian(body[9..]);
            var rest = body[(11 + topicLength)..];
            var forwarded = BinaryPrimitives.ReadInt32LittleEndian(rest);
            replay(new MqttMessage(
                Encoding.UTF8.GetString(body.Slice(11, topicLength)), rest[(4 + forwarded)..].ToArray(), body[8], true,
                rest.Slice(4, forwarded).ToArray(), BinaryPrimitives.ReadInt64LittleEndian(body)));
            at += Header + length;
        }

        return at;
    }
}
