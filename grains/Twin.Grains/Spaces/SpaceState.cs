using Orleans;

namespace Twin.Grains.Spaces;

/// <summary>What a space keeps.</summary>
[GenerateSerializer]
internal sealed class SpaceState
{
    [Id(0)] public byte[]? Definition { get; set; }

    [Id(1)] public long Version { get; set; }

    /// <summary>Each user's avatar.</summary>
    [Id(2)] public Dictionary<string, int> Avatars { get; set; } = new(StringComparer.Ordinal);

    [Id(3)] public Dictionary<string, DateTimeOffset> Banned { get; set; } = new(StringComparer.Ordinal);

    [Id(4)] public Dictionary<string, DateTimeOffset> Muted { get; set; } = new(StringComparer.Ordinal);

    [Id(5)] public bool IsFrozen { get; set; }

    [Id(6)] public int SlowChatSeconds { get; set; }

    [Id(7)] public Dictionary<string, DateTimeOffset> Kicked { get; set; } = new(StringComparer.Ordinal);

    [Id(8)] public List<int> FrozenCells { get; set; } = [];

    /// <summary>By user: at most as many as avatars.</summary>
    [Id(20)] public Dictionary<string, SpaceTicket> Tickets { get; set; } = new(StringComparer.Ordinal);
}

/// <summary>A ticket that someone has shown at the door.</summary>
[GenerateSerializer]
internal sealed class SpaceTicket
{
    [Id(0)] public string Book { get; set; } = "";

    [Id(1)] public string Asset { get; set; } = "";

    [Id(2)] public string Item { get; set; } = "";

    /// <summary>The account that held it.</summary>
    [Id(3)] public string Holder { get; set; } = "";

    /// <summary>Under which the ledger is asked to mark it, however often.</summary>
    [Id(4)] public string Key { get; set; } = "";

    /// <summary>The ledger has it marked.</summary>
    [Id(5)] public bool IsUsed { get; set; }

    public string Place => $"{Book}/{Asset}/{Item}";
}

/// <summary>The reports of a space: beside its state, which is written with every newcomer.</summary>
[GenerateSerializer]
internal sealed class SpaceReports
{
    /// <summary>By rising number.</summary>
    [Id(0)] public List<SpaceReport> Reports { get; set; } = [];

    [Id(1)] public long Last { get; set; }
}

/// <summary>What the directory of spaces keeps.</summary>
[GenerateSerializer]
internal sealed class SpaceDirectoryState
{
    [Id(0)] public List<string> Ids { get; set; } = [];

    [Id(1)] public List<byte[]> Secrets { get; set; } = [];
}
