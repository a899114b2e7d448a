using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.Benchmarks.Claims;

/// <summary>The model and the twins the claims work on: one interface, eight doubles.</summary>
internal static class BenchGraph
{
    public const string Model = "dtmi:twin:bench:Sensor;1";
    public const int Properties = 8;

    public static string DtdlWith(int properties) => new JsonArray(new JsonObject
    {
        ["@context"] = "dtmi:dtdl:context;3", ["@id"] = Model, ["@type"] = "Interface", ["displayName"] = "Sensor",
        ["contents"] = new JsonArray([.. Enumerable.Range(0, properties).Select(i => new JsonObject { ["@type"] = "Property", ["name"] = $"p{i}", ["schema"] = "double", ["writable"] = true })]),
    }).ToJsonString();

    public static string Dtdl { get; } = DtdlWith(Properties);

    public static string IdOf(int twin) => string.Create(CultureInfo.InvariantCulture, $"sensor-{twin}");

    public static string TwinJson(int twin, int properties = Properties)
    {
        var text = new StringBuilder($$"""{"$metadata":{"$model":"{{Model}}"}""");
        for (var i = 0; i < properties; i++) text.Append(CultureInfo.InvariantCulture, $",\"p{i}\":{twin + (i / 10.0)}");
        return text.Append('}').ToString();
    }

    /// <summary>Posts the model and puts the twins over HTTP.</summary>
    public static async Task CreateAsync(SiloProcess silo, int twins, int properties = Properties)
    {
        using var models = await silo.Http.PostAsync(new Uri("/models", UriKind.Relative), new StringContent(DtdlWith(properties), Encoding.UTF8, "application/json"));
        if (!models.IsSuccessStatusCode) throw new InvalidOperationException($"POST /models answered {models.StatusCode}: {await models.Content.ReadAsStringAsync()}");
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, 32).Select(async _ =>
        {
            using var http = await RawHttp.ConnectAsync(silo.Port);
            for (int twin; (twin = Interlocked.Increment(ref next)) < twins;)
            {
                var status = await http.SendAsync($"PUT /digitaltwins/{IdOf(twin)}", "application/json", Encoding.UTF8.GetBytes(TwinJson(twin, properties)));
                if (status is not (200 or 201)) throw new InvalidOperationException($"PUT answered {status}: {Encoding.UTF8.GetString(http.Body.Span)}");
            }
        }));
    }

    /// <summary>Writes a one-operation JSON Patch of a double; returns its length.</summary>
    public static int WritePatch(Span<byte> to, int property, double value)
    {
        var at = 0;
        Append("""[{"op":"replace","path":"/p"""u8, to, ref at);
        to[at++] = (byte)('0' + property);
        Append("\",\"value\":"u8, to, ref at);
        Utf8Formatter.TryFormat(value, to[at..], out var digits);
        at += digits;
        Append("}]"u8, to, ref at);
        return at;
    }

    private static void Append(ReadOnlySpan<byte> bytes, Span<byte> to, ref int at)
    {
        bytes.CopyTo(to[at..]);
        at += bytes.Length;
    }
}
