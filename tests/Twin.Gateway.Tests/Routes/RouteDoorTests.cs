using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Twin.Gateway.Feeds;
using Twin.Gateway.Http;
using Twin.Gateway.Audit;
using Twin.Gateway.Security;
using Twin.Gateway.Tests.Mqtt;
using Twin.Pipelines.Routes;

namespace Twin.Gateway.Tests.Routes;

public sealed class RouteDoorTests : IDisposable
{
    private const string Lamp = "dtmi:x:Lamp;1";
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly string _data = Directory.CreateTempSubdirectory("twin-routes-").FullName;
    private readonly FeedStore _store = new(2);
    private readonly RouteOptions _quick = new() { RetryPause = TimeSpan.FromMilliseconds(5), MaxRetryPause = TimeSpan.FromMilliseconds(20), MaxAttempts = 2, MaxRoutes = 3 };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task A_route_outlives_its_process_and_goes_on_where_that_stopped()
    {
        using var receiver = new Receiver();
        await using (var first = await Door.OpenAsync(_data, _store, _quick))
        {
            var answer = await first.PutAsync("out", Hook(receiver, "power > 5"));
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            Assert.True(JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel)).RootElement.GetProperty("placed").GetBoolean());
            for (var i = 0; i < 10; i++) _store.Add($"lamp-{i}", Lamp, "power", i, Noon);
            await FeedStore.UntilAsync(() => receiver.Values.Length == 4, "what matches arrives", Cancel);
        }

        _store.Add("lamp-1", Lamp, "power", 70, Noon); // while no process runs
        await using var second = await Door.OpenAsync(_data, _store, _quick);
        _store.Add("lamp-1", Lamp, "power", 80, Noon);
        await FeedStore.UntilAsync(() => receiver.Values.Length == 6, "what came between and after arrives", Cancel);
        Assert.Equal([6.0, 7, 8, 9, 70, 80], receiver.Values.Order());
        foreach (var (body, signature) in receiver.Received) Assert.Equal("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("hush-hush"u8, body)), signature);
    }

    [Fact]
    public async Task Secrets_are_kept_for_the_owner_alone_and_never_shown()
    {
        using var receiver = new Receiver();
        await using var door = await Door.OpenAsync(_data, _store, _quick);
        await door.PutAsync("hook", $$$"""{"target":{"kind":"webhook","url":"{{{receiver.Url}}}?token=hush-hush","secret":"hush-hush"}}""");
        await door.PutAsync("bridge", """{"target":{"kind":"mqtt","host":"127.0.0.1","port":1,"topicPrefix":"city","user":"me","password":"hush-hush"}}""");
        foreach (var path in new[] { "/routes", "/routes/hook", "/routes/bridge" })
        {
            var text = await door.Client.GetStringAsync(path, Cancel);
            Assert.DoesNotContain("hush", text, StringComparison.Ordinal);
            Assert.Contains("\"has", text, StringComparison.Ordinal);
        }

        var broken = await door.PutAsync("bad", """{"target":{"kind":"webhook","url":"http://a/","secret":["hush-hush"]}}""");
        Assert.DoesNotContain("hush", await broken.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_data, "routes", "hook.json")));
    }

    [Fact]
    public async Task Dead_letters_are_listed_and_redelivered()
    {
        using var receiver = new Receiver { Status = 500 };
        await using var door = await Door.OpenAsync(_data, _store, _quick);
        await door.PutAsync("out", Hook(receiver, "power > 0"));
        _store.Add("lamp-1", Lamp, "power", 3, Noon);
        JsonElement letters = default;
        await FeedStore.UntilAsync(() => (letters = door.Get("/routes/out/deadletters").GetProperty("value")).GetArrayLength() == 1, "the change is a dead letter", Cancel);
        Assert.Equal(3, letters[0].GetProperty("changes")[0].GetProperty("value").GetDouble());
        Assert.Contains("500", letters[0].GetProperty("error").GetString(), StringComparison.Ordinal);
        receiver.Status = 200;
        var answer = await door.Client.PostAsync("/routes/out/redeliver", null, Cancel);
        Assert.Equal("""{"delivered":1}""", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal([3.0], receiver.Values);
        Assert.Equal(0, door.Get("/routes/out/deadletters").GetProperty("value").GetArrayLength());
    }

    [Fact]
    public async Task A_file_route_writes_below_the_outbox_and_a_deleted_route_stays_deleted()
    {
        await using (var door = await Door.OpenAsync(_data, _store, _quick))
        {
            await door.PutAsync("files", """{"filter":{"prefix":"lamp-"},"target":{"kind":"file","folder":"lamps"}}""");
            _store.Add("lamp-1", Lamp, "power", 1, Noon);
            _store.Add("pump-1", Lamp, "power", 2, Noon);
            await FeedStore.UntilAsync(() => door.Get("/routes/files").GetProperty("status").GetProperty("delivered").GetInt64() == 1, "the change is written", Cancel);
            Assert.Contains("\"lamp-1\"", Assert.Single(File.ReadAllLines(Assert.Single(Directory.GetFiles(Path.Combine(_data, "outbox", "lamps"))))), StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.NoContent, (await door.Client.DeleteAsync("/routes/files", Cancel)).StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, (await door.Client.DeleteAsync("/routes/files", Cancel)).StatusCode);
        }

        await using var next = await Door.OpenAsync(_data, _store, _quick);
        Assert.Equal(0, next.Get("/routes").GetProperty("value").GetArrayLength());
    }

    [Fact]
    public async Task A_damaged_definition_does_not_keep_the_others_from_starting()
    {
        await using (var first = await Door.OpenAsync(_data, _store, _quick)) await first.PutAsync("good", """{"target":{"kind":"file","folder":"a"}}""");
        File.WriteAllText(Path.Combine(_data, "routes", "bad.json"), "{\"target\":");
        await using var second = await Door.OpenAsync(_data, _store, _quick);
        Assert.Equal("good", Assert.Single(second.Get("/routes").GetProperty("value").EnumerateArray()).GetProperty("id").GetString());
    }

    [Theory]
    [InlineData("x", """{"target":{"kind":"file","folder":"../etc"}}""", 400, "target.folder")]
    [InlineData("x", """{"target":{"kind":"file","folder":"/etc"}}""", 400, "target.folder")]
    [InlineData("x", """{"target":{"kind":"file","folder":".."}}""", 400, "target.folder")]
    [InlineData("x", """{"target":{"kind":"webhook","url":"file:///etc/passwd"}}""", 400, "target.url")]
    [InlineData("x", """{"target":{"kind":"mqtt","host":"h"}}""", 400, "target.topicPrefix")]
    [InlineData("x", """{"target":{"kind":"mqtt","host":"h","port":70000,"topicPrefix":"t"}}""", 400, "target")]
    [InlineData("x", """{"target":{"kind":"mqtt","host":"h","topicPrefix":"t","secret":"s"}}""", 400, "target")]
    [InlineData("x", """{"target":{"kind":"pigeon"}}""", 400, "target.kind")]
    [InlineData("x", """{"target":{"kind":"file","folder":"a"},"batchSize":0}""", 400, "batchsize")]
    [InlineData("x", """{"target":{"kind":"file","folder":"a"},"filter":{"where":"power >"}}""", 400, null)]
    [InlineData("x", """{"target":{"kind":"file","folder":"a"},"fitler":{}}""", 400, "$.fitler")]
    [InlineData("x", """{}""", 400, "target")]
    [InlineData("x", """null""", 400, "target")]
    [InlineData(".x", """{"target":{"kind":"file","folder":"a"}}""", 400, "id")]
    public async Task A_definition_that_makes_no_sense_is_refused_and_not_kept(string id, string body, int status, string? where)
    {
        await using var door = await Door.OpenAsync(_data, _store, _quick);
        var answer = await door.PutAsync(id, body);
        var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel)).RootElement;
        Assert.Equal(status, (int)answer.StatusCode);
        if (where is not null) Assert.Equal(where, problem.GetProperty("where").GetString());
        Assert.Equal(0, door.Get("/routes").GetProperty("value").GetArrayLength());
        Assert.False(Directory.Exists(Path.Combine(_data, "routes")) && Directory.GetFiles(Path.Combine(_data, "routes")).Length > 0);
    }

    [Fact]
    public async Task Routes_are_bounded_and_do_not_share_a_folder()
    {
        await using var door = await Door.OpenAsync(_data, _store, _quick);
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.Created, (await door.PutAsync($"r{i}", $$$"""{"target":{"kind":"file","folder":"f{{{i}}}"}}""")).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await door.PutAsync("r3", """{"target":{"kind":"file","folder":"f3"}}""")).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await door.PutAsync("r0", """{"target":{"kind":"file","folder":"f1"}}""")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await door.PutAsync("r0", """{"target":{"kind":"file","folder":"f0"},"batchSize":7}""")).StatusCode);
        Assert.Equal(7, door.Get("/routes/r0").GetProperty("batchSize").GetInt32());
    }

    [Fact]
    public async Task Without_routes_and_scorable_models_no_feed_is_read()
    {
        await using var door = await Door.OpenAsync(_data, _store, _quick);
        using var pump = Pump(new RecordingEntrance());
        await pump.StartAsync(Cancel);
        Assert.Equal(0, door.Get("/routes").GetProperty("value").GetArrayLength());
        await _store.AddModelsAsync([FeedStore.Model(Lamp, "temperature")], Cancel); // an input, but no place for a score
        await pump.StopAsync(Cancel);
        Assert.Equal(0, _store.Reads);
    }

    [Fact]
    public async Task Twins_that_can_take_a_score_are_scored_and_others_are_not()
    {
        var entrance = new RecordingEntrance();
        await _store.AddModelsAsync([FeedStore.Model("dtmi:x:Machine;1", "temperature", "anomalyScore"), FeedStore.Model(Lamp, "temperature")], Cancel);
        using var pump = Pump(entrance);
        await pump.StartAsync(Cancel);
        await FeedStore.UntilAsync(() => pump.IsReading && _store.Reads >= 4, "both shards are read from now", Cancel);
        for (var i = 0; i < 32; i++)
        {
            _store.Add("machine-1", "dtmi:x:Machine;1", "temperature", 83 + (i % 3), Noon.AddMinutes(5 * i));
            _store.Add("lamp-1", Lamp, "temperature", 20, Noon.AddMinutes(5 * i));
        }

        await FeedStore.UntilAsync(() => !entrance.Samples.IsEmpty, "a full window is scored", Cancel);
        await pump.StopAsync(Cancel);
        var score = Assert.Single(entrance.Samples);
        Assert.Equal(("machine-1", "anomalyScore"), (score.TwinId, score.Path));
        Assert.Equal(Twin.Model.WallTime.From(Noon.AddMinutes(5 * 31)), score.SourceTime);
        Assert.True(double.IsFinite(score.Value.AsNumber));
        Assert.Equal(1, Assert.Single(pump.Models).Scored);
    }

    private InferencePump Pump(RecordingEntrance entrance) =>
        new(_store, entrance, new InferenceSources(Path.Combine(AppContext.BaseDirectory, "Models"), _ => new([0, 1])), TimeProvider.System, NullLogger<InferencePump>.Instance);

    private static string Hook(Receiver receiver, string where) =>
        $$$"""{"filter":{"where":"{{{where}}}"},"target":{"kind":"webhook","url":"{{{receiver.Url}}}","secret":"hush-hush"}}""";

    /// <summary>The routed endpoints over a real socket.</summary>
    private sealed class Door(WebApplication app, HttpClient client) : IAsyncDisposable
    {
        public HttpClient Client => client;

        public static async Task<Door> OpenAsync(string data, FeedStore store, RouteOptions options)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Services.AddSingleton(TimeProvider.System).AddSingleton(new AuthOptions()).AddSingleton(new LimitOptions()).AddSingleton<CredentialCheck>().AddSingleton<Admission>().AddSingleton<ClientLimits>();
            builder.Services.AddSingleton(new PolicyAdmission(null!)); // nobody a policy could concern calls here
            builder.Services.AddSingleton(_ => new AuditLog(Path.Combine(data, "audit"), TimeProvider.System));
            builder.Services.AddSingleton(new RouteBook(data, store, options, TimeProvider.System, NullLogger<RouteBook>.Instance));
            builder.Services.AddHostedService(s => s.GetRequiredService<RouteBook>());
            var app = builder.Build();
            RoutesEndpoints.Map(app, app.Services.GetRequiredService<RouteBook>());
            await app.StartAsync();
            return new Door(app, new HttpClient { BaseAddress = new Uri(app.Urls.First()) });
        }

        public Task<HttpResponseMessage> PutAsync(string id, string body) => client.PutAsync($"/routes/{id}", new StringContent(body, System.Text.Encoding.UTF8, "application/json"), Cancel);

        public JsonElement Get(string path) => client.GetFromJsonAsync<JsonElement>(path, Cancel).GetAwaiter().GetResult();

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await app.StopAsync();
            await app.DisposeAsync();
        }
    }

    /// <summary>A webhook's other end.</summary>
    private sealed class Receiver : IDisposable
    {
        private readonly HttpListener _listener = new();

        public Receiver()
        {
            using (var probe = new TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                Url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/hook/";
            }

            _listener.Prefixes.Add(Url);
            _listener.Start();
            _ = ServeAsync();
        }

        public string Url { get; }

        public volatile int Status = 200;

        public ConcurrentQueue<(byte[] Body, string? Signature)> Received { get; } = [];

        public double[] Values => [.. Received.SelectMany(r => JsonDocument.Parse(r.Body).RootElement.GetProperty("changes").EnumerateArray().Select(c => c.GetProperty("value").GetDouble()))];

        public void Dispose() => _listener.Close();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    using var body = new MemoryStream();
                    await context.Request.InputStream.CopyToAsync(body);
                    context.Response.StatusCode = Status;
                    if (Status == 200) Received.Enqueue((body.ToArray(), context.Request.Headers["X-Twin-Signature"]));
                    context.Response.Close();
                }
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }
}
