using Twin.Model;

namespace Twin.Scenarios.Behaviours;

/// <summary>A charging point: available, preparing, charging (constant power, then a taper above 80 % of the battery), finishing, and now and then faulted.</summary>
internal sealed class ChargerBehaviour(double ratedKilowatts) : IDeviceBehaviour
{
    private enum State
    {
        None,
        Available,
        Preparing,
        Charging,
        Finishing,
        Faulted,
    }

    private static readonly string[] Names = ["", "available", "preparing", "charging", "finishing", "faulted"];
    private State _state = State.None;
    private TimeSpan _left;
    private double _capacity;
    private double _charged;
    private double _target;
    private double _session;
    private double _meter;
    private double _power = -1;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var was = _state;
        if (_state == State.None) Begin(ref random, output);
        else Advance(now, elapsed, ref random);

        var power = _state == State.Charging ? Draw() * (1 + (0.01 * random.NextNormal())) : 0;
        var energy = power * elapsed.TotalHours;
        _charged += energy * 0.92; // losses on the way into the battery
        _session += energy;
        _meter += energy;
        if (_state != was)
        {
            output.Add("state", Names[(int)_state]);
            if (_state == State.Faulted) output.Add(Alarm.Property, Alarm.Critical);
            else if (was == State.Faulted) output.Add(Alarm.Property, Alarm.None);
        }

        if (power > 0 || power != _power)
        {
            output.Add("power", power, 2);
            output.Add("energy", _session, 3);
            output.Add("meter", _meter, 3);
        }

        _power = power;
    }

    private void Begin(ref SeededRandom random, List<Assignment> output)
    {
        _meter = random.NextDouble(500, 40_000);
        output.Add(Alarm.Property, Alarm.None);
        _state = State.Available;
        if (!random.NextBoolean(0.45)) return;
        Arrive(ref random);
        _state = State.Charging;
        _charged += (_target - _charged) * random.NextDouble();
    }

    private void Advance(WallTime now, TimeSpan elapsed, ref SeededRandom random)
    {
        _left -= elapsed;
        switch (_state)
        {
            case State.Available when random.NextBoolean(1 - Math.Exp(-1.6 * CityClock.Errands(now) * elapsed.TotalHours)):
                Arrive(ref random);
                _state = State.Preparing;
                _left = TimeSpan.FromSeconds(random.NextDouble(15, 60));
                break;
            case State.Available or State.Finishing when random.NextBoolean(elapsed.TotalHours / 2000):
                _state = State.Faulted;
                _left = TimeSpan.FromHours(random.NextDouble(0.5, 6));
                break;
            case State.Preparing when _left <= TimeSpan.Zero:
                _state = State.Charging;
                break;
            case State.Charging when _charged >= _target:
                _state = State.Finishing;
                _left = TimeSpan.FromMinutes(random.NextExponential(25));
                break;
            case State.Finishing or State.Faulted when _left <= TimeSpan.Zero:
                _state = State.Available;
                break;
        }
    }

    private void Arrive(ref SeededRandom random)
    {
        _capacity = random.NextDouble(38, 82);
        _charged = _capacity * random.NextDouble(0.08, 0.6);
        _target = _capacity * random.NextDouble(0.75, 0.98);
        _session = 0;
    }

    /// <summary>Kilowatts now: full below 80 % of the battery, falling to a tenth at the end.</summary>
    private double Draw()
    {
        var share = _charged / _capacity;
        return share < 0.8 ? ratedKilowatts : ratedKilowatts * Math.Max(0.1, 1 - (4.5 * (share - 0.8)));
    }
}
