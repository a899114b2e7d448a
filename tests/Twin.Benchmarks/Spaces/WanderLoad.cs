using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Benchmarks.Spaces;

/// <summary>
/// People who cross a place again and again, and whose connections may end and be taken up elsewhere. Each pose said is remembered for three seconds, so that a pose read in another's view tells how old it is: the worst gap is the longest time in which someone stood still in a view.
/// </summary>
internal sealed class WanderLoad : ISocketLoad
{
    private const int Kept = 64;
    private const float Speed = 3f;
    private readonly TimeProvider _clock;
    private readonly float _side;
    private readonly Random _random = new(7);
    private readonly Walker[] _walkers;
    private long _since;
    private readonly Dictionary<int, int> _clients = [];

    public WanderLoad(int clients, double side, int cellsAcross, TimeProvider clock)
    {
        (_side, _clock, CellsAcross) = ((float)side, clock, cellsAcross);
        _walkers = [.. Enumerable.Range(0, clients).Select(_ => new Walker())];
        foreach (var walker in _walkers) walker.Goal = NewGoal();
    }

    public int CellsAcross { get; }

    /// <summary>While set, gaps count.</summary>
    public bool IsMeasuring { get; set; }

    /// <summary>While set, everybody stands still.</summary>
    public bool IsResting { get; set; }

    /// <summary>Times that someone went from one cell to another.</summary>
    public long Crossings { get; private set; }

    /// <summary>Views that had someone twice.</summary>
    public long Doubled { get; private set; }

    /// <summary>Between two frames of one client, in milliseconds.</summary>
    public double WorstFrameGapMs => Milliseconds(_walkers.Max(w => w.WorstFrameGap));

    /// <summary>In which someone stood still in a view though it walked, in milliseconds.</summary>
    public double WorstSightGapMs => Milliseconds(_walkers.Max(w => w.WorstSightGap));

    /// <summary>The same, the median of all people.</summary>
    public double MedianSightGapMs => Milliseconds(_walkers.Select(w => w.WorstSightGap).Order().ElementAt(_walkers.Length / 2));

    public long Corrections { get; private set; }

    public long Frames { get; private set; }

    public string? Fault { get; private set; }

    public int Welcome => _walkers.Count(w => w.IsWelcome);

