using Twin.Model;

namespace Twin.Scenarios.Behaviours;

/// <summary>A quantity that wanders about a mean: the exact step of an Ornstein-Uhlenbeck process, so any step length gives the same statistics.</summary>
internal struct Wander(double deviation, TimeSpan memory)
{
    private double _value;

    public double Step(TimeSpan elapsed, ref SeededRandom random)
    {
        var keep = Math.Exp(-elapsed / memory);
        _value = (keep * _value) + (deviation * Math.Sqrt(1 - (keep * keep)) * random.NextNormal());
        return _value;
    }
}

/// <summary>An air quality station: exhaust gases follow the traffic, ozone the sun, all wander with the weather.</summary>
/// <param name="exposure">Nearness to traffic, 0 to 1.</param>
internal sealed class AirQualityBehaviour(double exposure) : IDeviceBehaviour
{
    private Wander _dust = new(0.35, TimeSpan.FromHours(3));
    private Wander _gas = new(0.20, TimeSpan.FromHours(1));
    private Wander _air = new(1.2, TimeSpan.FromHours(8));
    private Wander _damp = new(6, TimeSpan.FromHours(5));
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var step = _alarm is null ? TimeSpan.FromDays(1) : elapsed; // the first step draws from the long run
        var traffic = CityClock.Traffic(now) * exposure;
        var sun = Math.Max(0, CityClock.SunHeight(now));
        var dust = (9 + (16 * traffic)) * Math.Exp(_dust.Step(step, ref random));
        var temperature = CityClock.Temperature(now) + _air.Step(step, ref random);
        output.Add("pm25", dust, 1);
        output.Add("no2", (12 + (70 * traffic)) * Math.Exp(_gas.Step(step, ref random)), 1);
        output.Add("o3", Math.Max(4, 30 + (85 * sun) - (25 * traffic) + (4 * random.NextNormal())), 1);
        output.Add("temperature", temperature, 1);
        output.Add("humidity", Math.Clamp(72 - (1.4 * (temperature - 10)) + _damp.Step(step, ref random), 15, 100), 0);
        output.Add("noise", 41 + (29 * Math.Sqrt(traffic)) + (1.2 * random.NextNormal()), 1);
        var alarm = dust > 50 ? Alarm.Critical : dust > 35 ? Alarm.Warning : Alarm.None;
        if (alarm == _alarm) return;
        _alarm = alarm;
        output.Add(Alarm.Property, alarm);
    }
}

/// <summary>A distribution transformer: load follows demand and the season, the oil warms behind it with a time constant of three hours.</summary>
internal sealed class TransformerBehaviour(double loading) : IDeviceBehaviour
{
    private Wander _load = new(5, TimeSpan.FromMinutes(20));
    private double _oil = double.NaN;
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var load = Math.Max(4, (100 * loading * CityClock.Demand(now)) + _load.Step(_alarm is null ? TimeSpan.FromDays(1) : elapsed, ref random));
        var settled = CityClock.Temperature(now) + 8 + (45 * Math.Pow(load / 100, 1.6));
        _oil = double.IsNaN(_oil) ? settled : _oil + ((1 - Math.Exp(-elapsed.TotalHours / 3)) * (settled - _oil));
        output.Add("load", load, 1);
        output.Add("oilTemperature", _oil, 1);
        var alarm = load > 105 ? Alarm.Critical : load > 95 ? Alarm.Warning : Alarm.None;
        if (alarm == _alarm) return;
        _alarm = alarm;
        output.Add(Alarm.Property, alarm);
    }
}
