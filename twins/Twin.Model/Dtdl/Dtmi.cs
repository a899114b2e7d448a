using System.Globalization;

namespace Twin.Model.Dtdl;

/// <summary>
/// The form of digital twin model identifiers: <c>dtmi:com:example:Lamp;1</c>. Segments begin with a letter, go on with
/// letters, digits and underscores, and do not end with an underscore; those that begin with underscores are the
/// system's. A version is one number of 1 to 9 digits without leading zero, or <c>major.minor</c> with a minor of 1 to 6.
/// DTDL v2 asks for a version without minor; v3 and v4 leave it away where they may. A fragment may follow <c>#</c>.
/// </summary>
internal static class Dtmi
{
    /// <summary>Longest id of an interface in UTF-16 units, by limit set.</summary>
    private static readonly int[] LongestInterface = [128, 256, 256];

    /// <summary>Longest id of any element in UTF-16 units, by limit set.</summary>
    private static readonly int[] Longest = [2048, 512, 512];

    public static int LongestId(int version, int limitSet) => Longest[version < 4 ? 0 : limitSet];

    public static int LongestInterfaceId(int version, int limitSet) => LongestInterface[version < 4 ? 0 : limitSet];

    public static bool LooksLike(string text) => text.StartsWith("dtmi:", StringComparison.Ordinal);

    /// <summary>True for ids that the system made: a segment or the fragment begins with an underscore.</summary>
    public static bool IsDerived(string id) => id.Contains(":_", StringComparison.Ordinal) || id.Contains("#_", StringComparison.Ordinal);

    /// <summary>True when an author may write this id under a DTDL version. Length is not looked at.</summary>
    public static bool IsValid(string id, int dtdlVersion)
    {
        if (!TryScan(id, out var path, out var major, out var minor, out var fragment) || fragment >= 0 || path < 0 || IsDerived(id)) return false;
        return dtdlVersion >= 3 || (major > 0 && minor == 0);
    }

    /// <summary>True when the id may be referred to under a DTDL version and limit set.</summary>
    public static bool IsReference(string id, int dtdlVersion, int limitSet) => id.Length <= LongestId(dtdlVersion, limitSet) && IsValid(id, dtdlVersion);

    /// <summary>The last segment: <c>Lamp</c> of <c>dtmi:com:example:Lamp;1</c>.</summary>
    public static string LastSegment(string id)
    {
        var end = id.IndexOf(';', StringComparison.Ordinal);
        var path = end < 0 ? id : id[..end];
        return path[(path.LastIndexOf(':') + 1)..];
    }

    /// <summary>The id without version and fragment.</summary>
    public static string Versionless(string id)
    {
        var end = id.AsSpan().IndexOfAny(';', '#');
        return end < 0 ? id : id[..end];
    }

    /// <summary>The id of an element without <c>@id</c>, from its parent, the property that holds it and its name.</summary>
    public static string Derive(string parent, string property, string? name)
    {
        var end = parent.IndexOf(';', StringComparison.Ordinal);
        var version = end < 0 ? default : parent.AsSpan(end);
        var path = end < 0 ? parent : parent.AsSpan(0, end);
        return name is null ? $"{path}:_{property}{version}" : $"{path}:_{property}:__{name}{version}";
    }

    /// <summary>Takes any well-formed id apart, the system's included.</summary>
    public static bool TryParse(string id, out DtmiParts parts)
    {
        parts = default;
        if (!TryScan(id, out var path, out var major, out var minor, out var hash)) return false;
        parts = new DtmiParts(id[..path], major, minor, hash < 0 ? "" : id[hash..]);
        return true;
    }

    /// <summary>Checks the form; tells where the path ends and where the fragment begins (-1: none). Allocates nothing.</summary>
    private static bool TryScan(string id, out int path, out int major, out int minor, out int hash)
    {
        (path, major, minor, hash) = (-1, 0, 0, -1);
        if (!LooksLike(id)) return false;
        var rest = id.AsSpan(5);
        var at = rest.IndexOf('#');
        if (at >= 0)
        {
            if (at + 1 < rest.Length && !IsSegment(rest[(at + 1)..])) return false;
            hash = at + 5;
            rest = rest[..at];
        }

        var semicolon = rest.IndexOf(';');
        if (semicolon >= 0)
        {
            if (!TryReadVersion(rest[(semicolon + 1)..], out major, out minor)) return false;
            rest = rest[..semicolon];
        }

        foreach (var range in rest.Split(':'))
        {
            if (!IsSegment(rest[range])) return false;
        }

        path = rest.Length + 5;
        return true;
    }

    private static bool IsSegment(ReadOnlySpan<char> segment)
    {
        if (segment.IsEmpty || segment[^1] == '_') return false;
        var first = segment.TrimStart('_');
        if (first.IsEmpty || !(char.IsAsciiLetter(first[0]) || (first.Length != segment.Length && char.IsAsciiDigit(first[0])))) return false;
        foreach (var c in first)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        }

        return true;
    }

    private static bool TryReadVersion(ReadOnlySpan<char> text, out int major, out int minor)
    {
        minor = 0;
        var dot = text.IndexOf('.');
        if (dot < 0) return TryReadNumber(text, 9, out major);
        return TryReadNumber(text[..dot], 9, out major) & TryReadNumber(text[(dot + 1)..], 6, out minor);
    }

    private static bool TryReadNumber(ReadOnlySpan<char> digits, int longest, out int number)
    {
        number = 0;
        return digits.Length > 0 && digits.Length <= longest && digits[0] is >= '1' and <= '9' && !digits.ContainsAnyExceptInRange('0', '9')
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}

/// <summary>The parts of an identifier.</summary>
/// <param name="Versionless">Everything before the version.</param>
/// <param name="Major">Major version; 0 when there is none.</param>
/// <param name="Minor">Minor version; 0 when there is none.</param>
/// <param name="Fragment">The fragment with its <c>#</c>; empty when there is none.</param>
internal readonly record struct DtmiParts(string Versionless, int Major, int Minor, string Fragment)
{
    public bool HasFragment => Fragment.Length > 0;
}
