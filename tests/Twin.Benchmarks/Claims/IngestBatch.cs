using System.Diagnostics;
using MessagePack;

namespace Twin.Benchmarks.Claims;

/// <summary>How fast are large batches: over HTTP (MessagePack, one silo process), and through pipeline and shards in this process? Below 200,000/s and 1,000,000/s the samples are touched too often.</summary>
internal static class IngestBatch
{
    private const int Twins = 10_000;

    public static Claim Claim { get; } = new("ingest.batch", "1/s", false, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var http = await OverHttpAsync(run);
        var inside = await InProcessIngest.MeasureAsync(Twins, run);
        return new Figure(http, new() { ["inProcess"] = Math.Round(inside), ["fsync"] = "100ms", ["samplesPerRequest"] = 1_000 * BenchGraph.Properties, ["history"] = false, ["cores"] = "silo and load share all" });
    }

    private static async Task<double> OverHttpAsync(ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--fsync", "100ms", "--history", "false");
            await BenchGraph.CreateAsync(silo, Twins);
            var bodies = Enumerable.Range(0, 40).Select(Body).ToArray();
            var (applied, watch) = (0L, new Stopwatch());
            foreach (var length in new[] { run.Seconds(5, 1), run.Seconds(15, 2) })
            {
                applied = 0;
                watch.Restart();
                await Task.WhenAll(Enumerable.Range(0, 4).Select(async worker =>
                {
                    await Task.Yield();
                    using var client = await RawHttp.ConnectAsync(silo.Port);
                    for (var i = worker; watch.Elapsed < length; i++)
                    {
                        var status = await client.SendAsync("POST /ingest", "application/msgpack", bodies[i % bodies.Length]);
                        if (status != 200) throw new InvalidOperationException($"POST /ingest answered {status}: {System.Text.Encoding.UTF8.GetString(client.Body.Span)}");
                        var answer = System.Text.Json.Nodes.JsonNode.Parse(client.Body.Span)!;
                        Interlocked.Add(ref applied, answer["applied"]!.GetValue<long>());
                    }
                }));
            }

            return applied / watch.Elapsed.TotalSeconds;
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>1,000 twins, eight values each, without a time: arrival time is taken, so every sample is applied.</summary>
    private static byte[] Body(int number)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(1_000);
        for (var i = 0; i < 1_000; i++)
        {
            writer.WriteMapHeader(2);
            writer.Write("id");
            writer.Write(BenchGraph.IdOf(((number * 1_000) + i) % Twins));
            writer.Write("p");
            writer.WriteMapHeader(BenchGraph.Properties);
            for (var p = 0; p < BenchGraph.Properties; p++)
            {
                writer.Write($"p{p}");
                writer.Write(number + (i / 1000.0) + p);
            }
        }

        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
