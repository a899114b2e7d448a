using Twin.Model;

namespace Twin.Scenarios.Behaviours;

/// <summary>What the hour and the season do to a city at 50 degrees north whose clock is UTC + 1 h. Pure functions of the time.</summary>
internal static class CityClock
{
    private const double LatitudeRadians = 50 * Math.PI / 180;

    /// <summary>Local hour, 0 to 24.</summary>
    public static double HourOf(WallTime now) => (now.UtcTicks + TimeSpan.TicksPerHour) % TimeSpan.TicksPerDay / (double)TimeSpan.TicksPerHour;

    public static bool IsWeekend(WallTime now) => (now + TimeSpan.FromHours(1)).ToDateTime().DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday;

    /// <summary>Road traffic, 0 to about 1: two rush hours on working days, one long afternoon at weekends.</summary>
    public static double Traffic(WallTime now)
    {
        var hour = HourOf(now);
        return IsWeekend(now)
            ? 0.06 + Bump(hour, 14.5, 4.2, 0.55) + Bump(hour, 21, 2.5, 0.15)
            : 0.05 + Bump(hour, 8.0, 1.3, 0.80) + Bump(hour, 12.8, 2.8, 0.42) + Bump(hour, 17.3, 1.7, 0.90) + Bump(hour, 21.5, 2, 0.15);
    }

    /// <summary>Wish to park or charge, 0 to 1.</summary>
    public static double Errands(WallTime now)
    {
        var hour = HourOf(now);
        return 0.05 + Bump(hour, 9.2, 1.8, 0.6) + Bump(hour, 13, 2.5, 0.5) + Bump(hour, 18, 2.2, 0.7);
    }

    /// <summary>Households' and shops' draw, 0 to 1.</summary>
    public static double Demand(WallTime now)
    {
        var hour = HourOf(now);
        return 0.32 + Bump(hour, 8, 2.0, 0.28) + Bump(hour, 13, 3.5, 0.25) + Bump(hour, 19, 2.4, 0.45);
    }

    /// <summary>Sine of the sun's height above the horizon.</summary>
    public static double SunHeight(WallTime now)
    {
        var day = (now.UtcTicks / TimeSpan.TicksPerDay % 365.25) + 1;
        var declination = -23.44 * Math.PI / 180 * Math.Cos(2 * Math.PI * (day + 10) / 365.25);
        var hourAngle = (HourOf(now) - 12.4) * 15 * Math.PI / 180;
        return (Math.Sin(LatitudeRadians) * Math.Sin(declination)) + (Math.Cos(LatitudeRadians) * Math.Cos(declination) * Math.Cos(hourAngle));
    }

    /// <summary>Air temperature of an ordinary day, degrees Celsius: season and hour, warmest at 15 h.</summary>
    public static double Temperature(WallTime now)
    {
        var day = now.UtcTicks / TimeSpan.TicksPerDay % 365.25;
        return 10.5 - (9.5 * Math.Cos(2 * Math.PI * (day - 20) / 365.25)) + (4 * Math.Cos(2 * Math.PI * (HourOf(now) - 15) / 24));
    }

    private static double Bump(double hour, double middle, double width, double height)
    {
        var distance = Math.Abs(hour - middle);
        if (distance > 12) distance = 24 - distance;
        return height * Math.Exp(-0.5 * distance * distance / (width * width));
    }
}

/// <summary>Shorthand for readings.</summary>
internal static class Readings
{
    public static void Add(this List<Assignment> output, string path, double value, int digits) => output.Add(new(path, PropertyValue.From(Math.Round(value, digits))));

    public static void Add(this List<Assignment> output, string path, long value) => output.Add(new(path, PropertyValue.From(value)));

    public static void Add(this List<Assignment> output, string path, bool value) => output.Add(new(path, PropertyValue.From(value)));

    public static void Add(this List<Assignment> output, string path, string value) => output.Add(new(path, PropertyValue.From(value)));

    public static void Add(this List<Assignment> output, string path, WallTime value) => output.Add(new(path, PropertyValue.From(value)));
}
