using System.Numerics;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Benchmarks.Claims;

/// <summary>The peer's workload without sockets: walkers at 1.5 m/s in a square sized so that each has, on average, so many others within 16 m; each sends its pose at 20 Hz.</summary>
internal sealed class SpaceWalkers : IFrameSink
{
    private const double Radius = 16;
    private readonly byte[] _body = new byte[Viewer.MostFrameBytes];
    private readonly Random _random;
    private readonly Vector2[] _places;
    private readonly Vector2[] _ways;
    private readonly int[] _sessions;
    private readonly ClientView?[] _views;
    private int _tick;

    public SpaceWalkers(int seed, int count, double side, InterestRules interest, bool isWatched)
    {
        _random = new Random(seed);
        Side = (float)side;
        Stage = new SpaceStage(new StageRules { Movement = new MovementRules(side, side, 3), Interest = interest });
        (_places, _ways, _sessions, _views, Poses) = (new Vector2[count], new Vector2[count], new int[count], new ClientView?[count], new (Vector3, Quaternion)[count]);
        for (var i = 0; i < count; i++)
        {
            var heading = _random.NextSingle() * MathF.Tau;
            _places[i] = new Vector2(_random.NextSingle() * Side, _random.NextSingle() * Side);
            _ways[i] = new Vector2(MathF.Cos(heading), MathF.Sin(heading)) * 1.5f;
            _sessions[i] = Stage.Open(new AvatarState { Number = i, Epoch = 1, Pose = AvatarPose.From(new Vector3(_places[i].X, 2, _places[i].Y), Quaternion.Identity) }, false);
            if (isWatched) _views[i] = new ClientView();
        }
    }

    public SpaceStage Stage { get; }

    public float Side { get; }

    /// <summary>Where each walker truly is, not quantised.</summary>
    public (Vector3 Place, Quaternion Rotation)[] Poses { get; }

    public long Bytes { get; private set; }

    public long Frames { get; private set; }

    public Span<byte> Body => _body;

    public ClientView ViewOf(int walker) => _views[walker]!;

    /// <summary>Side of the square in which so many uniformly spread points have, on average and edges included, so many others within the radius: (n-1)(πa² - 8/3 a³ + a⁴/2) = k, a = radius/side.</summary>
    public static double SideFor(int count, double neighbours)
    {
        double low = Radius, high = Radius * 1000;
        for (var i = 0; i < 100; i++)
        {
            var side = (low + high) / 2;
            var a = Radius / side;
            if ((count - 1) * ((Math.PI * a * a) - (8.0 / 3 * a * a * a) + (a * a * a * a / 2)) > neighbours) low = side;
            else high = side;
        }

        return high;
    }

    /// <summary>Everyone walks for a twentieth of a second and says where it is.</summary>
    public void Walk()
    {
        _tick++;
        for (var i = 0; i < _places.Length; i++)
        {
            var at = _places[i] + (_ways[i] * 0.05f);
            if (at.X < 0 || at.X > Side) _ways[i].X = -_ways[i].X;
            if (at.Y < 0 || at.Y > Side) _ways[i].Y = -_ways[i].Y;
            _places[i] = at = Vector2.Clamp(at, Vector2.Zero, new Vector2(Side));
            var yaw = MathF.Atan2(_ways[i].Y, _ways[i].X) + (MathF.Sin(_tick * 0.1f) * 0.2f);
            Poses[i] = (new Vector3(at.X, 2 + MathF.Sin(at.X / 5), at.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, yaw));
            Stage.Input(_sessions[i], new AvatarInput((ushort)_tick, AvatarPose.From(Poses[i].Place, Poses[i].Rotation)));
        }
    }

    public bool SendFrame(int session, int length)
    {
        Bytes += length + 4 + (length + 4 < 126 ? 2 : 4); // the envelope and the WebSocket's header
        Frames++;
        _views[session]?.Apply(_body.AsSpan(0, length));
        return true;
    }

    public void SendCrowd(ReadOnlySpan<byte> body)
    {
    }

    public void Entered(int session, int number)
    {
    }
}
