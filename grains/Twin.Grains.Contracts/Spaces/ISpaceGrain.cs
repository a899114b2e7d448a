using Orleans;
using Twin.Model;

namespace Twin.Grains.Spaces;

/// <summary>Who asks to come in.</summary>
/// <param name="User">The user's id, 1 to 128 characters.</param>
/// <param name="Age">As stated; null when not.</param>
/// <param name="Consents">Given, by name.</param>
[GenerateSerializer, Immutable]
public sealed record JoinRequest([property: Id(0)] string User, [property: Id(1)] int? Age, [property: Id(2)] string[] Consents)
{
    /// <summary>Whether the user says so itself; else age and consents are not taken from here.</summary>
    [Id(3)] public bool IsSelf { get; init; }

    /// <summary>The ticket shown where one is needed, at first.</summary>
    [Id(4)] public string? Ticket { get; init; }
}

/// <summary>Whether one may come in.</summary>
/// <param name="Problem">Why not; null when admitted or waiting.</param>
/// <param name="Position">0 admitted; above 0 the place in the waiting line.</param>
/// <param name="Avatar">The user's avatar in this space, always the same.</param>
/// <param name="Roles">Bits: 1 host, 2 moderator, 4 speaker.</param>
[GenerateSerializer, Immutable]
public sealed record JoinAnswer([property: Id(0)] Problem? Problem, [property: Id(1)] int Position, [property: Id(2)] int Avatar, [property: Id(3)] int Roles)
{
    /// <summary>When admitted, by the owner's clock.</summary>
    [Id(4)] public DateTimeOffset Issued { get; init; }

    /// <summary>The name that the user has given itself; null for none.</summary>
    [Id(5)] public string? Name { get; init; }

    /// <summary>Its own figure; null for none.</summary>
    [Id(6)] public string? Appearance { get; init; }
}

/// <summary>What a moderator does.</summary>
public enum ModerationAct
{
    /// <summary>One may not speak, for some seconds; 0 ends it.</summary>
    Mute = 0,

    /// <summary>One goes out and may come again.</summary>
    Kick = 1,

    /// <summary>One goes out and stays out, for some seconds; 0 ends it.</summary>
    Ban = 2,

    /// <summary>Nobody moves, in the whole space or in one cell; seconds above 0 freeze, 0 ends it.</summary>
    Freeze = 3,

    /// <summary>One chat each so many seconds; 0 ends it.</summary>
    SlowChat = 4,
}

/// <summary>What holds in a space beside its definition; each silo that has the space takes it over within a second.</summary>
[GenerateSerializer, Immutable]
public sealed record SpaceOrders
{
    /// <summary>Rises with each act and each change of the definition.</summary>
    [Id(0)] public long Version { get; init; }

    /// <summary>The definition's JSON; null when the space is no more.</summary>
    [Id(1)] public byte[]? Definition { get; init; }

    /// <summary>Until when users may not speak.</summary>
    [Id(2)] public Dictionary<string, DateTimeOffset> Muted { get; init; } = [];

    /// <summary>Until when users stay out.</summary>
    [Id(3)] public Dictionary<string, DateTimeOffset> Banned { get; init; } = [];

    /// <summary>When users were last sent out.</summary>
    [Id(4)] public Dictionary<string, DateTimeOffset> Kicked { get; init; } = [];

    /// <summary>Nobody moves.</summary>
    [Id(5)] public bool IsFrozen { get; init; }

    /// <summary>Seconds between two chats of one person.</summary>
    [Id(6)] public int SlowChatSeconds { get; init; }

    /// <summary>Cells in which nobody moves: row * cells across + column, from the south-west.</summary>
    [Id(7)] public int[] FrozenCells { get; init; } = [];
}

/// <summary>What someone says of another.</summary>
[GenerateSerializer, Immutable]
public sealed record SpaceReport
{
    /// <summary>From 1; given by the owner.</summary>
    [Id(0)] public long Number { get; init; }

    /// <summary>Who reports.</summary>
    [Id(1)] public required string By { get; init; }

    /// <summary>Whom.</summary>
    [Id(2)] public required string Of { get; init; }

    /// <summary>At most 500 characters.</summary>
    [Id(3)] public required string Words { get; init; }

    /// <summary>When, by the owner's clock.</summary>
    [Id(4)] public DateTimeOffset At { get; init; }

    /// <summary>Where the reported one was, in metres.</summary>
    [Id(5)] public float X { get; init; }

    /// <summary>Where the reported one was, in metres.</summary>
    [Id(6)] public float Z { get; init; }

    /// <summary>When it was closed; null while open.</summary>
    [Id(7)] public DateTimeOffset? Closed { get; init; }

    /// <summary>By whom; null while open, and for an administrator.</summary>
    [Id(8)] public string? ClosedBy { get; init; }

    /// <summary>The recording of the half minute before it, at the silo where it was made; null where nothing is recorded.</summary>
    [Id(9)] public string? Recording { get; init; }
}

/// <summary>A space as one may see it.</summary>
/// <param name="Orders">What holds; without the muted, banned and kicked where one may not see them.</param>
/// <param name="ShowsPeople">Whether they are in it.</param>
[GenerateSerializer, Immutable]
public sealed record SpaceView([property: Id(0)] SpaceOrders Orders, [property: Id(1)] bool ShowsPeople)
{
    /// <summary>Seats taken.</summary>
    [Id(2)] public int Seated { get; init; }

    /// <summary>People in the waiting line.</summary>
    [Id(3)] public int Waiting { get; init; }
}

