namespace Twin.Model.Dtdl;

/// <summary>
/// The form of digital twin model identifiers: <c>dtmi:com:example:Lamp;1</c>. Segments begin with a letter, go on with
/// letters, digits and underscores, and do not end with an underscore; those that begin with underscores are the
/// system's. Versions: v2 one number of 1 to 9 digits without leading zero; v3 also none (for all but interfaces) and <c>major.minor</c>.
/// </summary>
internal static class Dtmi
{
    /// <summary>Longest id of an element.</summary>
    public const int Longest = 2048;

    /// <summary>Longest id of an interface in v2.</summary>
    public const int LongestInterfaceV2 = 128;

    public static bool LooksLike(string text) => text.StartsWith("dtmi:", StringComparison.Ordinal);

    /// <summary>True for ids of the language itself.</summary>
    public static bool IsReserved(string id) =>
        id.StartsWith("dtmi:dtdl:", StringComparison.Ordinal) || id.StartsWith("dtmi:standard:", StringComparison.Ordinal) || id.StartsWith("dtmi:iotcentral:", StringComparison.Ordinal);

    /// <summary>True when an author may write this id.</summary>
    public static bool IsValid(string id, int dtdlVersion, bool versionRequired = true)
    {
        if (!IsWellFormed(id, out var version, allowSystemSegments: false)) return false;
        return version.Length == 0 ? dtdlVersion >= 3 && !versionRequired : IsVersion(version, allowMinor: dtdlVersion >= 3);
    }

    /// <summary>True for any id the language knows, system segments and every form of version included.</summary>
    public static bool IsWellFormed(string id) => IsWellFormed(id, out var version, allowSystemSegments: true) && (version.Length == 0 || IsVersion(version, allowMinor: true));

    /// <summary>The last segment: <c>Lamp</c> of <c>dtmi:com:example:Lamp;1</c>.</summary>
    public static string LastSegment(string id)
    {
        var end = id.IndexOf(';', StringComparison.Ordinal);
        var path = end < 0 ? id : id[..end];
        return path[(path.LastIndexOf(':') + 1)..];
    }

    /// <summary>The id of an element without <c>@id</c>, from its parent, the property that holds it and its name.</summary>
    public static string Derive(string parent, string property, string? name)
    {
        var end = parent.IndexOf(';', StringComparison.Ordinal);
        var version = end < 0 ? "" : parent[end..];
        var path = end < 0 ? parent : parent[..end];
        return name is null ? $"{path}:_{property}{version}" : $"{path}:_{property}:__{name}{version}";
    }

    private static bool IsWellFormed(string id, out ReadOnlySpan<char> version, bool allowSystemSegments)
    {
        version = default;
        if (!LooksLike(id)) return false;
        var rest = id.AsSpan(5);
        var semicolon = rest.IndexOf(';');
        if (semicolon >= 0)
        {
            version = rest[(semicolon + 1)..];
            rest = rest[..semicolon];
            if (version.IsEmpty) return false;
        }

        foreach (var range in rest.Split(':'))
        {
            if (!IsSegment(rest[range], allowSystemSegments)) return false;
        }

        return true;
    }

    private static bool IsSegment(ReadOnlySpan<char> segment, bool allowSystem)
    {
        if (segment.IsEmpty || segment[^1] == '_') return false;
        var first = allowSystem ? segment.TrimStart('_') : segment;
        var systemSegment = first.Length != segment.Length;
        if (first.IsEmpty || !(char.IsAsciiLetter(first[0]) || (systemSegment && char.IsAsciiDigit(first[0])))) return false;
        foreach (var c in first)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        }

        return true;
    }

    private static bool IsVersion(ReadOnlySpan<char> version, bool allowMinor)
    {
        var dot = version.IndexOf('.');
        if (dot < 0) return IsNumber(version, 9);
        return allowMinor && IsNumber(version[..dot], 9) && IsNumber(version[(dot + 1)..], 6);
    }

    private static bool IsNumber(ReadOnlySpan<char> digits, int longest) =>
        digits.Length > 0 && digits.Length <= longest && digits[0] is >= '1' and <= '9' && !digits.ContainsAnyExceptInRange('0', '9');
}
