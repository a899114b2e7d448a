using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Twin.Wire.Sparkplug;

/// <summary>Sparkplug B payloads to bytes and back, by the field numbers of the public payload definition (version 1.0, protobuf 2).</summary>
public static class SparkplugCodec
{
    /// <summary>Decodes a payload. Unknown fields are skipped.</summary>
    /// <exception cref="InvalidDataException">Not protobuf, or too many metrics.</exception>
    public static SparkplugPayload Decode(ReadOnlySpan<byte> bytes)
    {
        long? timestamp = null;
        ulong? sequence = null;
        var metrics = new List<SparkplugMetric>();
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: timestamp = (long)reader.Varint(); break;
                case 2:
                    if (metrics.Count == SparkplugPayload.MaxMetrics) throw new InvalidDataException($"A payload has more than {SparkplugPayload.MaxMetrics} metrics.");
                    metrics.Add(DecodeMetric(reader.Bytes()));
                    break;
                case 3: sequence = reader.Varint(); break;
                default: reader.Skip(); break;
            }
        }

        return new SparkplugPayload(timestamp, sequence, metrics);
    }

    private static SparkplugMetric DecodeMetric(ReadOnlySpan<byte> bytes)
    {
        var metric = new SparkplugMetric();
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            metric = reader.Field switch
            {
                1 => metric with { Name = reader.Text() },
                2 => metric with { Alias = reader.Varint() },
                3 => metric with { TimestampMs = (long)reader.Varint() },
                4 => metric with { Type = (SparkplugType)Math.Min(reader.Varint(), 255) },
                5 => metric with { IsHistorical = reader.Varint() != 0 },
                7 => metric with { IsNull = reader.Varint() != 0 },
                9 => metric with { Twin = FindTwin(reader.Bytes()) },
                10 or 11 or 14 => metric with { Field = (SparkplugField)reader.Field, Bits = reader.Varint() },
                12 => metric with { Field = SparkplugField.Float, Bits = BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle(reader.Fixed32())) },
                13 => metric with { Field = SparkplugField.Double, Bits = reader.Fixed64() },
                15 => metric with { Field = SparkplugField.Text, Text = reader.Text() },
                16 => metric with { Field = SparkplugField.Bytes, Bytes = reader.Bytes().ToArray() },
                17 or 18 or 19 => Other(metric, ref reader),
                _ => Skipped(metric, ref reader),
            };
        }

        return metric;
    }

    private static SparkplugMetric Other(SparkplugMetric metric, ref ProtoReader reader)
    {
        reader.Skip();
        return metric with { Field = SparkplugField.Other };
    }

    private static SparkplugMetric Skipped(SparkplugMetric metric, ref ProtoReader reader)
    {
        reader.Skip();
        return metric;
    }

    /// <summary>Looks for the key <c>twin</c> in a property set (keys = 1, values = 2, in step).</summary>
    private static string? FindTwin(ReadOnlySpan<byte> set)
    {
        var keys = new ProtoReader(set);
        var at = 0;
        var wanted = -1;
        while (keys.Next())
        {
            if (keys.Field != 1)
            {
                keys.Skip();
                continue;
            }

            if (keys.Bytes().SequenceEqual("twin"u8)) wanted = at;
            at++;
        }

        var values = new ProtoReader(set);
        while (wanted >= 0 && values.Next())
        {
            if (values.Field != 2)
            {
                values.Skip();
                continue;
            }

            var value = values.Bytes();
            if (wanted-- != 0) continue;
            var reader = new ProtoReader(value);
            while (reader.Next())
            {
                if (reader.Field == 8) return reader.Text();
                reader.Skip();
            }
        }

        return null;
    }

    /// <summary>Encodes a payload.</summary>
    public static byte[] Encode(SparkplugPayload payload)
    {
        var output = new ArrayBufferWriter<byte>(256);
        if (payload.TimestampMs is { } timestamp) WriteVarint(output, 1, (ulong)timestamp);
        foreach (var metric in payload.Metrics) WriteBytes(output, 2, EncodeMetric(metric));
        if (payload.Sequence is { } sequence) WriteVarint(output, 3, sequence);
        return output.WrittenSpan.ToArray();
    }

    private static ReadOnlySpan<byte> EncodeMetric(in SparkplugMetric metric)
    {
        var output = new ArrayBufferWriter<byte>(64);
        if (metric.Name is { } name) WriteBytes(output, 1, Encoding.UTF8.GetBytes(name));
        if (metric.Alias is { } alias) WriteVarint(output, 2, alias);
        if (metric.TimestampMs is { } timestamp) WriteVarint(output, 3, (ulong)timestamp);
        if (metric.Type != SparkplugType.Unknown) WriteVarint(output, 4, (ulong)metric.Type);
        if (metric.IsHistorical) WriteVarint(output, 5, 1);
        if (metric.IsNull) WriteVarint(output, 7, 1);
        if (metric.Twin is { } twin) WriteBytes(output, 9, EncodeTwin(twin));
        switch (metric.Field)
        {
            case SparkplugField.Int or SparkplugField.Long or SparkplugField.Boolean: WriteVarint(output, (int)metric.Field, metric.Bits); break;
            case SparkplugField.Float: WriteFixed32(output, 12, BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(metric.Bits))); break;
            case SparkplugField.Double: WriteFixed64(output, 13, metric.Bits); break;
            case SparkplugField.Text: WriteBytes(output, 15, Encoding.UTF8.GetBytes(metric.Text!)); break;
            case SparkplugField.Bytes: WriteBytes(output, 16, metric.Bytes); break;
        }

        return output.WrittenSpan;
    }

    private static ReadOnlySpan<byte> EncodeTwin(string twin)
    {
        var value = new ArrayBufferWriter<byte>(32);
        WriteVarint(value, 1, (ulong)SparkplugType.String);
        WriteBytes(value, 8, Encoding.UTF8.GetBytes(twin));
        var set = new ArrayBufferWriter<byte>(32);
        WriteBytes(set, 1, "twin"u8);
        WriteBytes(set, 2, value.WrittenSpan);
        return set.WrittenSpan;
    }

    private static void WriteVarint(ArrayBufferWriter<byte> output, int field, ulong value)
    {
        Raw(output, (ulong)field << 3);
        Raw(output, value);
    }

    private static void WriteBytes(ArrayBufferWriter<byte> output, int field, ReadOnlySpan<byte> bytes)
    {
        Raw(output, ((ulong)field << 3) | 2);
        Raw(output, (ulong)bytes.Length);
        output.Write(bytes);
    }

    private static void WriteFixed32(ArrayBufferWriter<byte> output, int field, uint value)
    {
        Raw(output, ((ulong)field << 3) | 5);
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    private static void WriteFixed64(ArrayBufferWriter<byte> output, int field, ulong value)
    {
        Raw(output, ((ulong)field << 3) | 1);
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    private static void Raw(ArrayBufferWriter<byte> output, ulong value)
    {
        var span = output.GetSpan(10);
        var at = 0;
        while (value >= 0x80)
        {
            span[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[at++] = (byte)value;
        output.Advance(at);
    }
}
