namespace Twin.Model;

/// <summary>Times as text: RFC 3339 instants, dates and times of day, ISO 8601 durations. Strict; allocates nothing. Hot.</summary>
public static class TimeText
{
    /// <summary>Reads an RFC 3339 date-time with offset; digits of a second beyond the seventh are dropped.</summary>
    public static bool TryReadInstant(ReadOnlySpan<char> text, out WallTime instant)
    {
        instant = default;
        if (text.Length < 20 || (text[10] | 0x20) != 't' || !TryReadDate(text[..10], out var day)) return false;
        if (!TryReadTime(text[11..], out var ofDay, out var offset)) return false;
        var ticks = day + ofDay - offset;
        if (ticks <= 0 || ticks > DateTime.MaxValue.Ticks) return false;
        instant = new WallTime(ticks);
        return true;
    }

    /// <summary>True for an RFC 3339 full-date.</summary>
    public static bool IsDate(ReadOnlySpan<char> text) => TryReadDate(text, out _);

    /// <summary>True for an RFC 3339 full-time, offset included.</summary>
    public static bool IsTime(ReadOnlySpan<char> text) => TryReadTime(text, out _, out _);

    /// <summary>Reads an ISO 8601 duration; a year counts 365 days and a month 30, as XML Schema tools commonly do.</summary>
    public static bool TryReadDuration(ReadOnlySpan<char> text, out TimeSpan span)
    {
        span = default;
        var negative = text.Length > 0 && text[0] == '-';
        if (negative) text = text[1..];
        if (text.Length < 3 || text[0] != 'P') return false;
        text = text[1..];
        decimal ticks = 0;
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
            if (!TryReadPart(ref text, inTime, ref order, ref ticks)) return false;
        }
        if (negative) ticks = -ticks;
        if (ticks < long.MinValue || ticks > long.MaxValue) return false;
        span = new TimeSpan((long)ticks);
        return true;
    }

    private static bool TryReadPart(ref ReadOnlySpan<char> text, bool inTime, ref int order, ref decimal ticks)
    {
        var length = text.IndexOfAnyExcept("0123456789.");
        if (length is < 1 or > 20 || !decimal.TryParse(text[..length], System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var number))
            return false;
        var (rank, unit) = (inTime, text[length]) switch
        {
            (false, 'Y') => (1, 365 * TimeSpan.TicksPerDay),
            (false, 'M') => (2, 30 * TimeSpan.TicksPerDay),
            (false, 'W') => (3, 7 * TimeSpan.TicksPerDay),
            (false, 'D') => (4, TimeSpan.TicksPerDay),
            (true, 'H') => (5, TimeSpan.TicksPerHour),
            (true, 'M') => (6, TimeSpan.TicksPerMinute),
            (true, 'S') => (7, TimeSpan.TicksPerSecond),
            _ => (0, 0L),
        };
        if (rank <= order || (rank != 7 && text[..length].Contains('.')) || number > 1_000_000_000_000m) return false;
        ticks += number * unit;
        order = rank;
        text = text[(length + 1)..];
        return true;
    }

    private static bool TryReadDate(ReadOnlySpan<char> text, out long ticks)
    {
        ticks = 0;
        if (text.Length != 10 || text[4] != '-' || text[7] != '-') return false;
        int year = Digits(text[..4]), month = Digits(text[5..7]), day = Digits(text[8..]);
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)) return false;
        ticks = new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Utc).Ticks;
        return true;
    }

    private static bool TryReadTime(ReadOnlySpan<char> text, out long ticks, out long offset)
    {
        ticks = offset = 0;
        if (text.Length < 9 || text[2] != ':' || text[5] != ':') return false;
        int hour = Digits(text[..2]), minute = Digits(text[3..5]), second = Digits(text[6..8]);
        if (hour is < 0 or > 23 || minute is < 0 or > 59 || second is < 0 or > 59) return false;
        ticks = (hour * TimeSpan.TicksPerHour) + (minute * TimeSpan.TicksPerMinute) + (second * TimeSpan.TicksPerSecond);
        text = text[8..];
        if (text[0] == '.')
        {
            var unit = TimeSpan.TicksPerSecond;
            var at = 1;
            for (; at < text.Length && char.IsAsciiDigit(text[at]); at++) ticks += (text[at] - '0') * (unit /= 10);
            if (at == 1) return false;
            text = text[at..];
        }
        return TryReadOffset(text, out offset);
    }

    private static bool TryReadOffset(ReadOnlySpan<char> text, out long offset)
    {
        offset = 0;
        if (text is "Z" or "z") return true;
        if (text.Length != 6 || text[0] is not ('+' or '-') || text[3] != ':') return false;
        int hours = Digits(text[1..3]), minutes = Digits(text[4..]);
        if (hours is < 0 or > 23 || minutes is < 0 or > 59) return false;
        offset = ((hours * 60L) + minutes) * TimeSpan.TicksPerMinute * (text[0] == '-' ? -1 : 1);
        return true;
    }

    private static int Digits(ReadOnlySpan<char> text)
    {
        var number = 0;
        foreach (var digit in text)
        {
            if (!char.IsAsciiDigit(digit)) return -1;
            number = (number * 10) + (digit - '0');
        }
        return number;
    }
}
