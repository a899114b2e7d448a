using Orleans;

namespace Twin.Grains.Spaces;

/// <summary>What a user keeps.</summary>
[GenerateSerializer]
internal sealed class UserState
{
    [Id(0)] public string? Name { get; set; }

    [Id(1)] public string? Appearance { get; set; }

    [Id(2)] public int? BirthYear { get; set; }

    [Id(3)] public int? Age { get; set; }

    /// <summary>When the age was stated.</summary>
    [Id(4)] public DateTimeOffset AgeStated { get; set; }

    [Id(5)] public Dictionary<string, DateTimeOffset> Consents { get; set; } = new(StringComparer.Ordinal);

    [Id(6)] public SortedSet<string> Blocks { get; set; } = new(StringComparer.Ordinal);

    [Id(7)] public long Version { get; set; }
}
