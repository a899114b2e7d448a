using Twin.Model;
using Twin.Scenarios.Behaviours;
using Twin.Scenarios.City;

namespace Twin.Scenarios.Factory;

/// <summary>A station as its controller sees it: state, counts of the hour, cycle time, tool temperature, power, and the parts of OEE.</summary>
/// <param name="hotCelsius">Tool temperature it settles at while working.</param>
internal sealed class StationBehaviour(LineFlow flow, int station, StationPlan plan, double hotCelsius) : IDeviceBehaviour
{
    private static readonly string[] States = ["starved", "running", "blocked", "down"];
    private double _celsius = double.NaN;
    private int _state = -1;
    private int _parts = -1;
    private string? _alarm;
    private TimeSpan _sinceSlow = TimeSpan.MaxValue;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        flow.AdvanceTo(now);
        ref readonly var s = ref flow[station];
        var isRunning = s.State == StationState.Running;
        var target = isRunning ? hotCelsius : 24;
        _celsius = double.IsNaN(_celsius) ? hotCelsius - 4 : _celsius + ((1 - Math.Exp(-elapsed.TotalMinutes / 6)) * (target - _celsius));
        output.Add("temperature", _celsius + (0.25 * random.NextNormal()), 2);
        output.Add("power", (isRunning ? 14 + (hotCelsius / 8) : 1.8) * (1 + (0.03 * random.NextNormal())), 2);
        if ((int)s.State != _state)
        {
            _state = (int)s.State;
            output.Add("state", States[_state]);
        }

        if (s.Good + s.Scrap != _parts)
        {
            _parts = s.Good + s.Scrap;
            output.Add("good", s.Good);
            output.Add("scrap", s.Scrap);
            output.Add("cycleTime", s.Cycle > 0 ? s.Cycle : plan.CycleSeconds, 1);
        }

        var alarm = s.State == StationState.Down ? Alarm.Critical : s.State == StationState.Blocked && s.BlockedSeconds > 300 ? Alarm.Warning : Alarm.None;
        if (alarm != _alarm) output.Add(Alarm.Property, _alarm = alarm);
        _sinceSlow = _sinceSlow == TimeSpan.MaxValue ? TimeSpan.MaxValue : _sinceSlow + elapsed;
        if (_sinceSlow < TimeSpan.FromSeconds(10)) return;
        _sinceSlow = TimeSpan.Zero;
        AddOee(s, output);
    }

    private void AddOee(in LineFlow.Station s, List<Assignment> output)
    {
        var (availability, performance, quality) = Oee.Of(s, plan, flow.Seconds);
        output.Add("availability", 100 * availability, 1);
        output.Add("performance", 100 * performance, 1);
        output.Add("quality", 100 * quality, 1);
        output.Add("oee", 100 * availability * performance * quality, 1);
    }
}

/// <summary>Overall equipment effectiveness as ISO 22400 multiplies it: availability x performance x quality, over the hour so far.</summary>
internal static class Oee
{
    public static (double Availability, double Performance, double Quality) Of(in LineFlow.Station s, StationPlan plan, int seconds)
    {
        var up = Math.Max(1, seconds - s.DownSeconds);
        var parts = s.Good + s.Scrap;
        return (seconds == 0 ? 1 : (double)up / seconds, Math.Min(1, parts * plan.CycleSeconds / up), parts == 0 ? 1 : (double)s.Good / parts);
    }
}

/// <summary>A line's own figures: output of the hour, and OEE of its slowest station.</summary>
internal sealed class LineBehaviour(LineFlow flow, StationPlan[] plans) : IDeviceBehaviour
{
    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        flow.AdvanceTo(now);
        var slowest = Array.IndexOf(plans, plans.MaxBy(p => p.CycleSeconds));
        var (availability, performance, quality) = Oee.Of(flow[slowest], plans[slowest], flow.Seconds);
        output.Add("output", flow[flow.Stations - 1].Good);
        output.Add("oee", 100 * availability * performance * quality, 1);
    }
}

/// <summary>A buffer: parts waiting; speaks when that changes.</summary>
internal sealed class BufferBehaviour(LineFlow flow, int after) : IDeviceBehaviour
{
    private int _level = -1;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        flow.AdvanceTo(now);
        if (flow.Buffer(after) == _level) return;
        _level = flow.Buffer(after);
        output.Add("level", _level);
    }
}

/// <summary>A conveyor: stands when the station before it is down, draws more current the more parts it carries.</summary>
internal sealed class ConveyorBehaviour(LineFlow flow, int after) : IDeviceBehaviour
{
    private int _running = -1;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        flow.AdvanceTo(now);
        var isRunning = flow[after].State is StationState.Running or StationState.Starved;
        output.Add("motorCurrent", isRunning ? 2.6 + (0.3 * flow.Buffer(after)) + (0.08 * random.NextNormal()) : 0.1, 2);
        if ((isRunning ? 1 : 0) == _running) return;
        _running = isRunning ? 1 : 0;
        output.Add("running", isRunning);
        output.Add("speed", isRunning ? 0.45 : 0, 2);
    }
}

