using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Devices.Mqtt;
using Twin.Model;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin load twins|devices|events</c>: a load on a running world, in rates and latency percentiles. Makes its own model and <c>load-*</c> twins.</summary>
internal static class LoadCommands
{
    private const int MostShown = 20;
    private const string ModelId = "dtmi:twin:load:Sensor;1";
    private const string Dtdl = """
        {"@context":"dtmi:dtdl:context;3","@id":"dtmi:twin:load:Sensor;1","@type":"Interface","contents":[{"@type":"Property","name":"value","schema":"double"}]}
        """;

    public static Command Make()
    {
        var connections = new Option<int>("--connections") { Description = "At the same time, 1 to 1,000.", DefaultValueFactory = _ => 16 };
        var seconds = new Option<double>("--seconds") { Description = "How long, 0.1 to 3,600.", DefaultValueFactory = _ => 10 };
        var rate = new Option<double?>("--rate") { Description = "Operations a second over all connections; without it as many as go." };
        var mqtt = MqttAddress.Option();
        var twins = new Command("twins", "Patches twins over HTTP.") { connections, seconds, rate };
        twins.Does((call, token) => TwinsAsync(call, Plan(call, connections, seconds, rate), token));
        var devices = new Command("devices", "Publishes over MQTT at QoS 1 and waits for each acknowledgement.") { connections, seconds, rate, mqtt };
        devices.Does((call, token) => DevicesAsync(call, Plan(call, connections, seconds, rate), MqttAddress.Of(call, mqtt), token));
        return new Command("load", "Puts a load on a running world and measures it.") { twins, devices, LoadEventsCommand.Make() };
    }

    private sealed record LoadPlan(int Connections, TimeSpan Length, double? Rate);

    private static LoadPlan Plan(Call call, Option<int> connections, Option<double> seconds, Option<double?> rate)
    {
        var (many, length, speed) = (call.Parsed.GetValue(connections), call.Parsed.GetValue(seconds), call.Parsed.GetValue(rate));
        if (many is < 1 or > 1_000) throw new CallException($"--connections is {many}; it must be 1 to 1000.");
        if (length is not (>= 0.1 and <= 3_600)) throw new CallException($"--seconds is {length}; it must be 0.1 to 3600.");
        if (speed is not (null or (> 0 and <= 10_000_000))) throw new CallException($"--rate is {speed}; it must be above 0.");
        return new(many, TimeSpan.FromSeconds(length), speed);
    }

