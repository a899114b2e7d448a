using System.Net;
using System.Text.Json.Nodes;
using Twin.History.Tests;

namespace Twin.EndToEnd.Tests;

/// <summary>A silo whose history is in a real PostgreSQL: read through HTTP, and through an outage of the database under load.</summary>
public sealed class PostgresTests : IAsyncLifetime
{
    private readonly string _folder = SiloProcess.NewFolder();
    private PostgresServer? _postgres;
    private SiloProcess _silo = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _postgres = await PostgresServer.StartAsync();
        Assert.SkipWhen(_postgres is null, "PostgreSQL is not installed");
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none", "--postgres", _postgres.ConnectionString);
        await Lamp.CreateAsync(_silo.Http, 4, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (_silo is not null) await _silo.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task History_through_HTTP_is_what_was_sent_raw_and_in_buckets_and_outlives_the_silo()
    {
        var random = new Random(4);
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var sent = Enumerable.Range(0, 2_000).Select(i => (Time: start.AddSeconds((i * 7) + random.Next(0, 7)), Value: Math.Round(random.NextDouble() * 100, 3))).ToArray();
        foreach (var part in sent.Chunk(500))
        {
            var body = new JsonArray([.. part.Select(s => new JsonObject { ["id"] = "lamp-1", ["t"] = s.Time, ["p"] = new JsonObject { ["power"] = s.Value } })]).ToJsonString();
            using var answer = await _silo.Http.PostAsync("/ingest", Lamp.Json(body), Cancel);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
        }

        await HoldsAsync(sent);
        await _silo.DisposeAsync();
        _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none", "--postgres", _postgres!.ConnectionString);
        await HoldsAsync(sent);
        using var nobody = await _silo.Http.GetAsync("/history/lamp-3/power?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", Cancel);
        Assert.Empty(JsonNode.Parse(await nobody.Content.ReadAsStringAsync(Cancel))!["points"]!.AsArray());
    }

    [Fact]
    public async Task PostgreSQL_gone_under_load_degrades_the_silo_loses_nothing_and_is_caught_up_with()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var acknowledged = 0;
        var load = Task.Run(async () =>
        {
            for (var value = 1; !stop.IsCancellationRequested; value++)
            {
                using var answer = await _silo.Http.PatchAsync("/digitaltwins/lamp-0", Lamp.Patch(value), Cancel);
                Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
                Volatile.Write(ref acknowledged, value);
                await Task.Delay(2, Cancel); // a steady load, not the most the machine can
            }
        }, Cancel);
        await Eventually.TrueAsync(() => Task.FromResult(Volatile.Read(ref acknowledged) > 100 || load.IsCompleted), "the load to run", Cancel);
        await _postgres!.StopAsync();
        var before = Volatile.Read(ref acknowledged);
        await Eventually.TrueAsync(async () => await ReadyAsync() == "degraded", "the silo to say it is degraded", Cancel);
        await Eventually.TrueAsync(() => Task.FromResult(Volatile.Read(ref acknowledged) > before + 500 || load.IsCompleted), "writes to go on without history", Cancel);
        using (var live = await _silo.Http.GetAsync("/health/live", Cancel)) Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        using (var history = await _silo.Http.GetAsync("/history/lamp-0/power", Cancel))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, history.StatusCode);
            Assert.Equal("application/problem+json", history.Content.Headers.ContentType?.MediaType);
        }

        await _postgres.ResumeAsync();
        await Eventually.TrueAsync(async () => await ReadyAsync() == "ready", "the silo to be well again", Cancel, 60);
        await stop.CancelAsync();
        await load;
        Assert.Equal(acknowledged, await Lamp.PowerAsync(_silo.Http, 0, Cancel));
        double[] kept = [];
        await Eventually.TrueAsync(async () =>
        {
            var points = JsonNode.Parse(await _silo.Http.GetStringAsync("/history/lamp-0/power?limit=100000", Cancel))!["points"]!.AsArray();
            kept = [.. points.Select(p => p!["v"]!.GetValue<double>())];
            return kept.Length > acknowledged;
        }, $"history to hold all {acknowledged} values", Cancel, 60);
        Assert.Equal(Enumerable.Range(0, acknowledged + 1).Select(i => (double)i), kept); // each once, in order, from the first 0
        var metrics = await _silo.Http.GetStringAsync("/metrics", Cancel);
        Assert.Contains("twin_history_faults_total", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain("\ntwin_history_resets_total", metrics, StringComparison.Ordinal); // nothing fell out of the journal meanwhile
    }

    private async Task<string> ReadyAsync()
    {
        using var answer = await _silo.Http.GetAsync("/health/ready", Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!["status"]!.GetValue<string>();
    }

    private async Task HoldsAsync((DateTimeOffset Time, double Value)[] sent)
    {
        const string range = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
        var points = new JsonArray();
        await Eventually.TrueAsync(async () => (points = JsonNode.Parse(await _silo.Http.GetStringAsync($"/history/lamp-1/power?{range}&limit=100000", Cancel))!["points"]!.AsArray()).Count == sent.Length, "history to hold what was sent", Cancel);
        Assert.Equal(sent.Order(), points.Select(p => (p!["t"]!.GetValue<DateTimeOffset>(), p["v"]!.GetValue<double>())).Order());
        var buckets = JsonNode.Parse(await _silo.Http.GetStringAsync($"/history/lamp-1/power?{range}&width=PT5M", Cancel))!["buckets"]!.AsArray();
        var own = sent.GroupBy(s => s.Time.ToUnixTimeSeconds() / 300).OrderBy(g => g.Key).ToArray();
        Assert.Equal(own.Length, buckets.Count);
        foreach (var (group, bucket) in own.Zip(buckets))
        {
            Assert.Equal((group.Key, group.Count()), (bucket!["t"]!.GetValue<DateTimeOffset>().ToUnixTimeSeconds() / 300, bucket["count"]!.GetValue<int>()));
            Assert.Equal((group.Min(s => s.Value), group.Max(s => s.Value)), (bucket["min"]!.GetValue<double>(), bucket["max"]!.GetValue<double>()));
            Assert.Equal(group.Average(s => s.Value), bucket["mean"]!.GetValue<double>(), 1e-9);
        }
    }
}
