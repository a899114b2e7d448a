using Twin.Model;

namespace Twin.Scenarios.Behaviours;

/// <summary>
/// Burns from dusk to dawn, at half level in the small hours, and never brighter than it was set to; a driver fails about
/// once in two years and is mended within half a day.
/// </summary>
internal sealed class StreetlightBehaviour(double ratedWatts) : ISettableBehaviour
{
    /// <summary>The brightest it may burn, percent of its rated output: <c>dimTo</c> of its twin.</summary>
    public static DeviceSetting Dimming { get; } = new("dimTo", 100);

    private double _dimTo = Dimming.Ordinary;
    private const double FailuresPerHour = 1.0 / (2 * 365 * 11);
    private double _threshold = double.NaN;
    private double _kilowattHours;
    private double _level = -1;
    private double _brokenHours;

    public void Set(double value) => Volatile.Write(ref _dimTo, double.IsNaN(value) ? Dimming.Ordinary : Math.Clamp(value, 0, 100));

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var first = double.IsNaN(_threshold);
        if (first)
        {
            _threshold = random.NextDouble(-0.02, 0.06); // each photocell has its own idea of dusk
            _kilowattHours = random.NextDouble(50, 900);
        }

        var hour = CityClock.HourOf(now);
        var level = CityClock.SunHeight(now) > _threshold ? 0 : Math.Min(hour is >= 23.5 or < 5 ? 50 : 100, Volatile.Read(ref _dimTo));
        if (!first) UpdateFault(level > 0, elapsed.TotalHours, ref random, output);
        var watts = _brokenHours > 0 ? 0.8 : level == 0 ? 0.4 : ratedWatts * level / 100 * (1 + (0.008 * random.NextNormal()));
        _kilowattHours += watts * elapsed.TotalHours / 1000;
        output.Add("power", watts, 1);
        output.Add("energy", _kilowattHours, 4);
        if (level == _level) return;
        _level = level;
        output.Add("level", level, 0);
        if (first) output.Add(Alarm.Property, Alarm.None);
    }

    private void UpdateFault(bool isBurning, double hours, ref SeededRandom random, List<Assignment> output)
    {
        if (_brokenHours > 0)
        {
            _brokenHours -= hours;
            if (_brokenHours <= 0) output.Add(Alarm.Property, Alarm.None);
        }
        else if (isBurning && random.NextBoolean(FailuresPerHour * hours))
        {
            _brokenHours = random.NextDouble(2, 12);
            output.Add(Alarm.Property, Alarm.Critical);
        }
    }
}
