using Twin.Model;

namespace Twin.Scenarios.Behaviours;

/// <summary>Counts what passes in each period: Poisson arrivals whose rate follows the hour; speed falls as flow nears capacity.</summary>
/// <param name="capacity">Vehicles an hour at which the road is full.</param>
/// <param name="freeSpeed">Speed on an empty road, km/h.</param>
internal sealed class TrafficCounterBehaviour(double capacity, double freeSpeed) : IDeviceBehaviour
{
    private double _flow = double.NaN;
    private double _drift;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        _drift = (0.985 * _drift) + (0.03 * random.NextNormal()); // this road is busier or quieter today
        var rate = capacity * 0.85 * CityClock.Traffic(now) * Math.Clamp(1 + _drift, 0.3, 1.4);
        if (double.IsNaN(_flow)) _flow = rate;
        var hours = elapsed.TotalHours;
        var vehicles = random.NextPoisson(rate * hours);
        if (hours > 0)
        {
            var weight = 1 - Math.Exp(-elapsed.TotalMinutes / 5);
            _flow += weight * ((vehicles / hours) - _flow);
        }

        var load = Math.Clamp(_flow / capacity, 0, 1);
        var speed = Math.Max(5, freeSpeed * (1 - (0.55 * Math.Pow(load, 3))) + (1.5 * random.NextNormal()));
        output.Add("vehicles", vehicles);
        output.Add("flow", _flow, 0);
        output.Add("speed", speed, 1);
        output.Add("occupancy", Math.Min(100, _flow * 0.65 / speed), 1); // flow x effective length (6.5 m) / speed, in percent
    }
}
