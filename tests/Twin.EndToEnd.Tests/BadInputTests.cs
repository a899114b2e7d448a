using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>What a caller does wrong is told clearly, and the silo stays up. One silo for all cases: each leaves it as it was.</summary>
public sealed class BadInputTests(BadInputTests.World world) : IClassFixture<BadInputTests.World>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public sealed class World : IAsyncLifetime
    {
        private readonly string _folder = SiloProcess.NewFolder();

        internal SiloProcess Silo { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Silo = await SiloProcess.StartAsync(_folder, false, "--scenario", "none");
            await Lamp.CreateAsync(Silo.Http, 2, CancellationToken.None);
        }

        public async ValueTask DisposeAsync()
        {
            await Silo.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("PATCH", "/digitaltwins/lamp-0", "[{\"op\":\"replace\",", "application/json-patch+json", 400)]
    [InlineData("PATCH", "/digitaltwins/lamp-0", "[{\"op\":\"replace\",\"path\":\"/power\",\"value\":\"bright\"}]", "application/json-patch+json", 400)]
    [InlineData("PATCH", "/digitaltwins/lamp-0", "[{\"op\":\"replace\",\"path\":\"/colour\",\"value\":1}]", "application/json-patch+json", 400)]
    [InlineData("PATCH", "/digitaltwins/lamp-0", "[{\"op\":\"explode\",\"path\":\"/power\"}]", "application/json-patch+json", 400)]
    [InlineData("PATCH", "/digitaltwins/nobody", "[{\"op\":\"replace\",\"path\":\"/power\",\"value\":1}]", "application/json-patch+json", 404)]
    [InlineData("PUT", "/digitaltwins/x", "{\"$metadata\":{\"$model\":\"dtmi:no:such;1\"}}", "application/json", 400)]
    [InlineData("PUT", "/digitaltwins/x", "{\"power\":1}", "application/json", 400)]
    [InlineData("PUT", "/digitaltwins/x", "not json", "application/json", 400)]
    [InlineData("GET", "/digitaltwins/nobody", null, null, 404)]
    [InlineData("GET", "/models/dtmi:no:such;1", null, null, 404)]
    [InlineData("PUT", "/digitaltwins/lamp-0/relationships/r", "{\"$relationshipName\":\"feeds\",\"$targetId\":\"nobody\"}", "application/json", 404)]
    [InlineData("PUT", "/digitaltwins/lamp-0/relationships/r", "{\"$relationshipName\":\"eats\",\"$targetId\":\"lamp-1\"}", "application/json", 400)]
    [InlineData("POST", "/query", "{\"query\":\"SELECT * FROM DIGITALTWINS WHERE\"}", "application/json", 400)]
    [InlineData("POST", "/query", "{\"query\":\"DROP TABLE twins\"}", "application/json", 400)]
    [InlineData("POST", "/models", "[{\"@id\":\"not a dtmi\"}]", "application/json", 400)]
    [InlineData("POST", "/ingest", "[{\"id\":", "application/json", 400)]
    [InlineData("GET", "/history/lamp-0/power?width=PT0S", null, null, 400)]
    [InlineData("GET", "/no/such/place", null, null, 404)]
    public async Task A_wrong_request_gets_a_problem_that_says_what_is_wrong(string method, string path, string? body, string? type, int expected)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type!));
        using var answer = await world.Silo.Http.SendAsync(request, Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(expected == (int)answer.StatusCode, $"{(int)answer.StatusCode} {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonNode.Parse(text)!;
        Assert.Equal(expected, problem["status"]!.GetValue<int>());
        Assert.False(string.IsNullOrWhiteSpace(problem["detail"]?.GetValue<string>()), text);
        Assert.False(string.IsNullOrWhiteSpace(problem["code"]?.GetValue<string>()), text);
        await IsAsItWasAsync();
    }

    [Fact]
    public async Task A_query_error_points_at_its_character()
    {
        using var answer = await world.Silo.Http.PostAsync("/query", Lamp.Json("""{"query":"SELECT * FROM DIGITALTWINS T WHERE T.power >> 3"}"""), Cancel);
        var problem = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;
        Assert.Contains("45", problem["where"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stale_entity_tag_is_refused_with_412()
    {
        using var first = await world.Silo.Http.GetAsync("/digitaltwins/lamp-1", Cancel);
        var tag = first.Headers.ETag!;
        using var patch = await world.Silo.Http.PatchAsync("/digitaltwins/lamp-1", Lamp.Patch(1), Cancel);
        Assert.Equal(HttpStatusCode.NoContent, patch.StatusCode);
        using var stale = new HttpRequestMessage(HttpMethod.Patch, "/digitaltwins/lamp-1") { Content = Lamp.Patch(2) };
        stale.Headers.IfMatch.Add(tag);
        using var refused = await world.Silo.Http.SendAsync(stale, Cancel);
        Assert.Equal(HttpStatusCode.PreconditionFailed, refused.StatusCode);
        Assert.Equal(1, await Lamp.PowerAsync(world.Silo.Http, 1, Cancel));
    }

    [Fact]
    public async Task A_hundred_megabyte_body_is_refused_without_being_taken_in()
    {
        var before = world.Silo.ResidentBytes();
        using var request = new HttpRequestMessage(HttpMethod.Put, "/digitaltwins/big") { Content = new ByteArrayContent(new byte[100_000_000]) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.ExpectContinue = true;
        using var answer = await world.Silo.Http.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.InRange(world.Silo.ResidentBytes() - before, long.MinValue, 80_000_000);
        await IsAsItWasAsync();
    }

    [Fact]
    public async Task A_ten_megabyte_mqtt_packet_ends_its_connection_and_nothing_else()
    {
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, world.Silo.MqttPort, Cancel);
        var stream = socket.GetStream();
        await stream.WriteAsync(new byte[] { 0x10, 14, 0, 4, (byte)'M', (byte)'Q', (byte)'T', (byte)'T', 5, 2, 0, 60, 0, 0, 1, (byte)'x' }, Cancel);
        var answer = new byte[256];
        Assert.True(await stream.ReadAsync(answer, Cancel) > 0);
        Assert.Equal(0x20, answer[0]);
        await stream.WriteAsync(new byte[] { 0x32, 0x80, 0xAD, 0xE2, 0x04 }, Cancel); // PUBLISH, remaining length 10,000,000
        var read = await stream.ReadAsync(answer, Cancel);
        Assert.True(read == 0 || (answer[0] == 0xE0 && answer[2] == 0x95), $"0x{answer[0]:x2} 0x{answer[2]:x2}");
        await IsAsItWasAsync();
    }

    [Fact]
    public async Task A_public_address_without_authentication_is_refused_at_start()
    {
        var folder = SiloProcess.NewFolder();
        var fault = await Assert.ThrowsAnyAsync<InvalidOperationException>(() => SiloProcess.StartAsync(folder, false, "--scenario", "none", "--bind", "0.0.0.0"));
        Assert.Contains("authentication", fault.Message, StringComparison.OrdinalIgnoreCase);
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("--port")]
    [InlineData("--mqtt-port")]
    public async Task A_port_that_another_program_has_is_refused_at_start_with_its_setting(string setting)
    {
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var folder = SiloProcess.NewFolder();
        var fault = await Assert.ThrowsAnyAsync<InvalidOperationException>(() => SiloProcess.StartAsync(folder, false, "--scenario", "none", setting, port));
        Assert.Contains($"{port} ({setting})", fault.Message, StringComparison.Ordinal);
        Assert.Contains("ended with 2", fault.Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("--port", "banana", "whole number")]
    [InlineData("--fsync", "sometimes", "always, 100ms, os")]
    [InlineData("--nonsense", "1", "no switch")]
    public async Task A_wrong_setting_is_refused_at_start_with_what_would_be_right(string name, string value, string expected)
    {
        var folder = SiloProcess.NewFolder();
        var fault = await Assert.ThrowsAnyAsync<InvalidOperationException>(() => SiloProcess.StartAsync(folder, false, "--scenario", "none", name, value));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains("ended with 2", fault.Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    private async Task IsAsItWasAsync() => Assert.Equal(0, await Lamp.PowerAsync(world.Silo.Http, 0, Cancel));
}
