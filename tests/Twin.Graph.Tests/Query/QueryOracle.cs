using System.Globalization;
using System.Text.Json;

namespace Twin.Graph.Tests.Query;

/// <summary>A condition as text and as the obvious evaluation over JSON documents; made together, so the text needs no parser here.</summary>
/// <param name="Text">In the query language.</param>
/// <param name="Holds">Over a row: documents by alias.</param>
internal sealed record OracleCondition(string Text, Func<IReadOnlyDictionary<string, JsonElement>, bool> Holds);

/// <summary>Makes random conditions. Knows nothing of the parser, plans or columns: JSON in, truth out.</summary>
internal sealed class QueryOracle(Random random, string[] twinAliases, string? linkAlias, Func<string> anyId)
{
    private static readonly string[] TwinPaths =
    [
        "power", "power", "count", "on", "mode", "label", "installed", "address.street", "address.number", "thermostat.target", "thermostat.note",
        "temperature", "level", "nonsense", "$dtId", "$metadata.$model", "thermostat", "address",
    ];

    private static readonly string[] LinkPaths = ["distance", "$relationshipId", "$relationshipName", "$sourceId", "$targetId", "nothing"];

    private static readonly string[] Operators = ["=", "!=", "<", "<=", ">", ">="];

    public OracleCondition Condition(int depth)
    {
        var kind = depth == 0 ? 0 : random.Next(6);
        switch (kind)
        {
            case 1:
                var inner = Condition(depth - 1);
                return new OracleCondition($"NOT ({inner.Text})", row => !inner.Holds(row));
            case 2 or 3:
                OracleCondition a = Condition(depth - 1), b = Condition(depth - 1), c = Condition(depth - 1);
                return kind == 2
                    ? new OracleCondition($"({a.Text}) AND ({b.Text}) and ({c.Text})", row => a.Holds(row) && b.Holds(row) && c.Holds(row))
                    : new OracleCondition($"({a.Text}) OR ({b.Text}) or ({c.Text})", row => a.Holds(row) || b.Holds(row) || c.Holds(row));
            default:
                return Leaf();
        }
    }

    private OracleCondition Leaf()
    {
        var (alias, path) = Path();
        var written = alias.Length == 0 ? path : $"{alias}.{path}";
        JsonElement? Read(IReadOnlyDictionary<string, JsonElement> row) => Get(row, alias, path);
        switch (random.Next(9))
        {
            case 0:
                var (otherAlias, otherPath) = Path();
                var other = otherAlias.Length == 0 ? otherPath : $"{otherAlias}.{otherPath}";
                var op = Operators[random.Next(6)];
                return new OracleCondition($"{written} {op} {other}", row => Compare(Read(row), IsTime(path), op, Get(row, otherAlias, otherPath), IsTime(otherPath)));
            case 1:
                var values = Enumerable.Range(0, random.Next(4)).Select(_ => Literal(path)).ToArray();
                var isNegated = random.Next(2) == 0;
                return new OracleCondition($"{written} {(isNegated ? "NOT IN" : "IN")} [{string.Join(", ", values.Select(v => v.Text))}]", row =>
                    Read(row) is not null && values.Any(v => Compare(Read(row), IsTime(path), "=", v.Value, false)) != isNegated);
            case 2 or 3:
                var function = (string[])["IS_DEFINED", "IS_NULL", "IS_NUMBER", "IS_STRING", "IS_BOOL", "IS_PRIMITIVE", "IS_OBJECT"];
                var f = function[random.Next(function.Length)];
                return new OracleCondition($"{f}({written})", row => IsKind(f, Read(row)));
            case 4:
                var search = ((string[])["STARTSWITH", "ENDSWITH", "CONTAINS"])[random.Next(3)];
                var wanted = ((string[])["l", "t1", "w", "", "2026", "Z", "n", ":"])[random.Next(8)];
                return new OracleCondition($"{search}({written}, '{wanted}')", row => Read(row) is { ValueKind: JsonValueKind.String } text && (search switch
                {
                    "STARTSWITH" => text.GetString()!.StartsWith(wanted, StringComparison.Ordinal),
                    "ENDSWITH" => text.GetString()!.EndsWith(wanted, StringComparison.Ordinal),
                    _ => text.GetString()!.Contains(wanted, StringComparison.Ordinal),
                }));
            case 5 when twinAliases.Length > 0:
                return OfModel();
            case 6:
                return new OracleCondition(written, row => Read(row) is { ValueKind: JsonValueKind.True });
            default:
                var literal = Literal(path);
                var sign = Operators[random.Next(6)];
                return random.Next(4) == 0
                    ? new OracleCondition($"{literal.Text} {sign} {written}", row => Compare(literal.Value, false, sign, Read(row), IsTime(path)))
                    : new OracleCondition($"{written} {sign} {literal.Text}", row => Compare(Read(row), IsTime(path), sign, literal.Value, false));
        }
    }

