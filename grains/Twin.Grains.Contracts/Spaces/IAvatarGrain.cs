using Orleans;
using Twin.Model;

namespace Twin.Grains.Spaces;

/// <summary>A belonging that an avatar shows: a unique item of a ledger.</summary>
/// <param name="Book">The book of accounts.</param>
/// <param name="Account">The account that holds it; of the avatar's user.</param>
/// <param name="Asset">The asset.</param>
/// <param name="Item">The item of it.</param>
[GenerateSerializer, Immutable]
public sealed record CarriedItem([property: Id(0)] string Book, [property: Id(1)] string Account, [property: Id(2)] string Asset, [property: Id(3)] string Item);

/// <summary>Where an avatar is, in the space's frame.</summary>
/// <param name="X">Metres east.</param>
/// <param name="Y">Metres up.</param>
/// <param name="Z">Metres north.</param>
/// <param name="IsConnected">False while its user is away for a moment, and when it has left.</param>
[GenerateSerializer, Immutable]
public sealed record AvatarPlace([property: Id(0)] float X, [property: Id(1)] float Y, [property: Id(2)] float Z, [property: Id(3)] bool IsConnected);

/// <summary>An avatar.</summary>
[GenerateSerializer, Immutable]
public sealed record AvatarView
{
    /// <summary>The space.</summary>
    [Id(0)] public required string Space { get; init; }

    /// <summary>Its number there.</summary>
    [Id(1)] public int Avatar { get; init; }

    /// <summary>Whose it is.</summary>
    [Id(2)] public required string User { get; init; }

    /// <summary>Shown here instead of the user's; null for the user's.</summary>
    [Id(3)] public string? Name { get; init; }

    /// <summary>Its figure here; null for the user's.</summary>
    [Id(4)] public string? Appearance { get; init; }

    /// <summary>What it shows of the user's belongings: what the ledger says its user holds now.</summary>
    [Id(5)] public CarriedItem[] Carries { get; init; } = [];

    /// <summary>Where it is, or was when it left; null when it was never seen to leave and is not here.</summary>
    [Id(6)] public AvatarPlace? Place { get; init; }

    /// <summary>Whether it is in the space now.</summary>
    [Id(7)] public bool IsHere { get; init; }

    /// <summary>When it left; null while it is here.</summary>
    [Id(8)] public DateTimeOffset? Left { get; init; }
}

/// <summary>What is to be changed of an avatar. Null leaves a member as it was, an empty text takes it back.</summary>
/// <param name="Name">At most 64 characters.</param>
/// <param name="Appearance">At most 64 characters.</param>
/// <param name="Carries">At most 16, each held by an account of the avatar's user.</param>
[GenerateSerializer, Immutable]
public sealed record AvatarChange([property: Id(0)] string? Name, [property: Id(1)] string? Appearance, [property: Id(2)] CarriedItem[]? Carries);

/// <summary>
/// Owns an avatar: a user's figure in one space. Keyed <c>space/number</c>. Its user and administrators (null as <c>by</c>) change it; whoever reads sees it. Durable: figure, what it carries, where it was when it left.
/// Where it is now is asked of the silo that has its connection: poses never pass through here.
/// </summary>
public interface IAvatarGrain : IGrainWithStringKey
{
    /// <summary>The avatar; null when nobody has this number.</summary>
    Task<AvatarView?> GetAsync();

    /// <summary>Changes it; those in the space are told before this returns.</summary>
    Task<CommandResult> PutAsync(string? by, AvatarChange change);

    /// <summary>For the owner of the space: its own name and figure.</summary>
    Task<(string? Name, string? Appearance)> FigureAsync();

    /// <summary>For silos: it has left.</summary>
    Task LeftAsync(AvatarPlace place);
}
