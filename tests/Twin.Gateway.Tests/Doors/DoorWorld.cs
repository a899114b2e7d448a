using Twin.Gateway.Spaces;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;
using Twin.Gateway.Http;
using Twin.Gateway.Mqtt;
using Twin.Gateway.Security;
using Twin.Graph.Journal;
using Twin.Grains;
using Twin.History;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Tests.Doors;

/// <summary>One silo in this process with journals in a folder, shared by many doors: starting it is what costs.</summary>
public sealed class GrainsUnderTest : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("twin-doors-").FullName;
    private InProcessTestCluster _cluster = null!;

    /// <summary>Few shards: what is tested are the doors.</summary>
    public static TwinGrainOptions Options => new() { ShardCount = 2 };

    /// <summary>How long the doors wait for a grain.</summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Of the grains, and of doors that are given no other.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public IClusterClient Client => _cluster.Client;

    public string Folder(string name) => Directory.CreateDirectory(Path.Combine(_root, name)).FullName;

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton(Clock);
            silo.Services.AddKeyedSingleton<IGrainStorage>("twins", new KeptGrains());
            silo.AddTwinGrains(Options, _ => new FileJournalStore(Path.Combine(_root, "journal"), FsyncPolicy.Os, TimeProvider.System));
        });
        builder.ConfigureClient(client => client.Configure<Orleans.Configuration.ClientMessagingOptions>(o => o.ResponseTimeout = ResponseTimeout));
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    /// <summary>Takes the silo away; doors stay.</summary>
    public Task StopSilosAsync() => _cluster.KillSiloAsync(_cluster.Silos[0]);

    public async ValueTask DisposeAsync()
    {
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
        Directory.Delete(_root, true);
    }
}

/// <summary>Door tests run one after the other: they share the grains and read meters of the whole process.</summary>
[CollectionDefinition("doors", DisableParallelization = true)]
public sealed class DoorTests : ICollectionFixture<GrainsUnderTest>;

/// <summary>One door for all tests of a class that need nothing configured.</summary>
public sealed class SharedDoor(GrainsUnderTest grains) : IAsyncLifetime
{
    public DoorWorld Door { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Door = await DoorWorld.OpenAsync(grains);

    public ValueTask DisposeAsync() => Door.DisposeAsync();
}

/// <summary>All doors of a gateway process on free loopback ports, over <see cref="GrainsUnderTest"/>.</summary>
public sealed class DoorWorld : IAsyncDisposable
{
    public const string Lamp = "dtmi:door:Lamp;1";

    public const string Models = """
        [{"@context":"dtmi:dtdl:context;3","@id":"dtmi:door:Bulb;1","@type":"Interface","contents":[{"@type":"Property","name":"hours","schema":"integer","writable":true}]},
         {"@context":"dtmi:dtdl:context;3","@id":"dtmi:door:Lamp;1","@type":"Interface","displayName":"Lamp","contents":[
          {"@type":"Property","name":"power","schema":"double","writable":true},{"@type":"Property","name":"spare","schema":"double","writable":true},
          {"@type":"Property","name":"lit","schema":"boolean","writable":true},{"@type":"Property","name":"label","schema":"string","writable":true},
          {"@type":"Property","name":"place","schema":{"@type":"Object","fields":[{"name":"floor","schema":"integer"},{"name":"room","schema":"string"}]},"writable":true},
          {"@type":"Property","name":"tags","schema":{"@type":"Map","mapKey":{"name":"k","schema":"string"},"mapValue":{"name":"v","schema":"string"}},"writable":true},
          {"@type":"Telemetry","name":"blink","schema":"integer"},{"@type":"Component","name":"bulb","schema":"dtmi:door:Bulb;1"},
          {"@type":"Relationship","name":"feeds","target":"dtmi:door:Lamp;1","properties":[{"@type":"Property","name":"length","schema":"double","writable":true}]}]}]
        """;

    private readonly WebApplication _app;

    private DoorWorld(WebApplication app, LogLines log)
    {
        (_app, Log) = (app, log);
        Http = new HttpClient { BaseAddress = new Uri(app.Urls.First()), Timeout = TimeSpan.FromSeconds(60) };
    }

    public HttpClient Http { get; }

    public LogLines Log { get; }

    public string DataFolder { get; private init; } = "";

    public int Port => new Uri(_app.Urls.First()).Port;

    public IServiceProvider Services => _app.Services;

    internal SpaceDoor Spaces => Services.GetRequiredService<SpaceDoor>();

    public MqttDoor Mqtt => Services.GetRequiredService<MqttDoor>();

