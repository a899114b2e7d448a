using Twin.Model;

namespace Twin.Scenarios.Behaviours;

/// <summary>Cars come by the hour and the place's attraction, stay for a while, and go. Speaks when that changes, and once in half an hour for its battery.</summary>
/// <param name="attraction">0 (nobody) to 1 (the best place in town).</param>
internal sealed class ParkingBayBehaviour(double attraction) : IDeviceBehaviour
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMinutes(30);
    private bool _started;
    private bool _occupied;
    private TimeSpan _left;
    private TimeSpan _sinceHeartbeat;
    private double _volts;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        if (!_started)
        {
            _started = true;
            _occupied = random.NextBoolean(0.25 + (0.6 * attraction));
            _left = Stay(ref random) * random.NextDouble();
            _volts = random.NextDouble(3.2, 3.65);
            _sinceHeartbeat = Heartbeat * random.NextDouble();
            output.Add("occupied", _occupied);
            output.Add("since", now);
            output.Add("battery", _volts, 2);
            return;
        }

        var was = _occupied;
        if (_occupied)
        {
            _left -= elapsed;
            _occupied = _left > TimeSpan.Zero;
        }
        else if (random.NextBoolean(1 - Math.Exp(-ArrivalsPerHour(now) * elapsed.TotalHours)))
        {
            _occupied = true;
            _left = Stay(ref random);
        }

        if (_occupied != was)
        {
            output.Add("occupied", _occupied);
            output.Add("since", now);
        }

        _sinceHeartbeat += elapsed;
        if (_sinceHeartbeat < Heartbeat) return;
        _sinceHeartbeat -= Heartbeat;
        _volts = Math.Max(2.7, _volts - random.NextDouble(0, 0.0004));
        output.Add("battery", _volts, 2);
    }

    private double ArrivalsPerHour(WallTime now) => (0.15 + (2.8 * attraction)) * CityClock.Errands(now);

    private static TimeSpan Stay(ref SeededRandom random) =>
        TimeSpan.FromMinutes(random.NextBoolean(0.7) ? 4 + random.NextExponential(35) : 60 + random.NextExponential(240));
}
