using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Twin.Gateway.Standing;
using Twin.Gateway.Streams;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Query.Standing;
using Twin.Silo;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// How late is a standing query's subscriber? 10,000 queries over 50,000 sensors (a third on one sensor, a third on a zone above a
/// threshold, a third over two hops: sensors anywhere in a building above a threshold) while 50,000 values a second are written, in
/// one process: from the call that writes to the subscriber that has the row's text. A p99 above 50 ms would change how they are worked out.
/// </summary>
internal static class QueryStanding
{
    private const int SensorsPerRoom = 10;
    private const int RoomsPerBuilding = 10;
    private const int SensorsPerZone = 100;
    private const double Steps = 1 << 24; // below the degree a value carries the number of its writing

    public static Claim Claim { get; } = new("query.standing", "ms", true, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var (sensors, queries, rate) = (run.Count(50_000, 2_000), run.Count(10_000, 300), run.Count(50_000, 5_000));
        var folder = SiloProcess.NewFolder();
        var app = await SiloHost.CreateAsync(["--data", folder, "--port", "0", "--mqtt-port", "-1", "--scenario", "none", "--history", "false", "--dashboard", "false", "--fsync", "100ms"]);
        try
        {
            await app.StartAsync();
            var store = app.Services.GetRequiredService<ITwinStore>();
            await BuildAsync(store, sensors);
            var (hub, standing) = (app.Services.GetRequiredService<FeedHub>(), app.Services.GetRequiredService<StandingQueries>());
            await hub.EnterAsync(CancellationToken.None);
            var watch = Stopwatch.StartNew();
            var subscribers = await SubscribeAsync(standing, sensors, queries);
            var subscribing = watch.Elapsed.TotalSeconds;
            run.Log($"{queries} queries stand after {subscribing:0.0} s");
            using var stop = new CancellationTokenSource();
            var latencies = new Latencies();
            var readers = subscribers.Select(s => Task.Run(() => ReadAsync(s, latencies, stop.Token))).ToArray();
            await WriteAsync(store, sensors, rate, run.Seconds(5, 1), 0);
            var pauses = GC.GetTotalPauseDuration();
            var written = await WriteAsync(store, sensors, rate, run.Seconds(20, 2), 1_000_000);
            await Task.Delay(TimeSpan.FromSeconds(2));
            await stop.CancelAsync();
            foreach (var subscriber in subscribers) subscriber.Wake();
            await Task.WhenAll(readers);
            return new Figure(latencies.Milliseconds(0.99), new()
            {
                ["queries"] = queries, ["changesPerS"] = Math.Round(written.PerSecond), ["p50Ms"] = latencies.Milliseconds(0.5), ["p999Ms"] = latencies.Milliseconds(0.999), ["deliveries"] = latencies.Count,
                ["multihop"] = queries / 3, ["sensors"] = sensors, ["subscribedInS"] = Math.Round(subscribing, 1), ["cpuShare"] = Math.Round(written.Cpu, 2), ["pauseShare"] = Math.Round((GC.GetTotalPauseDuration() - pauses).TotalSeconds / run.Seconds(20, 2).TotalSeconds, 3), ["where"] = "in process, to the subscriber's queue",
            });
        }
        finally
        {
            await app.StopAsync();
            await app.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static readonly long[] Stamps = new long[1 << 24];

    private static async Task BuildAsync(ITwinStore store, int sensors)
    {
        var models = await store.AddModelsAsync([Dtdl()]);
        if (!models.IsDone) throw new InvalidOperationException(models.Problem?.Detail);
        var (rooms, buildings) = (sensors / SensorsPerRoom, sensors / SensorsPerRoom / RoomsPerBuilding);
        var (commands, links) = (new List<TwinCommand>(), new List<TwinCommand>());
        for (var i = 0; i < buildings; i++) commands.Add(new PutTwin(Id("building", i), "dtmi:twin:bench:Place;1", []));
        for (var i = 0; i < rooms; i++) commands.Add(new PutTwin(Id("room", i), "dtmi:twin:bench:Place;1", []));
        for (var i = 0; i < sensors; i++) commands.Add(new PutTwin(Id("sensor", i), "dtmi:twin:bench:Sensor;1", [new Assignment("zone", PropertyValue.From(Id("zone", i / SensorsPerZone)))]));
        for (var i = 0; i < rooms; i++) links.Add(new PutRelationship(Id("room", i), "in", "partOf", Id("building", i / RoomsPerBuilding), []));
        for (var i = 0; i < sensors; i++) links.Add(new PutRelationship(Id("sensor", i), "in", "locatedIn", Id("room", i / SensorsPerRoom), []));
        foreach (var chunk in commands.Chunk(50_000).Concat(links.Chunk(50_000)))
            if (Array.Find(await store.ExecuteManyAsync(chunk), r => !r.IsDone) is { Problem: { } problem }) throw new InvalidOperationException(problem.Detail);
    }

    private static async Task<Subscriber[]> SubscribeAsync(StandingQueries standing, int sensors, int queries)
    {
        var subscribers = new Subscriber[queries];
        await Parallel.ForEachAsync(Enumerable.Range(0, queries), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) =>
        {
            var random = new Random(i);
            var threshold = 97 + random.Next(3); // alarms are rare: one value in 67 passes a query's threshold
            var text = (i % 3) switch
            {
                0 => $"SELECT * FROM DIGITALTWINS T WHERE T.$dtId = '{Id("sensor", random.Next(sensors))}'",
                1 => $"SELECT T.$dtId, T.temperature FROM DIGITALTWINS T WHERE T.zone = '{Id("zone", random.Next(sensors / SensorsPerZone))}' AND T.temperature > {threshold}",
                _ => $"SELECT d.$dtId, d.temperature FROM DIGITALTWINS MATCH (d)-[:locatedIn]->(r)-[:partOf]->(b) WHERE b.$dtId = '{Id("building", random.Next(sensors / SensorsPerRoom / RoomsPerBuilding))}' AND d.temperature > {threshold}",
            };
            if (!StandingForm.TryRead(text, null, out var form, out var problem)) throw new InvalidOperationException(problem.Detail);
            subscribers[i] = new Subscriber(null, 128 * 1024 * 1024, 200_000);
            var (status, refusal) = await standing.JoinAsync(form, subscribers[i], null);
            if (status != TwinStatus.Ok) throw new InvalidOperationException(refusal?.Detail);
        });
        return subscribers;
    }

    private static async Task ReadAsync(Subscriber subscriber, Latencies latencies, CancellationToken stop)
    {
        List<StreamItem> spare = [];
        while (!stop.IsCancellationRequested)
        {
            await subscriber.WaitAsync();
            var items = subscriber.Take(spare);
            var now = Stopwatch.GetTimestamp();
            if (subscriber.IsOverrun) throw new InvalidOperationException("A subscriber was overrun.");
            foreach (var item in items)
                foreach (var change in item.Changes)
                    if (NumberOf(change.Span) is var number and >= 1_000_000)
                        lock (latencies) latencies.Add(now - Stamps[number]);
            items.Clear();
            spare = items;
        }
    }

    private static async Task<(double PerSecond, double Cpu)> WriteAsync(ITwinStore store, int sensors, int rate, TimeSpan length, int first)
    {
        const int writers = 4;
        var ids = Enumerable.Range(0, sensors).Select(i => Id("sensor", i)).ToArray();
        var shards = ids.Select(id => ShardMap.ShardOf(id, store.ShardCount)).ToArray();
        var (next, cpu, watch) = (first, Process.GetCurrentProcess().TotalProcessorTime, Stopwatch.StartNew());
        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            var random = new Random(first + writer);
            var byShard = Enumerable.Range(0, store.ShardCount).Select(_ => new List<Sample>()).ToArray();
            for (var sent = 0L; watch.Elapsed < length;)
            {
                var due = (long)(watch.Elapsed.TotalSeconds * rate / writers) - sent;
                if (due < 25)
                {
                    await Task.Delay(1);
                    continue;
                }

                sent += due;
                for (var i = 0; i < due; i++)
                {
                    var (sensor, number) = (random.Next(sensors), Interlocked.Increment(ref next));
                    if (number >= Stamps.Length) throw new InvalidOperationException("The run is longer than the stamp table.");
                    byShard[shards[sensor]].Add(new Sample(ids[sensor], "temperature", PropertyValue.From(random.Next(100) + (number / Steps)), WallTime.None));
                    Stamps[number] = Stopwatch.GetTimestamp();
                }

                await Task.WhenAll(Enumerable.Range(0, byShard.Length).Where(s => byShard[s].Count > 0).Select(async s =>
                {
                    Sample[] samples = [.. byShard[s]];
                    byShard[s].Clear();
                    await store.IngestAsync(s, new SampleBatch(samples, WallTime.Now(TimeProvider.System)));
                }));
            }
        })));
        return ((next - first) / watch.Elapsed.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds / watch.Elapsed.TotalSeconds / Environment.ProcessorCount);
    }

    // The number that the row's temperature carries; -1 without one.
    private static int NumberOf(ReadOnlySpan<byte> change)
    {
        var at = change.IndexOf("\"temperature\":"u8);
        if (at < 0 || !System.Buffers.Text.Utf8Parser.TryParse(change[(at + 14)..], out double value, out _)) return -1;
        return (int)Math.Round((value - Math.Floor(value)) * Steps);
    }

    private static string Id(string kind, int number) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{number}");

    private static string Dtdl() => new JsonArray(
        new JsonObject
        {
            ["@context"] = "dtmi:dtdl:context;3", ["@id"] = "dtmi:twin:bench:Place;1", ["@type"] = "Interface",
            ["contents"] = new JsonArray(new JsonObject { ["@type"] = "Relationship", ["name"] = "partOf" }),
        },
        new JsonObject
        {
            ["@context"] = "dtmi:dtdl:context;3", ["@id"] = "dtmi:twin:bench:Sensor;1", ["@type"] = "Interface",
            ["contents"] = new JsonArray(
                new JsonObject { ["@type"] = "Property", ["name"] = "zone", ["schema"] = "string" },
                new JsonObject { ["@type"] = "Property", ["name"] = "temperature", ["schema"] = "double" },
                new JsonObject { ["@type"] = "Relationship", ["name"] = "locatedIn" }),
        }).ToJsonString();
}
