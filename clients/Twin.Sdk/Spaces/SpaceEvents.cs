using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <summary>Where a <see cref="SpaceClient"/> stands.</summary>
public enum SpaceStanding
{
    /// <summary>On its way to the first welcome.</summary>
    Opening,

    /// <summary>In the space.</summary>
    Here,

    /// <summary>The connection is lost; it tries to come back.</summary>
    Lost,

    /// <summary>Over: <see cref="SpaceClient.Ended"/> tells why.</summary>
    Ended,
}

/// <summary>What happened in a space beside the frames.</summary>
public abstract record SpaceEvent;

/// <summary>The server said something: people's names, chats, states, refusals, moderation, quality, whether one is recorded.</summary>
/// <param name="Message">Any message of the server but frames and times.</param>
public sealed record SpaceSaid(SpaceMessage Message) : SpaceEvent;

/// <summary>The server put one's own avatar somewhere: go on from there.</summary>
/// <param name="Correction">Where, and why.</param>
public sealed record SpaceCorrected(Correction Correction) : SpaceEvent;

/// <summary>The client stands elsewhere than before.</summary>
/// <param name="Standing">Where.</param>
/// <param name="Why">For people; empty where there is nothing to say.</param>
public sealed record SpaceStood(SpaceStanding Standing, string Why) : SpaceEvent;
