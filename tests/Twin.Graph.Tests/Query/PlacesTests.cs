using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Twin.Graph.Query;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Graph.Tests.Query;

public class PlacesTests
{
    private const string Pair = "dtmi:p:Pair;1";
    private const string Point = "dtmi:p:Point;1";
    private const string Plain = "dtmi:p:Plain;1";

    private static readonly FrozenDictionary<string, Schema> Fields = new Dictionary<string, Schema> { ["longitude"] = new(SchemaKind.Double), ["latitude"] = new(SchemaKind.Double) }.ToFrozenDictionary();

    [Theory]
    [InlineData(0, 0, 1, 0, 111_319.491, 0.001)] // a degree of the equator: a * pi / 180
    [InlineData(0, 0, 0, 1, 110_574.389, 0.001)] // the first degree of a meridian
    [InlineData(179.5, 0, -179.5, 0, 111_319.491, 0.001)]
    [InlineData(0, 0, 0, 90, 10_001_965.729, 0.001)] // a quarter of a meridian
    [InlineData(174.81, -41.32, -5.50, 40.96, 19_959_679.267, 120_000)] // Wellington to Salamanca: nearly opposite
    public void Distances_are_those_of_the_ellipsoid(double x, double y, double toX, double toY, double metres, double tolerance) =>
        Assert.InRange(Geodesic.Metres(new GeoPlace(x, y), new GeoPlace(toX, toY)) - metres, -tolerance, tolerance);

