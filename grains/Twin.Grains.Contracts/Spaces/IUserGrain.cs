using Orleans;
using Twin.Model;

namespace Twin.Grains.Spaces;

/// <summary>What a user says of itself. Null leaves a member as it was.</summary>
/// <param name="Name">Shown to others, 1 to 64 characters.</param>
/// <param name="Appearance">Figure where none is asked for, at most 64 characters.</param>
/// <param name="BirthYear">1900 to this year; 0 takes it back.</param>
/// <param name="Age">Years, 0 to 130, as of now; -1 takes it back.</param>
[GenerateSerializer, Immutable]
public sealed record UserProfile([property: Id(0)] string? Name, [property: Id(1)] string? Appearance, [property: Id(2)] int? BirthYear, [property: Id(3)] int? Age);

/// <summary>A user as someone may see it.</summary>
[GenerateSerializer, Immutable]
public sealed record UserView
{
    /// <summary>The id.</summary>
    [Id(0)] public required string User { get; init; }

    /// <summary>Shown to others; null when none was said.</summary>
    [Id(1)] public string? Name { get; init; }

    /// <summary>Figure; null when none was said.</summary>
    [Id(2)] public string? Appearance { get; init; }

    /// <summary>Whether what follows is in it: for the user and administrators only.</summary>
    [Id(3)] public bool IsWhole { get; init; }

    /// <summary>As stated.</summary>
    [Id(4)] public int? BirthYear { get; init; }

    /// <summary>Years that the user has at least now, by what it stated.</summary>
    [Id(5)] public int? Age { get; init; }

    /// <summary>Consents that hold, and since when.</summary>
    [Id(6)] public Dictionary<string, DateTimeOffset> Consents { get; init; } = [];

    /// <summary>Users it does not want to hear, nor be heard by; ordinal.</summary>
    [Id(7)] public string[] Blocks { get; init; } = [];

    /// <summary>The space it is in; null for none.</summary>
    [Id(8)] public string? Space { get; init; }

    /// <summary>Since when.</summary>
    [Id(9)] public DateTimeOffset? Since { get; init; }
}

/// <summary>What the owner of a space needs to know of a user.</summary>
/// <param name="Name">Null when none was said.</param>
/// <param name="Appearance">Null when none was said.</param>
/// <param name="Age">Years at least; null when not stated.</param>
/// <param name="Consents">Given, by name.</param>
/// <param name="Blocks">Users it blocks.</param>
[GenerateSerializer, Immutable]
public sealed record UserPass([property: Id(0)] string? Name, [property: Id(1)] string? Appearance, [property: Id(2)] int? Age, [property: Id(3)] string[] Consents, [property: Id(4)] string[] Blocks);

/// <summary>Owns a user: its profile, consents, blocks, and where it is. Keyed by the user's id. A user reads and changes itself, an administrator (null as <c>by</c>) all; others see name and appearance. Durable, but where it is: that is of the activation.</summary>
public interface IUserGrain : IGrainWithStringKey
{
    /// <summary>The user as <paramref name="by"/> may see it.</summary>
    Task<UserView> GetAsync(string? by);

    /// <summary>Changes the profile.</summary>
    Task<CommandResult> PutAsync(string? by, UserProfile profile);

    /// <summary>Gives a consent, or takes it back: that holds at the next join.</summary>
    Task<CommandResult> ConsentAsync(string? by, string name, bool isGiven);

    /// <summary>Blocks another user, or no more; the space it is in is told before this returns.</summary>
    Task<CommandResult> BlockAsync(string? by, string other, bool isBlocked);

    /// <summary>For owners of spaces. What the user itself says at the door is kept first.</summary>
    /// <param name="age">Stated now; null when not.</param>
    /// <param name="consents">Given now; those of bad form or beyond the bound are not kept.</param>
    Task<UserPass> PassAsync(int? age, string[] consents);

    /// <summary>For owners of spaces: it has been admitted.</summary>
    Task CameAsync(string space);

    /// <summary>For owners of spaces: it has left. Does nothing when it is elsewhere by now.</summary>
    Task WentAsync(string space);
}
