using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Twin.Grains;
using Twin.Model;
using Twin.Silo;

namespace Twin.Benchmarks.Claims;

/// <summary>The silo's own wiring in this process, with many twins that feed each other: real shard grains, journal and query coordinator behind <see cref="ITwinStore"/>.</summary>
internal sealed class QueryGraph : IAsyncDisposable
{
    public const int TwinsPerZone = 100;
    public const int TwinsPerLine = 16;

    private const string Model = "dtmi:twin:bench:Pump;1";
    private const int Chunk = 50_000;

    private readonly string _folder;
    private readonly WebApplication _app;

    private QueryGraph(string folder, WebApplication app) => (_folder, _app, Store) = (folder, app, app.Services.GetRequiredService<ITwinStore>());

    public ITwinStore Store { get; }

    /// <summary>Twins with two indexed texts and a number, and so many relationships from each to others anywhere.</summary>
    public static async Task<QueryGraph> CreateAsync(int twins, int relationshipsEach, ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        var app = await SiloHost.CreateAsync(["--data", folder, "--port", "0", "--mqtt-port", "-1", "--scenario", "none", "--history", "false", "--dashboard", "false", "--fsync", "os"]);
        await app.StartAsync();
        var graph = new QueryGraph(folder, app);
        var models = await graph.Store.AddModelsAsync([Dtdl()]);
        if (!models.IsDone) throw new InvalidOperationException(models.Problem?.Detail);
        await graph.RunAsync(twins, i => new PutTwin(IdOf(i), Model,
        [
            new Assignment("zone", PropertyValue.From(Invariant($"zone-{i / TwinsPerZone}"))), new Assignment("line", PropertyValue.From(Invariant($"line-{i / TwinsPerLine}"))),
            new Assignment("power", PropertyValue.From(i % 1_000 / 10.0)),
        ]), "twins", run);
        // Targets by a fixed mixing of the numbers, so that hops cross shards like strangers.
        await graph.RunAsync(twins * relationshipsEach, i => new PutRelationship(IdOf(i / relationshipsEach), Invariant($"f{i % relationshipsEach}"), "feeds", IdOf((int)((uint)(i * 2_654_435_761L >> 7) % (uint)twins)), []), "relationships", run);
        return graph;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static string IdOf(int twin) => Invariant($"pump-{twin}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private async Task RunAsync(int count, Func<int, TwinCommand> make, string what, ClaimRun run)
    {
        for (var at = 0; at < count; at += Chunk)
        {
            var results = await Store.ExecuteManyAsync([.. Enumerable.Range(at, Math.Min(Chunk, count - at)).Select(make)]);
            if (Array.Find(results, r => !r.IsDone) is { Problem: { } problem }) throw new InvalidOperationException(problem.Detail);
            if (at % (Chunk * 10) == 0) run.Log($"{what}: {at} of {count}");
        }
    }

    private static string Dtdl() => new JsonArray(new JsonObject
    {
        ["@context"] = new JsonArray("dtmi:dtdl:context;3", "dtmi:twin:context;1"), ["@id"] = Model, ["@type"] = "Interface",
        ["contents"] = new JsonArray(
            new JsonObject { ["@type"] = new JsonArray("Property", "Indexed"), ["name"] = "zone", ["schema"] = "string" },
            new JsonObject { ["@type"] = new JsonArray("Property", "Indexed"), ["name"] = "line", ["schema"] = "string" },
            new JsonObject { ["@type"] = "Property", ["name"] = "power", ["schema"] = "double" },
            new JsonObject { ["@type"] = "Relationship", ["name"] = "feeds" }),
    }).ToJsonString();
}
