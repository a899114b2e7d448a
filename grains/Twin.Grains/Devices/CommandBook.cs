using Orleans;

namespace Twin.Grains.Devices;

/// <summary>A command that was sent under a key; <see cref="Status"/> is null until the device replied.</summary>
[GenerateSerializer, Immutable]
internal sealed record CommandEntry
{
    [Id(0)] public string Key { get; init; } = "";

    [Id(1)] public string Correlation { get; init; } = "";

    /// <summary>Of name and payload, so that a key used for something else is told apart.</summary>
    [Id(2)] public string Fingerprint { get; init; } = "";

    [Id(3)] public DateTimeOffset SentAt { get; init; }

    [Id(4)] public DateTimeOffset Deadline { get; init; }

    [Id(5)] public DeviceCommandStatus? Status { get; init; }

    [Id(6)] public int Code { get; init; }

    [Id(7)] public byte[] Payload { get; init; } = [];

    [Id(8)] public string? Detail { get; init; }

    public DeviceCommandReply? Reply => Status is { } status ? new DeviceCommandReply(status, Code, Payload, Detail) : null;
}

/// <summary>What a device was told under keys lately: written before a command is sent, so that no retry sends it twice. Immutable.</summary>
[GenerateSerializer, Immutable]
internal sealed record CommandBook
{
    [Id(0)] public CommandEntry[] Entries { get; init; } = [];

    public CommandEntry? Find(string key, DateTimeOffset now) => Array.Find(Entries, e => e.Key == key && !IsOld(e, now));

    public CommandEntry? FindByCorrelation(string correlation) => Array.Find(Entries, e => e.Correlation == correlation);

    /// <summary>With an entry and without the forgotten ones; the same book when it is full.</summary>
    public CommandBook With(CommandEntry entry, DateTimeOffset now)
    {
        var kept = Array.FindAll(Entries, e => !IsOld(e, now));
        return kept.Length >= DeviceBounds.KeptCommands ? this : this with { Entries = [.. kept, entry] };
    }

    public CommandBook Without(string correlation) => this with { Entries = Array.FindAll(Entries, e => e.Correlation != correlation) };

    /// <summary>With a command's reply, the first one only; its payload is left out when the book has no room for it.</summary>
    public CommandBook WithReply(string correlation, DeviceCommandReply reply)
    {
        var at = Array.FindIndex(Entries, e => e.Correlation == correlation && e.Status is null);
        if (at < 0) return this;
        var fits = Entries.Sum(e => (long)e.Payload.Length) + reply.Payload.Length <= DeviceBounds.KeptReplyBytes;
        var entries = (CommandEntry[])Entries.Clone();
        entries[at] = entries[at] with
        {
            Status = reply.Status, Code = reply.Code, Payload = fits ? reply.Payload : [],
            Detail = fits ? reply.Detail : $"The reply's {reply.Payload.Length} bytes were told once and are not kept: replies of this device within {DeviceBounds.RepliesKept} have more than {DeviceBounds.KeptReplyBytes} bytes.",
        };
        return this with { Entries = entries };
    }

    private static bool IsOld(CommandEntry entry, DateTimeOffset now) => now - entry.SentAt > DeviceBounds.RepliesKept;
}
