using System.Buffers;
using MessagePack;
using Twin.Model;

namespace Twin.Sdk;

/// <summary>Writes samples as the MessagePack body of <c>POST /ingest</c>: an array of <c>{id, t, p}</c>, neighbours of one twin and time together. Hot.</summary>
internal static class SampleBatchWriter
{
    /// <exception cref="ArgumentException">A value that samples cannot carry.</exception>
    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<Sample> samples)
    {
        var writer = new MessagePackWriter(output);
        writer.WriteArrayHeader(CountGroups(samples));
        for (var start = 0; start < samples.Length;)
        {
            var end = EndOfGroup(samples, start);
            var hasTime = samples[start].SourceTime.IsKnown;
            writer.WriteMapHeader(hasTime ? 3 : 2);
            writer.WriteString("id"u8);
            writer.Write(samples[start].TwinId);
            if (hasTime)
            {
                writer.WriteString("t"u8);
                writer.Write(samples[start].SourceTime.ToDateTime());
            }

            writer.WriteString("p"u8);
            writer.WriteMapHeader(end - start);
            for (; start < end; start++)
            {
                writer.Write(samples[start].Path);
                WriteValue(ref writer, samples[start]);
            }
        }

        writer.Flush();
    }

    private static int CountGroups(ReadOnlySpan<Sample> samples)
    {
        var groups = 0;
        for (var start = 0; start < samples.Length; start = EndOfGroup(samples, start)) groups++;
        return groups;
    }

    private static int EndOfGroup(ReadOnlySpan<Sample> samples, int start)
    {
        var end = start + 1;
        while (end < samples.Length && samples[end].SourceTime == samples[start].SourceTime && samples[end].TwinId == samples[start].TwinId) end++;
        return end;
    }

    private static void WriteValue(ref MessagePackWriter writer, in Sample sample)
    {
        switch (sample.Value.Kind)
        {
            case ValueKind.None: writer.WriteNil(); break;
            case ValueKind.Boolean: writer.Write(sample.Value.AsBoolean); break;
            case ValueKind.Integer: writer.Write(sample.Value.AsInteger); break;
            case ValueKind.Double: writer.Write(sample.Value.AsNumber); break;
            case ValueKind.DateTime: writer.Write(new DateTime(sample.Value.Bits, DateTimeKind.Utc)); break;
            case ValueKind.Json: writer.WriteRaw(MessagePackSerializer.ConvertFromJson(System.Text.Encoding.UTF8.GetString(sample.Value.AsJson))); break;
            case ValueKind.Text: writer.Write(sample.Value.AsText); break;
            default: writer.Write(sample.Value.ToString()); break;
        }
    }
}
