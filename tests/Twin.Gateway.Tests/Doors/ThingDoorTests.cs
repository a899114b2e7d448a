using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Twin.Devices.Mqtt;

namespace Twin.Gateway.Tests.Doors;

[Collection("doors")]
public sealed class ThingDoorTests(GrainsUnderTest grains, SharedDoor shared) : IClassFixture<SharedDoor>
{
    private const string Model = "dtmi:door:Thing;1";

    private const string ThingModel = """
        {"@context":"https://www.w3.org/2022/wot/td/v1.1","@type":"tm:ThingModel","id":"dtmi:door:Thing;1","title":"Lamp",
         "links":[{"rel":"tm:submodel","href":"dtmi:door:Bulb;1","instanceName":"bulb"},{"rel":"tm:extends","href":"dtmi:door:Base;1"}],
         "properties":{"power":{"@type":"Power","type":"number","unit":"watt"},"lit":{"type":"boolean"},"label":{"type":"string"},"serial":{"type":"string","readOnly":true},
          "place":{"type":"object","properties":{"floor":{"type":"integer"},"room":{"type":"string"}}}},
         "actions":{"dim":{"input":{"type":"object","properties":{"level":{"type":"integer"}}},"output":{"type":"integer"}},"reset":{}},
         "events":{"blink":{"data":{"type":"integer"}}}}
        """;

    private readonly DoorWorld _door = shared.Door;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<string> ThingAsync(string more = "\"label\":\"before\"")
    {
        const string Base = """[{"@context":"dtmi:dtdl:context;3","@id":"dtmi:door:Base;1","@type":"Interface","contents":[{"@type":"Relationship","name":"feeds"}]}]""";
        using (await _door.Http.PostAsync("/models", DoorWorld.Json(Base), Cancel))
        using (var made = await _door.Http.PostAsync("/models", Typed(ThingModel, "application/tm+json"), Cancel))
            Assert.True(made.StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict, await made.Content.ReadAsStringAsync(Cancel));
        var id = "thing-" + Guid.NewGuid().ToString("N")[..12];
        using var put = await _door.Http.PutAsync($"/digitaltwins/{id}", DoorWorld.Json($$$"""{"$metadata":{"$model":"{{{Model}}}"},"bulb":{"$metadata":{}},{{{more}}} }"""), Cancel);
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
        return id;
    }

    private static StringContent Typed(string text, string type) => new(text, Encoding.UTF8, new MediaTypeHeaderValue(type));

