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

    [Fact]
    public async Task People_of_a_load_see_whom_they_should_and_leave_nothing_behind()
    {
        var (exit, output, errors) = await TwinProgram.RunAsync(_silo, 180, "load", "events", "--clients", "60", "--neighbours", "12", "--seconds", "3", "--json");
        var answer = JsonNode.Parse(output)!;
        Assert.Equal((0, 0, 0), (answer["missing"]!.GetValue<int>(), answer["ghosts"]!.GetValue<int>(), answer["lost"]!.GetValue<int>()));
        Assert.True(answer["framesPerS"]!.GetValue<double>() > 5 && answer["p99Ms"]!.GetValue<double>() > 0, $"{exit}: {output} {errors}"); // how fast is the benchmark's question
        Assert.InRange(answer["neighbours"]!.GetValue<double>(), 4, 40);
        Assert.DoesNotContain("load-", await _silo.Http.GetStringAsync("/spaces", Cancel), StringComparison.Ordinal);
        var (wrong, _, said) = await TwinProgram.RunAsync(_silo, 60, "load", "events", "--clients", "1");
        Assert.Equal(2, wrong);
        Assert.Contains("--clients is 1; it must be 2 to 5000", said, StringComparison.Ordinal);
    }
}
