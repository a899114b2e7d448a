using System.Numerics;
using Twin.Cli.Commands;
using Twin.Wire.Spaces;

namespace Twin.Cli.Load;

/// <summary>How the clients of an event's load behave.</summary>
/// <param name="Clients">How many.</param>
/// <param name="Rate">Turns to speak a second.</param>
/// <param name="IsAdaptive">They say where they are only when dead reckoning would be off by 5 cm, and are told only what is news.</param>
/// <param name="Seed">Of the walk.</param>
/// <param name="IsOwn">Nobody else is in the space.</param>
internal sealed record EventPlan(int Clients, double Rate, bool IsAdaptive, int Seed, bool IsOwn);

/// <summary>
/// People who walk, say where they are, read every frame and hold it against the truth, which this process knows of all of them: how old what they see is, whether it was ever said, who is in view and who should be.
/// Of the load's thread. Hot: allocates nothing while measuring.
/// </summary>
/// <remarks>Walkers go straight and turn at walls; heads sway, so that each tick has news of each.</remarks>
internal sealed class EventCrowd : ISocketTalk
{
    private const float Stride = 1.5f; // m/s
    private const float Doubt = 0.05f; // metres by which dead reckoning may err before one says where one is
    private const float Astray = 0.5f; // metres off one's way at which what others see is wrong
    private const int MiddleBound = 8; // steps by which the middle ring may be off
    private const int OverloadBound = AvatarPose.StepsPerMetre / 20; // an overloaded silo says so, and may then be off by 5 cm
    private readonly EventPlan _plan;
    private readonly EventFloor _floor;
    private readonly TimeProvider _clock;
    private readonly Random _random;
    private readonly EventWalker[] _walkers;
    private readonly Dictionary<int, int> _clients = [];
    private readonly float _stride;
    private int _tickHz = 20;

    public EventCrowd(EventPlan plan, EventFloor floor, TimeProvider clock)
    {
        (_plan, _floor, _clock, _random) = (plan, floor, clock, new Random(plan.Seed));
        _stride = (float)Math.Min(Stride, floor.MaxSpeed * 0.6);
        _walkers = [.. Enumerable.Range(0, plan.Clients).Select(_ => new EventWalker { Way = NewWay() })];
    }

    public bool IsMeasuring { get; set; }

    public bool IsLeaving { get; set; }

    /// <summary>Ages of what was seen: from saying a pose to reading it in another's near ring.</summary>
    public LatencyTally Ages { get; } = new();

    public TimeSpan OldestAge { get; private set; }

    /// <summary>Poses in views that their avatars never said.</summary>
    public long Untrue { get; private set; }

    public long Neighbours { get; private set; }

    public long Inputs { get; private set; }

    public long Corrections { get; private set; }

    public int LostClients { get; private set; }

    public string? Fault { get; private set; }

    public int TickHz => _tickHz;

    public int WorstQuality { get; private set; }

    public int Welcome => _walkers.Count(w => w.IsWelcome && !w.IsLost);

    public long Frames => _walkers.Sum(w => (long)w.Frames);

    public int FewestFrames => _walkers.Min(w => w.Frames);

    public int Speak(int client, Span<byte> to, long now)
    {
        var walker = _walkers[client];
        if (!walker.HasSaidHello)
        {
            walker.HasSaidHello = true;
            var hello = new HelloMessage(SpaceLimits.Version, SpaceLimits.Version, "twin load", _plan.IsAdaptive, _plan.IsAdaptive ? 0 : 160_000, _plan.IsAdaptive).ToBytes();
            hello.CopyTo(to);
            return hello.Length;
        }

        if (!walker.IsWelcome) return 0;
        if (IsLeaving)
        {
            var leave = new LeaveMessage().ToBytes();
            leave.CopyTo(to);
            return leave.Length;
        }

        Walk(walker, now);
        return _plan.IsAdaptive ? SayWhenNeeded(walker, to, now) : Say(walker, to, now);
    }

    public bool Hear(int client, ReadOnlySpan<byte> message, long at)
    {
        if (message.Length < 3) return true;
        var walker = _walkers[client];
        try
        {
            if (message[1] == (byte)SpaceMessageType.Frame && FrameEnvelope.TryRead(message, out var body))
            {
                walker.View.Apply(body);
                See(walker, at);
            }
            else if (message[1] == (byte)SpaceMessageType.Welcome) Arrive(client, walker, (WelcomeMessage)SpaceMessage.ReadFromServer(message)!);
            else if (message[1] == (byte)SpaceMessageType.Quality)
            {
                walker.QualityLevel = ((QualityMessage)SpaceMessage.ReadFromServer(message)!).Level;
                if (IsMeasuring) WorstQuality = Math.Max(WorstQuality, walker.QualityLevel);
            }

            return true;
        }
        catch (SpaceWireException fault)
        {
            Fault ??= $"client {client}: {fault.Message}";
            return false;
        }
    }

