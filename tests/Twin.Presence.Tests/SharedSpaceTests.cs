using System.Globalization;
using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Presence.Tests;

/// <summary>Several stages that share a space over a network that loses, repeats and reorders what they tell one another.</summary>
public class SharedSpaceTests
{
    [Theory]
    [InlineData(1, 2, 0.0)]
    [InlineData(2, 3, 0.05)]
    [InlineData(3, 3, 0.3)]
    [InlineData(4, 5, 0.2)]
    public void Whatever_the_network_loses_each_avatar_has_one_owner_in_the_end_and_all_stages_agree(int seed, int count, double loss)
    {
        var cluster = new Cluster(seed, count, loss);
        for (var i = 0; i < 120; i++) cluster.Join();
        cluster.Run(300);
        Assert.True(cluster.Stages.Sum(s => s.BorderCrossings) > 100, "nobody crossed a border");
        cluster.Calm();
        cluster.Check();
    }

    [Theory]
    [InlineData(11, 2, 0.0)]
    [InlineData(12, 3, 0.1)]
    [InlineData(13, 4, 0.2)]
    public void A_stage_that_is_lost_takes_no_avatar_with_it(int seed, int count, double loss)
    {
        var cluster = new Cluster(seed, count, loss);
        for (var i = 0; i < 150; i++) cluster.Join();
        cluster.Run(120);
        cluster.Kill(0);
        cluster.Run(120);
        Assert.True(cluster.Stages.Sum(s => s.TakenUp) > 0, "nobody was taken up");
        cluster.Calm();
        cluster.Check();
    }

    /// <summary>More of them: <c>TWIN_SHARED_WORLDS=500 TWIN_SHARED_SEED=1000</c>.</summary>
    [Fact]
    public void In_any_world_of_losses_stalls_and_deaths_nobody_is_lost_or_doubled()
    {
        var worlds = int.Parse(Environment.GetEnvironmentVariable("TWIN_SHARED_WORLDS") ?? "20", CultureInfo.InvariantCulture);
        var first = int.Parse(Environment.GetEnvironmentVariable("TWIN_SHARED_SEED") ?? "100", CultureInfo.InvariantCulture);
        for (var seed = first; seed < first + worlds; seed++)
        {
            var random = new Random(seed);
            var count = random.Next(2, 6);
            var cluster = new Cluster(seed, count, random.NextDouble() * 0.4);
            for (var i = 0; i < 80; i++) cluster.Join();
            for (var act = 0; act < 4; act++)
            {
                cluster.Run(random.Next(5, 60));
                if (random.Next(3) == 0) cluster.Stall(random.Next(count), random.Next(5, 60));
                if (random.Next(4) == 0 && cluster.Alive > 1) cluster.Kill(cluster.AnyAlive());
                for (var i = random.Next(5); i > 0; i--) cluster.Join();
            }

            cluster.Calm();
            cluster.Check();
        }
    }

    [Fact]
    public void A_stage_that_was_only_slow_gives_back_what_the_others_took_up()
    {
        var cluster = new Cluster(21, 3, 0);
        for (var i = 0; i < 150; i++) cluster.Join();
        cluster.Run(60);
        cluster.Stall(1, 40);
        cluster.Run(100);
        cluster.Calm();
        cluster.Check();
    }

    [Fact]
    public void An_input_goes_to_the_owner_and_what_it_refuses_comes_back_as_a_correction()
    {
        var cluster = new Cluster(31, 2, 0);
        var walker = cluster.JoinAt(cluster.HomeOf(0), cluster.PlaceIn(owner: 1));
        cluster.Run(10);
        Assert.Equal(1, cluster.Stages[0].OwnerOf(walker.Number));
        walker.IsObedient = false;
        walker.Place += new Vector2(40, 0); // far beyond what one may walk in a tick
        cluster.Run(4);
        Assert.Equal(CorrectionCause.Speed, cluster.Stages[0].CauseOf(walker.Session));
        Assert.Equal(1, cluster.Stages[0].OwnerOf(walker.Number));
    }