    public int Speak(int client, Span<byte> to, long now)
    {
        var walker = _walkers[client];
        if (!walker.IsWelcome)
        {
            if (walker.HasSaidHello) return 0;
            walker.HasSaidHello = true;
            var hello = new HelloMessage(SpaceLimits.Version, SpaceLimits.Version, "wander", false, 160_000).ToBytes();
            hello.CopyTo(to);
            return hello.Length;
        }

        var seconds = walker.Last == 0 ? 0 : Math.Min(0.25f, (now - walker.Last) / (float)_clock.TimestampFrequency);
        walker.Last = now;
        var way = walker.Goal - walker.Place;
        if (way.Length() < 2) walker.Goal = NewGoal();
        else if (!IsResting) walker.Place += Vector2.Normalize(way) * (Speed * seconds);
        var cell = ((int)(walker.Place.Y * CellsAcross / _side) * CellsAcross) + (int)(walker.Place.X * CellsAcross / _side);
        if (cell != walker.Cell && IsMeasuring) Crossings++;
        walker.Cell = cell;
        var pose = AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.Identity);
        walker.Said[walker.SaidCount++ % Kept] = pose;
        return InputEnvelope.Write(to, new AvatarInput(++walker.Sequence, pose));
    }

    public void Hear(int client, ReadOnlySpan<byte> message, long now)
    {
        if (message.Length < 3 || Fault is not null) return;
        var walker = _walkers[client];
        if (message[1] == 1)
        {
            var welcome = (WelcomeMessage)SpaceMessage.ReadFromServer(message)!;
            if (walker.Number != 0 && (walker.Number != welcome.OwnAvatar || !welcome.IsResumed)) Fault = $"client {client} came back as avatar {welcome.OwnAvatar}, was {walker.Number}{(welcome.IsResumed ? "" : ", not resumed")}";
            walker.Number = welcome.OwnAvatar;
            walker.Place = new Vector2(welcome.Place.PlaceMetres.X, welcome.Place.PlaceMetres.Z);
            walker.IsWelcome = true;
            _clients[welcome.OwnAvatar] = client;
        }
        else if (message[1] == 2 && FrameEnvelope.TryRead(message, out var body))
        {
            try
            {
                walker.View.Apply(body);
            }
            catch (SpaceWireException fault)
            {
                Fault = $"client {client}: {fault.Message}";
                return;
            }

            See(walker, now);
        }
    }

    public void Returned(int client)
    {
        var walker = _walkers[client];
        (walker.IsWelcome, walker.HasSaidHello, walker.View, walker.Sequence) = (false, false, new ClientView(), 0);
        Array.Clear(walker.Sights);
    }

    /// <summary>Forgets the gaps so far.</summary>
    public void StartOver(long now)
    {
        IsMeasuring = true;
        _since = now;
        foreach (var walker in _walkers) (walker.LastFrame, walker.WorstFrameGap, walker.WorstSightGap) = (now, 0, 0);
    }

    /// <summary>Holds all views against the truth: who is missing within the radius, who is there that should not be, and who is in nobody's view though somebody is near.</summary>
    public (int Missing, int Ghosts, int Lost) Check(double radius, double hysteresis)
    {
        const double Margin = 3;
        var (missing, ghosts) = (0, 0);
        var (isNear, isSeen) = (new bool[_walkers.Length], new bool[_walkers.Length]);
        foreach (var walker in _walkers)
        {
            var known = new HashSet<int>();
            for (var slot = 0; slot < walker.View.SlotEnd; slot++) if (walker.View.NumberAt(slot) >= 0) known.Add(walker.View.NumberAt(slot));
            for (var other = 0; other < _walkers.Length; other++)
            {
                if (_walkers[other] == walker) continue;
                var distance = Vector2.Distance(_walkers[other].Place, walker.Place);
                isNear[other] |= distance < radius - Margin;
                if (known.Remove(_walkers[other].Number))
                {
                    isSeen[other] = true;
                    if (distance > (radius * hysteresis) + Margin) ghosts++;
                }
                else if (distance < radius - Margin) missing++;
            }

            ghosts += known.Count;
        }

        return (missing, ghosts, Enumerable.Range(0, _walkers.Length).Count(i => isNear[i] && !isSeen[i]));
    }

    private void See(Walker walker, long now)
    {
        Frames++;
        if (IsMeasuring) walker.WorstFrameGap = Math.Max(walker.WorstFrameGap, now - walker.LastFrame);
        walker.LastFrame = now;
        if (walker.View.Corrected is { } correction)
        {
            Corrections++;
            walker.Place = new Vector2((float)correction.X / AvatarPose.StepsPerMetre, (float)correction.Z / AvatarPose.StepsPerMetre);
        }

        walker.Seen.Clear();
        for (var slot = walker.View.SlotEnd; slot < walker.SeenEnd; slot++) walker.Sights[slot] = default;
        walker.SeenEnd = walker.View.SlotEnd;
        for (var slot = 0; slot < walker.View.SlotEnd; slot++)
        {
            var number = walker.View.NumberAt(slot);
            if (number < 0)
            {
                walker.Sights[slot] = default;
                continue;
            }

            if (!walker.Seen.Add(number)) Doubled++;
            if (_clients.TryGetValue(number, out var client)) Sight(walker, slot, _walkers[client], walker.View.ShadowAt(slot).Pose, now);
        }
    }

    /// <summary>How long someone who stays in a view has stood still in it: all walk, so each newer pose differs.</summary>
    private void Sight(Walker viewer, int slot, Walker other, in AvatarPose pose, long now)
    {
        ref var sight = ref viewer.Sights[slot];
        if (sight.Number != other.Number) sight = (other.Number, -1, now);
        for (var said = other.SaidCount - 1; said > sight.UpTo && said >= 0 && said > other.SaidCount - Kept; said--)
        {
            if (other.Said[said % Kept].X != pose.X || other.Said[said % Kept].Z != pose.Z) continue;
            if (IsMeasuring && sight.UpTo >= 0) other.WorstSightGap = Math.Max(other.WorstSightGap, now - Math.Max(sight.At, _since));
            (sight.UpTo, sight.At) = (said, now);
            return;
        }

        if (IsMeasuring) other.WorstSightGap = Math.Max(other.WorstSightGap, now - Math.Max(sight.At, _since)); // nothing newer yet
    }

    private Vector2 NewGoal() => new(_random.NextSingle() * (_side - 2) + 1, _random.NextSingle() * (_side - 2) + 1);

    private double Milliseconds(long ticks) => Math.Round(ticks * 1000.0 / _clock.TimestampFrequency, 1);

    private sealed class Walker
    {
        public readonly AvatarPose[] Said = new AvatarPose[Kept];
        public readonly HashSet<int> Seen = [];
        public ClientView View = new();
        public Vector2 Place, Goal;
        public readonly (int Number, int UpTo, long At)[] Sights = new (int, int, long)[256];
        public int Number, Cell, SaidCount, SeenEnd;
        public ushort Sequence;
        public bool IsWelcome, HasSaidHello;
        public long Last, LastFrame, WorstFrameGap, WorstSightGap;
    }
}