    public void Lost(int client, int code)
    {
        if (IsLeaving) return;
        _walkers[client].IsLost = true;
        LostClients++;
        if (code is not (0 or 1000)) Fault ??= $"client {client} was sent out with code {code}";
    }

    /// <summary>Counts from now on.</summary>
    public void StartMeasuring()
    {
        IsMeasuring = true;
        foreach (var walker in _walkers) WorstQuality = Math.Max(WorstQuality, walker.QualityLevel);
    }

    /// <summary>Holds a client's view against the truth: who was well within the near radius must be known, and nobody well beyond the far one may be.</summary>
    /// <returns>Null where the client knows as many as it is told of at most: who of them is nearest changes too fast to hold it against.</returns>
    public EventSight? Check(int client)
    {
        const double Margin = 1.5; // both walk while words are on their way and until the server's next look
        var walker = _walkers[client];
        if (!walker.IsWelcome || walker.IsLost) return null;
        var known = new HashSet<int>();
        for (var slot = 0; slot < walker.View.SlotEnd; slot++) if (walker.View.NumberAt(slot) >= 0) known.Add(walker.View.NumberAt(slot));
        var limit = walker.QualityLevel >= 3 ? _floor.NearLimit / 2 : _floor.NearLimit;
        if (known.Count >= limit) return null;
        var (missing, ghosts) = (0, 0);
        foreach (var other in _walkers)
        {
            if (other == walker || !other.IsWelcome) continue;
            var distance = Vector2.Distance(other.Place, walker.Place);
            if (known.Remove(other.Number))
            {
                if (distance > (_floor.FarRadius * EventFloor.Hysteresis) + Margin) ghosts++;
            }
            else if (distance < _floor.NearRadius - Margin && !other.IsLost) missing++;
        }

        return _plan.IsOwn ? new EventSight(missing, ghosts + known.Count, 0) : new EventSight(missing, ghosts, known.Count);
    }

    private void Walk(EventWalker walker, long now)
    {
        var seconds = walker.LastAt == 0 ? 0 : Math.Min(0.25f, (now - walker.LastAt) / (float)_clock.TimestampFrequency);
        walker.LastAt = now;
        if (_plan.IsAdaptive && _random.Next(120) == 0) walker.Way = NewWay();
        var at = walker.Place + (walker.Way * seconds);
        if (_floor.MayBe(at)) walker.Place = at;
        else if (_floor.MayBe(walker.Place with { X = at.X })) walker.Way.Y = -walker.Way.Y;
        else if (_floor.MayBe(walker.Place with { Y = at.Y })) walker.Way.X = -walker.Way.X;
        else walker.Way = NewWay();
        walker.Trail[walker.TrailCount++ % EventWalker.Kept] = (walker.Place.X, walker.Place.Y);
    }

    private int Say(EventWalker walker, Span<byte> to, long now)
    {
        var yaw = MathF.Atan2(walker.Way.Y, walker.Way.X) + (MathF.Sin(now / (float)_clock.TimestampFrequency * 2) * 0.2f);
        var pose = PoseOf(walker, yaw);
        walker.Say(pose, now);
        if (IsMeasuring) Inputs++;
        return InputEnvelope.Write(to, new AvatarInput(++walker.Sequence, pose));
    }

    /// <summary>Dead reckoning: says where it is, and how it goes on, only when the silo's extrapolation would err, and once a second.</summary>
    private int SayWhenNeeded(EventWalker walker, Span<byte> to, long now)
    {
        var pose = PoseOf(walker, MathF.Atan2(walker.Way.Y, walker.Way.X));
        ref var sent = ref walker.Sent;
        var ticks = (now - walker.SentAt) * (double)_tickHz / _clock.TimestampFrequency;
        double dx = sent.Pose.X + (sent.VelocityX * ticks) - pose.X, dz = sent.Pose.Z + (sent.VelocityZ * ticks) - pose.Z;
        const double Most = Doubt * AvatarPose.StepsPerMetre;
        if (walker.SentAt != 0 && ticks < _tickHz && (dx * dx) + (dz * dz) < Most * Most && sent.Pose.Rotation == pose.Rotation) return 0;
        var perTick = AvatarPose.StepsPerMetre / (float)_tickHz;
        sent = new AvatarInput(++walker.Sequence, pose, (short)MathF.Round(walker.Way.X * perTick), 0, (short)MathF.Round(walker.Way.Y * perTick));
        walker.SentAt = now;
        walker.Say(pose with { X = pose.X + sent.VelocityX, Z = pose.Z + sent.VelocityZ }, now); // the silo goes on by one tick before it tells
        if (IsMeasuring) Inputs++;
        return InputEnvelope.Write(to, sent);
    }