    [Theory]
    [InlineData(51, 2, 0.0)]
    [InlineData(52, 3, 0.1)]
    [InlineData(53, 4, 0.3)]
    public void What_each_stage_sent_is_written_again_from_its_own_recording(int seed, int count, double loss)
    {
        var cluster = new Cluster(seed, count, loss, isRecorded: true);
        for (var i = 0; i < 100; i++) cluster.Join();
        cluster.Run(80);
        cluster.Stall(1, 30);
        cluster.Run(60);
        cluster.Kill(0);
        cluster.Run(100);
        foreach (var recorded in cluster.Recorded)
        {
            var chunks = recorded.Chunks();
            for (var from = 0; from < chunks.Count; from++)
            {
                var again = new Recorded(null);
                var replay = new SpaceReplay(chunks[from..]);
                while (replay.Step(again))
                {
                }

                var live = recorded.Frames.Where(f => f.Key.Tick > chunks[from].FirstTick).ToList();
                Assert.Equal(live.Count, again.Frames.Count);
                foreach (var (key, frame) in live) Assert.True(again.Frames.TryGetValue(key, out var other) && frame.AsSpan().SequenceEqual(other), $"session {key.Session} has another frame at tick {key.Tick}, played from tick {chunks[from].FirstTick} (seed {seed})");
            }
        }

        Assert.True(cluster.Recorded[1].Frames.Count > 1_000);
    }

    /// <summary>Frames by tick and session, and the recording of them.</summary>
    private sealed class Recorded : IFrameSink
    {
        private readonly byte[] _body = new byte[Viewer.MostFrameBytes];
        private readonly List<byte[]> _chunks = [];
        private readonly SpaceRecorder? _recorder;

        public Recorded(SpaceStage? stage) => _recorder = stage is null ? null : new SpaceRecorder(stage, "shared", TimeProvider.System, chunkSeconds: 3) { Finished = _chunks.Add };

        public Dictionary<(int Tick, int Session), byte[]> Frames { get; } = [];

        public Span<byte> Body => _body;

        public void Look(SpaceStage stage)
        {
            stage.LookAround(0, stage.SessionEnd);
            stage.WriteFrames(0, stage.SessionEnd, this);
            _recorder!.EndTick();
        }

        public List<SpaceChunk> Chunks()
        {
            _recorder!.Cut();
            return SpaceChunk.ReadAll(_chunks.SelectMany(c => c).ToArray());
        }

        public bool SendFrame(int session, int length)
        {
            Frames[(_body[0] | (_body[1] << 8), session)] = _body[..length]; // a frame begins with its tick
            return true;
        }

        public void SendCrowd(ReadOnlySpan<byte> body)
        {
        }

        public void Entered(int session, int number)
        {
        }
    }

    /// <summary>The exchange as a hall does it, over an untrue network.</summary>
    private sealed class Cluster
    {
        private const int Silent = 15;
        private const float Side = 200;
        private readonly Random _random;
        private readonly int _seed;
        private readonly List<(long At, int To, Action Take)> _wires = [];
        private readonly List<Walker> _walkers = [];
        private readonly long[,] _heard;
        private readonly bool[,] _isAlive;
        private readonly long[] _stalledUntil;
        private readonly bool[] _isKilled;
        private readonly Dictionary<int, List<(int Owner, int Number, long Epoch, AvatarInput Input)>> _inputs = [];
        private double _loss;
        private bool _isCalm;
        private bool _isSilent;
        private long _tick;

        public Cluster(int seed, int count, double loss, bool isRecorded = false)
        {
            (_random, _loss, _seed) = (new Random(seed), loss, seed);
            Stages = [.. Enumerable.Range(0, count).Select(_ => new SpaceStage(new StageRules { Movement = new MovementRules(Side, Side, 8), CellsAcross = 4 }))];
            Recorded = [.. isRecorded ? Stages.Select(s => new Recorded(s)) : []];
            (_heard, _isAlive, _stalledUntil, _isKilled) = (new long[count, count], new bool[count, count], new long[count], new bool[count]);
            for (var i = 0; i < count; i++) for (var j = 0; j < count; j++) _isAlive[i, j] = true;
            for (var i = 0; i < count; i++)
            {
                _inputs[i] = [];
                Divide(i);
            }
        }

        public SpaceStage[] Stages { get; }

        public Recorded[] Recorded { get; }

        public int Alive => _isKilled.Count(k => !k);

        public int AnyAlive()
        {
            var alive = Enumerable.Range(0, Stages.Length).Where(i => !_isKilled[i]).ToArray();
            return alive[_random.Next(alive.Length)];
        }

        public int HomeOf(int index) => index;

        public Vector2 PlaceIn(int owner)
        {
            for (var cell = 0; cell < 16; cell++) if (OwnerOf(0, cell) == owner) return new Vector2(((cell % 4) * 50) + 25, ((cell / 4) * 50) + 25);
            throw new InvalidOperationException("That stage owns nothing.");
        }

