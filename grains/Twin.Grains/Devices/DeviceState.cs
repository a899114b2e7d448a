using Orleans;

namespace Twin.Grains.Devices;

/// <summary>What a device's owner keeps. Immutable: a change is a new one, so that what was not stored is never seen.</summary>
[GenerateSerializer, Immutable]
internal sealed record DeviceState
{
    [Id(0)] public string? SecretHash { get; init; }

    [Id(1)] public string TwinId { get; init; } = "";

    [Id(2)] public TimeSpan StaleAfter { get; init; } = TimeSpan.FromMinutes(5);

    [Id(3)] public string Desired { get; init; } = "{}";

    [Id(4)] public long DesiredVersion { get; init; }

    [Id(5)] public string Reported { get; init; } = "{}";

    [Id(6)] public bool IsDisabled { get; init; }

    [Id(7)] public DateTimeOffset? LastSeen { get; init; }

    [Id(8)] public bool IsListed { get; init; }

    [Id(9)] public bool IsBehindEdge { get; init; }

    [Id(10)] public DateTimeOffset? StaleSince { get; init; }

    [Id(11)] public DateTimeOffset? MarkedAt { get; init; }

    /// <summary>The latest session taken.</summary>
    [Id(12)] public long Session { get; init; }

    /// <summary>The latest session that ended.</summary>
    [Id(13)] public long EndedSession { get; init; }

    public bool IsRegistered => SecretHash is not null;
}
