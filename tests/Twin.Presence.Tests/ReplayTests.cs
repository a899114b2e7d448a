using System.Buffers.Binary;
using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Presence.Tests;

public class ReplayTests
{
    [Theory]
    [InlineData(1, 60, 40, 1, 0)]
    [InlineData(2, 150, 60, 3, 0)]
    [InlineData(3, 300, 60, 2, 6)]
    [InlineData(4, 300, 25, 1, 0)]
    [InlineData(21, 120, 40, 3, 0, 14)] // full cells: avatars are lost at borders, their sessions stay
    public void Every_frame_of_every_session_is_written_again_byte_for_byte_from_any_keyframe(int seed, int people, double side, int cells, int bound, int capacity = 20_000)
    {
        var crowd = new Crowd(seed, people, side, cells, bound, chunkSeconds: 2, capacity: capacity);
        crowd.Run(170);
        var chunks = SpaceChunk.ReadAll(crowd.Recording());
        Assert.True(chunks.Count > 4);
        Assert.True(crowd.Frames.Count > 3_000);
        Assert.True(crowd.Failures > 10 && crowd.Corrections > 0, "the crowd did not do all it should");
        for (var from = 0; from < chunks.Count; from++)
        {
            var again = new Frames();
            var replay = new SpaceReplay(chunks[from..]);
            while (replay.Step(again))
            {
            }

            var expected = crowd.Frames.Where(f => f.Key.Tick > chunks[from].FirstTick).OrderBy(f => f.Key).ToList();
            Assert.Equal(expected.Count, again.All.Count);
            foreach (var (key, frame) in expected) Assert.True(again.All.TryGetValue(key, out var other) && frame.AsSpan().SequenceEqual(other), $"session {key.Session} has another frame at tick {key.Tick}, played from tick {chunks[from].FirstTick} (seed {seed})");
        }
    }

    [Fact]
    public void A_compressed_recording_is_the_same_and_names_and_chat_come_at_their_ticks()
    {
        var crowd = new Crowd(7, 80, 50, 1, 0, chunkSeconds: 2);
        crowd.Run(30);
        crowd.Recorder.Say(new SpaceSaying(SpaceSayingKind.Person, 5, new byte[] { 1, 2, 3 }));
        crowd.Run(20);
        crowd.Recorder.Say(new SpaceSaying(SpaceSayingKind.ChatToAll, 5, new byte[] { 9 }));
        crowd.Run(40);
        var raw = SpaceChunk.ReadAll(crowd.Recording());
        var packed = raw.SelectMany(c => SpaceChunk.ToBytes(c.Body().Span, c.FirstTick, c.Ticks, c.TickHz, c.At, true)).ToArray();
        Assert.True(packed.Length < raw.Sum(c => c.Bytes));
        var replay = new SpaceReplay(SpaceChunk.ReadAll(packed));
        replay.Seek(50);
        Assert.Equal(50, replay.Tick);
        Assert.Equal(new byte[] { 1, 2, 3 }, replay.People[5].ToArray());
        Assert.True(replay.Step());
        Assert.Equal(SpaceSayingKind.ChatToAll, Assert.Single(replay.Sayings).Kind);
        replay.Seek(31);
        Assert.Equal(31, replay.Tick);
        Assert.Equal(SpaceSayingKind.Person, Assert.Single(replay.Sayings).Kind);
    }

    [Fact]
    public void The_newest_seconds_stay_in_memory_and_no_more()
    {
        var crowd = new Crowd(8, 40, 40, 1, 0, chunkSeconds: 2, keptSeconds: 4);
        crowd.Run(400);
        var chunks = SpaceChunk.ReadAll(crowd.Recorder.LastSeconds(4));
        Assert.InRange(crowd.Stage.Tick - chunks[0].FirstTick, 4 * 20, 8 * 20);
        Assert.Equal(crowd.Stage.Tick, chunks[^1].LastTick);
    }

