using System.Numerics;
using Twin.Gateway.Spaces;
using Twin.Wire.Spaces;

namespace Twin.Benchmarks.Spaces;

/// <summary>
/// People who walk, say where they are at 20 Hz, read every frame and hold it against the truth that this process knows: latency from saying a pose to reading it in another's view, who is in view, and that nobody is who should not be.
/// </summary>
/// <remarks>The load of the peer: walkers at 1.5 m/s in a square sized for so many neighbours within 16 m, one avatar in ten is a probe.</remarks>
internal sealed class SpaceLoad : ISocketLoad
{
    private const int ProbeEvery = 10;
    private const int Kept = 64;
    private const float Speed = 1.5f;
    private readonly float _side;
    private readonly TimeProvider _clock;
    private readonly Random _random = new(5);
    private readonly Vector2[] _places;
    private readonly Vector2[] _ways;
    private readonly long[] _last;
    private readonly ushort[] _sequences;
    private readonly bool[] _isWelcome;
    private readonly bool[] _saidHello;
    private readonly ClientView[] _views;
    private readonly int[] _numbers;
    private readonly Dictionary<int, int> _clients = [];
    private readonly (AvatarPose Pose, long At)[][] _said;
    private readonly int[] _saidCount;
    private readonly int[] _matched; // client * 256 + slot: how far the probe in that slot has been matched
    private readonly int[] _matchedNumber;
    private readonly bool _isAdaptive;
    private readonly AvatarInput[] _sent;
    private readonly long[] _sentAt;

    public SpaceLoad(int clients, double side, TimeProvider clock, bool isAdaptive)
    {
        (_side, _clock, _isAdaptive) = ((float)side, clock, isAdaptive);
        (_places, _ways, _last, _sequences, _isWelcome, _saidHello) = (new Vector2[clients], new Vector2[clients], new long[clients], new ushort[clients], new bool[clients], new bool[clients]);
        (_views, _numbers, _said, _saidCount) = (new ClientView[clients], new int[clients], new (AvatarPose, long)[clients][], new int[clients]);
        (_matched, _matchedNumber, _sent, _sentAt) = (new int[clients * 256], new int[clients * 256], new AvatarInput[clients], new long[clients]);
        Frames = new int[clients];
        for (var i = 0; i < clients; i++)
        {
            var heading = _random.NextSingle() * MathF.Tau;
            _ways[i] = new Vector2(MathF.Cos(heading), MathF.Sin(heading)) * Speed;
            _views[i] = new ClientView();
            _said[i] = new (AvatarPose, long)[Kept];
        }
    }

    public bool IsMeasuring { get; set; }

    /// <summary>Frames read by each client while measuring.</summary>
    public int[] Frames { get; }

    /// <summary>From a probe's pose said to the same pose read in another's view.</summary>
    public Latencies Latency { get; } = new();

    /// <summary>With dead reckoning: how far from where a probe truly is others believe it to be, at each frame they read.</summary>
    public Errors Errors { get; } = new();

    /// <summary>Poses in views that their avatars never said.</summary>
    public long Untrue { get; private set; }

    public long Corrections { get; private set; }

    public long Neighbours { get; private set; }

    public long Messages { get; private set; }

    public long Inputs { get; private set; }

    public int Welcome => _isWelcome.Count(w => w);

    public string? Fault { get; private set; }

    public int Speak(int client, Span<byte> to, long now)
    {
        if (!_isWelcome[client])
        {
            if (_saidHello[client]) return 0;
            _saidHello[client] = true;
            return HelloBytes(to);
        }

        var seconds = _last[client] == 0 ? 0 : Math.Min(0.25f, (now - _last[client]) / (float)_clock.TimestampFrequency);
        _last[client] = now;
        var at = _places[client] + (_ways[client] * seconds);
        if (at.X < 0 || at.X > _side) _ways[client].X = -_ways[client].X;
        if (at.Y < 0 || at.Y > _side) _ways[client].Y = -_ways[client].Y;
        _places[client] = at = Vector2.Clamp(at, Vector2.Zero, new Vector2(_side));
        if (_isAdaptive) return SpeakWhenNeeded(client, to, now);
        var yaw = MathF.Atan2(_ways[client].Y, _ways[client].X) + (MathF.Sin(now / (float)_clock.TimestampFrequency * 2) * 0.2f);
        var pose = AvatarPose.From(new Vector3(at.X, 2 + MathF.Sin(at.X / 5), at.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, yaw));
        ref var said = ref _said[client][_saidCount[client] % Kept];
        said = (pose, now);
        _saidCount[client]++;
        var input = new AvatarInput(++_sequences[client], pose);
        if (IsMeasuring) Inputs++;
        return InputEnvelope.Write(to, input);
    }

