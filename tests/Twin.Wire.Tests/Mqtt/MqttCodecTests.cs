using System.Buffers;
using System.Text;
using CsCheck;
using Twin.Wire.Mqtt;

namespace Twin.Wire.Tests.Mqtt;

/// <summary>Expected bytes come from the tables and figures of the OASIS MQTT 5.0 and 3.1.1 standards; clause numbers are theirs.</summary>
public sealed class MqttCodecTests
{
    private static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", ""));

    private static byte[] Write(Action<ArrayBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        write(buffer);
        return buffer.WrittenSpan.ToArray();
    }

    [Theory] // table 1-1 of clause 1.5.5
    [InlineData("00", 0)]
    [InlineData("7F", 127)]
    [InlineData("80 01", 128)]
    [InlineData("FF 7F", 16_383)]
    [InlineData("80 80 01", 16_384)]
    [InlineData("FF FF 7F", 2_097_151)]
    [InlineData("80 80 80 01", 2_097_152)]
    [InlineData("FF FF FF 7F", 268_435_455)]
    public void Variable_byte_integers_are_those_of_table_1_1(string bytes, int value)
    {
        var reader = new MqttReader(Hex(bytes));
        Assert.Equal(value, reader.ReadVariable());
        Assert.Equal(0, reader.Remaining);
        Assert.Equal(Hex(bytes).Length, MqttWriter.SizeOf(value));
    }

    [Theory]
    [InlineData("FF FF FF FF 01")] // five bytes
    [InlineData("80 00")] // longer than needed
    [InlineData("80")] // cut off
    public void A_wrong_variable_byte_integer_is_malformed(string bytes) =>
        Assert.Equal(MqttReason.MalformedPacket, Assert.Throws<MqttProtocolException>(() => new MqttReader(Hex(bytes)).ReadVariable()).Reason);

    [Fact] // figure 1-2 of clause 1.5.4: A followed by U+2A6D4
    public void Text_is_that_of_figure_1_2()
    {
        Assert.Equal("A\U0002A6D4", new MqttReader(Hex("00 05 41 F0 AA 9B 94")).ReadText());
        Assert.Throws<MqttProtocolException>(() => new MqttReader(Hex("00 03 ED A0 80")).ReadText()); // a surrogate
        Assert.Throws<MqttProtocolException>(() => new MqttReader(Hex("00 02 41 00")).ReadText()); // U+0000
    }

    [Fact] // the variable header example of clause 3.1.2.12, with a payload after it
    public void The_CONNECT_of_the_standard_is_read_and_written()
    {
        var body = Hex("00 04 4D 51 54 54 05 CE 00 0A 05 11 00 00 00 0A" + "00 01 63" + "00 00 01 77 00 02 62 79" + "00 01 75" + "00 01 70");
        var connect = MqttConnect.Read(body);
        Assert.Equal((MqttVersion.V5, true, (ushort)10, 10u), (connect.Version, connect.CleanStart, connect.KeepAliveSeconds, connect.SessionExpirySeconds));
        Assert.Equal(("c", "u", "p"), (connect.ClientId, connect.UserName, Encoding.UTF8.GetString(connect.Password!)));
        Assert.Equal(("w", "by", (byte)1, false), (connect.Will!.Topic, Encoding.UTF8.GetString(connect.Will.Payload), connect.Will.Qos, connect.Will.Retain));
        Assert.Equal([0x10, (byte)body.Length, .. body], Write(w => MqttWriter.WriteConnect(w, connect)));
    }

    [Fact] // 3.1.1 clause 3.1.2.10
    public void A_3_1_1_CONNECT_has_no_properties()
    {
        var connect = MqttConnect.Read(Hex("00 04 4D 51 54 54 04 02 00 0A 00 01 63"));
        Assert.Equal((MqttVersion.V311, "c", 0u), (connect.Version, connect.ClientId, connect.SessionExpirySeconds));
        Assert.Equal(MqttReason.UnsupportedVersion, Assert.Throws<MqttProtocolException>(() => MqttConnect.Read(Hex("00 04 4D 51 54 54 06 02 00 0A 00 01 63"))).Reason);
        Assert.Equal(MqttReason.UnsupportedVersion, Assert.Throws<MqttProtocolException>(() => MqttConnect.Read(Hex("00 06 4D 51 49 73 64 70 03 02 00 0A 00 01 63"))).Reason);
    }