    [Fact]
    public void A_tick_that_is_recorded_allocates_nothing_between_keyframes()
    {
        var crowd = new Crowd(9, 100, 40, 1, 0, chunkSeconds: 60) { IsCalm = true };
        crowd.IsKept = false;
        crowd.Run(600);
        var before = GC.GetAllocatedBytesForCurrentThread();
        crowd.Run(100);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    public void Whatever_a_hostile_file_says_reading_it_ends_in_a_clear_error_or_in_frames(int seed)
    {
        var random = new Random(seed);
        var crowd = new Crowd(seed, 20, 30, 1, 0, chunkSeconds: 1);
        crowd.Run(50);
        var good = SpaceChunk.ReadAll(crowd.Recording());
        for (var i = 0; i < 1_500; i++)
        {
            var from = good[random.Next(good.Count)];
            var body = from.Body().ToArray();
            for (var changes = random.Next(1, 6); changes > 0; changes--) body[random.Next(body.Length)] = (byte)random.Next(256);
            if (random.Next(3) == 0) body = body[..random.Next(body.Length)];
            try
            {
                var replay = new SpaceReplay(SpaceChunk.ReadAll(SpaceChunk.ToBytes(body, from.FirstTick, from.Ticks, from.TickHz, from.At, false)));
                while (replay.Step(new Frames()))
                {
                }
            }
            catch (SpaceRecordingException fault)
            {
                Assert.NotEqual("", fault.Message);
            }
        }

        var whole = crowd.Recording();
        Assert.Throws<SpaceRecordingException>(() => SpaceChunk.ReadAll(new byte[100]));
        whole[200] ^= 1;
        Assert.Contains("sum", Assert.Throws<SpaceRecordingException>(() => SpaceChunk.ReadAll(whole)).Message, StringComparison.Ordinal);
        whole[200] ^= 1;
        Assert.Equal(good.Count - 1, SpaceChunk.ReadAll(whole.AsMemory(0, whole.Length - 5)).Count);
    }

    /// <summary>A distance that is no number would be looked for without end.</summary>
    [Fact]
    public async Task A_number_that_is_none_is_refused_wherever_it_stands()
    {
        var crowd = new Crowd(12, 12, 20, 1, 0, chunkSeconds: 1);
        crowd.Run(30);
        var from = SpaceChunk.ReadAll(crowd.Recording())[1];
        var body = from.Body().ToArray();
        var refused = 0;
        for (var at = 0; at + 4 <= body.Length; at++)
        {
            var bad = body.ToArray();
            BinaryPrimitives.WriteUInt32LittleEndian(bad.AsSpan(at), 0x7FC0_0000);
            var played = Task.Run(() => Plays(SpaceChunk.ToBytes(bad, from.FirstTick, from.Ticks, from.TickHz, from.At, false)), TestContext.Current.CancellationToken);
            if (!await played.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)) refused++;
        }

        Assert.True(refused > 100);
    }

    private static bool Plays(byte[] recording)
    {
        try
        {
            var replay = new SpaceReplay(SpaceChunk.ReadAll(recording));
            var frames = new Frames { IsKept = false };
            while (replay.Step(frames))
            {
            }

            return true;
        }
        catch (SpaceRecordingException)
        {
            return false;
        }
    }

    /// <summary>Frames by tick and session.</summary>
    private sealed class Frames : IFrameSink
    {
        private readonly byte[] _body = new byte[Viewer.MostFrameBytes];

        public Dictionary<(long Tick, int Session), byte[]> All { get; } = [];

        public bool IsKept { get; set; } = true;

        public Func<int, bool>? Takes { get; set; }

        public Span<byte> Body => _body;

        public bool SendFrame(int session, int length)
        {
            var tick = _body[0] | (_body[1] << 8); // the frame says its tick
            if (IsKept) All[(tick, session)] = _body[..length];
            return Takes?.Invoke(session) ?? true;
        }

        public void SendCrowd(ReadOnlySpan<byte> body)
        {
        }

        public void Entered(int session, int number)
        {
        }
    }

    /// <summary>People who do all that frames depend on: come, go, come back, walk, are put back, have little room, do not read.</summary>
    private sealed class Crowd
    {
        private readonly Random _random;
        private readonly Frames _sink = new();
        private readonly double _side;
        private readonly List<byte[]> _chunks = [];
        private readonly List<Walker> _walkers = [];
        private int _next = 1;

