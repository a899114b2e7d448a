namespace Twin.Model;

/// <summary>
/// The lexical forms that DTDL's schemas take in JSON: RFC 3339 dates and times, ISO 8601 durations, XSD decimals,
/// RFC 4648 base 64, RFC 9562 UUIDs. Pure; allocates nothing.
/// </summary>
public static class LexicalForms
{
    /// <summary><c>2026-11-22</c>, a day of the calendar from year 1 on.</summary>
    public static bool IsDate(ReadOnlySpan<char> text) => TimeText.IsDate(text);

    /// <summary><c>13:01:02.5Z</c> or with an offset such as <c>+08:00</c>; the Z is a capital.</summary>
    public static bool IsTime(ReadOnlySpan<char> text) => TimeText.IsTime(text) && text[^1] != 'z';

    /// <summary>A date, the letter T and a time. The instant it names may lie outside of the years that clocks here hold.</summary>
    public static bool IsDateTime(ReadOnlySpan<char> text) => text.Length > 11 && text[10] == 'T' && IsDate(text[..10]) && IsTime(text[11..]);

    /// <summary>
    /// <c>P1Y2M3DT4H5M6.7S</c>: parts in this order, each at most once, at least one, or weeks in place of years and months.
    /// The last part may have a fraction; no part is signed.
    /// </summary>
    public static bool IsDuration(ReadOnlySpan<char> text)
    {
        if (text.Length < 3 || text[0] != 'P') return false;
        text = text[1..];
        var order = 0;
        var inTime = false;
        while (text.Length > 0)
        {
            if (text[0] == 'T')
            {
                if (inTime || text.Length == 1) return false;
                inTime = true;
                order = 4;
                text = text[1..];
                continue;
            }

            var length = CountDigits(text);
            if (length == 0) return false;
            var hasFraction = length < text.Length && text[length] == '.';
            if (hasFraction)
            {
                var fraction = CountDigits(text[(length + 1)..]);
                if (fraction == 0) return false;
                length += fraction + 1;
            }

            if (length >= text.Length) return false;
            var rank = (inTime, text[length]) switch { (false, 'Y') => 1, (false, 'M') => 2, (false, 'W') => 3, (false, 'D') => 4, (true, 'H') => 5, (true, 'M') => 6, (true, 'S') => 7, _ => 0 };
            if (rank <= order || (rank == 3 && order > 0)) return false;
            order = rank;
            text = text[(length + 1)..];
            if (hasFraction && text.Length > 0) return false;
        }

        return true;
    }

    /// <summary>An optional sign, digits without a leading zero, and perhaps a point and more digits.</summary>
    public static bool IsDecimal(ReadOnlySpan<char> text)
    {
        if (text.Length > 0 && text[0] is '+' or '-') text = text[1..];
        var digits = CountDigits(text);
        if (digits == 0 || (digits > 1 && text[0] == '0')) return false;
        if (digits == text.Length) return true;
        return text[digits] == '.' && CountDigits(text[(digits + 1)..]) == text.Length - digits - 1;
    }

    /// <summary>Groups of four letters of base 64, the last one padded; no white space.</summary>
    public static bool IsBase64(ReadOnlySpan<char> text)
    {
        if (text.Length % 4 != 0) return false;
        var pad = text.EndsWith("==") ? 2 : text.EndsWith("=") ? 1 : 0;
        foreach (var c in text[..^pad])
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('+' or '/')) return false;
        }

        return true;
    }

    /// <summary>Hexadecimal digits in groups of 8, 4, 4, 4 and 12 with hyphens between.</summary>
    public static bool IsUuid(ReadOnlySpan<char> text)
    {
        if (text.Length != 36) return false;
        for (var i = 0; i < text.Length; i++)
        {
            if (i is 8 or 13 or 18 or 23 ? text[i] != '-' : !char.IsAsciiHexDigit(text[i])) return false;
        }

        return true;
    }

    private static int CountDigits(ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAnyExceptInRange('0', '9');
        return end < 0 ? text.Length : end;
    }
}
