using CsCheck;
using Twin.Wire.Spaces;

namespace Twin.Wire.Tests.Spaces;

public sealed class SpaceMessageTests
{
    private static readonly AvatarPose Pose = new(5120, -3, 4194303, RotationCode.Identity, AvatarFlags.Seated);

    public static readonly SpaceMessage[] FromClient =
    [
        new HelloMessage(1, 2, "tester", false, 3000, true), new InputMessage(new(65535, Pose, -7, 3, 4095)), new InputMessage(new(0, Pose)), new ClientChatMessage(ChatScope.Space, "grüß dich 🎵"),
        new ClientChatMessage(ChatScope.Whisper, "", 16777215), new GestureMessage(15), new ClientStateMessage(255, new byte[1024]), new ClientStateMessage(0, default), new TimeSyncMessage(SpaceLimits.Number),
        new LeaveMessage(), new ReportMessage(7, "shouts"), new SeekMessage(123456, 2.5), new ClientQualityMessage(500),
    ];

    public static readonly SpaceMessage[] FromServer =
    [
        new WelcomeMessage(1, "hall", 42, 1L << 40, 20, 3, true, Pose, new(200, 100.5, 16, 128, 48, 64, 4, 7.5, true, 10), 1000), new FrameMessage(new byte[] { 1, 2, 3 }), new CrowdMessage(new byte[70_000]),
        new PeopleMessage([new(1, "Ada", "blue", ["host", "speaker"]), new(2, "", "", [])]), new ChatMessage(1, ChatScope.Near, "hello", 99), new ChatMessage(1, ChatScope.Whisper, "psst", 99, 2),
        new StateMessage(1, 2, new byte[] { 9 }), new TimeMessage(1, 2, 3), new RefusedMessage(SpaceMessageType.ClientChat, "slow-chat", "once in 10 s"), new ModerationMessage("muted", "be kind", 60),
        new QualityMessage(3, "near limit halved"), new RecordedMessage(true), new ReplayMessage(1, 2, 1, 0.5), new LeftMessage(SpaceClose.Kicked, "out"),
    ];

    [Fact]
    public void Every_message_reads_as_it_was_written()
    {
        foreach (var (message, isFromClient) in All())
        {
            var bytes = message.ToBytes();
            var read = Read(bytes, isFromClient)!;
            Assert.Equal(message.GetType(), read.GetType());
            Assert.Equal(bytes, read.ToBytes());
        }

        var welcome = (WelcomeMessage)FromServer[0];
        Assert.Equal(welcome, Read(welcome.ToBytes(), false)); // by value, so that a field dropped on both sides is seen
        Assert.Equal(FromClient[0], Read(FromClient[0].ToBytes(), true));
    }

    [Fact]
    public void What_tomorrow_adds_is_ignored()
    {
        foreach (var (message, isFromClient) in All())
        {
            var bytes = message.ToBytes();
            byte[] longer = [(byte)(bytes[0] + 2), .. bytes[1..], 0x81, 0xA1, (byte)'k', 0x92, 1, 0xC0, 0xC3];
            Assert.Equal(bytes, Read(longer, isFromClient)!.ToBytes());
        }

        Assert.Null(SpaceMessage.ReadFromClient([0x92, 99, 0xC0]));
        Assert.Null(SpaceMessage.ReadFromServer([0x91, 0xCD, 0x10, 0x00]));
        byte[] hello = [0x95, 16, 1, 9, 0xA1, (byte)'x', 0x82, 0xA3, .. "new"u8, 0x92, 1, 0x91, 2, 0xAC, .. "deadReckoned"u8, 0xC3];
        Assert.Equal(new HelloMessage(1, 9, "x", IsDeadReckoned: true), SpaceMessage.ReadFromClient(hello));
    }

    [Fact]
    public void What_yesterday_left_out_has_its_default()
    {
        Assert.Equal(new HelloMessage(1, 1, ""), SpaceMessage.ReadFromClient([0x93, 16, 1, 1]));
        Assert.Equal(new ReportMessage(5, ""), SpaceMessage.ReadFromClient([0x92, 23, 5]));
        Assert.Equal(new SeekMessage(5, 1), SpaceMessage.ReadFromClient([0x92, 24, 5]));
        Assert.Equal(new LeftMessage((SpaceClose)4000, ""), SpaceMessage.ReadFromServer([0x92, 13, 0xCD, 0x0F, 0xA0]));
        Assert.Equal(new ChatMessage(5, ChatScope.Near, "a", 0), SpaceMessage.ReadFromServer([0x94, 5, 5, 0, 0xA1, (byte)'a']));
    }

