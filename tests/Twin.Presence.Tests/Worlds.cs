using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Presence.Tests;

/// <summary>A space full of walkers, with clients that read every frame. Seeded.</summary>
internal sealed class Worlds : IFrameSink
{
    private readonly byte[] _body = new byte[Viewer.MostFrameBytes];
    private readonly Random _random;
    private readonly List<Walker> _walkers = [];
    private int _nextNumber = 1;

    public Worlds(int seed, StageRules rules)
    {
        _random = new Random(seed);
        Stage = new SpaceStage(rules);
    }

    public SpaceStage Stage { get; }

    public Dictionary<int, ClientView> Views { get; } = [];

    public IReadOnlyList<Walker> Walkers => _walkers;

    public Func<int, bool> IsSent { get; set; } = _ => true;

    public int Frames { get; private set; }

    public long Bytes { get; private set; }

    public Span<byte> Body => _body;

    public static StageRules Rules(double side, InterestRules? interest = null, int cells = 1, int bound = 0) => new()
    {
        Movement = new MovementRules(side, side, 8),
        Interest = interest ?? new InterestRules(),
        CellsAcross = cells,
        NearBoundSteps = bound,
        MiddleBoundSteps = bound,
    };

    public Walker Join(bool isAdaptive = false, Vector3? at = null)
    {
        var side = (float)Stage.Rules.Movement.WidthSteps / AvatarPose.StepsPerMetre;
        var place = at ?? new Vector3(_random.NextSingle() * side, 0, _random.NextSingle() * side);
        var walker = new Walker { Number = _nextNumber++, Place = place, Heading = _random.NextSingle() * MathF.Tau, Speed = 0.5f + (_random.NextSingle() * 5) };
        walker.Session = Stage.Open(new AvatarState { Number = walker.Number, Epoch = 1, Pose = AvatarPose.From(place, Quaternion.Identity) }, isAdaptive);
        Assert.True(walker.Session >= 0);
        Views[walker.Session] = new ClientView();
        _walkers.Add(walker);
        return walker;
    }

    public void Leave(Walker walker)
    {
        Stage.Close(walker.Session, false);
        Views.Remove(walker.Session);
        _walkers.Remove(walker);
    }

    public void Step(float seconds = 0.05f)
    {
        var side = (float)Stage.Rules.Movement.WidthSteps / AvatarPose.StepsPerMetre;
        foreach (var walker in _walkers)
        {
            if (_random.Next(40) == 0) walker.Heading += _random.NextSingle() - 0.5f;
            if (_random.Next(100) == 0) walker.IsStanding = !walker.IsStanding;
            if (!walker.IsStanding) walker.Place += new Vector3(MathF.Sin(walker.Heading), 0, MathF.Cos(walker.Heading)) * walker.Speed * seconds;
            if (walker.Place.X < 0 || walker.Place.X > side || walker.Place.Z < 0 || walker.Place.Z > side) walker.Heading += 2;
            walker.Place = new Vector3(Math.Clamp(walker.Place.X, 0, side), MathF.Sin(walker.Place.X / 5) + 1, Math.Clamp(walker.Place.Z, 0, side));
            Stage.Input(walker.Session, new AvatarInput(++walker.Sequence, AvatarPose.From(walker.Place, Quaternion.CreateFromYawPitchRoll(walker.Heading, 0, 0))));
        }

        Stage.Advance();
        Stage.LookAround(0, Stage.SessionEnd);
        Stage.WriteFrames(0, Stage.SessionEnd, this);
    }

    public bool SendFrame(int session, int length)
    {
        if (!IsSent(session)) return false;
        Views[session].Apply(_body.AsSpan(0, length));
        Frames++;
        Bytes += length;
        return true;
    }

    public void SendCrowd(ReadOnlySpan<byte> body)
    {
    }

    public void Entered(int session, int number)
    {
    }

    internal sealed class Walker
    {
        public int Number { get; init; }

        public int Session { get; set; }

        public Vector3 Place { get; set; }

        public float Heading { get; set; }

        public float Speed { get; init; }

        public bool IsStanding { get; set; }

        public ushort Sequence { get; set; }
    }
}
