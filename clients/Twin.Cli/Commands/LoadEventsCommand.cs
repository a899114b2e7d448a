using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Twin.Cli.Load;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin load events</c>: people in a space over the real protocol, held against the truth. The space it makes is deleted again, also on Ctrl+C.</summary>
internal static class LoadEventsCommand
{
    private const double NearRadius = 16;
    private const int JoinsAtOnce = 16;
    private const int ViewsEachSecond = 50;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    public static Command Make()
    {
        var clients = new Option<int>("--clients") { Description = "People, 3 to 10,000.", DefaultValueFactory = _ => 100 };
        var neighbours = new Option<double?>("--neighbours") { Description = "How many each has within the near radius, 1 to 200; 20 or as many as there are unless given. Sizes the space that is made." };
        var space = new Option<string?>("--space") { Description = "An existing space; without it one is made for the load, which takes an administrator." };
        var seconds = new Option<double>("--seconds") { Description = "How long it is measured, 1 to 3,600.", DefaultValueFactory = _ => 10 };
        var settle = new Option<double>("--settle") { Description = "How long they walk before that, 0 to 600 s.", DefaultValueFactory = _ => 3 };
        var rate = new Option<double>("--rate") { Description = "How often each says where it is, 1 to 30 a second.", DefaultValueFactory = _ => 20 };
        var adaptive = new Option<bool>("--adaptive") { Description = "They speak only when dead reckoning errs by 5 cm, and are told only what is news." };
        var seed = new Option<int>("--seed") { Description = "Of the walk.", DefaultValueFactory = _ => 1 };
        return new Command("events", "People in a space, each saying where it is and held against what it sees.") { clients, neighbours, space, seconds, settle, rate, adaptive, seed }.Does((call, token) =>
        {
            var (many, near, given, length, first, speed) = (call.Parsed.GetValue(clients), call.Parsed.GetValue(neighbours), call.Parsed.GetValue(space), call.Parsed.GetValue(seconds), call.Parsed.GetValue(settle), call.Parsed.GetValue(rate));
            if (many is < 3 or > 10_000) throw new CallException($"--clients is {many}; it must be 3 to 10000.");
            if (near is not (null or (>= 1 and <= 200))) throw new CallException($"--neighbours is {near}; it must be 1 to 200.");
            if (near is not null && given is not null) throw new CallException("--neighbours sizes the space that is made, --space names one that is there; give one of them.");
            if (near > EventFloor.MostNeighbours(many)) throw new CallException($"{many} clients can have at most {EventFloor.MostNeighbours(many)} neighbours within the radius, not {near}.", $"--neighbours {EventFloor.MostNeighbours(many)}, or more --clients");
            if (length is not (>= 1 and <= 3_600)) throw new CallException($"--seconds is {length}; it must be 1 to 3600.");
            if (first is not (>= 0 and <= 600)) throw new CallException($"--settle is {first}; it must be 0 to 600.");
            if (speed is not (>= 1 and <= 30)) throw new CallException($"--rate is {speed}; it must be 1 to 30.");
            if (new Uri(call.Url).Scheme != "http") throw new CallException("load events opens its own plain sockets.", "--url http://HOST:PORT");
            var plan = new EventPlan(many, speed, call.Parsed.GetValue(adaptive), call.Parsed.GetValue(seed), given is null);
            return RunAsync(call, plan, given, near ?? Math.Min(20, EventFloor.MostNeighbours(many)), TimeSpan.FromSeconds(length), TimeSpan.FromSeconds(first), token);
        });
    }

