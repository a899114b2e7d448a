using Orleans;
using Orleans.Concurrency;

namespace Twin.Grains.Spaces;

/// <summary>The spaces of one silo, as those of the others talk to them: one batch for each space and tick, never a call for an avatar. Thread-safe; does not block.</summary>
public interface ISpacePeer : IGrainObserver
{
    /// <summary>Takes a batch. Batches may be lost, come twice or out of order: what they say is true by its own numbers.</summary>
    [OneWay]
    Task TellAsync(SpaceBatch batch);

    /// <summary>Where an avatar is whose connection is here; null when none is.</summary>
    Task<AvatarPlace?> FindAsync(string space, int avatar);

    /// <summary>An avatar has another name or figure: all in the space are told within a second or two.</summary>
    /// <param name="space">The space.</param>
    /// <param name="avatar">Whose.</param>
    /// <param name="name">Shown; null leaves it.</param>
    /// <param name="appearance">Its figure.</param>
    Task DressAsync(string space, int avatar, string? name, string appearance);
}

/// <summary>Where a space is open.</summary>
/// <param name="Silo">Which silo, a name of this run of it.</param>
/// <param name="Peer">Its spaces.</param>
[GenerateSerializer, Immutable]
public sealed record SpaceSeat([property: Id(0)] string Silo, [property: Id(1)] ISpacePeer Peer);

/// <summary>What one silo tells another of a space in one tick.</summary>
[GenerateSerializer, Immutable]
public sealed record SpaceBatch
{
    /// <summary>Layout of the byte members; another is not read.</summary>
    public const int CurrentLayout = 1;

    /// <summary>The space.</summary>
    [Id(0)] public required string Space { get; init; }

    /// <summary>Whose batch.</summary>
    [Id(1)] public required string Silo { get; init; }

    /// <summary>Its spaces, for one who did not know of them.</summary>
    [Id(2)] public required ISpacePeer Peer { get; init; }

    /// <summary>See <see cref="CurrentLayout"/>.</summary>
    [Id(3)] public int Layout { get; init; } = CurrentLayout;

    /// <summary>Its tick: rises by one with each batch.</summary>
    [Id(4)] public long Tick { get; init; }

    /// <summary>It tells its last: the space closes there.</summary>
    [Id(5)] public bool IsLast { get; init; }

    /// <summary>Avatars that it owns, as they are.</summary>
    [Id(6)] public byte[] States { get; init; } = [];

    /// <summary>Avatars that have come into a cell of the one it is told to.</summary>
    [Id(7)] public byte[] Offers { get; init; } = [];

    /// <summary>Inputs of its people for avatars of the one it is told to.</summary>
    [Id(8)] public byte[] Inputs { get; init; } = [];

    /// <summary>Inputs that it has refused.</summary>
    [Id(9)] public byte[] Refusals { get; init; } = [];

    /// <summary>Avatars whose people have left.</summary>
    [Id(10)] public byte[] Gone { get; init; } = [];

    /// <summary>Its people: each within two seconds, and at once when something changes.</summary>
    [Id(11)] public SpaceGuest[] Guests { get; init; } = [];

    /// <summary>What its people said.</summary>
    [Id(12)] public SpaceTalk[] Talks { get; init; } = [];
}

/// <summary>Someone who is connected to another silo, or away for a moment.</summary>
/// <param name="Avatar">The number.</param>
/// <param name="Epoch">Of the session; the higher one holds.</param>
/// <param name="User">Whose.</param>
/// <param name="Name">Shown.</param>
/// <param name="Appearance">Which figure.</param>
/// <param name="Roles">Bits.</param>
/// <param name="IsConnected">False while it is away.</param>
[GenerateSerializer, Immutable]
public sealed record SpaceGuest([property: Id(0)] int Avatar, [property: Id(1)] long Epoch, [property: Id(2)] string User, [property: Id(3)] string Name, [property: Id(4)] string Appearance, [property: Id(5)] int Roles, [property: Id(6)] bool IsConnected);

/// <summary>Chat or a state channel.</summary>
/// <param name="From">Whose avatar.</param>
/// <param name="Channel">The state channel; -1 for chat.</param>
/// <param name="Scope">Of chat.</param>
/// <param name="To">Whom a whisper is for.</param>
/// <param name="Payload">The chat's message as clients read it, or the channel's value.</param>
[GenerateSerializer, Immutable]
public sealed record SpaceTalk([property: Id(0)] int From, [property: Id(1)] int Channel, [property: Id(2)] int Scope, [property: Id(3)] int To, [property: Id(4)] byte[] Payload);