    /// <summary>Dead reckoning: says where it is, and how it goes on, only when the silo's extrapolation would be off by more than 5 cm, and once a second. Turns each six seconds or so.</summary>
    private int SpeakWhenNeeded(int client, Span<byte> to, long now)
    {
        if (_random.Next(120) == 0)
        {
            var heading = _random.NextSingle() * MathF.Tau;
            _ways[client] = new Vector2(MathF.Cos(heading), MathF.Sin(heading)) * Speed;
        }

        var at = _places[client];
        var pose = AvatarPose.From(new Vector3(at.X, 0, at.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, MathF.Atan2(_ways[client].Y, _ways[client].X)));
        ref var sent = ref _sent[client];
        var ticks = (now - _sentAt[client]) * 20.0 / _clock.TimestampFrequency;
        double dx = sent.Pose.X + (sent.VelocityX * ticks) - pose.X, dz = sent.Pose.Z + (sent.VelocityZ * ticks) - pose.Z;
        if (_sentAt[client] != 0 && ticks < 20 && (dx * dx) + (dz * dz) < 13 * 13 && sent.Pose.Rotation == pose.Rotation) return 0;
        const float PerTick = AvatarPose.StepsPerMetre / 20f;
        sent = new AvatarInput(++_sequences[client], pose, (short)MathF.Round(_ways[client].X * PerTick), 0, (short)MathF.Round(_ways[client].Y * PerTick));
        _sentAt[client] = now;
        _said[client][_saidCount[client]++ % Kept] = (pose with { X = pose.X + sent.VelocityX, Z = pose.Z + sent.VelocityZ }, now); // the silo goes on by one tick before it tells
        if (IsMeasuring) Inputs++;
        return InputEnvelope.Write(to, sent);
    }

    public void Hear(int client, ReadOnlySpan<byte> message, long now)
    {
        if (IsMeasuring) Messages++;
        if (message.Length < 3 || Fault is not null) return;
        switch (message[1])
        {
            case 1:
                ReadWelcome(client, message);
                break;
            case 2:
                try
                {
                    if (FrameEnvelope.TryRead(message, out var body)) _views[client].Apply(body);
                }
                catch (SpaceWireException fault)
                {
                    Fault = $"client {client}: {fault.Message}";
                    return;
                }

                if (IsMeasuring) Count(client, now);
                break;
        }
    }

    /// <summary>Holds a client's view against the truth. What was within the radius for a while must be known; nothing beyond the hysteresis may be.</summary>
    /// <returns>Avatars missing and avatars that should not be there.</returns>
    public (int Missing, int Ghosts) CheckView(int client, double radius, double hysteresis)
    {
        const double Margin = 1.5; // both walk while inputs and frames are on their way and until the next look
        var view = _views[client];
        var known = new HashSet<int>();
        for (var slot = 0; slot < view.SlotEnd; slot++) if (view.NumberAt(slot) >= 0) known.Add(view.NumberAt(slot));
        var (missing, ghosts) = (0, 0);
        for (var other = 0; other < _places.Length; other++)
        {
            if (other == client) continue;
            var distance = Vector2.Distance(_places[other], _places[client]);
            if (known.Remove(_numbers[other]))
            {
                if (distance > (radius * hysteresis) + Margin) ghosts++;
            }
            else if (distance < radius - Margin) missing++;
        }

        return (missing, ghosts + known.Count);
    }

    private void Count(int client, long now)
    {
        Frames[client]++;
        var view = _views[client];
        if (view.Corrected is not null) Corrections++;
        for (var slot = 0; slot < view.SlotEnd; slot++)
        {
            var number = view.NumberAt(slot);
            if (number < 0) continue;
            Neighbours++;
            if (number % ProbeEvery != 0 || !_clients.TryGetValue(number, out var probe)) continue;
            if (_isAdaptive) Errors.Add(Vector2.Distance(new Vector2(view.ShadowAt(slot).Pose.X, view.ShadowAt(slot).Pose.Z) / AvatarPose.StepsPerMetre, _places[probe]));
            Match((client * 256) + slot, probe, number, view.ShadowAt(slot).Pose, now);
        }
    }

    private void Match(int at, int probe, int number, in AvatarPose pose, long now)
    {
        if (_matchedNumber[at] != number) (_matchedNumber[at], _matched[at]) = (number, Math.Max(0, _saidCount[probe] - Kept));
        for (var said = _saidCount[probe] - 1; said >= Math.Max(_matched[at] - 1, _saidCount[probe] - Kept) && said >= 0; said--)
        {
            ref var one = ref _said[probe][said % Kept];
            if (one.Pose.X != pose.X || one.Pose.Z != pose.Z || one.Pose.Rotation != pose.Rotation) continue;
            if (said >= _matched[at]) Latency.Add(now - one.At); // new since the last frame
            _matched[at] = said + 1;
            return;
        }

        if (!_isAdaptive) Untrue++;
    }

    private void ReadWelcome(int client, ReadOnlySpan<byte> message)
    {
        var welcome = (WelcomeMessage)SpaceMessage.ReadFromServer(message)!;
        _numbers[client] = welcome.OwnAvatar;
        _places[client] = new Vector2(welcome.Place.PlaceMetres.X, welcome.Place.PlaceMetres.Z);
        _clients[_numbers[client]] = client;
        _isWelcome[client] = true;
    }

    private int HelloBytes(Span<byte> to)
    {
        var hello = new HelloMessage(SpaceLimits.Version, SpaceLimits.Version, "load", _isAdaptive, 160_000).ToBytes();
        hello.CopyTo(to);
        return hello.Length;
    }
}
