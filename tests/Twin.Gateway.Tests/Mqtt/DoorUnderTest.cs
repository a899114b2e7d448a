using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using MQTTnet;
using Twin.Gateway.Mqtt;
using Twin.Model;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Tests.Mqtt;

/// <summary>A pipeline entrance that records chunks and completes them as told.</summary>
public sealed class RecordingEntrance : IIngestEntrance
{
    public ConcurrentQueue<(string TwinId, PayloadFormat Format, string Text)> Messages { get; } = new();

    public ConcurrentQueue<IngestChunk> Held { get; } = new();

    public bool Hold { get; set; }

    public TaskCompletionSource? Stall { get; set; }

    public Func<IngestMessage, MessageFate>? Fate { get; set; }

    public ConcurrentQueue<Sample> Samples { get; } = new();

    public int Chunks;

    public async ValueTask OfferAsync(IngestChunk chunk, CancellationToken cancellationToken)
    {
        if (Stall is { } stall) await stall.Task.WaitAsync(cancellationToken);
        Interlocked.Increment(ref Chunks);
        foreach (var message in chunk.Messages.ToArray()) Messages.Enqueue((message.TwinId, message.Format, Encoding.UTF8.GetString(message.Payload.Span)));
        if (Hold) Held.Enqueue(chunk);
        else Finish(chunk);
    }

    public ValueTask<IngestOutcome> IngestAsync(ArraySegment<Sample> samples, WallTime arrivalTime, CancellationToken cancellationToken)
    {
        foreach (var sample in samples) Samples.Enqueue(sample);
        return new(new IngestOutcome(new int[IngestOutcome.FateCount], [], 0));
    }

    public void Finish(IngestChunk chunk)
    {
        var fates = new MessageFate[chunk.Messages.Length];
        for (var i = 0; i < fates.Length; i++) fates[i] = Fate?.Invoke(chunk.Messages[i]) ?? new MessageFate(true, SampleFate.Applied, null);
        chunk.Complete(fates);
    }
}

/// <summary>Records what device owners are told.</summary>
public sealed class RecordingOwner : IMqttTwinOwner
{
    public ConcurrentQueue<(string Kind, string TwinId, string Leaf, int Code, string Text)> Calls { get; } = new();

    public ValueTask<MessageFate> TelemetryAsync(string twinId, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken) => Take("telemetry", twinId, "", 0, payload);

    public ValueTask<MessageFate> ReportedAsync(string twinId, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken) => Take("reported", twinId, "", 0, payload);

    public ValueTask<MessageFate> ReplyAsync(string twinId, string correlation, int code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken) => Take("reply", twinId, correlation, code, payload);

    private ValueTask<MessageFate> Take(string kind, string twinId, string leaf, int code, ReadOnlyMemory<byte> payload)
    {
        Calls.Enqueue((kind, twinId, leaf, code, Encoding.UTF8.GetString(payload.Span)));
        return new(new MessageFate(true, SampleFate.Applied, null));
    }
}

/// <summary>A running door on a free loopback port, and MQTTnet clients for it.</summary>
public sealed class DoorUnderTest : IAsyncDisposable
{
    private readonly List<IMqttClient> _clients = [];

    public DoorUnderTest(Action<MqttDoorOptions>? configure = null, TimeProvider? clock = null, IMqttAdmission? admission = null, IMqttTap? tap = null, IMqttDevices? devices = null)
    {
        var options = new MqttDoorOptions { Endpoint = new IPEndPoint(IPAddress.Loopback, 0), StopTimeout = TimeSpan.FromSeconds(2) };
        configure?.Invoke(options);
        Door = new MqttDoor(options, Entrance, admission ?? new LoopbackAdmission(), Owner, clock ?? TimeProvider.System, NullLogger<MqttDoor>.Instance, devices, tap);
        Door.StartAsync(default).GetAwaiter().GetResult();
    }

    public RecordingEntrance Entrance { get; } = new();

    public RecordingOwner Owner { get; } = new();

    public MqttDoor Door { get; }

    public int Port => Door.Endpoint.Port;

    public MqttClientOptionsBuilder Options(string id) => new MqttClientOptionsBuilder().WithTcpServer("127.0.0.1", Port).WithClientId(id)
        .WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V500).WithTimeout(TimeSpan.FromSeconds(10));

    public async Task<(IMqttClient Client, ConcurrentQueue<MqttApplicationMessage> Inbox)> ConnectAsync(string id, Func<MqttClientOptionsBuilder, MqttClientOptionsBuilder>? with = null, params string[] filters)
    {
        var client = new MqttClientFactory().CreateMqttClient();
        _clients.Add(client);
        var inbox = new ConcurrentQueue<MqttApplicationMessage>();
        client.ApplicationMessageReceivedAsync += e =>
        {
            inbox.Enqueue(e.ApplicationMessage);
            return Task.CompletedTask;
        };
        await client.ConnectAsync((with?.Invoke(Options(id)) ?? Options(id)).Build());
        foreach (var filter in filters) await client.SubscribeAsync(filter, MQTTnet.Protocol.MqttQualityOfServiceLevel.ExactlyOnce);
        return (client, inbox);
    }

    /// <summary>Polls until it holds or ten seconds are over.</summary>
    public static async Task Until(Func<bool> holds, string claim)
    {
        var deadline = Environment.TickCount64 + 10_000;
        while (!holds())
        {
            Assert.True(Environment.TickCount64 < deadline, $"Not within 10 s: {claim}");
            await Task.Delay(5);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            try
            {
                client.Dispose();
            }
            catch (Exception)
            {
                // a client of a killed connection
            }
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await Door.StopAsync(limit.Token);
        Door.Dispose();
    }
}

/// <summary>A clock the test moves. Timers fire on the thread that moves it.</summary>
public sealed class MovedClock : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<MovedTimer> _timers = [];
    private long _ticks = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).UtcTicks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new(Volatile.Read(ref _ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Volatile.Read(ref _ticks);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new MovedTimer(this, callback, state);
        timer.Change(dueTime, period);
        lock (_lock) _timers.Add(timer);
        return timer;
    }

    /// <summary>Moves time on in steps of at most a second, firing what is due.</summary>
    public void Advance(TimeSpan by)
    {
        var end = _ticks + by.Ticks;
        while (_ticks < end)
        {
            Volatile.Write(ref _ticks, Math.Min(end, _ticks + TimeSpan.TicksPerSecond));
            MovedTimer[] timers;
            lock (_lock) timers = [.. _timers];
            foreach (var timer in timers) timer.FireIfDue(_ticks);
        }
    }

    private sealed class MovedTimer(MovedClock clock, TimerCallback callback, object? state) : ITimer
    {
        private long _due = long.MaxValue;
        private long _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : clock._ticks + dueTime.Ticks;
            _period = period <= TimeSpan.Zero ? 0 : period.Ticks;
            return true;
        }

        public void FireIfDue(long now)
        {
            if (_due > now) return;
            _due = _period > 0 ? now + _period : long.MaxValue;
            callback(state);
        }

        public void Dispose()
        {
            _due = long.MaxValue;
            lock (clock._lock) clock._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
