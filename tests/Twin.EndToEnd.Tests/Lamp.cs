using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>The little graph most end-to-end tests work on.</summary>
internal static class Lamp
{
    public const string Model = "dtmi:twin:test:Lamp;1";

    public const string Dtdl = """
        [{"@context":"dtmi:dtdl:context;3","@id":"dtmi:twin:test:Lamp;1","@type":"Interface","displayName":"Lamp","contents":[
          {"@type":"Property","name":"power","schema":"double","writable":true},
          {"@type":"Property","name":"lit","schema":"boolean","writable":true},
          {"@type":"Relationship","name":"feeds","target":"dtmi:twin:test:Lamp;1"}]}]
        """;

    public static async Task CreateAsync(HttpClient http, int count, CancellationToken cancel)
    {
        using var models = await http.PostAsync("/models", Json(Dtdl), cancel);
        Assert.Equal(HttpStatusCode.Created, models.StatusCode);
        for (var i = 0; i < count; i++)
        {
            using var put = await http.PutAsync($"/digitaltwins/lamp-{i}", Json($$"""{"$metadata":{"$model":"{{Model}}"},"power":0}"""), cancel);
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(cancel));
        }
    }

    public static async Task<double> PowerAsync(HttpClient http, int lamp, CancellationToken cancel) =>
        JsonNode.Parse(await http.GetStringAsync($"/digitaltwins/lamp-{lamp}", cancel))!["power"]!.GetValue<double>();

    public static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    public static StringContent Patch(double power) => new(string.Create(CultureInfo.InvariantCulture, $$"""[{"op":"replace","path":"/power","value":{{power}}}]"""), Encoding.UTF8, "application/json-patch+json");
}
