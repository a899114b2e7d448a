using MessagePack;

namespace Twin.Wire.Spaces;

/// <summary>A client's first message: which versions it speaks and what it would have.</summary>
/// <param name="VersionMin">The least version.</param>
/// <param name="VersionMax">The greatest version; at least the least.</param>
/// <param name="ClientName">For statistics, e.g. "twin-sdk-ts/0.1".</param>
/// <param name="IsAdaptive">The server may lower the near ring's rate to keep the budget.</param>
/// <param name="ByteBudgetPerSecond">0: the space's own; else 500 to 1,000,000.</param>
/// <param name="IsDeadReckoned">The client sends an input only when the extrapolation errs.</param>
public sealed record HelloMessage(int VersionMin, int VersionMax, string ClientName, bool IsAdaptive = true, int ByteBudgetPerSecond = 0, bool IsDeadReckoned = false) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Hello;

    /// <summary>The greatest version both speak, or null.</summary>
    public int? Agreed => VersionMin <= SpaceLimits.Version && VersionMax >= SpaceLimits.Version ? SpaceLimits.Version : null;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 4);
        writer.Write(VersionMin);
        writer.Write(VersionMax);
        writer.Write(ClientName);
        writer.WriteMapHeader(3);
        writer.Write("adaptive");
        writer.Write(IsAdaptive);
        writer.Write("byteBudgetPerS");
        writer.Write(ByteBudgetPerSecond);
        writer.Write("deadReckoned");
        writer.Write(IsDeadReckoned);
    }

    internal static HelloMessage Read(ref SpaceFields fields)
    {
        var hello = new HelloMessage((int)fields.Whole("versionMin", 0, 65535), (int)fields.Whole("versionMax", 0, 65535), fields.Text("clientName", SpaceLimits.NameCharacters, ""));
        if (hello.VersionMin > hello.VersionMax) throw new SpaceWireException($"versionMin is {hello.VersionMin} and versionMax {hello.VersionMax}");
        for (var left = fields.EnterMap("options", out _); left > 0; left--)
        {
            switch (fields.Text("an option's name", SpaceLimits.NameCharacters))
            {
                case "adaptive": hello = hello with { IsAdaptive = fields.Truth("adaptive") }; break;
                case "byteBudgetPerS": hello = hello with { ByteBudgetPerSecond = Budget(fields.Whole("byteBudgetPerS", 0, SpaceLimits.MostByteBudget)) }; break;
                case "deadReckoned": hello = hello with { IsDeadReckoned = fields.Truth("deadReckoned") }; break;
                default: fields.Skip(); break;
            }
        }

        return hello;
    }

    private static int Budget(long value) => value is 0 or >= SpaceLimits.LeastByteBudget
        ? (int)value
        : throw new SpaceWireException($"byteBudgetPerS is {value}; 0 or {SpaceLimits.LeastByteBudget} to {SpaceLimits.MostByteBudget} are allowed");
}

/// <summary>An input outside the hot path; see <see cref="InputEnvelope"/>.</summary>
/// <param name="Input">The body, clause 4.</param>
public sealed record InputMessage(AvatarInput Input) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Input;

    private protected override void Write(ref MessagePackWriter writer)
    {
        var body = new byte[AvatarInput.MostBytes + 8]; // cold: the hot way is InputEnvelope
        Begin(ref writer, 1);
        writer.Write(body.AsSpan(0, Input.Write(body)));
    }
}

/// <summary>The user says something.</summary>
/// <param name="Scope">To whom.</param>
/// <param name="Text">At most 500 UTF-16 units.</param>
/// <param name="To">The avatar of a whisper; 0 otherwise.</param>
public sealed record ClientChatMessage(ChatScope Scope, string Text, int To = 0) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.ClientChat;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 3);
        writer.Write((byte)Scope);
        writer.Write(Text);
        writer.Write(To);
    }

    internal static ClientChatMessage Read(ref SpaceFields fields)
    {
        var (scope, text) = ((ChatScope)fields.Whole("scope", 0, 2), fields.Text("text", SpaceLimits.ChatCharacters));
        return new(scope, text, (int)fields.Whole("to", 0, SpaceLimits.Avatar, scope == ChatScope.Whisper ? null : 0));
    }
}

/// <summary>The avatar shows a gesture.</summary>
/// <param name="Gesture">1 to 15; 0 ends it.</param>
public sealed record GestureMessage(int Gesture) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Gesture;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 1);
        writer.Write(Gesture);
    }
}

/// <summary>Small application state of the own avatar: reliable, the last value of a channel is kept and told to those who see it.</summary>
/// <param name="Channel">0 to 255.</param>
/// <param name="Payload">At most 1 KB; empty removes it.</param>
public sealed record ClientStateMessage(int Channel, ReadOnlyMemory<byte> Payload) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.ClientState;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 2);
        writer.Write(Channel);
        writer.Write(Payload.Span);
    }
}

/// <summary>Asks for the server's time.</summary>
/// <param name="ClientMicroseconds">The client's clock; it comes back as it is.</param>
public sealed record TimeSyncMessage(long ClientMicroseconds) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.TimeSync;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 1);
        writer.Write(ClientMicroseconds);
    }
}

/// <summary>The user leaves; the session ends without grace.</summary>
public sealed record LeaveMessage : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Leave;

    private protected override void Write(ref MessagePackWriter writer) => Begin(ref writer, 0);
}

/// <summary>The user reports an avatar to the moderators.</summary>
/// <param name="Avatar">Whom.</param>
/// <param name="Reason">At most 500 UTF-16 units.</param>
public sealed record ReportMessage(int Avatar, string Reason) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Report;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 2);
        writer.Write(Avatar);
        writer.Write(Reason);
    }
}

/// <summary>Goes to another tick of a replay, at a speed. Refused in a live session.</summary>
/// <param name="Tick">Within what <see cref="ReplayMessage"/> said.</param>
/// <param name="Speed">Times real time, 0 (stands) to 100.</param>
public sealed record SeekMessage(long Tick, double Speed = 1) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Seek;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 2);
        writer.Write(Tick);
        writer.Write(Speed);
    }
}

/// <summary>Changes the byte budget.</summary>
/// <param name="ByteBudget">Bytes a second, 500 to 1,000,000.</param>
public sealed record ClientQualityMessage(int ByteBudget) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.ClientQuality;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 1);
        writer.Write(ByteBudget);
    }
}