    [Fact]
    public void A_field_beyond_its_bound_is_refused_and_named()
    {
        Refused("text", new ClientChatMessage(0, new string('a', 501)));
        Refused("text", new ClientChatMessage(0, new string('a', 60_000)));
        Refused("scope", new ClientChatMessage((ChatScope)3, "a"));
        Refused("clientName", new HelloMessage(1, 1, new string('n', 65)));
        Refused("versionMin", new HelloMessage(2, 1, ""));
        Refused("byteBudgetPerS", new HelloMessage(1, 1, "", ByteBudgetPerSecond: 499));
        Refused("state", new ClientStateMessage(0, new byte[1025]));
        Refused("channel", new ClientStateMessage(256, default));
        Refused("gesture", new GestureMessage(16));
        Refused("avatar", new ReportMessage(1 << 24, ""));
        Refused("speed", new SeekMessage(1, double.NaN));
        Refused("byteBudget", new ClientQualityMessage(1_000_001));
        Assert.Throws<SpaceWireException>(() => SpaceMessage.ReadFromClient([0x91, 18]));
        Assert.Throws<SpaceWireException>(() => SpaceMessage.ReadFromClient([0x93, 18, 0, 0xA1, 0xFF])); // not UTF-8
        Assert.Throws<SpaceWireException>(() => SpaceMessage.ReadFromClient(new byte[65_537]));
    }

    [Fact]
    public void Nesting_as_deep_as_a_message_is_long_does_not_end_the_process()
    {
        var deep = new byte[60_000];
        Array.Fill(deep, (byte)0x91);
        byte[] head = [0x95, 16, 1, 1, 0xA0, 0x81, 0xA1, (byte)'k'];
        head.CopyTo(deep, 0);
        deep[^1] = 0xC0;
        Assert.Equal(new HelloMessage(1, 1, ""), SpaceMessage.ReadFromClient(deep));
    }

    [Fact]
    public void Any_bytes_give_a_message_nothing_or_SpaceWireException()
    {
        Gen.Byte.Array[0, 80].Sample(bytes => Harmless(bytes), iter: 20_000, seed: "0000KeWZ3tN3");
        var all = All().Select(pair => pair.Message.ToBytes()).Where(bytes => bytes.Length < 2000).ToArray();
        Gen.Select(Gen.Int[0, all.Length - 1], Gen.Int[0, 2000], Gen.Byte, Gen.Int[0, 2000])
            .Sample((which, at, value, cut) =>
            {
                var bytes = all[which].ToArray();
                bytes[at % bytes.Length] = value;
                Harmless(bytes);
                Harmless(bytes[..(cut % bytes.Length)]);
            }, iter: 20_000, seed: "0000KeWZ3tN3");
    }

    [Fact]
    public void The_hot_envelopes_are_the_same_messages()
    {
        var buffer = new byte[InputEnvelope.BufferBytes];
        foreach (var message in FromClient.OfType<InputMessage>())
        {
            var length = InputEnvelope.Write(buffer, message.Input);
            Assert.Equal(message.ToBytes(), buffer[..length]);
            Assert.True(InputEnvelope.TryRead(buffer.AsSpan(0, length), out var read));
            Assert.Equal(message.Input, read);
            byte[] longer = [0x93, .. buffer[1..length], 0xC0];
            Assert.True(InputEnvelope.TryRead(longer, out read));
            Assert.Equal(message.Input, read);
            Assert.Throws<SpaceWireException>(() => InputEnvelope.TryRead(buffer.AsSpan(0, length - 1), out _));
        }

        Assert.False(InputEnvelope.TryRead(new LeaveMessage().ToBytes(), out _));
        byte[] frame = [0, 0, 0, 0, 0, 1, 2, 3];
        Assert.Equal(8, FrameEnvelope.Write(frame, 3));
        Assert.Equal(new byte[] { 1, 2, 3 }, ((FrameMessage)SpaceMessage.ReadFromServer(frame)!).Body.ToArray());
        Assert.True(FrameEnvelope.TryRead(frame, out var body));
        Assert.Equal(3, body.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameEnvelope.Write(new byte[8], 65_536));
    }

    private static IEnumerable<(SpaceMessage Message, bool IsFromClient)> All() => FromClient.Select(message => (message, true)).Concat(FromServer.Select(message => (message, false)));

    private static SpaceMessage? Read(byte[] bytes, bool isFromClient) => isFromClient ? SpaceMessage.ReadFromClient(bytes) : SpaceMessage.ReadFromServer(bytes);

    private static void Refused(string name, SpaceMessage message) => Assert.Contains(name, Assert.Throws<SpaceWireException>(() => SpaceMessage.ReadFromClient(message.ToBytes())).Message, StringComparison.Ordinal);

    private static void Harmless(byte[] bytes)
    {
        foreach (var read in (Action[])[() => SpaceMessage.ReadFromClient(bytes), () => SpaceMessage.ReadFromServer(bytes), () => InputEnvelope.TryRead(bytes, out _), () => FrameEnvelope.TryRead(bytes, out _), () => AvatarInput.Read(bytes), () => CrowdTiles.Read(bytes)])
        {
            try
            {
                read();
            }
            catch (SpaceWireException)
            {
            }
        }
    }
}