    [Fact]
    public void Whatever_moves_an_index_of_places_finds_what_looking_at_every_document_finds()
    {
        var (cases, found, indexed) = (0, 0, 0);
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var state = new ShardState(0, 1, Models(isIndexed: seed % 3 > 0));
            using var engine = new ShardQueryEngine(state, TimeProvider.System);
            var spread = Math.Pow(10, -random.Next(0, 4)); // a country or a street
            for (var round = 0; round < 6; round++)
            {
                Edit(state, random, random.Next(5, 150), spread);
                if (seed % 3 == 0 && round == 3) foreach (var path in (string[])["longitude", "latitude", "place"]) state.DeclareIndex(path);
                var twins = Documents(state);
                for (var i = 0; i < 10; i++, cases++)
                {
                    var (text, holds) = Condition(random, spread);
                    var expected = twins.Where(holds).Select(Id).Order(StringComparer.Ordinal).ToList();
                    var rows = Ids(engine, $"SELECT $dtId FROM DIGITALTWINS T WHERE {text}").Order(StringComparer.Ordinal);
                    Assert.True(expected.SequenceEqual(rows), $"seed {seed}, round {round}: {text}");
                    found += expected.Count;
                    indexed += Plan(engine, text).Contains("places ", StringComparison.Ordinal) ? 1 : 0;
                }
            }
        }
        Assert.InRange(found, 5_000, int.MaxValue);
        Assert.InRange(indexed, cases / 4, cases);
    }

    [Fact]
    public void The_nearest_come_first_page_after_page_and_twins_without_a_place_last()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var state = new ShardState(0, 1, Models(isIndexed: seed % 3 > 0));
            using var engine = new ShardQueryEngine(state, TimeProvider.System);
            var spread = Math.Pow(10, -random.Next(0, 4));
            Edit(state, random, random.Next(5, 400), spread);
            var centre = RandomPlace(random, spread);
            var expected = Documents(state).Select(t => (Id: Id(t), Metres: PairOf(t) is { } p ? Geodesic.Metres(p, centre) : double.PositiveInfinity))
                .OrderBy(t => t.Metres).ThenBy(t => t.Id, StringComparer.Ordinal).Select(t => t.Id).ToList();
            var text = $"SELECT $dtId FROM DIGITALTWINS T ORDER BY GEO_DISTANCE(T, {Text(centre)})";
            var rows = new List<string>();
            OrderKey? after = null;
            do
            {
                var answer = engine.Run(new ShardQuery(text, [], 7, 1_000_000, TimeSpan.FromSeconds(100)) { After = after }, TestContext.Current.CancellationToken);
                Assert.Equal(TwinStatus.Ok, answer.Status);
                Assert.Null(answer.Next);
                rows.AddRange(answer.Rows.Select(r => JsonDocument.Parse(r).RootElement.GetProperty("$dtId").GetString()!));
                after = answer.Places.Length == 7 ? answer.Places[^1] : null;
            }
            while (after is not null);
            Assert.Equal(expected, rows);
        }
    }

    [Fact]
    public void A_search_for_the_nearest_looks_at_few_of_many()
    {
        var state = new ShardState(0, 1, Models(isIndexed: true));
        using var engine = new ShardQueryEngine(state, TimeProvider.System);
        var random = new Random(1);
        for (var i = 0; i < 50_000; i++) Put(state, "t" + i, Pair, PairValues(new GeoPlace(4 + random.NextDouble(), 52 + random.NextDouble())));
        var answer = engine.Run(new ShardQuery("SELECT * FROM DIGITALTWINS T ORDER BY GEO_DISTANCE(T, POINT(4.5 52.5))", [], 10, 1_000_000, TimeSpan.FromSeconds(100)), TestContext.Current.CancellationToken);
        Assert.Equal(10, answer.Rows.Length);
        Assert.InRange(answer.Examined, 10, 2_000);
    }

    private static (string Text, Func<JsonElement, bool> Holds) Condition(Random random, double spread)
    {
        var isPair = random.Next(2) == 0;
        var written = isPair ? (random.Next(2) == 0 ? "T" : "POINT(T.longitude, T.latitude)") : "T.place";
        GeoPlace? Place(JsonElement twin) => isPair ? PairOf(twin) : PointOf(twin);
        if (random.Next(2) == 0)
        {
            var centre = RandomPlace(random, spread);
            var metres = Math.Round(spread * 60_000 * random.NextDouble(), 1);
            var op = ((string[])["<", "<=", ">"])[random.Next(3)];
            var distance = random.Next(2) == 0 ? $"GEO_DISTANCE({written}, {Text(centre)})" : $"GEO_DISTANCE({Text(centre)}, {written})";
            return ($"{distance} {op} {metres.ToString(CultureInfo.InvariantCulture)}", t => Place(t) is { } p && (op == ">" ? Geodesic.Metres(p, centre) > metres : Geodesic.Metres(p, centre) <= metres));
        }
        var corners = Enumerable.Range(0, random.Next(3, 7)).Select(_ => RandomPlace(random, spread)).ToArray();
        return ($"GEO_WITHIN({written}, POLYGON(({string.Join(", ", corners.Select(c => Text(c)[6..^1]))})))", t => Place(t) is { } p && IsInside(p, corners));
    }

    // Another way than the filter's: how many edges lie to the east of the place, each decided by the sign of a turn.
    private static bool IsInside(GeoPlace p, GeoPlace[] corners)
    {
        var crossings = 0;
        for (var i = 0; i < corners.Length; i++)
        {
            var (a, b) = (corners[i], corners[(i + 1) % corners.Length]);
            if (a.Latitude > b.Latitude) (a, b) = (b, a);
            if (p.Latitude < a.Latitude || p.Latitude >= b.Latitude) continue;
            if (((b.Longitude - a.Longitude) * (p.Latitude - a.Latitude)) - ((p.Longitude - a.Longitude) * (b.Latitude - a.Latitude)) > 0) crossings++;
        }
        return crossings % 2 == 1;
    }

    private static void Edit(ShardState state, Random random, int steps, double spread)
    {
        for (var i = 0; i < steps; i++)
        {
            var id = "t" + random.Next(120);
            var place = RandomPlace(random, spread);
            switch (random.Next(8))
            {
                case 0: Execute(state, new DeleteTwin(id)); break;
                case 1: Execute(state, new PatchTwin(id, [new PatchOperation(PatchVerb.Remove, random.Next(2) == 0 ? "longitude" : "place", default)])); break;
                case 2: Execute(state, new PatchTwin(id, [new PatchOperation(PatchVerb.Add, "latitude", PropertyValue.From(place.Latitude))])); break;
                case 3: Put(state, id, Plain, []); break;
                case 4 or 5: Put(state, id, Pair, PairValues(place)); break;
                default:
                    var json = random.Next(2) == 0
                        ? $$"""{"longitude":{{N(place.Longitude)}},"latitude":{{N(place.Latitude)}}}"""
                        : random.Next(4) == 0 ? $$"""{"latitude":{{N(place.Latitude)}}}""" : $$"""{"latitude":{{N(place.Latitude)}},"longitude":{{N(place.Longitude)}}}""";
                    Put(state, id, Point, [new Assignment("place", PropertyValue.FromJson(Encoding.UTF8.GetBytes(json)))]);
                    break;
            }
        }
    }

    private static void Put(ShardState state, string id, string model, Assignment[] values) => Execute(state, new PutTwin(id, model, values));

    private static void Execute(ShardState state, TwinCommand command) => state.Execute(command, new WallTime(new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks), new ChangeBuffer());

    private static Assignment[] PairValues(GeoPlace place) => [new("longitude", PropertyValue.From(place.Longitude)), new("latitude", PropertyValue.From(place.Latitude))];

    private static GeoPlace RandomPlace(Random random, double spread) => new(Math.Round(4.9 + (spread * random.NextDouble()), 6), Math.Round(52.3 + (spread * random.NextDouble()), 6));

    private static string Text(GeoPlace place) => $"POINT({N(place.Longitude)} {N(place.Latitude)})";

    private static string N(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    private static string Id(JsonElement twin) => twin.GetProperty("$dtId").GetString()!;

    private static GeoPlace? PairOf(JsonElement twin) => twin.TryGetProperty("longitude", out var x) && twin.TryGetProperty("latitude", out var y) ? new GeoPlace(x.GetDouble(), y.GetDouble()) : null;

    private static GeoPlace? PointOf(JsonElement twin) => twin.TryGetProperty("place", out var place) ? PairOf(place) : null;

    private static List<JsonElement> Documents(ShardState state)
    {
        var all = new List<JsonElement>();
        var documents = new TwinDocuments(state);
        foreach (var table in state.Tables)
            for (var row = 0; row < table.RowCount; row++)
            {
                if (!table.IsLive(row)) continue;
                var bytes = new ArrayBufferWriter<byte>();
                documents.TryWriteTwin(table.IdOf(row), bytes, out _);
                all.Add(JsonDocument.Parse(bytes.WrittenMemory).RootElement);
            }
        return all;
    }

    private static List<string> Ids(ShardQueryEngine engine, string text)
    {
        var answer = engine.Run(new ShardQuery(text, [], 10_000, 1_000_000, TimeSpan.FromSeconds(100)), TestContext.Current.CancellationToken);
        Assert.True(answer.Status == TwinStatus.Ok, $"{text}: {answer.Problem}");
        return [.. answer.Rows.Select(r => JsonDocument.Parse(r).RootElement.GetProperty("$dtId").GetString()!)];
    }

    private static string Plan(ShardQueryEngine engine, string condition) => Encoding.UTF8.GetString(engine.Run(
        new ShardQuery("EXPLAIN SELECT $dtId FROM DIGITALTWINS T WHERE " + condition, [], 10_000, 1_000_000, TimeSpan.FromSeconds(100)) { IsEstimate = true }, TestContext.Current.CancellationToken).Plan.Span);

    private static ModelSet Models(bool isIndexed) => new(
    [
        Model(Pair, new PropertyDefinition(0, "longitude", new Schema(SchemaKind.Double), IsIndexed: isIndexed), new PropertyDefinition(1, "latitude", new Schema(SchemaKind.Double), IsIndexed: isIndexed)),
        Model(Point, new PropertyDefinition(0, "place", new Schema(SchemaKind.Object) { Fields = Fields }, IsIndexed: isIndexed)),
        Model(Plain, new PropertyDefinition(0, "label", new Schema(SchemaKind.String))),
    ]);

    private static InterfaceDefinition Model(string id, params PropertyDefinition[] properties) => new(id, id, [id], properties, [], [], [], []);
}