/// <summary>What a silo says of the space each second: who is here and with which epoch.</summary>
/// <param name="Silo">This run of the silo.</param>
/// <param name="KnownVersion">Of the orders that it knows.</param>
/// <param name="Users">Who is connected there, or away for a moment.</param>
/// <param name="Epochs">Of their sessions.</param>
/// <param name="Peer">Its spaces, for the other silos that have this one open.</param>
[GenerateSerializer, Immutable]
public sealed record SpacePresent([property: Id(0)] string Silo, [property: Id(1)] long KnownVersion, [property: Id(2)] string[] Users, [property: Id(3)] long[] Epochs, [property: Id(6)] ISpacePeer? Peer)
{
    /// <summary>When each one's token was issued; as many as users.</summary>
    [Id(4)] public DateTimeOffset[] Issued { get; init; } = [];

    /// <summary>The newest <see cref="SpaceAnswer.BlocksVersion"/> that the silo has heard from this owner; 0 at first.</summary>
    [Id(5)] public long KnownBlocks { get; init; }
}

/// <summary>What the owner answers.</summary>
/// <param name="Orders">What holds now; null when the silo knows it.</param>
/// <param name="Elsewhere">Users whose newer session is at another silo: theirs here end.</param>
/// <param name="Seats">Other silos that have the space open.</param>
[GenerateSerializer, Immutable]
public sealed record SpaceAnswer([property: Id(0)] SpaceOrders? Orders, [property: Id(1)] string[] Elsewhere, [property: Id(5)] SpaceSeat[] Seats)
{
    /// <summary>Users who gave their seat up after the token they are here with was issued: they go.</summary>
    [Id(2)] public string[] Left { get; init; } = [];

    /// <summary>Whom users block, by blocker, where that is newer than the silo knows; empty for nobody any more.</summary>
    [Id(3)] public Dictionary<string, string[]> Blocks { get; init; } = [];

    /// <summary>Of the newest of them; after the owner has moved it begins anew, far above what it was.</summary>
    [Id(4)] public long BlocksVersion { get; init; }
}

/// <summary>Owns a place: its definition, who may come in, the waiting line, moderation. Keyed by the space's id. Definition, bans and avatars' numbers are durable.</summary>
public interface ISpaceGrain : IGrainWithStringKey
{
    /// <summary>Creates or changes the space.</summary>
    /// <param name="json">See <c>SpaceDefinition</c>.</param>
    /// <param name="user">Who asks; null when it may (an administrator).</param>
    Task<CommandResult> PutAsync(byte[] json, string? user);

    /// <summary>Ends the space: everyone goes.</summary>
    Task<CommandResult> DeleteAsync(string? user);

    /// <summary>What holds; the definition is null when there is no such space.</summary>
    Task<SpaceOrders> GetAsync();

    /// <summary>Asks to come in, or again from the waiting line.</summary>
    Task<JoinAnswer> JoinAsync(JoinRequest request);

    /// <summary>What holds as someone may see it: who is kept out or quiet only where <paramref name="user"/> hosts or moderates.</summary>
    /// <param name="user">Who asks; null for an administrator, who sees all.</param>
    Task<SpaceView> ShowAsync(string? user);

    /// <summary>Someone has left for good: the seat is free at once, and a token from before brings nobody in any more.</summary>
    Task LeaveAsync(string user);

    /// <summary>A silo says that someone has left it for good. Does nothing when the user has been admitted anew since, or a newer session is known: such a word may come late.</summary>
    /// <param name="user">Who.</param>
    /// <param name="epoch">Of the session that ended.</param>
    /// <param name="issued">When its token was issued.</param>
    Task DepartAsync(string user, long epoch, DateTimeOffset issued);

    /// <summary>A moderator acts.</summary>
    /// <param name="by">Who; held to the space's roles. Null for an administrator.</param>
    /// <param name="act">What.</param>
    /// <param name="user">Whom; empty for acts that concern all.</param>
    /// <param name="seconds">0 to 31,536,000.</param>
    /// <param name="cell">Which cell to freeze or thaw; null for all. Thawing all thaws each.</param>
    Task<CommandResult> ModerateAsync(string? by, ModerationAct act, string user, int seconds, int? cell = null);

    /// <summary>Whose an avatar is; null when nobody has the number.</summary>
    Task<string?> OwnerOfAsync(int avatar);

    /// <summary>The silo that has a user's connection; all that have the space open while that is not known, for a second after it came.</summary>
    Task<ISpacePeer[]> WhereAsync(string user);

    /// <summary>A user who may be here blocks others than before; silos hear of it with their next word.</summary>
    Task BlocksChangedAsync(string user, string[] blocks);

    /// <summary>Someone inside reports another; kept before this returns. At most 1,000, of which those closed go first, and at most 20 open ones of one user.</summary>
    /// <returns>The report's number as version.</returns>
    Task<CommandResult> ReportAsync(SpaceReport report);

    /// <summary>Reports, the newest first; the problem when <paramref name="by"/> neither hosts nor moderates.</summary>
    /// <param name="by">Who asks; null for an administrator.</param>
    Task<(SpaceReport[] Reports, Problem? Problem)> ReportsAsync(string? by);

    /// <summary>Closes a report; the same again changes nothing.</summary>
    Task<CommandResult> CloseReportAsync(string? by, long number);

    /// <summary>A silo says who is here, each second, and learns what holds.</summary>
    Task<SpaceAnswer> PresentAsync(SpacePresent present);
}

/// <summary>The names of all spaces, and the secret that tokens are signed with. One, keyed 0.</summary>
public interface ISpaceDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>Adds or removes a name.</summary>
    Task<bool> SetAsync(string id, bool exists);

    /// <summary>All names, ordinal.</summary>
    Task<string[]> ListAsync();

    /// <summary>The secrets that hold, the present one first; made when first asked for.</summary>
    Task<byte[][]> GetSecretsAsync();
}
