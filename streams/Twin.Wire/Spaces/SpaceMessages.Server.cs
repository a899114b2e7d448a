using MessagePack;

namespace Twin.Wire.Spaces;

/// <summary>A frame outside the hot path; see <see cref="FrameEnvelope"/>.</summary>
/// <param name="Body">For <see cref="ClientView.Apply"/>.</param>
public sealed record FrameMessage(ReadOnlyMemory<byte> Body) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Frame;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 1);
        writer.Write(Body.Span);
    }
}

/// <summary>The crowd.</summary>
/// <param name="Body">For <see cref="CrowdTiles.Read"/>.</param>
public sealed record CrowdMessage(ReadOnlyMemory<byte> Body) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Crowd;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 1);
        writer.Write(Body.Span);
    }
}

/// <summary>Who an avatar is.</summary>
/// <param name="Avatar">Its number.</param>
/// <param name="Name">As it is shown, at most 64 UTF-16 units.</param>
/// <param name="Appearance">An identifier that the application understands.</param>
/// <param name="Roles">At most 16.</param>
public sealed record SpacePerson(int Avatar, string Name, string Appearance, IReadOnlyList<string> Roles);

/// <summary>Who the avatars are that have come into view: told once per connection and avatar.</summary>
/// <param name="People">At most 256.</param>
public sealed record PeopleMessage(IReadOnlyList<SpacePerson> People) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.People;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 1);
        writer.WriteArrayHeader(People.Count);
        foreach (var person in People)
        {
            writer.WriteArrayHeader(4);
            writer.Write(person.Avatar);
            writer.Write(person.Name);
            writer.Write(person.Appearance);
            writer.WriteArrayHeader(person.Roles.Count);
            foreach (var role in person.Roles) writer.Write(role);
        }
    }

    internal static PeopleMessage Read(ref SpaceFields fields)
    {
        var people = new SpacePerson[fields.Enter("people", SpaceLimits.People, out var outer)];
        for (var i = 0; i < people.Length; i++) people[i] = Person(ref fields);
        fields.Leave(outer);
        return new(people);
    }

    private static SpacePerson Person(ref SpaceFields fields)
    {
        fields.Enter("a person", 64, out var outer);
        var (avatar, name, appearance) = ((int)fields.Whole("avatar", 0, SpaceLimits.Avatar), fields.Text("name", SpaceLimits.NameCharacters), fields.Text("appearance", SpaceLimits.NameCharacters, ""));
        var roles = Array.Empty<string>();
        if (fields.HasMore)
        {
            roles = new string[fields.Enter("roles", SpaceLimits.Roles, out var person)];
            for (var i = 0; i < roles.Length; i++) roles[i] = fields.Text("role", SpaceLimits.NameCharacters);
            fields.Leave(person);
        }

        fields.Leave(outer);
        return new(avatar, name, appearance, roles);
    }
}

/// <summary>Somebody said something.</summary>
/// <param name="From">The avatar.</param>
/// <param name="Scope">To whom.</param>
/// <param name="Text">At most 500 UTF-16 units.</param>
/// <param name="Tick">When.</param>
/// <param name="To">The avatar of a whisper, for the speaker hears its own; 0 otherwise.</param>
public sealed record ChatMessage(int From, ChatScope Scope, string Text, long Tick, int To = 0) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Chat;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 5);
        writer.Write(From);
        writer.Write((byte)Scope);
        writer.Write(Text);
        writer.Write(Tick);
        writer.Write(To);
    }

    internal static ChatMessage Read(ref SpaceFields fields) => new(
        (int)fields.Whole("from", 0, SpaceLimits.Avatar), (ChatScope)fields.Whole("scope", 0, 2), fields.Text("text", SpaceLimits.ChatCharacters), fields.Whole("tick", 0, SpaceLimits.Number, 0),
        (int)fields.Whole("to", 0, SpaceLimits.Avatar, 0));
}

/// <summary>The state of an avatar in view changed, or it came into view with one.</summary>
/// <param name="Avatar">Whose.</param>
/// <param name="Channel">0 to 255.</param>
/// <param name="Payload">At most 1 KB; empty: removed.</param>
public sealed record StateMessage(int Avatar, int Channel, ReadOnlyMemory<byte> Payload) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.State;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 3);
        writer.Write(Avatar);
        writer.Write(Channel);
        writer.Write(Payload.Span);
    }
}

/// <summary>The answer to <see cref="TimeSyncMessage"/>.</summary>
/// <param name="ClientMicroseconds">As it came.</param>
/// <param name="ServerMicroseconds">The server's clock.</param>
/// <param name="Tick">The server's tick.</param>
public sealed record TimeMessage(long ClientMicroseconds, long ServerMicroseconds, long Tick) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Time;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 3);
        writer.Write(ClientMicroseconds);
        writer.Write(ServerMicroseconds);
        writer.Write(Tick);
    }
}

/// <summary>A client's message was not carried out.</summary>
/// <param name="Of">Its type.</param>
/// <param name="Code">For programs, e.g. "slow-chat".</param>
/// <param name="Text">For people.</param>
public sealed record RefusedMessage(SpaceMessageType Of, string Code, string Text) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Refused;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 3);
        writer.Write((byte)Of);
        writer.Write(Code);
        writer.Write(Text);
    }
}

/// <summary>A moderator did something to the user or the space.</summary>
/// <param name="Kind">E.g. "muted", "frozen", "warned".</param>
/// <param name="Text">For people.</param>
/// <param name="Seconds">For how long; 0: until said otherwise.</param>
public sealed record ModerationMessage(string Kind, string Text, int Seconds) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Moderation;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 3);
        writer.Write(Kind);
        writer.Write(Text);
        writer.Write(Seconds);
    }
}

/// <summary>What the silo does less of at present.</summary>
/// <param name="Level">0: nothing, to 5.</param>
/// <param name="Text">The level's text.</param>
public sealed record QualityMessage(int Level, string Text) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Quality;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 2);
        writer.Write(Level);
        writer.Write(Text);
    }
}

/// <summary>Whether the space is being recorded.</summary>
/// <param name="IsRecording">From now on.</param>
public sealed record RecordedMessage(bool IsRecording) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Recorded;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 1);
        writer.Write(IsRecording);
    }
}

/// <summary>Where a replay is.</summary>
/// <param name="FirstTick">Of the recording.</param>
/// <param name="LastTick">Of the recording.</param>
/// <param name="AtTick">The next frame's.</param>
/// <param name="Speed">Times real time.</param>
public sealed record ReplayMessage(long FirstTick, long LastTick, long AtTick, double Speed) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Replay;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 4);
        writer.Write(FirstTick);
        writer.Write(LastTick);
        writer.Write(AtTick);
        writer.Write(Speed);
    }
}

/// <summary>The last message before the socket is closed with the same code.</summary>
/// <param name="Code">Why.</param>
/// <param name="Text">For people.</param>
public sealed record LeftMessage(SpaceClose Code, string Text) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Left;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 2);
        writer.Write((ushort)Code);
        writer.Write(Text);
    }
}