    [Fact] // the examples of clauses 3.3.2.4 (topic a/b, packet identifier 10)
    public void The_PUBLISH_of_the_standard_is_read_and_written()
    {
        var body = Hex("00 03 61 2F 62 00 0A 00");
        var publish = MqttPublish.Read(0x2, body, MqttVersion.V5);
        Assert.Equal(("a/b", (ushort)10, (byte)1, 8), (publish.TopicText, publish.PacketId, publish.Qos, publish.PayloadOffset));
        Assert.Equal([0x32, 8, .. body], Write(w => MqttWriter.WritePublish(w, MqttVersion.V5, "a/b"u8, default, new MqttPublishOptions(1, PacketId: 10))));
        Assert.Equal(Hex("32 07 00 03 61 2F 62 00 0A"), Write(w => MqttWriter.WritePublish(w, MqttVersion.V311, "a/b"u8, default, new MqttPublishOptions(1, PacketId: 10))));
    }

    [Fact] // figure 3-21 of clause 3.8.3.1: a/b with QoS 1, c/d with QoS 2; packet identifier 10
    public void The_SUBSCRIBE_of_the_standard_is_read_and_written()
    {
        var body = Hex("00 0A 00 00 03 61 2F 62 01 00 03 63 2F 64 02");
        var subscribe = MqttSubscribe.Read(body, MqttVersion.V5);
        Assert.Equal([new MqttFilter("a/b", 1), new MqttFilter("c/d", 2)], subscribe.Filters);
        Assert.Equal([0x82, (byte)body.Length, .. body], Write(w => MqttWriter.WriteSubscribe(w, MqttVersion.V5, subscribe)));
    }

    [Theory]
    [InlineData("00 0A", 0)]
    [InlineData("00 0A 10", 0x10)]
    [InlineData("00 0A 97 05 1F 00 02 6E 6F", 0x97)]
    public void Acknowledgements_may_leave_out_reason_and_properties(string body, int reason)
    {
        Assert.Equal(new MqttAck(10, (MqttReason)reason), MqttAck.Read(Hex(body), MqttVersion.V5));
        var detail = reason == 0x97 ? "no" : null;
        Assert.Equal([0x40, (byte)Hex(body).Length, .. Hex(body)], Write(w => MqttWriter.WriteAck(w, MqttVersion.V5, MqttPacketType.PubAck, 10, (MqttReason)reason, detail)));
    }

    [Fact]
    public void Every_PUBLISH_comes_back_as_it_was_written()
    {
        Gen.Select(Gen.String[Gen.Char['!', '\u024F'], 1, 40], Gen.Byte.Array[0, 300], Gen.Int[0, 2], Gen.UShort, Gen.Bool, Gen.UInt.Nullable(), Gen.Bool).Sample((topic, payload, qos, id, retain, expiry, v5) =>
        {
            topic = topic.Replace('+', 'p').Replace('#', 'h');
            var version = v5 ? MqttVersion.V5 : MqttVersion.V311;
            var options = new MqttPublishOptions((byte)qos, retain, false, (ushort)(qos == 0 ? 0 : id | 1), 0, v5 ? expiry : null);
            var properties = new ArrayBufferWriter<byte>();
            if (v5) MqttWriter.WriteUserProperty(properties, "k", topic);
            var bytes = Write(w => MqttWriter.WritePublish(w, version, Encoding.UTF8.GetBytes(topic), payload, options, properties.WrittenSpan));
            Assert.Equal(MqttFrameStatus.Complete, MqttFrame.Read(bytes, 1 << 20, out var frame));
            Assert.Equal(bytes.Length, frame.TotalLength);
            Assert.Equal(bytes.Length, MqttWriter.PublishSize(version, Encoding.UTF8.GetByteCount(topic), payload.Length, options, properties.WrittenCount, default));
            var body = bytes.AsSpan(frame.HeaderLength);
            var read = MqttPublish.Read(frame.Flags, body, version);
            Assert.Equal((topic, (byte)qos, options.PacketId, retain, options.ExpirySeconds), (read.TopicText, read.Qos, read.PacketId, read.IsRetained, read.ExpirySeconds));
            Assert.Equal(payload, body[read.PayloadOffset..].ToArray());
            Assert.Equal(properties.WrittenSpan.ToArray(), read.CopyForwardedProperties());
        });
    }