    /// <summary>Opens the doors; the configuration is what an operator would write (<c>Twin:...</c>).</summary>
    public static async Task<DoorWorld> OpenAsync(GrainsUnderTest grains, Dictionary<string, string?>? configuration = null, Action<IServiceCollection>? with = null, Action<MqttDoorOptions>? mqtt = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(configuration ?? []);
        var log = new LogLines();
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Debug);
        var limits = LimitOptions.From(builder.Configuration);
        builder.WebHost.ConfigureKestrel(k =>
        {
            KestrelTuning.Apply(k, limits);
            k.Listen(IPAddress.Loopback, 0);
        });
        builder.Services.AddSingleton(grains.Clock).AddSingleton<IGrainFactory>(grains.Client).AddSingleton(grains.Client);
        builder.Services.AddTwinStore(GrainsUnderTest.Options);
        builder.Services.AddSingleton(s => new IngestHost(new IngestOptions(), GrainsUnderTest.Options.ShardCount, s.GetRequiredService<ITwinStore>().IngestAsync, s.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<IIngestEntrance>(s => s.GetRequiredService<IngestHost>()).AddSingleton<IWorldSource, EmptyWorld>();
        var folder = grains.Folder(Guid.NewGuid().ToString("N"));
        builder.Services.AddSingleton<IHistoryStore>(_ => new DuckDbHistoryStore(Path.Combine(folder, "history.duckdb"), 1));
        builder.Services.AddTwinDoors(builder.Configuration, folder);
        with?.Invoke(builder.Services);
        builder.Services.AddMqttDoor(o =>
        {
            o.Endpoint = new IPEndPoint(IPAddress.Loopback, 0);
            o.StopTimeout = TimeSpan.FromSeconds(2);
            mqtt?.Invoke(o);
        });
        builder.Services.AddSparkplugHost();
        var app = builder.Build();
        app.UseWebSockets();
        app.UseTwinFrontDoor();
        app.UseRouting();
        app.MapTwinEndpoints();
        await app.Services.GetRequiredService<IHistoryStore>().OpenAsync(CancellationToken.None);
        await app.StartAsync();
        var world = new DoorWorld(app, log) { DataFolder = folder };
        if (!AuthOptions.From(builder.Configuration).IsRequired) await world.AddModelsAsync();
        return world;
    }

    private async Task AddModelsAsync()
    {
        using var answer = await Http.PostAsync("/models", Json(Models));
        Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>A fresh lamp; its id.</summary>
    public async Task<string> LampAsync(string more = "\"power\":0", string? id = null)
    {
        id ??= "lamp-" + Guid.NewGuid().ToString("N")[..12];
        using var put = await Http.PutAsync($"/digitaltwins/{id}", Json(Body(more)));
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
        return id;
    }

    public static string Body(string more) => $$$"""{"$metadata":{"$model":"{{{Lamp}}}"},"bulb":{"$metadata":{}},{{{more}}}}""";

    public static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    public static StringContent Patch(string text) => new(text, Encoding.UTF8, "application/json-patch+json");

    public async Task<JsonElement> GetAsync(string path)
    {
        using var answer = await Http.GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Sends and reads the whole answer as <c>problem+json</c> of that status.</summary>
    public async Task<Problem> ProblemAsync(int status, HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{method} {path} was answered {(int)answer.StatusCode} {text}; expected {status}. {LastFault}");
        return Problem.Of(answer, text);
    }

    private string? LastFault => Log.Lines.LastOrDefault(l => l.Level >= LogLevel.Error).Text;

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await _app.StopAsync(limit.Token);
        await _app.DisposeAsync();
    }

    private sealed class EmptyWorld : IWorldSource
    {
        public SceneStill Scene => SceneStill.Empty;

        public ValueTask<IReadOnlyDictionary<string, object?>> DescribeAsync(CancellationToken cancellationToken) => new(new Dictionary<string, object?> { ["version"] = "test" });
    }
}

/// <summary>A problem+json answer, checked for what every one must have.</summary>
public sealed record Problem(string Code, string Detail, string? Where, HttpResponseHeaders Headers)
{
    public static Problem Of(HttpResponseMessage answer, string text)
    {
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(text).RootElement;
        Assert.Equal((int)answer.StatusCode, problem.GetProperty("status").GetInt32());
        var code = problem.GetProperty("code").GetString()!;
        var detail = problem.GetProperty("detail").GetString()!;
        Assert.False(string.IsNullOrWhiteSpace(code) || string.IsNullOrWhiteSpace(detail), text);
        Assert.Equal($"urn:twin:problem:{code}", problem.GetProperty("type").GetString());
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal); // a stack
        return new Problem(code, detail, problem.TryGetProperty("where", out var where) ? where.GetString() : null, answer.Headers);
    }
}

/// <summary>Keeps what is logged, with its exception texts.</summary>
public sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = [];

    public IEnumerable<(LogLevel Level, string Text)> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (_lines.Count < 100_000) _lines.Enqueue((logLevel, $"{formatter(state, exception)} {exception}"));
    }

    public void Dispose()
    {
    }
}
