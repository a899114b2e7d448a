using System.Buffers;
using MessagePack;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>To whom a chat goes.</summary>
internal enum ChatScope
{
    /// <summary>Those within the rings.</summary>
    Near = 0,

    /// <summary>All in the space.</summary>
    Space = 1,

    /// <summary>One avatar.</summary>
    Whisper = 2,
}

/// <summary>The first message of a connection.</summary>
/// <param name="IsAdaptive">Frames without news may be left out.</param>
/// <param name="BudgetBytes">Bytes a second that the client wants at most; 0 for the space's own bound.</param>
internal readonly record struct HelloMessage(bool IsAdaptive, int BudgetBytes);

/// <summary>The envelopes of SPEC-spaces, clause 1, as the server writes and reads them: a MessagePack array that begins with the type. More elements than known are passed over, so that tomorrow's client may say more.</summary>
internal static class HallMessages
{
    public const int FrameType = 2;
    public const int ChatType = 18;
    public const int StateType = 20;
    public const int Version = 1;

    private const int MostText = 500;
    private const int MostState = 1024;

    /// <summary>The hot message: <c>[17, bin]</c>.</summary>
    public static bool TryReadInput(ReadOnlySpan<byte> message, out AvatarInput input)
    {
        if (message.Length > 4 && message[0] == 0x92 && message[1] == 17 && message[2] == 0xC4 && message[3] == message.Length - 4)
        {
            input = AvatarInput.Read(message[4..]);
            return true;
        }

        input = default;
        return false;
    }

    /// <summary>Reads <c>[16, versionMin, versionMax, clientName, options]</c>.</summary>
    public static HelloMessage ReadHello(ReadOnlySpan<byte> message)
    {
        var reader = Open(message, out var type, out var count);
        if (type != 16 || count < 4) throw new SpaceWireException("the first message must be hello: [16, versionMin, versionMax, name, options]");
        try
        {
            var (least, most) = (reader.ReadInt32(), reader.ReadInt32());
            if (least > Version || most < Version) throw new SpaceWireException($"the client speaks versions {least} to {most}; this silo speaks {Version}");
            reader.Skip();
            var (isAdaptive, budget) = (false, 0);
            if (count > 4 && reader.NextMessagePackType == MessagePackType.Map)
            {
                for (var left = reader.ReadMapHeader(); left > 0; left--)
                {
                    switch (reader.ReadString())
                    {
                        case "adaptive":
                            isAdaptive = reader.ReadBoolean();
                            break;
                        case "bytesPerSecond":
                            budget = reader.ReadInt32();
                            break;
                        default:
                            reader.Skip();
                            break;
                    }
                }
            }

            return new HelloMessage(isAdaptive, budget);
        }
        catch (Exception fault) when (fault is MessagePackSerializationException or EndOfStreamException)
        {
            throw new SpaceWireException($"hello cannot be read: {fault.Message}");
        }
    }

    /// <summary>Reads any other message and does what it asks. Unknown types are passed over.</summary>
    public static void Dispatch(SpaceHall hall, HallSession from, ReadOnlySpan<byte> message)
    {
        var reader = Open(message, out var type, out var count);
        try
        {
            switch (type)
            {
                case 17:
                    throw new SpaceWireException("an input is [17, bin 8] of at most 20 bytes");
                case ChatType when count >= 3:
                    var (scope, to) = (ChatScope.Near, 0);
                    if (reader.NextMessagePackType == MessagePackType.Array)
                    {
                        reader.ReadArrayHeader();
                        (scope, to) = ((ChatScope)reader.ReadInt32(), reader.ReadInt32());
                    }
                    else scope = (ChatScope)reader.ReadInt32();
                    var text = reader.ReadString() ?? "";
                    if (text.Length > MostText) hall.Refuse(from, type, "TooLong", $"At most {MostText} characters.");
                    else if (text.Length > 0) hall.Chat(from, scope, to, text);
                    break;
                case StateType when count >= 3:
                    var channel = reader.ReadUInt32();
                    var value = reader.ReadBytes()?.ToArray() ?? [];
                    if (value.Length > MostState) hall.Refuse(from, type, "TooLong", $"At most {MostState} bytes.");
                    else hall.SetState(from, channel, value);
                    break;
                case 21 when count >= 2:
                    hall.TellTime(from, reader.ReadUInt64());
                    break;
                case 22:
                    hall.Goodbye(from);
                    break;
                case 25 when count >= 2:
                    hall.SetBudget(from, reader.ReadInt32());
                    break;
            }
        }
        catch (Exception fault) when (fault is MessagePackSerializationException or EndOfStreamException or OverflowException)
        {
            throw new SpaceWireException($"a message of type {type} cannot be read: {fault.Message}");
        }
    }

