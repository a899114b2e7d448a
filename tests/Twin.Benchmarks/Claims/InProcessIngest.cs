using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Twin.Grains;
using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Silo;

namespace Twin.Benchmarks.Claims;

/// <summary>The silo's own wiring in this process; chunks as a door would offer them: 50 messages of ten values.</summary>
internal static class InProcessIngest
{
    private const int MessagesPerChunk = 50;
    private const int Producers = 8;

    public static async Task<double> MeasureAsync(int twins, ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        var app = await SiloHost.CreateAsync(["--data", folder, "--port", "0", "--mqtt-port", "-1", "--scenario", "none", "--history", "false", "--dashboard", "false", "--fsync", "100ms"]);
        try
        {
            await app.StartAsync();
            var store = app.Services.GetRequiredService<ITwinStore>();
            var models = await store.AddModelsAsync([BenchGraph.DtdlWith(10)]);
            if (!models.IsDone) throw new InvalidOperationException(models.Problem?.Detail);
            var made = await store.ExecuteManyAsync([.. Enumerable.Range(0, twins).Select(t => (TwinCommand)new PutTwin(BenchGraph.IdOf(t), BenchGraph.Model, []))]);
            if (!made.All(m => m.IsDone)) throw new InvalidOperationException(made.First(m => !m.IsDone).Problem?.Detail);
            var entrance = app.Services.GetRequiredService<IIngestEntrance>();
            await LoadAsync(entrance, twins, run.Seconds(5, 1));
            return await LoadAsync(entrance, twins, run.Seconds(15, 2));
        }
        finally
        {
            await app.StopAsync();
            await app.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> LoadAsync(IIngestEntrance entrance, int twins, TimeSpan length)
    {
        var watch = Stopwatch.StartNew();
        var settled = 0L;
        await Task.WhenAll(Enumerable.Range(0, Producers).Select(producer => Task.Run(async () =>
        {
            using var room = new SemaphoreSlim(32);
            var random = new Random(producer);
            while (watch.Elapsed < length)
            {
                await room.WaitAsync();
                await entrance.OfferAsync(new Chunk(twins, random, settledNow =>
                {
                    Interlocked.Add(ref settled, settledNow);
                    room.Release();
                }), CancellationToken.None);
            }

            for (var left = 0; left < 32; left++) await room.WaitAsync();
        })));
        return settled / watch.Elapsed.TotalSeconds;
    }

    private sealed class Chunk : IngestChunk
    {
        private readonly IngestMessage[] _messages = new IngestMessage[MessagesPerChunk];
        private readonly Action<int> _done;

        public Chunk(int twins, Random random, Action<int> done)
        {
            _done = done;
            var payloads = new byte[MessagesPerChunk * 256];
            for (var i = 0; i < MessagesPerChunk; i++)
            {
                var length = RawMqtt.WriteValues(payloads.AsSpan(i * 256), 10, random.Next(1_000_000));
                _messages[i] = new IngestMessage(Ids[random.Next(twins)], PayloadFormat.Json, payloads.AsMemory(i * 256, length), i);
            }
        }

        private static readonly string[] Ids = [.. Enumerable.Range(0, 10_000).Select(BenchGraph.IdOf)];

        public override ReadOnlySpan<IngestMessage> Messages => _messages;

        public override WallTime ArrivalTime { get; } = WallTime.Now(TimeProvider.System);

        public override void Complete(ReadOnlySpan<MessageFate> fates)
        {
            var applied = 0;
            foreach (var fate in fates)
                if (fate.Acknowledge && fate.Worst == SampleFate.Applied) applied += 10;
            _done(applied);
        }
    }
}