    private static async Task<CommandAnswer> RunAsync(Call call, EventPlan plan, string? given, double neighbours, TimeSpan length, TimeSpan settle, CancellationToken cancellationToken)
    {
        using var http = call.Connect();
        var space = given ?? "load-" + Guid.NewGuid().ToString("N")[..8];
        try
        {
            if (given is null) await http.PutSpaceAsync(space, Definition(plan.Clients, neighbours), cancellationToken).ConfigureAwait(false);
            var floor = EventFloor.Of(await http.GetSpaceAsync(space, cancellationToken).ConfigureAwait(false));
            var run = new EventRun(call, http, plan, floor, space);
            // One thread of its own: sockets and truth are in no other's hands.
            var result = await Task.Factory.StartNew(() => run.Go(settle, length, cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
            return new CommandAnswer(result.Failings().Any() ? 1 : 0, result.ToJson(), result.Show);
        }
        finally
        {
            if (given is null) await DeleteAsync(call, http, space).ConfigureAwait(false);
        }
    }

    private static object Definition(int clients, double neighbours)
    {
        var side = EventFloor.SideFor(clients, neighbours, NearRadius);
        return new { title = "twin load events", width = side, depth = side, capacity = clients + 10, maxSpeed = 4.0, nearRadius = NearRadius, nearLimit = 255, middleRadius = 0.0, middleLimit = 0, entranceSpread = Math.Min(1_000, side / 2), recording = "off" };
    }

    /// <summary>After Ctrl+C too: so it has a time of its own.</summary>
    private static async Task DeleteAsync(Call call, TwinClient http, string space)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10), call.Clock);
        try
        {
            await http.DeleteSpaceAsync(space, limit.Token).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is HttpRequestException or TimeoutException or OperationCanceledException or TwinException { Code: not "SpaceNotFound" })
        {
            call.Errors.WriteLine($"The space {space} was not deleted: {fault.Message}");
        }
        catch (TwinException)
        {
            // It was never made.
        }
    }

    /// <summary>One load: joins on the pool, everything else on the caller's thread.</summary>
    private sealed class EventRun(Call call, TwinClient http, EventPlan plan, EventFloor floor, string space)
    {
        private readonly DnsEndPoint _server = new(http.Address.Host, http.Address.Port);
        private int _waits;

        public EventResult Go(TimeSpan settle, TimeSpan length, CancellationToken cancellationToken)
        {
            using var sockets = new LoadSockets(plan.Clients, call.Clock);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var crowd = new EventCrowd(plan, floor, call.Clock);
            void Run(double seconds) => sockets.Run(crowd, TimeSpan.FromSeconds(1 / plan.Rate), call.Clock.GetTimestamp() + (long)(seconds * call.Clock.TimestampFrequency), cancellationToken);
            var joining = Task.Run(() => JoinAllAsync(sockets, stop.Token), CancellationToken.None);
            try
            {
                WaitForAll(crowd, joining, Run);
                Run(settle.TotalSeconds);
                cancellationToken.ThrowIfCancellationRequested();
                return Measure(sockets, crowd, Run, length, cancellationToken);
            }
            finally
            {
                stop.Cancel();
                crowd.IsLeaving = true;
                if (!plan.IsOwn) sockets.Run(crowd, TimeSpan.FromSeconds(0.5), call.Clock.GetTimestamp() + (call.Clock.TimestampFrequency * 6 / 10), CancellationToken.None); // seats are free at once
            }
        }

        private void WaitForAll(EventCrowd crowd, Task joining, Action<double> run)
        {
            var (told, since) = (0, call.Clock.GetTimestamp());
            for (var best = 0; ;)
            {
                run(0.25);
                if (joining.IsFaulted || joining.IsCanceled) joining.GetAwaiter().GetResult(); // throws what was wrong
                var welcome = crowd.Welcome;
                if (welcome >= plan.Clients || crowd.Fault is not null) break;
                if (welcome > best) (best, since) = (welcome, call.Clock.GetTimestamp());
                if (best - told >= Math.Max(100, plan.Clients / 10)) call.Say($"{told = best} of {plan.Clients} are in");
                if (call.Clock.GetElapsedTime(since) < LongestWait) continue;
                call.Say(Volatile.Read(ref _waits) > 0 ? "The others wait in the line: the space is full." : "The others do not come in.");
                break;
            }

            call.Say($"{crowd.Welcome} of {plan.Clients} are in; they walk");
        }

        private EventResult Measure(LoadSockets sockets, EventCrowd crowd, Action<double> run, TimeSpan length, CancellationToken cancellationToken)
        {
            crowd.StartMeasuring();
            sockets.Latest = 0;
            var (started, bytes, unsent, cpu) = (call.Clock.GetTimestamp(), sockets.BytesHeard, sockets.Skipped, Cpu());
            var (sum, checkedViews, skipped, next) = (default(EventSight), 0L, 0L, 0);
            while (call.Clock.GetElapsedTime(started) is var passed && passed < length)
            {
                run(Math.Min(1, (length - passed).TotalSeconds));
                cancellationToken.ThrowIfCancellationRequested();
                for (var i = 0; i < Math.Min(ViewsEachSecond, plan.Clients); i++, next = (next + Math.Max(1, (plan.Clients / ViewsEachSecond) | 1)) % plan.Clients)
                {
                    if (crowd.Check(next) is not { } sight) skipped++;
                    else (sum, checkedViews) = (new EventSight(sum.Missing + sight.Missing, sum.Ghosts + sight.Ghosts, sum.Others + sight.Others), checkedViews + 1);
                }
            }

            crowd.IsMeasuring = false;
            var seconds = call.Clock.GetElapsedTime(started).TotalSeconds;
            var people = Math.Max(1, crowd.Welcome);
            return new EventResult
            {
                Space = space, Plan = plan, Seconds = seconds, TickHz = crowd.TickHz, Joined = crowd.Welcome + crowd.LostClients, Lost = crowd.LostClients, Neighbours = crowd.Neighbours / (double)Math.Max(1, crowd.Frames),
                Ages = (crowd.Ages.Percentile(0.5), crowd.Ages.Percentile(0.95), crowd.Ages.Percentile(0.99), crowd.OldestAge.TotalMilliseconds), Samples = crowd.Ages.Count,
                Frames = crowd.Frames / (people * seconds), WorstFrames = crowd.FewestFrames / seconds, Bytes = (sockets.BytesHeard - bytes) / (people * seconds), Inputs = crowd.Inputs / (people * seconds),
                Missing = sum.Missing, Ghosts = sum.Ghosts, Untrue = crowd.Untrue, Others = sum.Others, ViewsChecked = checkedViews, ViewsSkipped = skipped, Corrections = crowd.Corrections, Quality = crowd.WorstQuality,
                Unsent = sockets.Skipped - unsent, LateMs = sockets.Latest * 1_000.0 / call.Clock.TimestampFrequency, Cores = (Cpu() - cpu).TotalSeconds / seconds, Fault = crowd.Fault,
            };
        }

        private async Task JoinAllAsync(LoadSockets sockets, CancellationToken cancellationToken) =>
            await Parallel.ForAsync(0, plan.Clients, new ParallelOptions { MaxDegreeOfParallelism = JoinsAtOnce, CancellationToken = cancellationToken }, async (i, cancel) =>
            {
                var session = await AskAsync(i, cancel).ConfigureAwait(false);
                var (socket, early) = await LoadHandshake.OpenAsync(_server, $"{session.Socket}?token={Uri.EscapeDataString(session.Token)}", call.Clock, cancel).ConfigureAwait(false);
                sockets.Add(i, socket, early);
            }).ConfigureAwait(false);

        private async Task<SpaceSession> AskAsync(int i, CancellationToken cancellationToken)
        {
            var user = $"load-{plan.Seed}-{i}";
            while (true)
            {
                var admission = await http.AskToEnterAsync(space, new SpaceGuest { User = user }, cancellationToken).ConfigureAwait(false);
                if (admission.Session is null)
                {
                    Interlocked.Increment(ref _waits);
                    await Task.Delay(admission.AskAgain, call.Clock, cancellationToken).ConfigureAwait(false);
                }
                else if (admission.Session.User != user) throw new CallException($"This world takes the key's name for the user ('{admission.Session.User}'): with one key all clients are one person.", "Run the load on a world without keys, on its own machine");
                else return admission.Session;
            }
        }

        private static TimeSpan Cpu()
        {
            using var self = Process.GetCurrentProcess();
            return self.TotalProcessorTime;
        }
    }
}