    public static ReadOnlyMemory<byte> Welcome(SpaceHall hall, HallSession session, bool isResumed, in AvatarPose place)
    {
        var input = new byte[AvatarInput.MostBytes + 8];
        var length = new AvatarInput(0, place).Write(input);
        var rules = hall.Stage.Rules;
        var buffer = new ArrayBufferWriter<byte>(256);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(11);
        writer.Write(1);
        writer.Write(Version);
        writer.Write(hall.Id);
        writer.Write(session.Who.Avatar);
        writer.Write(hall.Stage.Tick);
        writer.Write(hall.TickHz);
        writer.Write(session.Epoch);
        writer.Write(isResumed);
        writer.Write(input.AsSpan(0, length));
        writer.WriteMapHeader(8);
        Put(ref writer, "width", (double)rules.Movement.WidthSteps / AvatarPose.StepsPerMetre);
        Put(ref writer, "depth", (double)rules.Movement.DepthSteps / AvatarPose.StepsPerMetre);
        Put(ref writer, "maxSpeed", rules.Movement.MaxSpeed);
        Put(ref writer, "nearRadius", rules.Interest.NearRadiusMetres);
        Put(ref writer, "nearLimit", rules.Interest.NearLimit);
        Put(ref writer, "middleRadius", rules.Interest.MiddleRadiusMetres);
        Put(ref writer, "middleLimit", rules.Interest.MiddleLimit);
        Put(ref writer, "slowChatSeconds", hall.Rules.SlowChatSeconds);
        writer.Write((long)hall.Rules.Grace.TotalMilliseconds);
        writer.Flush();
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Crowd(ReadOnlySpan<byte> body) => Binary(3, body);

    public static ReadOnlyMemory<byte> People(SpaceHall hall, List<int> numbers)
    {
        var buffer = new ArrayBufferWriter<byte>(64 * numbers.Count);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(2);
        writer.Write(4);
        writer.WriteArrayHeader(numbers.Count);
        foreach (var number in numbers)
        {
            var who = hall.Find(number)?.Who;
            writer.WriteArrayHeader(4);
            writer.Write(number);
            writer.Write(who?.Name ?? hall.NameOf(number));
            writer.Write(who?.Appearance ?? "");
            writer.Write(who?.Roles ?? 0);
        }

        writer.Flush();
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Chat(int from, ChatScope scope, string text, long tick)
    {
        var buffer = new ArrayBufferWriter<byte>(text.Length + 32);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(5);
        writer.Write(5);
        writer.Write(from);
        writer.Write((int)scope);
        writer.Write(text);
        writer.Write(tick);
        writer.Flush();
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> State(int avatar, uint channel, byte[] value)
    {
        var buffer = new ArrayBufferWriter<byte>(value.Length + 32);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(4);
        writer.Write(6);
        writer.Write(avatar);
        writer.Write(channel);
        writer.Write(value);
        writer.Flush();
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Time(ulong client, ulong server, long tick)
    {
        var buffer = new ArrayBufferWriter<byte>(32);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(4);
        writer.Write(7);
        writer.Write(client);
        writer.Write(server);
        writer.Write(tick);
        writer.Flush();
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Refused(int type, string code, string words) => Words(8, type, code, words);

    public static ReadOnlyMemory<byte> Moderation(string kind, string words, int seconds)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(4);
        writer.Write(9);
        writer.Write(kind);
        writer.Write(words);
        writer.Write(seconds);
        writer.Flush();
        return buffer.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Quality(int level) => Words(10, level, null, level switch
    {
        0 => "everything at full rate",
        1 => "crowd and middle ring at half rate",
        2 => "near ones within 5 cm",
        3 => "half as many near",
        4 => "frames at half rate",
        _ => "joins wait",
    });

    private static ReadOnlyMemory<byte> Words(int type, int number, string? code, string words)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(code is null ? 3 : 4);
        writer.Write(type);
        writer.Write(number);
        if (code is not null) writer.Write(code);
        writer.Write(words);
        writer.Flush();
        return buffer.WrittenMemory;
    }

    private static byte[] Binary(int type, ReadOnlySpan<byte> body)
    {
        var buffer = new ArrayBufferWriter<byte>(body.Length + 8);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(2);
        writer.Write(type);
        writer.Write(body);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void Put(ref MessagePackWriter writer, string name, double value)
    {
        writer.Write(name);
        writer.Write(value);
    }

    private static MessagePackReader Open(ReadOnlySpan<byte> message, out int type, out int count)
    {
        var reader = new MessagePackReader(message.ToArray());
        try
        {
            count = reader.ReadArrayHeader();
            type = count > 0 ? reader.ReadInt32() : throw new SpaceWireException("a message is an array that begins with its type");
            return reader;
        }
        catch (Exception fault) when (fault is MessagePackSerializationException or EndOfStreamException or OverflowException)
        {
            throw new SpaceWireException($"a message is an array that begins with its type: {fault.Message}");
        }
    }
}
