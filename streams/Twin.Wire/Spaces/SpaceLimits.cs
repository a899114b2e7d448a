namespace Twin.Wire.Spaces;

/// <summary>The bounds of what a message may carry (SPEC-spaces, clause 9). They are checked where a message is read.</summary>
public static class SpaceLimits
{
    /// <summary>The version of the protocol that this code speaks.</summary>
    public const int Version = 1;

    /// <summary>Bytes of a message from a client.</summary>
    public const int MessageBytes = 64 * 1024;

    /// <summary>UTF-16 units of a chat text.</summary>
    public const int ChatCharacters = 500;

    /// <summary>UTF-16 units of names: of clients, people, spaces, appearances and roles.</summary>
    public const int NameCharacters = 64;

    /// <summary>UTF-16 units of a reason or of a text for people: reports, refusals, moderation, levels, goodbyes.</summary>
    public const int ReasonCharacters = 500;

    /// <summary>Bytes of a state's payload.</summary>
    public const int StateBytes = 1024;

    /// <summary>The greatest state channel.</summary>
    public const int Channel = 255;

    /// <summary>The greatest avatar number: 24 bits.</summary>
    public const int Avatar = (1 << 24) - 1;

    /// <summary>The greatest gesture: 4 bits of <see cref="AvatarFlags"/>.</summary>
    public const int Gesture = 15;

    /// <summary>Roles of one person.</summary>
    public const int Roles = 16;

    /// <summary>People in one message.</summary>
    public const int People = 256;

    /// <summary>Bytes of a crowd's body.</summary>
    public const int CrowdBytes = 1024 * 1024;

    /// <summary>The least byte budget of a viewer, in bytes a second.</summary>
    public const int LeastByteBudget = 500;

    /// <summary>The greatest byte budget of a viewer, in bytes a second.</summary>
    public const int MostByteBudget = 1_000_000;

    /// <summary>The greatest integer that every client can hold, 2^53 - 1: a script's numbers are doubles.</summary>
    public const long Number = (1L << 53) - 1;

    /// <summary>The greatest speed of a replay, in times real time.</summary>
    public const double ReplaySpeed = 100;
}

/// <summary>Why a socket of a space was closed (SPEC-spaces, clause 8).</summary>
public enum SpaceClose : ushort
{
    /// <summary>The client left.</summary>
    Left = 4000,

    /// <summary>The session goes on in another connection.</summary>
    ResumedElsewhere = 4001,

    /// <summary>A moderator sent the avatar out; it may come again.</summary>
    Kicked = 4003,

    /// <summary>A moderator keeps the user out.</summary>
    Banned = 4004,

    /// <summary>The client did not read what was sent to it.</summary>
    TooSlow = 4008,

    /// <summary>The client sent more than is taken.</summary>
    Flood = 4029,

    /// <summary>A message broke the specification.</summary>
    Protocol = 4400,

    /// <summary>The token is missing, wrong or expired.</summary>
    Token = 4401,

    /// <summary>The silo or the space is closing; resume elsewhere.</summary>
    Closing = 4503,
}

/// <summary>Whom a chat text is for.</summary>
public enum ChatScope : byte
{
    /// <summary>Those who see the avatar near.</summary>
    Near = 0,

    /// <summary>The whole space.</summary>
    Space = 1,

    /// <summary>One avatar.</summary>
    Whisper = 2,
}
