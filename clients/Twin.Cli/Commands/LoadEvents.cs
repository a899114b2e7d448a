using System.CommandLine;
using System.Numerics;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Sdk;
using Twin.Wire.Spaces;

namespace Twin.Cli.Commands;

/// <summary><c>twin load events</c>: people who walk in a space of their own, over the real protocol, held against the truth that this process knows.</summary>
internal static class LoadEvents
{
    private const double Near = 16;

    public static Command Make()
    {
        var clients = new Option<int>("--clients") { Description = "People, 2 to 5,000.", DefaultValueFactory = _ => 100 };
        var neighbours = new Option<int>("--neighbours") { Description = "How many each has around itself on average, 1 to 200.", DefaultValueFactory = _ => 20 };
        var seconds = new Option<double>("--seconds") { Description = "How long to measure, 1 to 3,600.", DefaultValueFactory = _ => 10 };
        var rate = new Option<int>("--rate") { Description = "Poses a second of each, 1 to 30.", DefaultValueFactory = _ => 20 };
        var adaptive = new Option<bool>("--adaptive") { Description = "Frames without news are left out." };
        var seed = new Option<int>("--seed") { Description = "Of the walks.", DefaultValueFactory = _ => 1 };
        var command = new Command("events", "People in one space: rates, freshness, and whether everyone sees whom it should.") { clients, neighbours, seconds, rate, adaptive, seed };
        command.Does((call, token) => RunAsync(call, new Plan(
            Between(call.Parsed.GetValue(clients), 2, 5_000, "--clients"), Between(call.Parsed.GetValue(neighbours), 1, 200, "--neighbours"), Between(call.Parsed.GetValue(seconds), 1, 3_600, "--seconds"),
            Between(call.Parsed.GetValue(rate), 1, 30, "--rate"), call.Parsed.GetValue(adaptive), call.Parsed.GetValue(seed)), token));
        return command;
    }

    private sealed record Plan(int Clients, int Neighbours, double Seconds, int Rate, bool IsAdaptive, int Seed);

    private static T Between<T>(T value, T least, T most, string name) where T : IComparable<T> =>
        value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0 ? value : throw new CallException($"{name} is {value}; it must be {least} to {most}.");

