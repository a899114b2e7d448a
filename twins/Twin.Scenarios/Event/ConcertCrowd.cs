using Twin.Model;

namespace Twin.Scenarios.Event;

/// <summary>What a guest of the concert is about.</summary>
public enum GuestIntent
{
    /// <summary>Not on the grounds.</summary>
    Away,

    /// <summary>On the way to its place.</summary>
    Arriving,

    /// <summary>At its place, swaying.</summary>
    Listening,

    /// <summary>On the way to a bar.</summary>
    Thirsty,

    /// <summary>At a bar.</summary>
    Served,

    /// <summary>On the way to a gate.</summary>
    Leaving,
}

/// <summary>
/// The guests of the concert: they come through the gates, find a place before the stage, sway, fetch drinks in company, go and come back, and keep their distance. The same seed and steps give the same paths. One thread at a time; a step allocates nothing.
/// </summary>
public sealed class ConcertCrowd
{
    private const double Walk = 1.35; // m/s: Weidmann, Transporttechnik der Fussgaenger, 1993
    private const double Apart = 0.55;
    private const double Square = 1.5;
    private static readonly int Columns = (int)Math.Ceiling(ConcertPlan.Width / Square);
    private static readonly int Rows = (int)Math.Ceiling(ConcertPlan.Depth / Square);
    private static readonly string[] Names = ["Ada", "Bo", "Cem", "Dara", "Eli", "Fay", "Gil", "Hana", "Ivo", "Jun", "Kim", "Lea", "Mio", "Noa", "Ola", "Pia", "Quin", "Rui", "Sam", "Tea", "Uma", "Vik", "Wyn", "Xia", "Yan", "Zoe"];
    private readonly Guest[] _guests;
    private readonly int[] _first = new int[Columns * Rows];
    private readonly int[] _next;
    private double _beat;

