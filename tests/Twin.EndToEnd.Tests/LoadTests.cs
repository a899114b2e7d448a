using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary><c>twin load</c> against the real silo: it measures, and what it was told is kept is there.</summary>
public sealed class LoadTests : IAsyncLifetime
{
    private readonly string _folder = SiloProcess.NewFolder();
    private SiloProcess _silo = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none", "--history", "false");

    public async ValueTask DisposeAsync()
    {
        await _silo.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("twins")]
    [InlineData("devices")]
    public async Task A_load_tells_rate_and_percentiles_and_every_twin_holds_its_last_acknowledged_value(string what)
    {
        string[] door = what == "devices" ? ["--mqtt", $"127.0.0.1:{_silo.MqttPort}"] : [];
        var answer = await TwinProgram.JsonAsync(_silo, 0, ["load", what, "--connections", "8", "--seconds", "2", .. door]);
        var operations = answer["operations"]!.GetValue<long>();
        Assert.True(operations > 0);
        Assert.Equal((0, 8, 0), (answer["failed"]!.GetValue<int>(), answer["readBack"]!.GetValue<int>(), answer["wrong"]!.AsArray().Count));
        Assert.Equal(operations / answer["seconds"]!.GetValue<double>(), answer["perSecond"]!.GetValue<double>(), 0.01);
        var (p50, p95, p99) = (answer["p50Ms"]!.GetValue<double>(), answer["p95Ms"]!.GetValue<double>(), answer["p99Ms"]!.GetValue<double>());
        Assert.True(p50 > 0 && p50 <= p95 && p95 <= p99, $"{p50} {p95} {p99}");
        var sum = 0.0; // each write raised one twin by one
        for (var i = 0; i < 8; i++) sum += JsonNode.Parse(await _silo.Http.GetStringAsync($"/digitaltwins/load-{i}", Cancel))!["value"]!.GetValue<double>();
        Assert.Equal(operations, sum);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_event_holds_what_people_see_against_the_truth_and_deletes_the_space_it_made(bool isAdaptive)
    {
        string[] more = isAdaptive ? ["--adaptive"] : [];
        var (exit, output, errors) = await TwinProgram.RunAsync(_silo, 120, ["load", "events", "--clients", "40", "--neighbours", "10", "--seconds", "3", "--settle", "1", "--json", .. more]);
        var answer = JsonNode.Parse(output)!;
        Assert.Equal(answer["held"]!.GetValue<bool>() ? 0 : 1, exit); // a busy machine may be late; it may not be wrong
        Assert.Equal("", errors);
        Assert.Equal((40, 0), (answer["joined"]!.GetValue<int>(), answer["lost"]!.GetValue<int>()));
        Assert.Equal((0, 0, 0), (answer["missing"]!.GetValue<int>(), answer["ghosts"]!.GetValue<int>(), answer["untrue"]!.GetValue<int>()));
        Assert.True(answer["samples"]!.GetValue<long>() > 200 && answer["viewsChecked"]!.GetValue<int>() > 0, output);
        Assert.InRange(answer["neighbours"]!.GetValue<double>(), 4, 20);
        Assert.True(answer["p50Ms"]!.GetValue<double>() > 0 && answer["p50Ms"]!.GetValue<double>() <= answer["p99Ms"]!.GetValue<double>() && answer["p99Ms"]!.GetValue<double>() <= answer["maxMs"]!.GetValue<double>() * 1.02, output);
        Assert.Empty(JsonNode.Parse(await _silo.Http.GetStringAsync("/spaces", Cancel))!["value"]!.AsArray());
    }

    [Fact]
    public async Task An_event_in_a_given_space_keeps_off_closed_ground_frees_its_seats_and_sees_a_moderator_freeze_it()
    {
        using var http = new Twin.Sdk.TwinClient(new Uri($"http://127.0.0.1:{_silo.Port}"));
        await http.PutSpaceAsync("hall", new { width = 40, depth = 40, capacity = 30, closed = new double[][][] { [[22, 10], [30, 10], [30, 30], [22, 30]] }, entrance = new[] { 12, 20 } }, Cancel);
        var answer = JsonNode.Parse((await TwinProgram.RunAsync(_silo, 120, "load", "events", "--clients", "20", "--space", "hall", "--seconds", "3", "--json")).Output)!;
        Assert.Equal((20, 0), (answer["joined"]!.GetValue<int>(), answer["untrue"]!.GetValue<int>()));
        Assert.InRange(answer["corrections"]!.GetValue<int>(), 0, 5); // a busy machine may hear two steps of one as one that is too long
        var people = JsonNode.Parse(await _silo.Http.GetStringAsync("/spaces/hall/people", Cancel))!["value"]!.AsArray();
        Assert.Empty(people);
        await http.ModerateSpaceAsync("hall", "freeze", seconds: 1, cancellationToken: Cancel);
        var (_, output, _) = await TwinProgram.RunAsync(_silo, 120, "load", "events", "--clients", "20", "--space", "hall", "--seconds", "2", "--json");
        var frozen = JsonNode.Parse(output)!;
        Assert.True(frozen["corrections"]!.GetValue<int>() > 20 && frozen["untrue"]!.GetValue<int>() == 0, output); // all are put back, and each is seen where it was put
    }
}