    private static async Task<CommandAnswer> TwinsAsync(Call call, LoadPlan plan, CancellationToken cancellationToken)
    {
        using var client = call.Connect();
        await PrepareAsync(client, plan.Connections, cancellationToken).ConfigureAwait(false);
        return await MeasureAsync(call, client, "twins", plan, async (connection, turn) =>
        {
            try
            {
                await client.PatchTwinAsync($"load-{connection}", new JsonPatch().Set("/value", (double)turn), cancellationToken: cancellationToken).ConfigureAwait(false);
                return true;
            }
            catch (Exception fault) when (fault is TwinException or HttpRequestException or TimeoutException)
            {
                return false;
            }
        }, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<CommandAnswer> DevicesAsync(Call call, LoadPlan plan, (string Host, int Port) door, CancellationToken cancellationToken)
    {
        using var client = call.Connect();
        await PrepareAsync(client, plan.Connections, cancellationToken).ConfigureAwait(false);
        var devices = new List<LoadDevice>();
        try
        {
            for (var i = 0; i < plan.Connections; i++)
            {
                var device = new LoadDevice(MqttAddress.OptionsFor(call, door, $"load-{i}"), call.Clock, i);
                devices.Add(device);
                await device.ConnectAsync(cancellationToken).ConfigureAwait(false);
            }

            return await MeasureAsync(call, client, "devices", plan, (connection, turn) => devices[connection].SendAsync(turn, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (var device in devices) await device.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task PrepareAsync(TwinClient client, int twins, CancellationToken cancellationToken)
    {
        if (!(await client.ListModelsAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Any(m => m.Id == ModelId)) await client.AddModelsAsync([Dtdl], cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < twins; i++)
            await client.PutTwinAsync($"load-{i}", new JsonObject { ["$metadata"] = new JsonObject { ["$model"] = ModelId }, ["value"] = 0.0 }, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private static async Task<CommandAnswer> MeasureAsync(Call call, TwinClient client, string what, LoadPlan plan, Func<int, long, ValueTask<bool>> operate, CancellationToken cancellationToken)
    {
        var tallies = Enumerable.Range(0, plan.Connections).Select(_ => new LatencyTally()).ToArray();
        var start = call.Clock.GetTimestamp();
        await Task.WhenAll(tallies.Select((tally, i) => Task.Run(() => DriveAsync(call.Clock, plan, start, i, tally, operate, cancellationToken), cancellationToken))).ConfigureAwait(false);
        var elapsed = call.Clock.GetElapsedTime(start).TotalSeconds;
        var all = new LatencyTally();
        foreach (var tally in tallies) all.Add(tally);
        var wrong = await ReadBackAsync(client, tallies, cancellationToken).ConfigureAwait(false);
        var json = new JsonObject
        {
            ["load"] = what, ["connections"] = plan.Connections, ["seconds"] = elapsed, ["operations"] = all.Count, ["failed"] = all.Failed, ["perSecond"] = all.Count / elapsed,
            ["p50Ms"] = all.Percentile(0.5), ["p95Ms"] = all.Percentile(0.95), ["p99Ms"] = all.Percentile(0.99),
            ["readBack"] = plan.Connections, ["wrong"] = new JsonArray([.. wrong.Take(MostShown).Select(w => (JsonNode?)w)]),
        };
        return new CommandAnswer(all.Count > 0 && all.Failed == 0 && wrong.Count == 0 ? 0 : 1, json, console =>
        {
            console.WriteLine($"{all.Count} operations over {plan.Connections} connections in {elapsed:F1} s: {all.Count / elapsed:F0} a second, p50 {all.Percentile(0.5):F2} ms, p95 {all.Percentile(0.95):F2} ms, p99 {all.Percentile(0.99):F2} ms, {all.Failed} failed");
            console.WriteLine($"read back: {plan.Connections - wrong.Count} of {plan.Connections} twins hold what was acknowledged last");
            foreach (var line in wrong.Take(MostShown)) console.WriteLine(line);
        });
    }

    /// <summary>
    /// What the server holds against what it acknowledged: each twin has one writer, whose values rise by one, so its value is the last
    /// acknowledged one, or a later one whose answer was lost. Returns the twins that hold another.
    /// </summary>
    private static async Task<List<string>> ReadBackAsync(TwinClient client, LatencyTally[] tallies, CancellationToken cancellationToken)
    {
        var wrong = new List<string>();
        for (var i = 0; i < tallies.Length; i++)
        {
            var twin = await client.GetTwinAsync($"load-{i}", cancellationToken).ConfigureAwait(false);
            var held = twin.Json.GetProperty("value").GetDouble();
            if (held < tallies[i].LastAcknowledged || held > tallies[i].LastTried) wrong.Add($"load-{i} holds {held}; acknowledged last was {tallies[i].LastAcknowledged}, tried last {tallies[i].LastTried}.");
        }

        return wrong;
    }

    // With a rate each operation has an instant it is due; its latency counts from there, so that a slow server cannot hide its queue.
    private static async Task DriveAsync(TimeProvider clock, LoadPlan plan, long start, int connection, LatencyTally tally, Func<int, long, ValueTask<bool>> operate, CancellationToken cancellationToken)
    {
        var step = plan.Rate is { } rate ? TimeSpan.FromSeconds(plan.Connections / rate) : TimeSpan.Zero;
        var phase = step * connection / plan.Connections;
        for (long turn = 1; !cancellationToken.IsCancellationRequested; turn++)
        {
            var now = clock.GetElapsedTime(start);
            var due = step == TimeSpan.Zero ? now : phase + (step * (turn - 1));
            if (now >= plan.Length || due >= plan.Length) return;
            if (due - now >= TimeSpan.FromMilliseconds(1)) await Task.Delay(due - now, clock, cancellationToken).ConfigureAwait(false);
            tally.LastTried = turn;
            if (await operate(connection, turn).ConfigureAwait(false))
            {
                tally.Record(clock.GetElapsedTime(start) - due);
                tally.LastAcknowledged = turn;
            }
            else
            {
                tally.Failed++;
            }
        }
    }
}

/// <summary>A device of a load: one message in flight at a time.</summary>
internal sealed class LoadDevice : IMqttPublishObserver, IAsyncDisposable
{
    private readonly MqttDeviceClient _client;
    private readonly byte[] _topic;
    private TaskCompletionSource<bool> _decided = new();

    public LoadDevice(MqttDeviceClientOptions options, TimeProvider clock, int seed)
    {
        _client = new MqttDeviceClient(options, clock, new Random(seed), this);
        _topic = System.Text.Encoding.UTF8.GetBytes($"twins/{options.ClientId}/properties");
    }

    public Task ConnectAsync(CancellationToken cancellationToken) => _client.ConnectAsync(cancellationToken);

    public async ValueTask<bool> SendAsync(long turn, CancellationToken cancellationToken)
    {
        var decided = _decided = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var payload = System.Text.Encoding.UTF8.GetBytes($"{{\"value\":{turn}}}");
        await _client.PublishAsync(_topic, payload, cancellationToken: cancellationToken).ConfigureAwait(false);
        try
        {
            return await decided.Task.WaitAsync(TimeSpan.FromSeconds(30), cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public void OnAcknowledged(long tag, Wire.Mqtt.MqttReason reason) => _decided.TrySetResult((byte)reason < 0x80);

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}

/// <summary>Latencies in buckets 2 % wide from 10 microseconds to 1,000 s; memory does not grow with the load. One writer.</summary>
internal sealed class LatencyTally
{
    private const double Least = 0.01; // ms
    private const double Growth = 1.02;
    private readonly long[] _buckets = new long[940];

    public long Count { get; private set; }

    public long Failed { get; set; }

    /// <summary>The value the server said it kept last; 0 before any.</summary>
    public long LastAcknowledged { get; set; }

    /// <summary>The value sent last.</summary>
    public long LastTried { get; set; }

    public void Record(TimeSpan latency)
    {
        var bucket = (int)(Math.Log(Math.Max(latency.TotalMilliseconds, Least) / Least) / Math.Log(Growth));
        _buckets[Math.Min(bucket, _buckets.Length - 1)]++;
        Count++;
    }

    public void Add(LatencyTally other)
    {
        for (var i = 0; i < _buckets.Length; i++) _buckets[i] += other._buckets[i];
        Count += other.Count;
        Failed += other.Failed;
    }

    /// <summary>Milliseconds below which this share lies, at most 2 % too high; null when nothing was recorded.</summary>
    public double? Percentile(double share)
    {
        var left = (long)Math.Ceiling(Count * share);
        for (var i = 0; i < _buckets.Length && Count > 0; i++)
            if ((left -= _buckets[i]) <= 0) return Least * Math.Pow(Growth, i + 1);
        return null;
    }
}