        public void Join()
        {
            var alive = Enumerable.Range(0, Stages.Length).Where(i => !_isKilled[i]).ToArray();
            JoinAt(alive[_random.Next(alive.Length)], new Vector2(_random.NextSingle(), _random.NextSingle()) * Side);
        }

        public Walker JoinAt(int home, Vector2 place)
        {
            var walker = new Walker { Number = _walkers.Count + 1, Home = home, Place = place, Epoch = 1 };
            var heading = _random.NextSingle() * MathF.Tau;
            walker.Way = new Vector2(MathF.Cos(heading), MathF.Sin(heading)) * 6;
            _walkers.Add(walker);
            Open(walker);
            return walker;
        }

        public void Run(int ticks)
        {
            for (var i = 0; i < ticks; i++) Step();
        }

        /// <summary>Nobody walks and the network is true for a while.</summary>
        public void Calm()
        {
            (_isCalm, _loss) = (true, 0);
            Run(100);
            _isSilent = true;
            Run(20);
        }

        /// <summary>The stage is no more; its people come back elsewhere.</summary>
        public void Kill(int stage)
        {
            _isKilled[stage] = true;
            foreach (var walker in _walkers.Where(w => w.Home == stage))
            {
                walker.Home = AnyAlive();
                walker.Epoch++;
                var at = Stages[walker.Home].Mirror.IndexOf(walker.Number);
                if (at >= 0)
                {
                    ref readonly var known = ref Stages[walker.Home].Mirror.StateAt(at);
                    walker.Epoch = Math.Max(walker.Epoch, known.Epoch + 1);
                    walker.Place = new Vector2(known.Pose.PlaceMetres.X, known.Pose.PlaceMetres.Z);
                }

                Open(walker);
            }
        }

        public void Stall(int stage, int ticks) => _stalledUntil[stage] = _tick + ticks;

        public void Check()
        {
            var alive = Enumerable.Range(0, Stages.Length).Where(i => !_isKilled[i]).ToArray();
            foreach (var walker in _walkers)
            {
                var owners = alive.Where(i => Stages[i].Cells.Any(c => c.TryGet(walker.Number, out _))).ToArray();
                Assert.True(owners.Length == 1, $"avatar {walker.Number} has {owners.Length} owners (seed {_seed}): {Story(walker)}");
                Assert.Equal(1, Stages[owners[0]].Cells.Count(c => c.TryGet(walker.Number, out _)));
                var own = Stages[owners[0]].Cells.Select(c => c.TryGet(walker.Number, out var s) ? s : default).Single(s => s.Number != 0);
                Assert.Equal(walker.Epoch, own.Epoch);
                Assert.Equal(AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.Identity), own.Pose);
                foreach (var i in alive) Assert.Equal((own.Epoch, own.Sequence, own.Pose), Known(i, walker.Number));
            }

            foreach (var i in alive)
            {
                Assert.Empty(Stages[i].OnTheirWay);
                Assert.Equal(_walkers.Count, Stages[i].Mirror.Count);
            }
        }

        private string Story(Walker walker) => $"home {walker.Home} epoch {walker.Epoch} at {walker.Place}; " + string.Join("; ", Enumerable.Range(0, Stages.Length).Where(i => !_isKilled[i]).Select(i => Stages[i].Mirror.IndexOf(walker.Number) < 0 ? $"{i} does not know it"
            : $"{i} knows {Known(i, walker.Number)} of {Stages[i].OwnerOf(walker.Number)}, {(Stages[i].OnTheirWay.TryGetValue(walker.Number, out var way) ? $"has it on its way as {way.Epoch}.{way.Sequence}" : "")}, its cell is {OwnerOf(i, Stages[i].Rules.CellOf(Known(i, walker.Number).Pose.X, Known(i, walker.Number).Pose.Z))}'s"));

        private (long Epoch, uint Sequence, AvatarPose Pose) Known(int stage, int number)
        {
            var state = Stages[stage].Mirror.StateAt(Stages[stage].Mirror.IndexOf(number));
            return (state.Epoch, state.Sequence, state.Pose);
        }