/// <summary>A robot: works while its station works; joints warm with work.</summary>
internal sealed class RobotBehaviour(LineFlow flow, int station) : IDeviceBehaviour
{
    private double _celsius = double.NaN;
    private string? _state;
    private int _cycles = -1;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        flow.AdvanceTo(now);
        ref readonly var s = ref flow[station];
        var state = s.State switch { StationState.Running => "working", StationState.Down => "stopped", _ => "idle" };
        var target = state == "working" ? 58 : 30;
        _celsius = double.IsNaN(_celsius) ? 52 : _celsius + ((1 - Math.Exp(-elapsed.TotalMinutes / 12)) * (target - _celsius));
        output.Add("jointTemperature", _celsius + (0.15 * random.NextNormal()), 2);
        output.Add("power", state == "working" ? 4.2 + (0.9 * random.NextNormal() * random.NextDouble()) : 0.6, 2);
        if (state != _state) output.Add("state", _state = state);
        if (s.Good + s.Scrap == _cycles) return;
        _cycles = s.Good + s.Scrap;
        output.Add("cycles", _cycles);
    }
}

/// <summary>A line's meter: what its stations draw together.</summary>
internal sealed class MeterBehaviour(LineFlow flow) : IDeviceBehaviour
{
    private double _kilowattHours = double.NaN;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        flow.AdvanceTo(now);
        if (double.IsNaN(_kilowattHours)) _kilowattHours = random.NextDouble(100_000, 400_000);
        var kilowatts = 12.0;
        for (var s = 0; s < flow.Stations; s++) kilowatts += flow[s].State == StationState.Running ? 15.5 : 2;
        kilowatts *= 1 + (0.01 * random.NextNormal());
        _kilowattHours += kilowatts * elapsed.TotalHours;
        output.Add("power", kilowatts, 2);
        output.Add("energy", _kilowattHours, 3);
    }
}

/// <summary>A compressor between two pressures: loads at 6.8 bar, idles at 7.6; demand wanders.</summary>
internal sealed class CompressorBehaviour : IDeviceBehaviour
{
    private Wander _demand = new(0.15, TimeSpan.FromMinutes(10));
    private double _bar = 7.2;
    private double _celsius = 74;
    private bool? _loaded;
    private bool _isLoaded = true;
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var demand = Math.Clamp(0.62 + _demand.Step(_alarm is null ? TimeSpan.FromDays(1) : elapsed, ref random), 0.1, 0.98);
        for (var left = elapsed.TotalSeconds; left > 0; left -= 1)
        {
            _bar += Math.Min(1, left) * 0.02 * ((_isLoaded ? 1 : 0) - demand);
            _isLoaded = _isLoaded ? _bar < 7.6 : _bar < 6.8;
        }

        _celsius += (1 - Math.Exp(-elapsed.TotalMinutes / 8)) * ((_isLoaded ? 88 : 66) - _celsius);
        output.Add("pressure", _bar + (0.01 * random.NextNormal()), 2);
        output.Add("oilTemperature", _celsius + (0.2 * random.NextNormal()), 1);
        output.Add("power", _isLoaded ? 37 + (0.4 * random.NextNormal()) : 9, 1);
        if (_loaded != _isLoaded) output.Add("loaded", (bool)(_loaded = _isLoaded));
        var alarm = _bar < 6.2 ? Alarm.Critical : _celsius > 95 ? Alarm.Warning : Alarm.None;
        if (alarm != _alarm) output.Add(Alarm.Property, _alarm = alarm);
    }
}

/// <summary>A guided vehicle on its loop: drives, loads at six places, charges at the start of the loop when its battery is low.</summary>
internal sealed class VehicleBehaviour(PathLine path, double start) : IDeviceBehaviour
{
    private const double Cruise = 1.3; // m/s
    private const int Places = 6;
    private double _at = double.NaN;
    private double _battery;
    private double _speed;
    private double _wait;
    private bool _charging;
    private string? _state;
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        if (double.IsNaN(_at)) (_at, _battery) = (start * path.Length, random.NextDouble(35, 95));
        else Move(elapsed.TotalSeconds, ref random);
        var (place, ahead) = path.At(_at);
        output.Add("x", place.East, 2);
        output.Add("y", place.North, 2);
        output.Add("heading", PathLine.HeadingOf(ahead), 0);
        output.Add("speed", _speed, 2);
        var state = _charging ? "charging" : _wait > 0 ? "loading" : "driving";
        if (state != _state)
        {
            output.Add("state", _state = state);
            output.Add("battery", _battery, 1);
        }

        var alarm = _battery < 12 ? Alarm.Warning : Alarm.None;
        if (alarm != _alarm) output.Add(Alarm.Property, _alarm = alarm);
    }

    private void Move(double seconds, ref SeededRandom random)
    {
        for (var left = seconds; left > 1e-9;)
        {
            var slice = Math.Min(left, 0.5);
            left -= slice;
            if (_charging)
            {
                _speed = 0;
                _battery = Math.Min(100, _battery + (slice * 0.05));
                _charging = _battery < 95;
            }
            else if (_wait > 0)
            {
                _speed = 0;
                _wait -= slice;
            }
            else Drive(slice, ref random);
        }
    }

    private void Drive(double slice, ref SeededRandom random)
    {
        _speed = Math.Min(Cruise, _speed + (0.6 * slice));
        _battery = Math.Max(1, _battery - (slice * 0.012));
        var before = (int)(_at / path.Length * Places);
        _at += _speed * slice;
        if (_at >= path.Length)
        {
            _at -= path.Length;
            _charging = _battery < 30;
        }

        if ((int)(_at / path.Length * Places) != before) _wait = 8 + random.NextExponential(12);
    }
}