    private async Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await _door.Http.SendAsync(request, Cancel);
    }

    [Fact]
    public async Task A_description_has_a_tag_that_follows_what_it_says()
    {
        var id = await ThingAsync();
        using var first = await GetAsync($"/things/{id}", ("Accept", "application/td+json"));
        Assert.Equal("application/td+json", first.Content.Headers.ContentType!.MediaType);
        var tag = first.Headers.ETag!.Tag;
        using (var same = await GetAsync($"/things/{id}", ("If-None-Match", tag))) Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        using (await _door.Http.PutAsync($"/digitaltwins/{id}/relationships/r1", DoorWorld.Json($$"""{"$targetId":"{{await ThingAsync()}}","$relationshipName":"feeds"}"""), Cancel))
        using (var changed = await GetAsync($"/things/{id}", ("If-None-Match", tag)))
        {
            Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
            Assert.Contains("\"rel\":\"feeds\"", await changed.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_no_thing_or_no_affordance_or_no_value_is_told_apart()
    {
        var id = await ThingAsync();
        Assert.Equal("DigitalTwinNotFound", (await _door.ProblemAsync(404, HttpMethod.Get, "/things/nobody")).Code);
        Assert.Equal("IdInvalid", (await _door.ProblemAsync(400, HttpMethod.Get, "/things/a%20b")).Code);
        Assert.Equal("NotAcceptable", (await _door.ProblemAsync(406, HttpMethod.Get, $"/things/{id}", null, ("Accept", "text/html"))).Code);
        foreach (var path in new[] { "properties/none", "properties/bulb.none", "properties/bulb", "events/none", "events/power", "properties/none/observe" })
            Assert.Equal("AffordanceNotFound", (await _door.ProblemAsync(404, HttpMethod.Get, $"/things/{id}/{path}")).Code);
        Assert.Equal("AffordanceNotFound", (await _door.ProblemAsync(404, HttpMethod.Post, $"/things/{id}/actions/none")).Code);
        Assert.Equal("PropertyNotSet", (await _door.ProblemAsync(404, HttpMethod.Get, $"/things/{id}/properties/power")).Code);
        Assert.Equal("PropertyReadOnly", (await _door.ProblemAsync(405, HttpMethod.Put, $"/things/{id}/properties/serial", DoorWorld.Json("\"x\""))).Code);
        Assert.Equal("PropertyReadOnly", (await _door.ProblemAsync(405, HttpMethod.Put, $"/things/{id}/properties", DoorWorld.Json("""{"power":1,"serial":"x"}"""))).Code);
        Assert.Equal("PropertyInvalid", (await _door.ProblemAsync(400, HttpMethod.Put, $"/things/{id}/properties/power", DoorWorld.Json("\"bright\""))).Code);
        Assert.Equal("JsonInvalid", (await _door.ProblemAsync(400, HttpMethod.Put, $"/things/{id}/properties/power", DoorWorld.Json("1 2"))).Code);
        Assert.Equal("JsonInvalid", (await _door.ProblemAsync(400, HttpMethod.Put, $"/things/{id}/properties", DoorWorld.Json("[1]"))).Code);
        Assert.Equal("ActionInputInvalid", (await _door.ProblemAsync(400, HttpMethod.Post, $"/things/{id}/actions/dim", DoorWorld.Json("\"far\""))).Code);
        Assert.Equal("ActionInputInvalid", (await _door.ProblemAsync(400, HttpMethod.Post, $"/things/{id}/actions/dim")).Code);
        Assert.Equal("ActionInputInvalid", (await _door.ProblemAsync(400, HttpMethod.Post, $"/things/{id}/actions/reset", DoorWorld.Json("1"))).Code);
        Assert.Equal("DeviceNotFound", (await _door.ProblemAsync(404, HttpMethod.Post, $"/things/{id}/actions/reset")).Code);
        Assert.Equal("TopInvalid", (await _door.ProblemAsync(400, HttpMethod.Get, "/things?top=0")).Code);
        Assert.Equal("FormatInvalid", (await _door.ProblemAsync(400, HttpMethod.Get, "/things?format=xml")).Code);
        await _door.ProblemAsync(400, HttpMethod.Get, "/things?continuationToken=!");
    }

    [Fact]
    public async Task A_thing_model_that_cannot_be_carried_over_is_refused_with_its_place()
    {
        var problem = await _door.ProblemAsync(400, HttpMethod.Post, "/models", Typed("""{"@type":"tm:ThingModel","title":"Odd","properties":{"p":{"oneOf":[]}}}""", "application/tm+json"));
        Assert.Equal(("ThingModelUnsupported", "/properties/p/oneOf"), (problem.Code, problem.Where));
    }

    [Fact]
    public async Task Writing_under_a_tag_that_passed_is_refused()
    {
        var id = await ThingAsync("\"power\":1");
        using var read = await GetAsync($"/things/{id}/properties/power");
        Assert.Equal("1", await read.Content.ReadAsStringAsync(Cancel));
        var tag = read.Headers.ETag!.Tag;
        using (var put = await _door.Http.PutAsync($"/things/{id}/properties/power", DoorWorld.Json("2"), Cancel)) Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        await _door.ProblemAsync(412, HttpMethod.Put, $"/things/{id}/properties/power", DoorWorld.Json("3"), ("If-Match", tag));
        Assert.Equal(2, (await _door.GetAsync($"/things/{id}/properties")).GetProperty("power").GetDouble());
    }

    [Fact]
    public async Task Security_is_told_as_it_is_configured()
    {
        await ThingAsync();
        const string Key = "a-long-enough-key-for-things";
        await using var door = await DoorWorld.OpenAsync(grains, new()
        {
            ["Twin:auth:keys:0:name"] = "k", ["Twin:auth:keys:0:sha256"] = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(Key))),
        });
        Assert.Equal("NotAuthenticated", (await door.ProblemAsync(401, HttpMethod.Get, "/things")).Code);
        door.Http.DefaultRequestHeaders.Add("X-Api-Key", Key);
        var collection = await door.GetAsync("/things?top=1&format=collection");
        var thing = collection.GetProperty("members")[0];
        Assert.Equal(("ThingCollection", "apikey_sc", "apikey"), (collection.GetProperty("@type").GetString(), thing.GetProperty("security").GetString(), thing.GetProperty("securityDefinitions").GetProperty("apikey_sc").GetProperty("scheme").GetString()));
    }

    [Fact]
    public async Task A_public_wot_client_reads_writes_acts_observes_and_hears_and_every_description_fits_the_published_schema()
    {
        var folder = await NodePackages.NeedAsync("wot-client", Cancel);
        var id = await ThingAsync("\"label\":\"before\",\"power\":0,\"lit\":false,\"serial\":\"s-1\",\"place\":{\"floor\":1,\"room\":\"hall\"}");
        for (var i = 0; i < 6; i++) await ThingAsync();
        using var registered = await _door.Http.PutAsync($"/devices/{id}", null, Cancel);
        var secret = JsonDocument.Parse(await registered.Content.ReadAsStringAsync(Cancel)).RootElement.GetProperty("secret").GetString()!;
        await using var device = new MqttDeviceClient(new MqttDeviceClientOptions { ClientId = id, Port = _door.Mqtt.Endpoint.Port, UserName = id, Password = secret }, TimeProvider.System, new Random(1));
        await device.ConnectAsync(Cancel);
        var inputs = new List<string>();
        await device.HandleCommandsAsync(id, (name, payload) =>
        {
            inputs.Add($"{name} {Encoding.UTF8.GetString(payload)}");
            return new((200, "11"u8.ToArray()));
        }, Cancel);
        for (var isConnected = false; !isConnected; await Task.Delay(10, Cancel)) isConnected = (await _door.GetAsync($"/devices/{id}")).GetProperty("connected").GetBoolean();

        var client = NodePackages.RunAsync("node", ["consume.mjs", $"http://127.0.0.1:{_door.Port}", id], folder, [], Cancel);
        for (var power = 100; !client.IsCompleted; power++)
        {
            using (await _door.Http.PostAsync($"/digitaltwins/{id}/telemetry", Telemetry("""{"blink":42}"""), Cancel))
            using (await _door.Http.PatchAsync($"/digitaltwins/{id}", DoorWorld.Patch($$"""[{"op":"add","path":"/serial","value":"s-{{power}}"}]"""), Cancel))
                await Task.WhenAny(client, Task.Delay(200, Cancel));
        }

        var (code, output, errors) = await client;
        Assert.True(code == 0, $"{output}\n{errors}");
        var told = JsonDocument.Parse(output.Trim().Split('\n')[^1]).RootElement;
        Assert.Equal((11, 42), (told.GetProperty("output").GetInt32(), told.GetProperty("blink").GetInt32()));
        Assert.StartsWith("s-", told.GetProperty("observed").GetString(), StringComparison.Ordinal);
        Assert.Equal(["dim {\"level\":4}"], inputs);
        Assert.InRange(told.GetProperty("things").GetInt32(), 8, int.MaxValue);
        var fullPages = (told.GetProperty("things").GetInt32() + 2) / 3;
        Assert.InRange(told.GetProperty("pages").GetInt32(), fullPages, fullPages + 1); // the last may be empty
        Assert.Equal("after", (await _door.GetAsync($"/digitaltwins/{id}")).GetProperty("label").GetString());
        Assert.Equal(12, (await _door.GetAsync($"/digitaltwins/{id}")).GetProperty("bulb").GetProperty("hours").GetInt32());

        static StringContent Telemetry(string json)
        {
            var content = DoorWorld.Json(json);
            content.Headers.Add("Message-Id", Guid.NewGuid().ToString("N"));
            return content;
        }
    }
}
