namespace Twin.Grains;

/// <summary>What a device's owner takes; doors refuse the rest before it comes there, the owner refuses it again.</summary>
public static class DeviceBounds
{
    /// <summary>Characters of a command's name.</summary>
    public const int CommandNameLength = 64;

    /// <summary>Characters of an idempotency key.</summary>
    public const int KeyLength = 128;

    /// <summary>Bytes of a command's payload.</summary>
    public const int CommandPayloadBytes = 256 * 1024;

    /// <summary>Bytes of a reply's payload; a longer one ends the command as <see cref="DeviceCommandStatus.ReplyTooLarge"/>.</summary>
    public const int ReplyPayloadBytes = 64 * 1024;

    /// <summary>Bytes of all replies kept for retries; beyond it a reply's code is kept and its payload is not.</summary>
    public const int KeptReplyBytes = 512 * 1024;

    /// <summary>Commands with a key that are remembered at a time.</summary>
    public const int KeptCommands = 128;

    /// <summary>Commands that wait for a reply at a time.</summary>
    public const int WaitingCommands = 32;

    /// <summary>Characters of a merge patch.</summary>
    public const int PatchCharacters = 256 * 1024;

    /// <summary>Characters of the desired or the reported state as kept (JSON, everything but ASCII escaped).</summary>
    public const int StateCharacters = 64 * 1024;

    /// <summary>Levels of objects and arrays in a merge patch.</summary>
    public const int StateDepth = 32;

    /// <summary>Changes of one device that wait for the store; beyond it they are refused as busy.</summary>
    public const int WaitingChanges = 64;

    /// <summary>The longest wait for a reply.</summary>
    public static TimeSpan LongestTimeout { get; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a command is remembered by its key, from when it was sent.</summary>
    public static TimeSpan RepliesKept { get; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest silence after which a device may go stale.</summary>
    public static TimeSpan LongestSilence { get; } = TimeSpan.FromDays(366);

    /// <summary>A command's name becomes a level of a topic, so it holds no separator, wildcard or control character: 1 to 64 ASCII letters, digits and <c>- _ . :</c>.</summary>
    public static bool IsCommandName(string? name)
    {
        if (name is not { Length: > 0 and <= CommandNameLength }) return false;
        foreach (var c in name)
            if (!(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':')) return false;
        return true;
    }

    /// <summary>An idempotency key: at most 128 visible ASCII characters; empty is none.</summary>
    public static bool IsKey(string? key)
    {
        if (key is not { Length: <= KeyLength }) return false;
        foreach (var c in key)
            if (c is <= ' ' or > '~') return false;
        return true;
    }
}
