using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Security;
using Twin.Gateway.Streams;
using Twin.Grains;
using Twin.Model;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Http;

/// <summary>What the console looks at: the whole system, the scene, one property of all twins, alarms.</summary>
internal static class WorldEndpoints
{
    private const int MostTwins = 1_000_000;

    public static void Map(IEndpointRouteBuilder routes, ITwinStore store, IWorldSource world, FeedHub hub, Func<IngestRates> rates, Admission admission)
    {
        ITwinStore Of(HttpContext context) => BranchDoor.StoreOf(context, store, admission);
        routes.MapGet("/system", (Delegate)(async (HttpContext context) => await SystemAsync(context, store, world, hub, rates).ConfigureAwait(false))).Needs(Permission.Read).WithTags("World").WithSummary("Silos, shards, rates");
        routes.MapGet("/scene", (Delegate)(async (HttpContext context) => await SceneAsync(context, Of(context), world).ConfigureAwait(false))).Needs(Permission.Read).WithTags("World").WithSummary("The map's static picture");
        routes.MapGet("/snapshot", (HttpContext context, string path, string? model) => SnapshotAsync(context, Of(context), path, model)).Needs(Permission.Read).WithTags("World").WithSummary("One property of every twin of a model");
        routes.MapGet("/alarms", (Delegate)(async (HttpContext context) => await AlarmsAsync(context, Of(context)).ConfigureAwait(false))).Needs(Permission.Read).WithTags("World").WithSummary("Twins in alarm");
    }

    private static async Task<IResult> SystemAsync(HttpContext context, ITwinStore store, IWorldSource world, FeedHub hub, Func<IngestRates> rates)
    {
        var shards = await store.GetStatisticsAsync(context.RequestAborted).ConfigureAwait(false);
        var ingest = rates();
        var page = new Dictionary<string, object?>(await world.DescribeAsync(context.RequestAborted).ConfigureAwait(false))
        {
            ["shards"] = shards.Select(s => new { shard = s.Shard, twins = s.Twins, relationships = s.Relationships, sequence = s.Sequence, journalBytes = s.JournalBytes, silo = s.Silo, fault = s.Fault }),
            ["twins"] = shards.Sum(s => s.Twins),
            ["relationships"] = shards.Sum(s => s.Relationships),
            ["twinsByModel"] = shards.SelectMany(s => s.TwinsByModel).GroupBy(m => m.Key).OrderBy(g => g.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Sum(m => m.Value)),
            ["changes"] = shards.Sum(s => s.ChangesTotal),
            ["recoverySeconds"] = shards.Max(s => s.RecoverySeconds),
            ["ingest"] = new { messagesPerS = ingest.MessagesPerS, valuesPerS = ingest.ValuesPerS, messages = ingest.MessagesTotal, fates = ingest.Fates, inFlight = ingest.SamplesInFlight, waiting = ingest.WaitingOffers },
            ["feed"] = new { subscribers = hub.SubscriberCount, changes = hub.ChangesSeen },
        };
        return Results.Json(page);
    }