    private static async Task<CommandAnswer> RunAsync(Call call, Plan plan, CancellationToken cancellationToken)
    {
        using var client = call.Connect();
        var space = "load-" + Guid.NewGuid().ToString("N")[..8];
        var side = SideFor(plan.Clients, plan.Neighbours);
        await client.PutSpaceAsync(space, new { width = side, depth = side, capacity = plan.Clients + 10, maxSpeed = 4.0, nearRadius = Near, nearLimit = 255, middleRadius = 0.0, middleLimit = 0, entranceSpread = Math.Min(1_000, side / 2), recording = "off" }, cancellationToken).ConfigureAwait(false);
        var walkers = new Walker[plan.Clients];
        try
        {
            var crowd = new Crowd(walkers, (float)side, plan.Seed, call.Clock);
            await Parallel.ForAsync(0, plan.Clients, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellationToken }, async (i, token) =>
            {
                var session = await client.JoinSpaceAsync(space, $"load-{i}", cancellationToken: token).ConfigureAwait(false);
                crowd.Add(i, await client.EnterSpaceAsync(session, plan.IsAdaptive, token).ConfigureAwait(false));
            }).ConfigureAwait(false);
            await crowd.WalkAsync(2, plan.Rate, cancellationToken).ConfigureAwait(false);
            crowd.Begin();
            await crowd.WalkAsync(plan.Seconds, plan.Rate, cancellationToken).ConfigureAwait(false);
            return Report(plan, crowd, side);
        }
        finally
        {
            await Parallel.ForEachAsync(walkers.Where(w => w is not null), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (w, _) => await w.Client.DisposeAsync().ConfigureAwait(false)).ConfigureAwait(false);
            await client.DeleteSpaceAsync(space, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private static CommandAnswer Report(Plan plan, Crowd crowd, double side)
    {
        var (missing, ghosts) = crowd.Check();
        var delivered = crowd.FramesPerSecond / 20;
        var (p50, p95, p99, most) = crowd.Freshness();
        var holds = p99 < 100 && (plan.IsAdaptive || delivered >= 0.95) && missing == 0 && ghosts == 0 && crowd.Lost == 0 && crowd.Fault is null;
        var json = new JsonObject
        {
            ["load"] = "events", ["clients"] = plan.Clients, ["neighbours"] = crowd.NeighboursSeen, ["side"] = side, ["seconds"] = plan.Seconds, ["holds"] = holds, ["framesPerS"] = crowd.FramesPerSecond, ["delivered"] = delivered, ["posesPerS"] = crowd.PosesPerSecond,
            ["bytesPerS"] = crowd.BytesPerSecond, ["p50Ms"] = p50, ["p95Ms"] = p95, ["p99Ms"] = p99, ["maxMs"] = most, ["missing"] = missing, ["ghosts"] = ghosts, ["lost"] = crowd.Lost, ["returns"] = crowd.Returns, ["fault"] = crowd.Fault,
        };
        return new CommandAnswer(holds ? 0 : 1, json, console =>
        {
            console.WriteLine($"{plan.Clients} people, {crowd.NeighboursSeen:F1} neighbours each, in {side:F0} by {side:F0} m: {crowd.PosesPerSecond:F1} poses and {crowd.FramesPerSecond:F1} frames a second each, {crowd.BytesPerSecond / 1000:F2} kB/s each");
            console.WriteLine($"freshness: p50 {p50:F1} ms, p95 {p95:F1} ms, p99 {p99:F1} ms, worst {most:F1} ms");
            console.WriteLine($"against the truth: {missing} missing, {ghosts} that should not be there, {crowd.Lost} connections lost, {crowd.Returns} taken up again{(crowd.Fault is { } fault ? $", {fault}" : "")}");
            console.WriteLine(holds ? "It holds." : "It does not hold.");
        });
    }

    /// <summary>Side of the square in which so many uniformly spread people have, edges included, so many others within the near radius.</summary>
    private static double SideFor(int count, double neighbours)
    {
        double low = Near, high = Near * 1000;
        for (var i = 0; i < 100; i++)
        {
            var side = (low + high) / 2;
            var a = Near / side;
            if ((count - 1) * ((Math.PI * a * a) - (8.0 / 3 * a * a * a) + (a * a * a * a / 2)) > neighbours) low = side;
            else high = side;
        }

        return Math.Round(low, 2);
    }

    private sealed class Walker(SpaceClient client, Vector2 way)
    {
        public SpaceClient Client { get; } = client;
        public Vector2 Place, Way = way;
        public readonly (int X, int Z, long At)[] Said = new (int, int, long)[64];
        public int SaidCount;
        public long FramesBefore, BytesBefore, Said0;
    }

    /// <summary>All who walk, and what they say and see.</summary>
    private sealed class Crowd(Walker[] walkers, float side, int seed, TimeProvider clock)
    {
        private readonly Random _random = new(seed);
        private readonly Dictionary<int, Walker> _byAvatar = [];
        private readonly List<float> _ages = [];
        private readonly Lock _turn = new();
        private long _neighbours, _looks, _began;

        public string? Fault { get; private set; }

        public double NeighboursSeen => _looks == 0 ? 0 : Math.Round(_neighbours / (double)_looks, 1);

        public double FramesPerSecond => walkers.Sum(w => w.Client.Frames - w.FramesBefore) / (double)walkers.Length / Seconds;

        public double BytesPerSecond => walkers.Sum(w => w.Client.BytesIn - w.BytesBefore) / (double)walkers.Length / Seconds;

        public double PosesPerSecond => walkers.Sum(w => w.SaidCount - w.Said0) / (double)walkers.Length / Seconds;

        public int Lost => walkers.Count(w => w.Client.Ended is not null);

        public int Returns => walkers.Sum(w => w.Client.Returns);

        private double Seconds => clock.GetElapsedTime(_began).TotalSeconds;

        public void Add(int index, SpaceClient client)
        {
            lock (_turn)
            {
                var heading = _random.NextSingle() * MathF.Tau;
                var place = client.Welcome.Place.PlaceMetres;
                walkers[index] = _byAvatar[client.Welcome.OwnAvatar] = new Walker(client, new Vector2(MathF.Cos(heading), MathF.Sin(heading)) * 1.5f) { Place = new Vector2(place.X, place.Z) };
            }

            if (index % 4 == 0) client.Framed = view => Look(index, view);
        }

        public void Begin()
        {
            lock (_turn) (_neighbours, _looks, _began) = (0, 0, clock.GetTimestamp());
            lock (_turn) _ages.Clear();
            foreach (var walker in walkers) (walker.FramesBefore, walker.BytesBefore, walker.Said0) = (walker.Client.Frames, walker.Client.BytesIn, walker.SaidCount);
        }

        /// <summary>Everyone walks and says so, spread evenly over each period; two senders, one after the other within each half.</summary>
        public async Task WalkAsync(double seconds, int rate, CancellationToken cancellationToken)
        {
            var halves = Math.Max(1, Math.Min(Environment.ProcessorCount, walkers.Length));
            await Task.WhenAll(Enumerable.Range(0, halves).Select(h => Task.Run(async () =>
            {
                var start = clock.GetTimestamp();
                for (var turn = 0; clock.GetElapsedTime(start).TotalSeconds < seconds; turn++)
                {
                    for (var i = h; i < walkers.Length; i += halves)
                    {
                        await SayAsync(walkers[i], 1f / rate, cancellationToken).ConfigureAwait(false);
                        var due = (turn + ((double)i / walkers.Length)) / rate;
                        var ahead = due - clock.GetElapsedTime(start).TotalSeconds;
                        if (ahead > 0.004) await Task.Delay(TimeSpan.FromSeconds(ahead), clock, cancellationToken).ConfigureAwait(false);
                    }
                }
            }, cancellationToken))).ConfigureAwait(false);
        }

        /// <summary>Who is missing within the near radius, and who is there that should not be; both walk meanwhile, so a margin is left.</summary>
        public (int Missing, int Ghosts) Check()
        {
            const double Margin = 3;
            var (missing, ghosts) = (0, 0);
            foreach (var walker in walkers.Where((_, i) => i % Math.Max(1, walkers.Length / 200) == 0))
            {
                var known = walker.Client.Read(view => Enumerable.Range(0, view.SlotEnd).Select(view.NumberAt).Where(n => n >= 0).ToHashSet());
                foreach (var (avatar, other) in _byAvatar)
                {
                    if (other == walker) continue;
                    var distance = Vector2.Distance(other.Place, walker.Place);
                    if (known.Remove(avatar) ? distance > (Near * 1.15) + Margin : distance < Near - Margin) (missing, ghosts) = distance < Near ? (missing + 1, ghosts) : (missing, ghosts + 1);
                }

                ghosts += known.Count;
            }

            return (missing, ghosts);
        }

        public (double P50, double P95, double P99, double Most) Freshness()
        {
            lock (_turn)
            {
                _ages.Sort();
                double At(double share) => _ages.Count == 0 ? double.MaxValue : Math.Round(_ages[(int)Math.Min(_ages.Count - 1, share * _ages.Count)], 1);
                return (At(0.5), At(0.95), At(0.99), At(1));
            }
        }

        private async ValueTask SayAsync(Walker walker, float seconds, CancellationToken cancellationToken)
        {
            var at = walker.Place + (walker.Way * seconds);
            if (at.X < 0 || at.X > side) walker.Way.X = -walker.Way.X;
            if (at.Y < 0 || at.Y > side) walker.Way.Y = -walker.Way.Y;
            walker.Place = at = Vector2.Clamp(at, Vector2.Zero, new Vector2(side));
            var pose = AvatarPose.From(new Vector3(at.X, 0, at.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, MathF.Atan2(walker.Way.Y, walker.Way.X)));
            walker.Said[walker.SaidCount % walker.Said.Length] = (pose.X, pose.Z, clock.GetTimestamp());
            Volatile.Write(ref walker.SaidCount, walker.SaidCount + 1);
            await walker.Client.MoveAsync(pose, cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        /// <summary>How old is what one sees of one in ten others?</summary>
        private void Look(int index, ClientView view)
        {
            var now = clock.GetTimestamp();
            var (seen, ages) = (0, new List<float>());
            for (var slot = 0; slot < view.SlotEnd; slot++)
            {
                var number = view.NumberAt(slot);
                if (number < 0) continue;
                seen++;
                if ((number + index) % 10 != 0 || !_byAvatar.TryGetValue(number, out var other)) continue;
                var pose = view.ShadowAt(slot).Pose;
                var count = Volatile.Read(ref other.SaidCount);
                for (var said = count - 1; said >= 0 && said > count - 60; said--)
                {
                    var one = other.Said[said % other.Said.Length];
                    if (one.X != pose.X || one.Z != pose.Z) continue;
                    ages.Add((float)clock.GetElapsedTime(one.At, now).TotalMilliseconds);
                    break;
                }
            }

            lock (_turn)
            {
                (_neighbours, _looks) = (_neighbours + seen, _looks + 1);
                if (_ages.Count < 2_000_000) _ages.AddRange(ages);
            }
        }
    }
}
