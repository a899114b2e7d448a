using System.Globalization;

namespace Twin.Model;

/// <summary>Versions as HTTP entity tags: weak, the version in lower-case hexadecimal, e.g. <c>W/"10000000005"</c>.</summary>
public static class ETag
{
    /// <summary>Longest tag in characters: <c>W/"</c>, 16 hexadecimal digits, <c>"</c>.</summary>
    public const int MaxLength = 20;

    /// <summary>The tag of a version.</summary>
    public static string Format(long version) => string.Create(CultureInfo.InvariantCulture, $"W/\"{version:x}\"");

    /// <summary>Writes the tag of a version as UTF-8; returns its length, at most <see cref="MaxLength"/>. Allocates nothing.</summary>
    public static int Format(long version, Span<byte> utf8)
    {
        utf8[0] = (byte)'W';
        utf8[1] = (byte)'/';
        utf8[2] = (byte)'"';
        version.TryFormat(utf8[3..], out var digits, "x", CultureInfo.InvariantCulture);
        utf8[3 + digits] = (byte)'"';
        return digits + 4;
    }

    /// <summary>
    /// Reads one tag as If-Match carries it: <c>W/"hex"</c>, or strong <c>"hex"</c>; <c>*</c> gives 0 ("any existing").
    /// False for anything else, lists of tags included.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out long version)
    {
        version = 0;
        text = text.Trim();
        if (text is "*") return true;
        if (text.StartsWith("W/", StringComparison.Ordinal)) text = text[2..];
        if (text.Length is < 3 or > 18 || text[0] != '"' || text[^1] != '"') return false;
        return long.TryParse(text[1..^1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out version) && version > 0;
    }
}
