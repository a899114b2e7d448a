using System.Globalization;
using Twin.Model;

namespace Twin.Scenarios.Import;

/// <summary>What all fields of a column fit.</summary>
internal enum CellKind
{
    Empty,
    Boolean,
    Long,
    Double,
    DateTime,
    Text,
}

/// <summary>Reads a table's fields: which kind they are, and their value.</summary>
/// <param name="decimalComma">A comma before the decimals and dots between thousands.</param>
/// <param name="zone">Of times without an offset.</param>
internal sealed class CsvCells(bool decimalComma, TimeZoneInfo zone)
{
    // Times with an offset carry it; those without are of the zone.
    private static readonly string[] TimeFormats =
    [
        "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd HH:mm:ssK", "yyyy-MM-dd HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mm:ss K", "yyyy-MM-dd HH:mmK",
    ];

    /// <summary>Whole digits with or without dots between thousands, then perhaps a comma and decimals.</summary>
    public static bool FitsDecimalComma(string field)
    {
        var comma = field.IndexOf(',', StringComparison.Ordinal);
        if (comma >= 0 && (comma == field.Length - 1 || field.AsSpan(comma + 1).ContainsAnyExceptInRange('0', '9'))) return false;
        var whole = field.AsSpan(0, comma < 0 ? field.Length : comma).TrimStart('-');
        if (!whole.ContainsAnyExceptInRange('0', '9')) return IsPlainNumber(whole);
        var first = true;
        foreach (var part in whole.Split('.'))
        {
            var group = whole[part];
            if (group.ContainsAnyExceptInRange('0', '9') || (first ? group.Length is < 1 or > 3 : group.Length != 3)) return false;
            first = false;
        }

        return true;
    }

    public CellKind Widen(CellKind kind, string field)
    {
        if (field.Length == 0 || kind == CellKind.Text) return kind;
        var here = KindOf(field);
        if (kind == CellKind.Empty || kind == here) return here;
        return (kind, here) is (CellKind.Long, CellKind.Double) or (CellKind.Double, CellKind.Long) ? CellKind.Double : CellKind.Text;
    }

    public PropertyValue ToValue(string field, CellKind kind)
    {
        switch (kind)
        {
            case CellKind.Boolean: return PropertyValue.From(bool.Parse(field));
            case CellKind.Long: return PropertyValue.From(long.Parse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
            case CellKind.Double:
                TryNumber(field, out var number);
                return PropertyValue.From(number);
            case CellKind.DateTime:
                TryTime(field, out var time);
                return PropertyValue.From(WallTime.From(time));
            default: return PropertyValue.From(field);
        }
    }

    private CellKind KindOf(string field)
    {
        if (field is "true" or "false" or "True" or "False" or "TRUE" or "FALSE") return CellKind.Boolean;
        if (IsPlainNumber(field))
        {
            if (long.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)) return CellKind.Long;
            if (TryNumber(field, out _)) return CellKind.Double;
        }

        return field.Length >= 10 && TryTime(field, out _) ? CellKind.DateTime : CellKind.Text;
    }

    private bool TryNumber(string field, out double number)
    {
        number = 0;
        if (decimalComma && !FitsDecimalComma(field)) return false;
        var text = decimalComma ? field.Replace(".", "", StringComparison.Ordinal).Replace(',', '.') : field;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
    }

    /// <summary>Codes such as 007 stay text.</summary>
    private static bool IsPlainNumber(ReadOnlySpan<char> field)
    {
        var digits = field.TrimStart('-');
        return digits.Length > 0 && !(digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1])) && (char.IsAsciiDigit(digits[0]) || digits[0] == '.');
    }

    private bool TryTime(string field, out DateTimeOffset time)
    {
        time = default;
        if (!DateTime.TryParseExact(field, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var read)) return false;
        if (read.Kind == DateTimeKind.Unspecified) time = new DateTimeOffset(read, zone.GetUtcOffset(read));
        else if (!DateTimeOffset.TryParseExact(field, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time)) return false;
        return true;
    }
}