        private void Open(Walker walker)
        {
            walker.Session = Stages[walker.Home].Open(new AvatarState { Number = walker.Number, Epoch = walker.Epoch, Pose = AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.Identity) }, false);
            walker.Sequence = 0;
            Assert.True(walker.Session >= 0);
        }

        private void Step()
        {
            _tick++;
            foreach (var walker in _isSilent ? [] : _walkers)
            {
                if (!_isCalm) Walk(walker);
                var input = new AvatarInput(++walker.Sequence, AvatarPose.From(new Vector3(walker.Place.X, 0, walker.Place.Y), Quaternion.Identity));
                if (_stalledUntil[walker.Home] > _tick) continue;
                var outcome = Stages[walker.Home].Input(walker.Session, input);
                if (outcome == InputOutcome.Refused) PutBack(walker);
                if (outcome == InputOutcome.Unknown && Stages[walker.Home].OwnerOf(walker.Number) is >= 0 and var owner) _inputs[walker.Home].Add((owner, walker.Number, walker.Epoch, input));
            }

            for (var i = 0; i < Stages.Length; i++) if (!_isKilled[i] && _stalledUntil[i] <= _tick) Turn(i);
        }

        /// <summary>A client does as its correction says.</summary>
        private void PutBack(Walker walker)
        {
            var place = Stages[walker.Home].Mirror.StateAt(Stages[walker.Home].Mirror.IndexOf(walker.Number)).Pose.PlaceMetres;
            walker.Place = new Vector2(place.X, place.Z);
        }

        private void Walk(Walker walker)
        {
            var at = walker.Place + (walker.Way * 0.05f);
            if (at.X < 0 || at.X > Side) walker.Way = walker.Way with { X = -walker.Way.X };
            if (at.Y < 0 || at.Y > Side) walker.Way = walker.Way with { Y = -walker.Way.Y };
            walker.Place = Vector2.Clamp(at, Vector2.Zero, new Vector2(Side));
        }

        private void Turn(int me)
        {
            foreach (var (_, _, take) in _wires.Where(w => w.To == me && w.At <= _tick).ToArray()) take();
            _wires.RemoveAll(w => w.To == me && w.At <= _tick);
            var stage = Stages[me];
            for (var other = 0; other < Stages.Length; other++)
            {
                if (other == me || !_isAlive[me, other] || _tick - _heard[me, other] <= Silent) continue;
                _isAlive[me, other] = false;
                Divide(me);
                stage.Lost(other);
            }

            stage.Advance();
            if (_tick % 5 == 0) stage.TakeUp(Silent);
            var news = new List<AvatarState>();
            stage.CollectNews(news, 10, false);
            for (var other = 0; other < Stages.Length; other++)
            {
                if (other == me) continue;
                var offers = new List<AvatarState>();
                stage.CollectOffers(offers, cell => OwnerOf(me, cell) is var owner && owner == me ? -1 : owner, other);
                var inputs = _inputs[me].Where(i => i.Owner == other).ToArray();
                var to = other;
                Send(me, to, () => Hear(to, me, [.. news], [.. offers], inputs));
            }

            _inputs[me].Clear();
            if (Recorded.Length > 0) Recorded[me].Look(stage);
        }

        private void Send(int from, int to, Action take)
        {
            if (_random.NextDouble() < _loss) return;
            _wires.Add((_tick + 1 + (_loss > 0 ? _random.Next(4) : 0), to, take));
            if (_random.NextDouble() < _loss) _wires.Add((_tick + 1 + _random.Next(6), to, take));
        }

        private void Hear(int me, int from, AvatarState[] news, AvatarState[] offers, (int Owner, int Number, long Epoch, AvatarInput Input)[] inputs)
        {
            _heard[me, from] = _tick;
            if (!_isAlive[me, from])
            {
                _isAlive[me, from] = true;
                Divide(me);
            }

            foreach (var state in news) Stages[me].Told(state, from, from < me);
            foreach (var state in offers) Stages[me].Offered(state);
            foreach (var (_, number, epoch, input) in inputs)
            {
                if (Stages[me].Passed(number, epoch, input, out var cause) != InputOutcome.Refused) continue;
                var sequence = input.Sequence;
                Send(me, from, () =>
                {
                    Stages[from].Corrected(number, epoch, cause, sequence);
                    if (_walkers[number - 1] is { } walker && walker.Home == from && walker.Epoch == epoch && walker.IsObedient) PutBack(walker);
                });
            }
        }

        private int OwnerOf(int me, int cell)
        {
            var alive = Enumerable.Range(0, Stages.Length).Where(i => i == me || _isAlive[me, i]).ToArray();
            return alive.MaxBy(i => ((i + 1) * 7919 * (cell + 1)) % 101);
        }

        private void Divide(int me)
        {
            for (var cell = 0; cell < 16; cell++) Stages[me].Assign(cell, OwnerOf(me, cell) == me);
        }

        public sealed class Walker
        {
            public int Number, Home, Session;
            public long Epoch;
            public ushort Sequence;
            public bool IsObedient = true;
            public Vector2 Place, Way;
        }
    }
}
