using System.Buffers;
using System.Text;
using MessagePack;

namespace Twin.Wire.Spaces;

/// <summary>The numbers that messages begin with (SPEC-spaces, clause 1). Below 16 from the server, from 16 from the client.</summary>
public enum SpaceMessageType : byte
{
#pragma warning disable CS1591 // each is the message of the same name
    Welcome = 1, Frame = 2, Crowd = 3, People = 4, Chat = 5, State = 6, Time = 7, Refused = 8, Moderation = 9, Quality = 10, Recorded = 11, Replay = 12, Left = 13,
    Hello = 16, Input = 17, ClientChat = 18, Gesture = 19, ClientState = 20, TimeSync = 21, Leave = 22, Report = 23, Seek = 24, ClientQuality = 25,
#pragma warning restore CS1591
}

/// <summary>One message over the socket of a space: a MessagePack array of its type and fields (SPEC-spaces, clause 1). Immutable; any thread.</summary>
public abstract record SpaceMessage
{
    /// <summary>What the message begins with.</summary>
    public abstract SpaceMessageType Type { get; }

    /// <summary>Writes the message.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        var writer = new MessagePackWriter(output);
        Write(ref writer);
        writer.Flush();
    }

    /// <summary>The message's bytes.</summary>
    public byte[] ToBytes()
    {
        var output = new ArrayBufferWriter<byte>(64);
        Write(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Reads a message of a client; input's hot way is <see cref="InputEnvelope"/>.</summary>
    /// <param name="message">One WebSocket binary message; copied, so the caller may reuse it.</param>
    /// <returns>Null when the type is not known here: the receiver ignores it.</returns>
    /// <exception cref="SpaceWireException">It breaks the specification.</exception>
    public static SpaceMessage? ReadFromClient(ReadOnlySpan<byte> message)
    {
        if (message.Length > SpaceLimits.MessageBytes) throw new SpaceWireException($"a message has {message.Length} bytes; at most {SpaceLimits.MessageBytes} are allowed");
        return Read(message.ToArray(), isFromClient: true);
    }

    /// <summary>Reads a message of a server.</summary>
    /// <inheritdoc cref="ReadFromClient"/>
    public static SpaceMessage? ReadFromServer(ReadOnlySpan<byte> message)
    {
        if (message.Length > SpaceLimits.CrowdBytes + 64) throw new SpaceWireException($"a message has {message.Length} bytes; at most {SpaceLimits.CrowdBytes + 64} are allowed");
        return Read(message.ToArray(), isFromClient: false);
    }

    private protected abstract void Write(ref MessagePackWriter writer);

    private protected void Begin(ref MessagePackWriter writer, int fields)
    {
        writer.WriteArrayHeader(fields + 1);
        writer.Write((byte)Type);
    }

    private static SpaceMessage? Read(byte[] message, bool isFromClient)
    {
        try
        {
            var fields = new SpaceFields(message);
            return isFromClient ? FromClient(ref fields) : FromServer(ref fields);
        }
        catch (Exception error) when (error is MessagePackSerializationException or EndOfStreamException or OverflowException or DecoderFallbackException or ArgumentOutOfRangeException)
        {
            throw new SpaceWireException($"not a message of a space: {error.Message}");
        }
    }

    private static SpaceMessage? FromClient(ref SpaceFields fields) => (SpaceMessageType)Math.Min(fields.Type, 255) switch
    {
        SpaceMessageType.Hello => HelloMessage.Read(ref fields),
        SpaceMessageType.Input => new InputMessage(AvatarInput.Read(fields.Bytes("input", AvatarInput.MostBytes))),
        SpaceMessageType.ClientChat => ClientChatMessage.Read(ref fields),
        SpaceMessageType.Gesture => new GestureMessage((int)fields.Whole("gesture", 0, SpaceLimits.Gesture)),
        SpaceMessageType.ClientState => new ClientStateMessage((int)fields.Whole("channel", 0, SpaceLimits.Channel), fields.Bytes("state", SpaceLimits.StateBytes)),
        SpaceMessageType.TimeSync => new TimeSyncMessage(fields.Whole("clientMicroseconds", 0, SpaceLimits.Number)),
        SpaceMessageType.Leave => new LeaveMessage(),
        SpaceMessageType.Report => new ReportMessage((int)fields.Whole("avatar", 0, SpaceLimits.Avatar), fields.Text("reason", SpaceLimits.ReasonCharacters, "")),
        SpaceMessageType.Seek => new SeekMessage(fields.Whole("tick", 0, SpaceLimits.Number), fields.Real("speed", 0, SpaceLimits.ReplaySpeed, 1)),
        SpaceMessageType.ClientQuality => new ClientQualityMessage((int)fields.Whole("byteBudget", SpaceLimits.LeastByteBudget, SpaceLimits.MostByteBudget)),
        _ => null,
    };

    private static SpaceMessage? FromServer(ref SpaceFields fields) => (SpaceMessageType)Math.Min(fields.Type, 255) switch
    {
        SpaceMessageType.Welcome => WelcomeMessage.Read(ref fields),
        SpaceMessageType.Frame => new FrameMessage(fields.Bytes("frame", FrameEnvelope.MostBodyBytes)),
        SpaceMessageType.Crowd => new CrowdMessage(fields.Bytes("crowd", SpaceLimits.CrowdBytes)),
        SpaceMessageType.People => PeopleMessage.Read(ref fields),
        SpaceMessageType.Chat => ChatMessage.Read(ref fields),
        SpaceMessageType.State => new StateMessage((int)fields.Whole("avatar", 0, SpaceLimits.Avatar), (int)fields.Whole("channel", 0, SpaceLimits.Channel), fields.Bytes("state", SpaceLimits.StateBytes)),
        SpaceMessageType.Time => new TimeMessage(fields.Whole("clientMicroseconds", 0, SpaceLimits.Number), fields.Whole("serverMicroseconds", 0, SpaceLimits.Number), fields.Whole("tick", 0, SpaceLimits.Number)),
        SpaceMessageType.Refused => new RefusedMessage((SpaceMessageType)fields.Whole("type", 0, 255), fields.Text("code", SpaceLimits.NameCharacters), fields.Text("text", SpaceLimits.ReasonCharacters, "")),
        SpaceMessageType.Moderation => new ModerationMessage(fields.Text("kind", SpaceLimits.NameCharacters), fields.Text("text", SpaceLimits.ReasonCharacters, ""), (int)fields.Whole("seconds", 0, int.MaxValue, 0)),
        SpaceMessageType.Quality => new QualityMessage((int)fields.Whole("level", 0, 15), fields.Text("text", SpaceLimits.ReasonCharacters, "")),
        SpaceMessageType.Recorded => new RecordedMessage(fields.Truth("isRecording")),
        SpaceMessageType.Replay => new ReplayMessage(fields.Whole("firstTick", 0, SpaceLimits.Number), fields.Whole("lastTick", 0, SpaceLimits.Number), fields.Whole("atTick", 0, SpaceLimits.Number), fields.Real("speed", 0, SpaceLimits.ReplaySpeed, 1)),
        SpaceMessageType.Left => new LeftMessage((SpaceClose)fields.Whole("code", 0, ushort.MaxValue), fields.Text("text", SpaceLimits.ReasonCharacters, "")),
        _ => null,
    };
}