    [Fact]
    public void Any_bytes_are_either_read_or_refused_with_a_reason()
    {
        Gen.Select(Gen.Byte.Array[0, 60], Gen.Int[0, 15], Gen.Bool).Sample((body, flags, v5) =>
        {
            var version = v5 ? MqttVersion.V5 : MqttVersion.V311;
            Try(() => MqttConnect.Read(body));
            Try(() => MqttConnect.Read([.. Hex("00 04 4D 51 54 54 05"), .. body]));
            Try(() => MqttPublish.Read(flags, body, version).CopyForwardedProperties());
            Try(() => MqttSubscribe.Read(body, version));
            Try(() => MqttSubscribe.ReadUnsubscribe(body, version));
            Try(() => MqttAck.Read(body, version));
            Try(() => MqttDisconnect.Read(body, version));
            Try(() => MqttConnAck.Read(body, version));
            MqttFrame.Read(body, 1000, out _);
        });

        static void Try(Action read)
        {
            try
            {
                read();
            }
            catch (MqttProtocolException broken)
            {
                Assert.True(broken.Reason >= MqttReason.Unspecified);
            }
        }
    }

    [Fact]
    public void A_frame_split_over_segments_is_found_like_a_whole_one()
    {
        var bytes = Write(w => MqttWriter.WritePublish(w, MqttVersion.V5, "a/b"u8, new byte[200], new MqttPublishOptions(0)));
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            var first = new Segment(bytes.AsMemory(0, cut), 0, null);
            var last = first.Append(bytes.AsMemory(cut));
            var sequence = new ReadOnlySequence<byte>(first, 0, last, bytes.Length - cut);
            Assert.Equal(MqttFrameStatus.Complete, MqttFrame.Read(sequence, 1000, out var frame));
            Assert.Equal(bytes.Length, frame.TotalLength);
            Assert.Equal(MqttFrameStatus.Incomplete, MqttFrame.Read(sequence.Slice(0, bytes.Length - 1), 1000, out _));
            Assert.Equal(MqttFrameStatus.TooLarge, MqttFrame.Read(sequence, 100, out _));
        }
    }

    [Fact]
    public void Reading_and_writing_PUBLISH_and_PUBACK_allocates_nothing()
    {
        var output = new ArrayBufferWriter<byte>(1024);
        var payload = new byte[100];
        void Round()
        {
            output.ResetWrittenCount();
            MqttWriter.WritePublish(output, MqttVersion.V5, "twins/lamp-1/properties"u8, payload, new MqttPublishOptions(1, PacketId: 3, TopicAlias: 4, ExpirySeconds: 5));
            MqttFrame.Read(output.WrittenSpan, 1000, out var frame);
            var read = MqttPublish.Read(frame.Flags, output.WrittenSpan[frame.HeaderLength..], MqttVersion.V5);
            MqttWriter.WriteAck(output, MqttVersion.V5, MqttPacketType.PubAck, read.PacketId);
            MqttAck.Read(output.WrittenSpan[(frame.TotalLength + 2)..], MqttVersion.V5);
        }

        for (var i = 0; i < 100; i++) Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory] // the examples of clause 4.7.1
    [InlineData("sport/tennis/player1/#", "sport/tennis/player1", true)]
    [InlineData("sport/tennis/player1/#", "sport/tennis/player1/ranking", true)]
    [InlineData("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true)]
    [InlineData("sport/tennis/+", "sport/tennis/player1", true)]
    [InlineData("sport/tennis/+", "sport/tennis/player1/ranking", false)]
    [InlineData("sport/+", "sport", false)]
    [InlineData("sport/+", "sport/", true)]
    [InlineData("+/+", "/finance", true)]
    [InlineData("/+", "/finance", true)]
    [InlineData("+", "/finance", false)]
    [InlineData("#", "$SYS/x", false)]
    [InlineData("+/monitor/Clients", "$SYS/monitor/Clients", false)]
    [InlineData("$SYS/#", "$SYS/x", true)]
    public void Filters_match_as_the_standard_says(string filter, string topic, bool matches) => Assert.Equal(matches, MqttTopicFilter.Matches(filter, topic));

    [Theory]
    [InlineData("sport/tennis#", false)]
    [InlineData("sport/#/ranking", false)]
    [InlineData("sport+", false)]
    [InlineData("", false)]
    [InlineData("$share/g", false)]
    [InlineData("$share//x", false)]
    [InlineData("$share/g+/x", false)]
    [InlineData("$share/g/x/#", true)]
    [InlineData("+/tennis/#", true)]
    public void Filters_are_valid_as_the_standard_says(string filter, bool valid) => Assert.Equal(valid, MqttTopicFilter.TryParse(filter, out _, out _));

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index, Segment? previous)
        {
            (Memory, RunningIndex) = (memory, index);
            if (previous is not null) previous.Next = this;
        }

        public Segment Append(ReadOnlyMemory<byte> memory) => new(memory, RunningIndex + Memory.Length, this);
    }
}
