using System.Diagnostics;
using System.Numerics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// <c>spaces.replay</c>: 2,000 people for a minute, who come, go, come back, cheat, have little room or do not read; of all frames that their sessions got, how many differ when the recording is played from its beginning, and from keyframes in its middle? Anything but none would make a replay a likeness and no evidence.
/// </summary>
internal static class SpaceReplayed
{
    public static readonly Claim Claim = new("spaces.replay", "frames", LowerIsBetter: true, Pinned: false, run => Task.FromResult(Measure(run)));

    private static Figure Measure(ClaimRun run)
    {
        var (people, ticks) = (run.Count(2_000, 300), run.Count(1_200, 260));
        var live = new Hashes();
        var crowd = new Crowd(people, live);
        var chunks = new List<byte[]>();
        var recorder = new SpaceRecorder(crowd.Stage, "arena", TimeProvider.System, chunkSeconds: run.Quick ? 4 : 10) { Finished = chunks.Add };
        var (costs, keyframes, avatarTicks) = (new List<double>(), new List<double>(), 0L);
        for (var tick = 0; tick < ticks; tick++)
        {
            crowd.Step();
            var count = chunks.Count;
            var started = Stopwatch.GetTimestamp();
            recorder.EndTick();
            if (chunks.Count > count) keyframes.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            avatarTicks += crowd.Stage.Mirror.Count;
        }

        recorder.Cut();
        var raw = chunks.Sum(c => (long)c.Length);
        var packed = chunks.Sum(c => (long)Pack(c).Length);
        var read = SpaceChunk.ReadAll(chunks.SelectMany(c => c).ToArray());
        var (differ, frames, playMs) = (0L, 0L, 0.0);
        foreach (var from in new[] { 0, read.Count / 2, read.Count - 1 }.Distinct())
        {
            var again = new Hashes();
            var replay = new SpaceReplay(read[from..]);
            var started = Stopwatch.GetTimestamp();
            while (replay.Step(again))
            {
            }

            if (from == 0) playMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds / ticks;
            foreach (var (key, hash) in live.All)
            {
                if (key.Tick <= read[from].FirstTick) continue;
                frames++;
                if (!again.All.Remove(key, out var other) || other != hash) differ++;
            }

            differ += again.All.Count; // frames that nobody got
        }

        costs.AddRange(Tape(people, run));
        costs.Sort();
        keyframes.Sort();
        var seconds = avatarTicks / 20.0;
        return new Figure(differ, new JsonObject
        {
            ["frames"] = frames, ["people"] = people, ["ticks"] = ticks, ["chunks"] = read.Count, ["startedFrom"] = 3, ["failedSends"] = crowd.Failures, ["corrections"] = crowd.Corrections,
            ["bytesPerAvatarSecond"] = Math.Round(raw / seconds, 1), ["compressedBytesPerAvatarSecond"] = Math.Round(packed / seconds, 1), ["keyframeMs"] = keyframes.Count > 0 ? Math.Round(keyframes[keyframes.Count / 2], 2) : null,
            ["recordingMicrosecondsPerTick"] = Math.Round(costs[costs.Count / 2], 1), ["playMsPerTick"] = Math.Round(playMs, 2),
        });
    }

    private static byte[] Pack(byte[] chunk)
    {
        var read = SpaceChunk.Read(chunk)!;
        return SpaceChunk.ToBytes(read.Body().Span, read.FirstTick, read.Ticks, read.TickHz, read.At, true);
    }

    /// <summary>What recording adds to a tick: the same crowd with and without, tick by tick in turns.</summary>
    private static IEnumerable<double> Tape(int people, ClaimRun run)
    {
        var (with, without) = (new Crowd(people, null) { IsCalm = true }, new Crowd(people, null) { IsCalm = true });
        using var recorder = new SpaceRecorder(with.Stage, "arena", TimeProvider.System, chunkSeconds: 600);
        for (var tick = 0; tick < run.Count(200, 60); tick++)
        {
            var a = Stopwatch.GetTimestamp();
            with.Step();
            recorder.EndTick();
            var b = Stopwatch.GetTimestamp();
            without.Step();
            var c = Stopwatch.GetTimestamp();
            if (tick > 30) yield return Stopwatch.GetElapsedTime(a, b).TotalMicroseconds - Stopwatch.GetElapsedTime(b, c).TotalMicroseconds;
        }
    }

    private sealed class Hashes : IFrameSink
    {
        private readonly byte[] _body = new byte[Viewer.MostFrameBytes];
        private readonly byte[] _hash = new byte[32];

        public Dictionary<(int Tick, int Session), (ulong, ulong)> All { get; } = [];

        public Func<bool>? Takes { get; set; }

        public Span<byte> Body => _body;