    private static async Task<IResult> SceneAsync(HttpContext context, ITwinStore store, IWorldSource world)
    {
        var models = new List<string>();
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var (ids, model, x, y, z, heading) = (new List<string>(), new List<int>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var failed = await EachAsync(store, "SELECT * FROM DIGITALTWINS T WHERE IS_DEFINED(T.x) AND IS_DEFINED(T.y)", null, twin =>
        {
            if (!TryNumber(twin, "x", out var east) || !TryNumber(twin, "y", out var north)) return;
            var of = twin.GetProperty("$metadata").GetProperty("$model").GetString()!;
            if (!numbers.TryGetValue(of, out var number))
            {
                number = numbers[of] = models.Count;
                models.Add(of);
            }

            ids.Add(twin.GetProperty("$dtId").GetString()!);
            model.Add(number);
            x.Add(Math.Round(east, 2));
            y.Add(Math.Round(north, 2));
            z.Add(TryNumber(twin, "z", out var up) ? Math.Round(up, 2) : 0);
            heading.Add(TryNumber(twin, "heading", out var turn) ? Math.Round(turn, 1) : 0);
        }, context.RequestAborted).ConfigureAwait(false);
        if (failed is not null) return failed;
        var still = world.Scene;
        return Results.Json(new
        {
            origin = new { lon = still.Longitude, lat = still.Latitude },
            models = models.Select(m => new { id = m, displayName = store.Models.Find(m)?.DisplayName ?? m, properties = Properties(store.Models.Find(m), still) }),
            twins = new { id = ids, model, x, y, z, heading },
            buildings = Raw(still.Buildings),
            roads = Raw(still.Roads),
            areas = Raw(still.Areas),
        });
    }

    private static IEnumerable<object> Properties(InterfaceDefinition? model, SceneStill still) => model is null ? [] : model.Properties.Select(p =>
    {
        var range = still.Ranges.FirstOrDefault(r => r.ModelId == model.Id && r.Path == p.Path);
        return (object)new
        {
            path = p.Path, unit = p.Unit, min = range?.Minimum, max = range?.Maximum, kind = p.Schema.Kind.ToString(), writable = p.IsWritable,
            values = p.Schema.Members.Count == 0 ? null : p.Schema.Members.Select(m => m.Value.ToString()),
        };
    });

    private static JsonElement Raw(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static async Task<IResult> SnapshotAsync(HttpContext context, ITwinStore store, string path, string? model)
    {
        var dotted = path.Replace('/', '.');
        if (!dotted.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.')) return TwinProblems.Result(400, "PathInvalid", $"'{path}' is no property path.", "path");
        var (ids, values, times) = (new List<string>(), new List<JsonElement>(), new List<string?>());
        var text = $"SELECT * FROM DIGITALTWINS T WHERE IS_DEFINED(T.{dotted})" + (model is null ? "" : " AND IS_OF_MODEL(T, $model)");
        var parameters = model is null ? null : new Dictionary<string, PropertyValue> { ["model"] = PropertyValue.From(model) };
        var failed = await EachAsync(store, text, parameters, twin =>
        {
            var at = twin;
            foreach (var name in dotted.Split('.'))
                if (!at.TryGetProperty(name, out at)) return;
            ids.Add(twin.GetProperty("$dtId").GetString()!);
            values.Add(at.Clone());
            times.Add(twin.GetProperty("$metadata").TryGetProperty(path, out var about) && about.TryGetProperty("lastUpdateTime", out var time) ? time.GetString() : null);
        }, context.RequestAborted).ConfigureAwait(false);
        return failed ?? Results.Json(new { id = ids, v = values, t = times });
    }

    private static async Task<IResult> AlarmsAsync(HttpContext context, ITwinStore store)
    {
        var alarms = new List<object>();
        var failed = await EachAsync(store, "SELECT * FROM DIGITALTWINS T WHERE IS_DEFINED(T.alarm) AND T.alarm != 'none' AND T.alarm != ''", null, twin =>
        {
            var metadata = twin.GetProperty("$metadata");
            alarms.Add(new
            {
                id = twin.GetProperty("$dtId").GetString(), model = metadata.GetProperty("$model").GetString(), path = "alarm", value = twin.GetProperty("alarm").Clone(),
                since = metadata.TryGetProperty("alarm", out var about) && about.TryGetProperty("lastUpdateTime", out var time) ? time.GetString() : null,
                severity = twin.GetProperty("alarm").ToString(), text = Describe(twin),
            });
        }, context.RequestAborted).ConfigureAwait(false);
        return failed ?? Results.Json(alarms);
    }

    private static string Describe(JsonElement twin)
    {
        foreach (var name in (ReadOnlySpan<string>)["state", "status"])
            if (twin.TryGetProperty(name, out var state)) return string.Create(CultureInfo.InvariantCulture, $"{name} is {state}");
        return "";
    }

    /// <summary>Runs a query to its end, a page at a time; null when done, else the refusal.</summary>
    private static async Task<IResult?> EachAsync(ITwinStore store, string text, Dictionary<string, PropertyValue>? parameters, Action<JsonElement> take, CancellationToken cancellationToken)
    {
        string? next = null;
        var seen = 0;
        do
        {
            var page = await store.QueryAsync(new QueryRequest(text, parameters, 10_000, next), cancellationToken).ConfigureAwait(false);
            if (page.Status != TwinStatus.Ok) return TwinProblems.Result(page.Status, page.Problem);
            foreach (var row in page.Rows)
            {
                using var twin = JsonDocument.Parse(row);
                take(twin.RootElement);
            }

            seen += page.Rows.Count;
            next = page.Continuation;
        }
        while (next is not null && seen < MostTwins);
        return null;
    }

    private static bool TryNumber(JsonElement twin, string name, out double value)
    {
        value = 0;
        return twin.TryGetProperty(name, out var element) && element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out value);
    }
}
