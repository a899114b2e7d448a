using Twin.Model;

namespace Twin.Scenarios.Factory;

internal enum StationState : byte
{
    Starved,
    Running,
    Blocked,
    Down,
}

/// <summary>What a station is like.</summary>
/// <param name="CycleSeconds">Work on one part.</param>
/// <param name="HoursBetweenFailures">Mean running time between failures.</param>
/// <param name="RepairMinutes">Mean time to repair.</param>
/// <param name="ScrapShare">Share of parts spoilt here.</param>
internal sealed record StationPlan(double CycleSeconds, double HoursBetweenFailures, double RepairMinutes, double ScrapShare);

/// <summary>
/// A serial line with finite buffers, in steps of one second: a station takes a part from the buffer before it, works,
/// and puts it into the buffer after it; it starves when that before is empty and is blocked when that after is full.
/// </summary>
/// <remarks>
/// The state at a time is a function of seed, line and time alone: each hour starts afresh from its own random streams.
/// So every device of the line keeps a copy of its own and all copies agree, in whatever order devices are stepped, and
/// a restart finds the line where it was. Counts are those of the hour. The price: at the full hour buffers jump to
/// their level at the start of an hour.
/// </remarks>
internal sealed class LineFlow(ulong seed, int line, StationPlan[] plans, int bufferCapacity)
{
    private readonly Station[] _stations = new Station[plans.Length];
    private readonly int[] _buffers = new int[plans.Length - 1];
    private long _hour = -1;
    private int _second;

    public int Stations => plans.Length;

    public ref readonly Station this[int station] => ref _stations[station];

    /// <summary>Parts waiting after a station.</summary>
    public int Buffer(int after) => _buffers[after];

    /// <summary>Seconds of this hour seen.</summary>
    public int Seconds => _second;

    /// <summary>Brings the copy to a time. Going back within the hour replays it.</summary>
    public void AdvanceTo(WallTime now)
    {
        var hour = now.UtcTicks / TimeSpan.TicksPerHour;
        var second = (int)(now.UtcTicks % TimeSpan.TicksPerHour / TimeSpan.TicksPerSecond);
        if (hour != _hour || second < _second) Begin(hour);
        for (; _second < second; _second++) Tick();
    }

    private void Begin(long hour)
    {
        (_hour, _second) = (hour, 0);
        for (var s = 0; s < _stations.Length; s++)
        {
            var random = new SeededRandom(seed, ((ulong)line << 56) | (ulong)hour, (ulong)(100 + s));
            _stations[s] = new Station { Random = random, State = StationState.Starved };
            if (s < _buffers.Length) _buffers[s] = random.NextInt((bufferCapacity / 2) + 1);
        }
    }

    private void Tick()
    {
        for (var s = _stations.Length - 1; s >= 0; s--)
        {
            ref var station = ref _stations[s];
            switch (station.State)
            {
                case StationState.Down:
                    station.DownSeconds++;
                    if (--station.Left <= 0) station.State = station.HasPart ? StationState.Running : StationState.Starved;
                    if (station.State == StationState.Running) station.Left = station.Work;
                    break;
                case StationState.Running: Work(s, ref station); break;
            }

            if (station.State == StationState.Blocked) PassOn(s, ref station);
            if (station.State == StationState.Starved) Take(s, ref station);
        }
    }

    private void Work(int s, ref Station station)
    {
        station.RunSeconds++;
        station.Left--;
        if (station.Random.NextBoolean(1 / (plans[s].HoursBetweenFailures * 3600)))
        {
            station.State = StationState.Down;
            station.Work = Math.Max(1, station.Left);
            station.Left = 20 + station.Random.NextExponential(plans[s].RepairMinutes * 60);
            return;
        }

        if (station.Left > 0) return;
        station.HasPart = false;
        if (station.Random.NextBoolean(plans[s].ScrapShare))
        {
            station.Scrap++;
            station.State = StationState.Starved;
            return;
        }

        station.Good++;
        station.State = StationState.Blocked;
    }

    private void PassOn(int s, ref Station station)
    {
        if (s < _buffers.Length)
        {
            if (_buffers[s] >= bufferCapacity)
            {
                station.BlockedSeconds++;
                return;
            }

            _buffers[s]++;
        }

        station.State = StationState.Starved;
    }

    private void Take(int s, ref Station station)
    {
        if (s > 0)
        {
            if (_buffers[s - 1] == 0) return;
            _buffers[s - 1]--;
        }

        station.State = StationState.Running;
        station.HasPart = true;
        station.Left = station.Cycle = plans[s].CycleSeconds * station.Random.NextDouble(0.94, 1.10);
    }

    /// <summary>One station's state; counts and seconds are those of the hour.</summary>
    internal struct Station
    {
        public SeededRandom Random;
        public StationState State;
        public bool HasPart;
        public double Left;
        public double Work;
        public double Cycle;
        public int Good;
        public int Scrap;
        public int RunSeconds;
        public int DownSeconds;
        public int BlockedSeconds;
    }
}