        public bool SendFrame(int session, int length)
        {
            SHA256.HashData(_body.AsSpan(0, length), _hash);
            All[(_body[0] | (_body[1] << 8), session)] = (BitConverter.ToUInt64(_hash), BitConverter.ToUInt64(_hash, 8)); // a frame begins with its tick
            return Takes?.Invoke() ?? true;
        }

        public void SendCrowd(ReadOnlySpan<byte> body)
        {
        }

        public void Entered(int session, int number)
        {
        }
    }

    private sealed class Nowhere : IFrameSink
    {
        private readonly byte[] _body = new byte[Viewer.MostFrameBytes];

        public Span<byte> Body => _body;

        public bool SendFrame(int session, int length) => true;

        public void SendCrowd(ReadOnlySpan<byte> body)
        {
        }

        public void Entered(int session, int number)
        {
        }
    }

    private sealed class Crowd
    {
        private readonly Random _random = new(11);
        private readonly IFrameSink _sink;
        private readonly float _side;
        private readonly List<Walker> _walkers = [];
        private int _next = 1;

        public Crowd(int people, Hashes? sink)
        {
            _sink = sink is null ? new Nowhere() : sink;
            _side = (float)SpaceWalkers.SideFor(people, 20);
            Stage = new SpaceStage(new StageRules { Movement = new MovementRules(_side, _side, 6), CellsAcross = 4, Interest = new InterestRules { NearRadiusMetres = 16, NearLimit = 64, MiddleRadiusMetres = 32, MiddleLimit = 48 } });
            if (sink is not null)
            {
                sink.Takes = () =>
                {
                    if (_random.Next(2_000) > 0) return true;
                    Failures++;
                    return false;
                };
            }

            for (var i = 0; i < people; i++) Join();
        }

        public SpaceStage Stage { get; }

        public bool IsCalm { get; init; }

        public int Failures { get; private set; }

        public int Corrections { get; private set; }

        public void Step()
        {
            if (!IsCalm) for (var i = 0; i < 10; i++) Happen();
            foreach (var walker in _walkers)
            {
                if (walker.Session < 0) continue;
                walker.Place = Vector2.Clamp(walker.Place + (new Vector2(MathF.Cos(walker.Heading), MathF.Sin(walker.Heading)) * 0.075f), Vector2.Zero, new Vector2(_side));
                if (_random.Next(20) == 0) walker.Heading += _random.NextSingle() - 0.5f;
                if (_random.Next(30) == 0) continue; // nothing came
                var pose = AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, walker.Heading));
                if (!IsCalm && _random.Next(5_000) == 0) pose = pose with { X = pose.X + 9_000 }; // a cheat
                if (Stage.Input(walker.Session, new AvatarInput(++walker.Sequence, pose)) == InputOutcome.Refused) Corrections++;
            }

            Stage.Advance();
            Stage.LookAround(0, Stage.SessionEnd);
            Stage.WriteFrames(0, Stage.SessionEnd, _sink);
        }

        private void Join()
        {
            var walker = new Walker { Number = _next++, Epoch = 1, Place = new Vector2(_random.NextSingle(), _random.NextSingle()) * _side, Heading = _random.NextSingle() * 6 };
            _walkers.Add(walker);
            Open(walker);
        }

        private void Open(Walker walker) => walker.Session = Stage.Open(new AvatarState { Number = walker.Number, Epoch = walker.Epoch, Pose = AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.Identity) }, walker.Number % 3 == 0);

        private void Happen()
        {
            var one = _walkers[_random.Next(_walkers.Count)];
            switch (_random.Next(14))
            {
                case 0 when one.Session >= 0:
                    Stage.Close(one.Session, keepsAvatar: true);
                    one.Session = -1;
                    break;
                case 1 or 2 when one.Session < 0:
                    one.Epoch++;
                    one.Sequence = 0;
                    Open(one);
                    break;
                case 3:
                    if (one.Session >= 0) Stage.Close(one.Session, keepsAvatar: false);
                    else Stage.Remove(one.Number, one.Epoch);
                    _walkers.Remove(one);
                    Join();
                    break;
                case 4 when one.Session >= 0:
                    Stage.SetBudget(one.Session, _random.Next(40, 1_200));
                    break;
                case 5 when one.Session >= 0:
                    Stage.Hide(one.Session, _walkers[_random.Next(_walkers.Count)].Number, _random.Next(3) > 0);
                    break;
                case 6 when _random.Next(100) == 0:
                    Stage.Pace = (FramePace)_random.Next(4);
                    break;
                case 7 when _random.Next(100) == 0:
                    Stage.NearLimit = _random.Next(20, 65);
                    break;
                case 8 when _random.Next(100) == 0:
                    Stage.ExtraBoundSteps = _random.Next(2) * 12;
                    break;
            }
        }

        private sealed class Walker
        {
            public int Number, Session;
            public long Epoch;
            public ushort Sequence;
            public Vector2 Place;
            public float Heading;
        }
    }
}
