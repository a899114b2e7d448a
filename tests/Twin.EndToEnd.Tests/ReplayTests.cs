using System.Globalization;
using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>A machine's recording as an MQTT device through the real silo: kept to the last digit, and scored as it comes.</summary>
public sealed class ReplayTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Model = """
        [{"@context":"dtmi:dtdl:context;3","@id":"dtmi:twin:test:Machine;1","@type":"Interface","contents":[
          {"@type":"Property","name":"temperature","schema":"double"},{"@type":"Property","name":"anomalyScore","schema":"double"}]}]
        """;

    private readonly string _folder = SiloProcess.NewFolder();
    private SiloProcess _silo = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _silo = await SiloProcess.StartAsync(Directory.CreateDirectory(Path.Combine(_folder, "silo")).FullName, false, "--scenario", "none", "--history-retention", "00:00:00");
        using var models = await _silo.Http.PostAsync("/models", Lamp.Json(Model), Cancel);
        using var twin = await _silo.Http.PutAsync("/digitaltwins/machine", Lamp.Json("""{"$metadata":{"$model":"dtmi:twin:test:Machine;1"}}"""), Cancel);
        Assert.True(twin.IsSuccessStatusCode);
        await Eventually.TrueAsync(async () => JsonNode.Parse(await _silo.Http.GetStringAsync("/inference/models", Cancel))!["isReading"]!.GetValue<bool>(), "the networks to read the feed", Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_made_recording_at_ten_thousand_times_is_kept_exactly_and_its_failure_scores_highest()
    {
        var file = Path.Combine(_folder, "made.csv");
        var values = MadeInputs.WriteRecording(file, 11, 300, 220..240);
        await PlayAsync(file, 10_000, values.Length);
        await IsKeptAsync(ReadCsv(file));
        var scores = await ScoresAsync(values.Length - 31);
        var start = ReadCsv(file)[0].Time;
        var worst = scores.MaxBy(s => s.Value).Time;
        Assert.InRange((worst - start).TotalMinutes / 5, 220, 240 + 31); // windows of 32 values that hold some of the failure
        Assert.True(scores.Max(s => s.Value) > 1);
    }

    /// <summary>At 10,000 times this takes eleven minutes, so the test plays it faster; the rhythm is held by the one above.</summary>
    [Fact]
    public async Task The_machine_of_the_NAB_recording_is_kept_exactly_and_alarms_in_each_failure_it_can_know()
    {
        var file = SharedFiles.Require("nab/machine_temperature_system_failure.csv");
        var expected = ReadCsv(file);
        await PlayAsync(file, 500_000, expected.Count);
        await IsKeptAsync(expected);
        // Twelve rows go back an hour in the middle and are not scored; the last of them is no longer late.
        var backward = Enumerable.Range(1, expected.Count - 1).Count(i => expected[i].Time < expected.Take(i).Skip(Math.Max(0, i - 12)).Max(e => e.Time));
        var scores = await ScoresAsync(expected.Count - 31 - backward - 31);
        var windows = JsonNode.Parse(await File.ReadAllTextAsync(SharedFiles.Require("nab/labels/combined_windows.json"), Cancel))!["realKnownCause/machine_temperature_system_failure.csv"]!.AsArray()
            .Select(w => (From: Time(w![0]!.GetValue<string>()), To: Time(w[1]!.GetValue<string>()))).ToArray();
        var alarms = scores.Where(s => s.Value >= 1).ToArray();
        var trained = Time("2013-12-14 16:50:00"); // the model saw what comes before, without its labels
        bool Labelled((DateTimeOffset Time, double Value) alarm) => windows.Any(w => alarm.Time >= w.From && alarm.Time <= w.To);
        var found = windows.Select(w => alarms.Count(a => a.Time >= w.From && a.Time <= w.To)).ToArray();
        output.WriteLine($"{scores.Count} scores; alarms inside each labelled window: {string.Join(", ", found)}; outside: {alarms.Count(a => !Labelled(a))}, of them {alarms.Count(a => !Labelled(a) && a.Time > trained)} after the training part");
        Assert.Equal(3, windows.Where(w => w.To > trained).Count(w => alarms.Any(a => a.Time >= w.From && a.Time <= w.To)));
        Assert.InRange(alarms.Count(a => !Labelled(a) && a.Time > trained), 0, 265); // 15 in a thousand, as the card promises
    }

    private async Task PlayAsync(string file, double speed, int rows)
    {
        var answer = await TwinProgram.JsonAsync(_silo, 0, "replay", file, "--twin", "machine", "--column", "value=temperature", "--time", "timestamp", "--speed", speed.ToString(CultureInfo.InvariantCulture), "--mqtt", $"127.0.0.1:{_silo.MqttPort}");
        Assert.Equal((rows, rows, 0, 0), (answer["rows"]!.GetValue<int>(), answer["samples"]!.GetValue<int>(), answer["badRows"]!.GetValue<int>(), answer["refused"]!.GetValue<int>()));
    }

    /// <summary>Every value of the file, raw and in hours, against this test's own reading of it.</summary>
    private async Task IsKeptAsync(List<(DateTimeOffset Time, double Value)> expected)
    {
        List<(DateTimeOffset Time, double Value)> kept = [];
        await Eventually.TrueAsync(async () => (kept = await PointsAsync("temperature")).Count >= expected.Count, $"history to hold {expected.Count} values", Cancel, 60);
        Assert.Equal(expected.OrderBy(e => e.Time).ThenBy(e => e.Value), kept.OrderBy(e => e.Time).ThenBy(e => e.Value));
        Assert.Equal((expected.Min(e => e.Value), expected.Max(e => e.Value)), (kept.Min(k => k.Value), kept.Max(k => k.Value)));
        Assert.Equal((expected[0], expected[^1]), (kept[0], kept[^1]));
        var hours = expected.GroupBy(e => e.Time.ToUnixTimeSeconds() / 3600).OrderBy(g => g.Key).ToArray();
        var buckets = await PagesAsync($"/history/machine/temperature?from={From}&to={To}&width=PT1H", "buckets");
        Assert.Equal(hours.Select(h => h.Key), buckets.Select(b => b["t"]!.GetValue<DateTimeOffset>().ToUnixTimeSeconds() / 3600));
        foreach (var (hour, bucket) in hours.Zip(buckets))
        {
            Assert.Equal(hour.Count(), bucket["count"]!.GetValue<int>());
            Assert.Equal((hour.Min(e => e.Value), hour.Max(e => e.Value)), (bucket["min"]!.GetValue<double>(), bucket["max"]!.GetValue<double>()));
            Assert.Equal(hour.Average(e => e.Value), bucket["mean"]!.GetValue<double>(), 1e-9);
        }
    }

    private const string From = "2013-01-01T00:00:00Z";
    private const string To = "2015-01-01T00:00:00Z";

    /// <summary>The scores kept, once every window is scored; on a machine so busy that runs pass their latency bound the rest of the test is skipped, and says so.</summary>
    private async Task<List<(DateTimeOffset Time, double Value)>> ScoresAsync(int least)
    {
        long scored = 0, skipped = 0;
        await Eventually.TrueAsync(async () =>
        {
            var model = JsonNode.Parse(await _silo.Http.GetStringAsync("/inference/models", Cancel))!["value"]![0]!;
            (scored, skipped) = (model["scored"]!.GetValue<long>(), model["skipped"]!.GetValue<long>());
            return scored + skipped >= least;
        }, $"{least} windows to be scored or passed over", Cancel, 120);
        List<(DateTimeOffset Time, double Value)> scores = [];
        await Eventually.TrueAsync(async () => (scores = await PointsAsync("anomalyScore")).Count >= Math.Min(scored, least), $"{scored} scores in history", Cancel, 60);
        Assert.SkipWhen(skipped > 0, $"{skipped} of {scored + skipped} windows passed the network's latency bound: this machine is too busy to judge it");
        var twin = JsonNode.Parse(await _silo.Http.GetStringAsync("/digitaltwins/machine", Cancel))!;
        Assert.Equal((await PointsAsync("anomalyScore"))[^1].Value, twin["anomalyScore"]!.GetValue<double>());
        return scores;
    }

    private async Task<List<(DateTimeOffset Time, double Value)>> PointsAsync(string path) =>
        [.. (await PagesAsync($"/history/machine/{path}?from={From}&to={To}&limit=100000", "points")).Select(p => (p["t"]!.GetValue<DateTimeOffset>(), p["v"]!.GetValue<double>()))];

    private async Task<List<JsonNode>> PagesAsync(string address, string name) =>
        [.. JsonNode.Parse(await _silo.Http.GetStringAsync(address, Cancel))![name]!.AsArray().Select(n => n!)];

    private static List<(DateTimeOffset Time, double Value)> ReadCsv(string file) =>
        [.. File.ReadLines(file).Skip(1).Where(l => l.Length > 0).Select(l => l.Split(',')).Select(f => (Time(f[0]), double.Parse(f[1], CultureInfo.InvariantCulture)))];

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
