using Twin.Model;
using Twin.Scenarios.City;

namespace Twin.Scenarios.Behaviours;

/// <summary>What all buses of a route share.</summary>
/// <param name="Path">Centre line, one way.</param>
/// <param name="IsLoop">The path closes; else buses turn at its ends and come back on the other side.</param>
/// <param name="Stops">Metres along the whole round and ids of stops, in order.</param>
internal sealed record BusRoutePlan(PathLine Path, bool IsLoop, (double At, string Id)[] Stops)
{
    /// <summary>Metres of a whole round.</summary>
    public double RoundMetres => IsLoop ? Path.Length : 2 * Path.Length;

    /// <summary>The place some metres into the round, on the right-hand lane, and the way ahead.</summary>
    public (PlanPoint Place, PlanPoint Ahead) At(double metres, double laneMetres = 3)
    {
        var back = !IsLoop && metres > Path.Length;
        var (place, ahead) = Path.At(back ? (2 * Path.Length) - metres : metres);
        if (back) ahead *= -1;
        return (place + (PathLine.RightOf(ahead) * laneMetres), ahead);
    }
}

/// <summary>A bus on its round: accelerates, is held up by traffic, stops at stops for as long as people get on and off, and is late by what that adds up to.</summary>
/// <param name="route">Its route.</param>
/// <param name="start">Share of the round it starts at, 0 to 1.</param>
internal sealed class BusBehaviour(BusRoutePlan route, double start) : IDeviceBehaviour
{
    private const double Acceleration = 1.1; // m/s2, what standing passengers bear
    private const double Cruise = 12.5; // m/s
    private const double PlannedSpeed = 5.6; // m/s over all, stops included
    private double _at = double.NaN;
    private double _speed;
    private double _dwell;
    private double _lateSeconds;
    private int _next;
    private int _passengers;
    private bool _atStop;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var first = double.IsNaN(_at);
        var (wasAtStop, wasNext) = (_atStop, _next);
        if (first) Begin(now, ref random);
        else Move(now, elapsed.TotalSeconds, ref random);
        var (place, ahead) = route.At(_at);
        output.Add("x", place.East, 1);
        output.Add("y", place.North, 1);
        output.Add("heading", PathLine.HeadingOf(ahead), 0);
        output.Add("speed", _speed * 3.6, 1);
        if (first || wasAtStop != _atStop) output.Add("state", _atStop ? "atStop" : "moving");
        if (!first && wasNext == _next) return;
        output.Add("nextStop", route.Stops[_next].Id);
        output.Add("passengers", _passengers);
        output.Add("delay", _lateSeconds, 0);
    }

    private void Begin(WallTime now, ref SeededRandom random)
    {
        _at = start * route.RoundMetres;
        while (_next < route.Stops.Length && route.Stops[_next].At <= _at) _next++;
        _next %= route.Stops.Length;
        _passengers = random.NextPoisson(30 * CityClock.Traffic(now));
        _lateSeconds = random.NextDouble(-20, 120);
        _speed = random.NextDouble(4, Cruise);
    }

    private void Move(WallTime now, double seconds, ref SeededRandom random)
    {
        var traffic = CityClock.Traffic(now);
        while (seconds > 1e-9)
        {
            var slice = Math.Min(seconds, 1);
            seconds -= slice;
            if (_atStop)
            {
                _dwell -= slice;
                _atStop = _dwell > 0;
                continue;
            }

            Roll(slice, traffic, ref random);
            if (Distance() <= 1.5) Arrive(traffic, ref random);
        }
    }

    private void Roll(double slice, double traffic, ref SeededRandom random)
    {
        var wanted = Cruise * (1 - (0.45 * Math.Min(1, traffic))) * (0.9 + (0.2 * random.NextDouble()));
        var braking = Math.Sqrt(2 * Acceleration * Math.Max(0.2, Distance()));
        _speed = Math.Clamp(Math.Min(wanted, braking), _speed - (2 * Acceleration * slice), _speed + (Acceleration * slice));
        var metres = Math.Min(_speed * slice, Distance());
        _lateSeconds += slice - (metres / PlannedSpeed);
        _at += metres;
        if (_at >= route.RoundMetres) _at -= route.RoundMetres;
    }

    private void Arrive(double traffic, ref SeededRandom random)
    {
        var off = Math.Min(_passengers, random.NextPoisson(_passengers * 0.16));
        var on = random.NextPoisson(0.5 + (5 * traffic));
        _passengers = Math.Min(85, _passengers - off + on);
        _dwell = 9 + (1.6 * Math.Max(on, off)) + random.NextExponential(4);
        _speed = 0;
        _atStop = true;
        _next = (_next + 1) % route.Stops.Length;
        if (_next == 0) _lateSeconds = Math.Min(_lateSeconds, random.NextDouble(-10, 60)); // layover at the end of the round
        _lateSeconds += _dwell;
    }

    /// <summary>Metres to the next stop.</summary>
    private double Distance()
    {
        var distance = route.Stops[_next].At - _at;
        return distance >= -1 ? Math.Max(0, distance) : distance + route.RoundMetres;
    }
}