        public Crowd(int seed, int people, double side, int cells, int bound, int chunkSeconds, int keptSeconds = 30, int capacity = 20_000)
        {
            (_random, _side) = (new Random(seed), side);
            Stage = new SpaceStage(new StageRules { Movement = new MovementRules(side, side, 8), CellsAcross = cells, CellCapacity = capacity, NearBoundSteps = bound, Interest = new InterestRules { NearRadiusMetres = 9.3, NearLimit = 24, MiddleRadiusMetres = 21.7, MiddleLimit = 30 } });
            Recorder = new SpaceRecorder(Stage, "yard", TimeProvider.System, chunkSeconds, keptSeconds) { Finished = _chunks.Add };
            _sink.Takes = _ =>
            {
                if (IsCalm || _random.Next(200) > 0) return true;
                Failures++;
                return false;
            };
            for (var i = 0; i < people; i++) Join();
        }

        public SpaceStage Stage { get; }

        public SpaceRecorder Recorder { get; }

        public bool IsCalm { get; init; }

        public bool IsKept { set => _sink.IsKept = value; }

        public int Failures { get; private set; }

        public int Corrections { get; private set; }

        public Dictionary<(long Tick, int Session), byte[]> Frames => _sink.All;

        public byte[] Recording()
        {
            Recorder.Cut();
            return [.. _chunks.SelectMany(c => c)];
        }

        public void Run(int ticks)
        {
            for (var i = 0; i < ticks; i++) Step();
        }

        private void Join()
        {
            var walker = new Walker { Number = _next++, Epoch = 1, Place = new Vector2(_random.NextSingle(), _random.NextSingle()) * (float)_side, Heading = _random.NextSingle() * 6 };
            _walkers.Add(walker);
            Open(walker);
        }

        private void Open(Walker walker) => walker.Session = Stage.Open(new AvatarState { Number = walker.Number, Epoch = walker.Epoch, Pose = Pose(walker) }, walker.Number % 3 == 0);

        private void Step()
        {
            if (!IsCalm) Happen();
            foreach (var walker in _walkers)
            {
                if (walker.Session < 0) continue;
                if (_random.Next(10) > 0) walker.Place += new Vector2(MathF.Cos(walker.Heading), MathF.Sin(walker.Heading)) * 0.08f;
                if (_random.Next(20) == 0) walker.Heading += _random.NextSingle() - 0.5f;
                walker.Place = Vector2.Clamp(walker.Place, Vector2.Zero, new Vector2((float)_side));
                if (_random.Next(15) == 0) continue; // nothing came
                var pose = Pose(walker);
                if (_random.Next(600) == 0) pose = pose with { X = pose.X + 9_000 }; // a cheat
                if (Stage.Input(walker.Session, new AvatarInput(++walker.Sequence, pose, (short)(_random.Next(8) == 0 ? 3 : 0))) == InputOutcome.Refused) Corrections++;
            }

            Stage.Advance();
            Stage.LookAround(0, Stage.SessionEnd);
            Stage.WriteFrames(0, Stage.SessionEnd, _sink);
            Recorder.EndTick();
        }

        private void Happen()
        {
            if (_random.Next(4) == 0) Join();
            var one = _walkers[_random.Next(_walkers.Count)];
            switch (_random.Next(12))
            {
                case 0 when one.Session >= 0:
                    Stage.Close(one.Session, keepsAvatar: true);
                    one.Session = -1;
                    break;
                case 1 when one.Session < 0:
                    one.Epoch++;
                    one.Sequence = 0;
                    Open(one);
                    break;
                case 2 when _walkers.Count > 10:
                    if (one.Session >= 0) Stage.Close(one.Session, keepsAvatar: false);
                    else Stage.Remove(one.Number, one.Epoch);
                    _walkers.Remove(one);
                    break;
                case 3 when one.Session >= 0:
                    Stage.SetBudget(one.Session, _random.Next(40, 400));
                    break;
                case 4 when one.Session >= 0:
                    Stage.Hide(one.Session, _walkers[_random.Next(_walkers.Count)].Number, _random.Next(3) > 0);
                    break;
                case 5 when _random.Next(3) == 0:
                    Stage.Pace = (FramePace)_random.Next(4);
                    break;
                case 6 when _random.Next(3) == 0:
                    Stage.NearLimit = _random.Next(4, 25);
                    break;
                case 7 when _random.Next(3) == 0:
                    Stage.ExtraBoundSteps = _random.Next(2) * 12;
                    break;
            }
        }

        private static AvatarPose Pose(Walker walker) => AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, walker.Heading));

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