    private void Arrive(int client, EventWalker walker, WelcomeMessage welcome)
    {
        _tickHz = welcome.TickHz;
        walker.Number = welcome.OwnAvatar;
        walker.Held = welcome.Place;
        walker.Place = new Vector2(welcome.Place.PlaceMetres.X, welcome.Place.PlaceMetres.Z);
        walker.IsWelcome = true;
        _clients[welcome.OwnAvatar] = client;
    }

    private void See(EventWalker walker, long at)
    {
        var view = walker.View;
        if (view.Corrected is { } put)
        {
            walker.Held = new AvatarPose(put.X, put.Y, put.Z, 0, AvatarFlags.None);
            walker.Place = new Vector2(put.X, put.Z) / AvatarPose.StepsPerMetre;
            walker.SentAt = 0;
            if (put.Cause is CorrectionCause.Border or CorrectionCause.Reach) walker.Way = NewWay();
            if (IsMeasuring) Corrections++;
        }

        if (!IsMeasuring) return;
        walker.Frames++;
        for (var slot = 0; slot < view.SlotEnd; slot++)
        {
            var number = view.NumberAt(slot);
            if (number < 0) continue;
            Neighbours++;
            if (view.IsPausedAt(slot) || !_clients.TryGetValue(number, out var client)) continue;
            Recognise(walker, slot, number, _walkers[client], view.RingAt(slot) == ViewRing.Near, at);
        }
    }

    /// <summary>Finds when a seen pose was said. It counts as fresh news only once: who goes over to a slower ring is seen a little in the past again.</summary>
    private void Recognise(EventWalker viewer, int slot, int number, EventWalker other, bool isNear, long at)
    {
        var pose = viewer.View.ShadowAt(slot).Pose;
        ref var seen = ref viewer.Seen[slot];
        if (seen.Number != number) seen = (number, Math.Max(0, other.SaidCount - EventWalker.Kept));
        var bound = (isNear ? 0 : MiddleBound) + (viewer.QualityLevel >= 2 ? OverloadBound : 0);
        for (var said = other.SaidCount - 1; said >= 0 && said >= other.SaidCount - EventWalker.Kept; said--)
        {
            ref readonly var one = ref other.Said[said % EventWalker.Kept];
            if (Math.Abs(one.Pose.X - pose.X) > bound || Math.Abs(one.Pose.Z - pose.Z) > bound || (bound == 0 && one.Pose.Rotation != pose.Rotation)) continue;
            if (said >= seen.UpTo && isNear) Age(at - one.At);
            seen.UpTo = Math.Max(seen.UpTo, said + 1);
            return;
        }

        if (pose.X == other.Held.X && pose.Z == other.Held.Z) return;
        if (!_plan.IsAdaptive || !WasNear(other, pose)) Untrue++;
    }

    /// <summary>Whether a dead-reckoned avatar was about there in the last three seconds.</summary>
    private static bool WasNear(EventWalker other, in AvatarPose pose)
    {
        var place = pose.PlaceMetres;
        for (var i = other.TrailCount - 1; i >= 0 && i >= other.TrailCount - EventWalker.Kept; i--)
        {
            var (x, z) = other.Trail[i % EventWalker.Kept];
            if (((x - place.X) * (x - place.X)) + ((z - place.Z) * (z - place.Z)) <= Astray * Astray) return true;
        }

        return false;
    }

    private void Age(long ticks)
    {
        var age = TimeSpan.FromSeconds(Math.Max(0, ticks) / (double)_clock.TimestampFrequency);
        Ages.Record(age);
        if (age > OldestAge) OldestAge = age;
    }

    private static AvatarPose PoseOf(EventWalker walker, float yaw) => AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, yaw));

    private Vector2 NewWay()
    {
        var (sin, cos) = MathF.SinCos(_random.NextSingle() * MathF.Tau);
        return new Vector2(cos, sin) * _stride;
    }
}

/// <summary>What one view had wrong.</summary>
/// <param name="Missing">Near ones it does not know.</param>
/// <param name="Ghosts">Ones it knows that are not there.</param>
/// <param name="Others">Ones it knows that are none of the load's.</param>
internal readonly record struct EventSight(int Missing, int Ghosts, int Others);
