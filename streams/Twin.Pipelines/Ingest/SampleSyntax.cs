using System.Buffers;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>What a sample's twin id, path and time may look like. Hot: allocates only when it refuses.</summary>
public static class SampleSyntax
{
    /// <summary>Most characters of a twin id.</summary>
    public const int MaxTwinIdLength = 128;

    /// <summary>Most characters of a property path.</summary>
    public const int MaxPathLength = 512;

    /// <summary>Characters a twin id may have besides letters and digits. No slash, hash or question mark: an id is one level of a topic and one segment of an address.</summary>
    public const string TwinIdPunctuation = "-_.:,@+%()=;$!*'";

    private static readonly SearchValues<char> TwinIdCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + TwinIdPunctuation);

    // Control characters and U+FFFD, which malformed UTF-8 decodes to.
    private static readonly SearchValues<char> PathRefused = SearchValues.Create(
        "\0\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\v\f\r\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f\u007f\ufffd");

    private static readonly long LeastUnixMilliseconds = -DateTime.UnixEpoch.Ticks / TimeSpan.TicksPerMillisecond;
    private static readonly long MostUnixMilliseconds = (DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;

    /// <summary>Null when the id is well formed; otherwise what is wrong with it.</summary>
    public static string? CheckTwinId(string id) =>
        id.Length is > 0 and <= MaxTwinIdLength && id.AsSpan().IndexOfAnyExcept(TwinIdCharacters) < 0
            ? null
            : $"Twin id '{Shorten(id)}' is not 1 to {MaxTwinIdLength} characters of letters, digits and {TwinIdPunctuation}";

    /// <summary>Null when the path is well formed (segments between single slashes, no control characters); otherwise what is wrong with it.</summary>
    public static string? CheckPath(string path)
    {
        if (path.Length is 0 or > MaxPathLength) return $"Property path '{Shorten(path)}' has {path.Length} characters; 1 to {MaxPathLength} are allowed.";
        var span = path.AsSpan();
        if (span[0] == '/' || span[^1] == '/' || span.IndexOf("//") >= 0) return $"Property path '{Shorten(path)}' has an empty segment.";
        if (span[0] == '$') return $"Property path '{Shorten(path)}' is reserved: names do not start with $.";
        return span.IndexOfAny(PathRefused) >= 0 ? $"Property path '{Shorten(path)}' has control characters or malformed UTF-8." : null;
    }

    /// <summary>True when the milliseconds since 1970 are in the years 1 to 9999.</summary>
    public static bool TryTime(long unixMilliseconds, out WallTime time)
    {
        var inRange = unixMilliseconds > LeastUnixMilliseconds && unixMilliseconds <= MostUnixMilliseconds;
        time = inRange ? WallTime.FromUnixMilliseconds(unixMilliseconds) : default;
        return inRange;
    }

    /// <summary>The first 64 characters, control characters replaced, for an error text.</summary>
    internal static string Shorten(string text)
    {
        var head = text.Length <= 64 ? text : string.Concat(text.AsSpan(0, 64), "...");
        return string.Create(head.Length, head, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '\ufffd' : source[i];
        });
    }
}