    private OracleCondition OfModel()
    {
        var model = ((string[])[QueryWorld.Lamp, QueryWorld.SmartLamp, QueryWorld.Room, "dtmi:q:None;1"])[random.Next(4)];
        var alias = twinAliases[random.Next(twinAliases.Length)];
        var isExact = random.Next(2) == 0;
        return new OracleCondition($"IS_OF_MODEL({(alias.Length == 0 ? "" : alias + ", ")}'{model}'{(isExact ? ", exact" : "")})", row =>
        {
            var own = Get(row, alias, "$metadata.$model")!.Value.GetString();
            return own == model || (!isExact && own == QueryWorld.SmartLamp && model == QueryWorld.Lamp);
        });
    }

    private (string Alias, string Path) Path()
    {
        if (linkAlias is not null && (twinAliases.Length == 0 || random.Next(4) == 0)) return (linkAlias, LinkPaths[random.Next(LinkPaths.Length)]);
        return (twinAliases[random.Next(twinAliases.Length)], TwinPaths[random.Next(TwinPaths.Length)]);
    }

    private (string Text, JsonElement? Value) Literal(string path)
    {
        if (path is "$dtId" or "$sourceId" or "$targetId" && random.Next(3) > 0) return Quoted(anyId());
        if (path == "$metadata.$model") return Quoted(QueryWorld.Lamp);
        return random.Next(12) switch
        {
            0 => ("null", Parse("null")),
            1 => ("true", Parse("true")),
            2 => ("FALSE", Parse("false")),
            3 => Quoted(((string[])["off", "low", "high", "", "lamp", "é", "x", "n"])[random.Next(8)]),
            4 => ("'a''b'", Parse("\"a'b\"")),
            5 => Quoted(((string[])["2026-01-01T00:00:00Z", "2026-01-15", "2025-06-01T00:00:00+02:00", "soon"])[random.Next(4)]),
            < 9 => Number(random.Next(-3, 4).ToString(CultureInfo.InvariantCulture)),
            _ => Number((random.Next(-6, 7) / 2.0).ToString(CultureInfo.InvariantCulture)),
        };
    }

    private static (string, JsonElement?) Number(string text) => (text, Parse(text));

    private static (string, JsonElement?) Quoted(string text) => ($"'{text}'", Parse(JsonSerializer.Serialize(text)));

    private static bool IsTime(string path) => path == "installed";

    private static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    /// <summary>The value at a dotted path of a row's document; null when missing.</summary>
    public static JsonElement? Get(IReadOnlyDictionary<string, JsonElement> row, string alias, string path)
    {
        var at = row[alias];
        foreach (var name in path.Split('.'))
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at)) return null;
        return at;
    }

    private static bool IsKind(string function, JsonElement? value) => function switch
    {
        "IS_DEFINED" => value is not null,
        "IS_NULL" => value is { ValueKind: JsonValueKind.Null },
        "IS_NUMBER" => value is { ValueKind: JsonValueKind.Number },
        "IS_STRING" => value is { ValueKind: JsonValueKind.String },
        "IS_BOOL" => value is { ValueKind: JsonValueKind.True or JsonValueKind.False },
        "IS_PRIMITIVE" => value is { ValueKind: not (JsonValueKind.Object or JsonValueKind.Array) },
        _ => value is { ValueKind: JsonValueKind.Object },
    };

    private static bool Compare(JsonElement? left, bool leftIsTime, string op, JsonElement? right, bool rightIsTime)
    {
        if (left is not { } a || right is not { } b) return false;
        int? order = null;
        var isEqual = false;
        if (a.ValueKind == JsonValueKind.Number && b.ValueKind == JsonValueKind.Number) order = a.GetDecimal().CompareTo(b.GetDecimal());
        else if (IsBoolean(a) && IsBoolean(b)) order = a.GetBoolean().CompareTo(b.GetBoolean());
        else if (a.ValueKind == JsonValueKind.Null && b.ValueKind == JsonValueKind.Null) isEqual = true;
        else if (a.ValueKind == JsonValueKind.String && b.ValueKind == JsonValueKind.String)
        {
            if (!leftIsTime && !rightIsTime) order = string.CompareOrdinal(a.GetString(), b.GetString());
            else if (Time(a.GetString()!) is { } x && Time(b.GetString()!) is { } y) order = x.CompareTo(y);
        }
        else if (a.ValueKind == JsonValueKind.Object && b.ValueKind == JsonValueKind.Object) isEqual = Strip(a) == Strip(b);
        return (op, order) switch
        {
            ("=", null) => isEqual,
            ("!=", null) => !isEqual,
            (_, null) => false,
            ("=", { } o) => o == 0,
            ("!=", { } o) => o != 0,
            ("<", { } o) => o < 0,
            ("<=", { } o) => o <= 0,
            (">", { } o) => o > 0,
            (_, { } o) => o >= 0,
        };
    }

    // A component has no value of its own: two components are equal, and equal to an empty object.
    private static string Strip(JsonElement value) => value.TryGetProperty("$metadata", out _) ? "{}" : value.GetRawText();

    private static bool IsBoolean(JsonElement value) => value.ValueKind is JsonValueKind.True or JsonValueKind.False;

    private static DateTimeOffset? Time(string text) =>
        text.StartsWith("20", StringComparison.Ordinal) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