    /// <summary>Guests, half of them at their places already.</summary>
    /// <param name="seed">The same seed gives the same guests.</param>
    /// <param name="count">0 to 5,000.</param>
    public ConcertCrowd(ulong seed, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 5_000);
        _guests = new Guest[count];
        _next = new int[count];
        for (var i = 0; i < count; i++)
        {
            ref var guest = ref _guests[i];
            guest.Random = new SeededRandom(seed, (ulong)i, 71);
            guest.Pace = Walk + (0.15 * guest.Random.NextNormal());
            guest.Pace = Math.Clamp(guest.Pace, 0.8, 1.9);
            ChoosePlace(ref guest);
            guest.Rhythm = guest.Random.NextDouble() * Math.Tau;
            if (guest.Random.NextBoolean(0.85))
            {
                (guest.X, guest.Z, guest.Intent, guest.Left) = (guest.PlaceX, guest.PlaceZ, GuestIntent.Listening, guest.Random.NextExponential(180));
                continue;
            }

            guest.Left = guest.Random.NextDouble() * 40;
        }
    }

    /// <summary>How many there are, on the grounds or away.</summary>
    public int Count => _guests.Length;

    /// <summary>A guest's shown name.</summary>
    public string NameOf(int guest) => $"{Names[guest % Names.Length]} {(guest / Names.Length) + 1}";

    /// <summary>What a guest is about.</summary>
    public GuestIntent IntentOf(int guest) => _guests[guest].Intent;

    /// <summary>Where a guest is: metres east and north, radians from east, counted towards north.</summary>
    public (double X, double Z, double Heading) PlaceOf(int guest) => (_guests[guest].X, _guests[guest].Z, _guests[guest].Heading);

    /// <summary>Goes on.</summary>
    /// <param name="seconds">0 to 0.2.</param>
    public void Step(double seconds)
    {
        _beat += seconds * Math.Tau * 2; // 120 beats a minute
        Sort();
        for (var i = 0; i < _guests.Length; i++)
        {
            ref var guest = ref _guests[i];
            guest.Left -= seconds;
            Decide(ref guest);
            if (guest.Intent == GuestIntent.Away) continue;
            var (goalX, goalZ) = guest.Intent == GuestIntent.Listening ? (guest.PlaceX, guest.PlaceZ) : (guest.GoalX, guest.GoalZ);
            Move(i, ref guest, goalX, goalZ, seconds);
        }
    }

    private void Decide(ref Guest guest)
    {
        switch (guest.Intent)
        {
            case GuestIntent.Away when guest.Left <= 0:
                var gate = ConcertPlan.Gates[guest.Random.NextInt(ConcertPlan.Gates.Count)];
                (guest.X, guest.Z, guest.Heading) = (gate.X + guest.Random.NextDouble(-2, 2), gate.Z, Math.PI / 2);
                ChoosePlace(ref guest);
                (guest.Intent, guest.GoalX, guest.GoalZ, guest.Left) = (GuestIntent.Arriving, guest.PlaceX, guest.PlaceZ, 150);
                break;
            case GuestIntent.Arriving when IsThere(guest) || guest.Left <= 0:
                if (guest.Left <= 0) (guest.PlaceX, guest.PlaceZ) = (guest.X, guest.Z); // no way through: here is good enough
                (guest.Intent, guest.Left) = (GuestIntent.Listening, 60 + guest.Random.NextExponential(240));
                break;
            case GuestIntent.Listening when guest.Left <= 0:
                Leave(ref guest);
                break;
            case GuestIntent.Thirsty when IsThere(guest) || guest.Left <= 0:
                (guest.Intent, guest.Left) = (GuestIntent.Served, 10 + guest.Random.NextExponential(25));
                break;
            case GuestIntent.Served when guest.Left <= 0:
                (guest.Intent, guest.GoalX, guest.GoalZ, guest.Left) = (GuestIntent.Arriving, guest.PlaceX, guest.PlaceZ, 150);
                break;
            case GuestIntent.Leaving when IsThere(guest) || guest.Left <= 0:
                (guest.Intent, guest.Left) = (GuestIntent.Away, 10 + guest.Random.NextExponential(30));
                break;
        }
    }

    private static void Leave(ref Guest guest)
    {
        if (guest.Random.NextBoolean(0.92))
        {
            var side = guest.X < ConcertPlan.Width / 2 ? 0 : 5;
            var counter = ConcertPlan.Counters[side + guest.Random.NextInt(5)];
            (guest.Intent, guest.GoalX, guest.GoalZ, guest.Left) = (GuestIntent.Thirsty, counter.X + (side == 0 ? 1 : -1) * guest.Random.NextDouble() * 3, counter.Z + guest.Random.NextDouble(-1, 1), 120);
            return;
        }

        var gate = ConcertPlan.Gates[guest.Random.NextInt(ConcertPlan.Gates.Count)];
        (guest.Intent, guest.GoalX, guest.GoalZ, guest.Left) = (GuestIntent.Leaving, gate.X + guest.Random.NextDouble(-2, 2), gate.Z, 150);
    }

    /// <summary>Dense before the stage, thinner behind.</summary>
    private static void ChoosePlace(ref Guest guest)
    {
        do
        {
            var away = 2 + (44 * Math.Pow(guest.Random.NextDouble(), 0.75));
            var angle = guest.Random.NextDouble(-1.25, 1.25);
            (guest.PlaceX, guest.PlaceZ) = (ConcertPlan.Front.X + (Math.Sin(angle) * away), ConcertPlan.Front.Z - (Math.Cos(angle) * away));
        }
        while (IsClosed(guest.PlaceX, guest.PlaceZ, 0.6));
    }

    private void Move(int index, ref Guest guest, double goalX, double goalZ, double seconds)
    {
        var (toX, toZ) = (goalX - guest.X, goalZ - guest.Z);
        var far = Math.Sqrt((toX * toX) + (toZ * toZ));
        var (wayX, wayZ) = far > 0.15 ? (toX / far * guest.Pace, toZ / far * guest.Pace) : (0.0, 0.0);
        var (pushX, pushZ) = Push(index, guest);
        if (guest.Intent is GuestIntent.Listening or GuestIntent.Served) (wayX, wayZ) = (wayX * 0.4, wayZ * 0.4);
        var (x, z) = (guest.X + ((wayX + pushX) * seconds), guest.Z + ((wayZ + pushZ) * seconds));
        (x, z) = (Math.Clamp(x, 0.5, ConcertPlan.Width - 0.5), Math.Clamp(z, 0.5, ConcertPlan.Depth - 0.5));
        if (IsClosed(x, z, 0.3))
        {
            // Along the wall, the way that is nearer to the goal.
            if (!IsClosed(x, guest.Z, 0.3) && Math.Abs(wayX) > 0.05) z = guest.Z;
            else if (!IsClosed(guest.X, z, 0.3) && Math.Abs(wayZ) > 0.05) x = guest.X;
            else
            {
                var round = guest.Pace * seconds * (guest.Rhythm > Math.PI ? 1 : -1);
                (x, z) = !IsClosed(guest.X + round, guest.Z, 0.3) ? (guest.X + round, guest.Z) : !IsClosed(guest.X, guest.Z + round, 0.3) ? (guest.X, guest.Z + round) : (guest.X, guest.Z);
            }
        }

        var isStill = guest.Intent is GuestIntent.Listening && far < 1.5;
        var heading = isStill ? Math.Atan2(ConcertPlan.Front.Z - z, ConcertPlan.Front.X - x) + (0.25 * Math.Sin((_beat / 2) + guest.Rhythm)) : far > 0.3 ? Math.Atan2(wayZ, wayX) : guest.Heading;
        guest.Heading += Math.IEEERemainder(heading - guest.Heading, Math.Tau) * Math.Min(1, seconds * 6);
        if (isStill) x += 0.03 * Math.Sin(_beat + guest.Rhythm) * seconds * 6;
        (guest.X, guest.Z) = IsClosed(x, z, 0.25) ? (guest.X, guest.Z) : (x, z);
    }

    private (double X, double Z) Push(int index, in Guest guest)
    {
        double pushX = 0, pushZ = 0;
        var (column, row) = ((int)(guest.X / Square), (int)(guest.Z / Square));
        for (var r = Math.Max(0, row - 1); r <= Math.Min(Rows - 1, row + 1); r++)
        {
            for (var c = Math.Max(0, column - 1); c <= Math.Min(Columns - 1, column + 1); c++)
            {
                for (var other = _first[(r * Columns) + c] - 1; other >= 0; other = _next[other] - 1)
                {
                    if (other == index) continue;
                    var (dx, dz) = (guest.X - _guests[other].X, guest.Z - _guests[other].Z);
                    var square = (dx * dx) + (dz * dz);
                    if (square is >= Apart * Apart or < 1e-12) continue;
                    var distance = Math.Sqrt(square);
                    var strength = (Apart - distance) / Apart * 1.2 / distance;
                    (pushX, pushZ) = (pushX + (dx * strength), pushZ + (dz * strength));
                }
            }
        }

        var size = Math.Sqrt((pushX * pushX) + (pushZ * pushZ));
        return size > 1.2 ? (pushX / size * 1.2, pushZ / size * 1.2) : (pushX, pushZ);
    }

    private void Sort()
    {
        Array.Clear(_first);
        for (var i = 0; i < _guests.Length; i++)
        {
            if (_guests[i].Intent == GuestIntent.Away) continue;
            ref var first = ref _first[((int)(_guests[i].Z / Square) * Columns) + (int)(_guests[i].X / Square)];
            (_next[i], first) = (first, i + 1);
        }
    }

    private static bool IsThere(in Guest guest) => Math.Abs(guest.X - guest.GoalX) < 0.8 && Math.Abs(guest.Z - guest.GoalZ) < 0.8;

    private static bool IsClosed(double x, double z, double margin)
    {
        for (var i = 0; i < ConcertPlan.Closed.Count; i++) if (ConcertPlan.Closed[i].Holds(x, z, margin)) return true;
        return false;
    }

    private struct Guest
    {
        public SeededRandom Random;
        public double X, Z, Heading, Pace, PlaceX, PlaceZ, GoalX, GoalZ, Rhythm, Left;
        public GuestIntent Intent;
    }
}
