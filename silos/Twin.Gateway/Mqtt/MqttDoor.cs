using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Grains;
using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>
/// The MQTT 5.0 and 3.1.1 door: listens, accepts, sweeps, stops in good order. A PUBACK or PUBCOMP for a twin topic means journaled.
/// Thread-safe.
/// </summary>
public sealed partial class MqttDoor : IHostedService, IDeviceLink, IMqttPublisher, IDisposable
{
    private static readonly Meter Meter = new("Twin");
    private static readonly UpDownCounter<long> OpenCounter = Meter.CreateUpDownCounter<long>("twin_mqtt_connections");

    private const int MostRefusedAtOnce = 256;
    private readonly MqttDoorOptions _options;
    private readonly MqttBroker _broker;
    private readonly IMqttTap? _tap;
    private readonly IMqttDevices? _devices;
    private readonly TimeProvider _clock;
    private readonly ILogger<MqttDoor> _log;
    private readonly ConcurrentDictionary<MqttConnection, Task> _connections = new();
    private readonly CancellationTokenSource _stop = new();
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;
    private ITimer? _sweeper;
    private long _lastNumber;
    private int _sweeping;
    private int _refused; // connections that are only told why they may not stay

    /// <summary>Builds a door; <see cref="StartAsync"/> opens it.</summary>
    /// <param name="options">Bounds; checked here.</param>
    /// <param name="entrance">Where samples go.</param>
    /// <param name="admission">Who comes in.</param>
    /// <param name="owner">Who takes telemetry, reported state and replies.</param>
    /// <param name="clock">Times everything: keep-alive, expiry, rates.</param>
    /// <param name="log">For what an operator must see.</param>
    /// <param name="devices">Told of device connections; null tells nobody.</param>
    /// <param name="tap">An in-process owner of topics (Sparkplug); null when none.</param>
    public MqttDoor(
        MqttDoorOptions options, IIngestEntrance entrance, IMqttAdmission admission, IMqttTwinOwner owner, TimeProvider clock, ILogger<MqttDoor> log,
        IMqttDevices? devices = null, IMqttTap? tap = null)
    {
        options.Check();
        if (admission.AdmitsAnonymous && !IPAddress.IsLoopback(options.Endpoint.Address))
            throw new ArgumentException($"MQTT endpoint {options.Endpoint} is public and admits clients without credentials. Allowed: a loopback address, or an admission that asks for credentials.", nameof(options));
        (_options, _clock, _log, _devices, _tap) = (options, clock, log, devices, tap);
        _lastNumber = clock.GetUtcNow().ToUnixTimeMilliseconds() << 16; // session numbers grow across restarts too
        _broker = new MqttBroker(options, entrance, admission, owner, tap, clock, log, Metrics, OnOpened, OnClosed);
    }

    /// <summary>Told of each denial: who, what, why, how often. Set before the door opens.</summary>
    internal Action<string, string, string, long>? Denied
    {
        get => _broker.Denied;
        set => _broker.Denied = value;
    }

    /// <summary>Where it listens; the real port once started.</summary>
    public IPEndPoint Endpoint => (IPEndPoint?)_listener?.LocalEndPoint ?? _options.Endpoint;

    /// <summary>Counts since start.</summary>
    public MqttMetrics Metrics { get; } = new();

    /// <summary>Open connections.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Subscriptions of all sessions.</summary>
    public int SubscriptionCount => _broker.Subscriptions.Count;

    /// <summary>Retained messages kept.</summary>
    public int RetainedCount => _broker.RetainedCount;

    /// <summary>A topic's retained payload; null when there is none. The bytes must not be changed.</summary>
    public byte[]? FindRetained(string topic) => _broker.FindRetained(topic);

    /// <summary>Messages offered to the pipeline and not yet decided, over all connections.</summary>
    public int UnderWay => _connections.Keys.Sum(c => c.UnderWay);

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _tap?.Open(this);
        _listener = new Socket(_options.Endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(_options.Endpoint);
        _listener.Listen(1024);
        _accepting = AcceptAsync(_listener);
        _sweeper = _clock.CreateTimer(static door => ((MqttDoor)door!).Sweep(), this, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        _log.LogInformation("MQTT door open at {Endpoint}.", Endpoint);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_stop.IsCancellationRequested) return;
        _sweeper?.Dispose();
        _tap?.Close();
        await _stop.CancelAsync();
        _listener?.Dispose();
        await _accepting;
        foreach (var connection in _connections.Keys) connection.Abort(MqttReason.ServerShuttingDown, "The server goes down.");
        await Task.WhenAll(_connections.Values).WaitAsync(cancellationToken);
    }

    /// <summary>Is anybody subscribed to changes of twins? Ask before making a change's text.</summary>
    public bool WantsChanges => _broker.Subscriptions.MayMatch(TopicKind.Changes);

    /// <summary>What clients may read has changed: those who subscribe to what they no longer may are sent away. Any thread.</summary>
    public void RecheckSubscriptions() => _broker.Recheck();

    /// <summary>Publishes a change to subscribers of <c>twins/{id}/changes</c> (QoS 0, the stream door's event shape); nothing when there are none. Returns how many got it.</summary>
    public int PublishChange(in Change change, string cursor = "")
    {
        if (!WantsChanges || !change.IsPublic) return 0;
        return _broker.Publish($"twins/{change.TwinId}/changes", MqttChangeText.Write(change, cursor));
    }

    /// <inheritdoc/>
    public int Publish(string topic, ReadOnlySpan<byte> payload, byte qos = 0, bool retain = false) => _broker.Publish(topic, payload, qos, retain);

    /// <inheritdoc/>
    public Task<bool> SendCommandAsync(string deviceId, string command, string correlationId, byte[] payload)
    {
        var properties = new ArrayBufferWriter<byte>(128);
        MqttWriter.WriteTextProperty(properties, MqttProperty.ResponseTopic, $"twins/{deviceId}/replies/{correlationId}");
        MqttWriter.WriteBinaryProperty(properties, MqttProperty.CorrelationData, System.Text.Encoding.UTF8.GetBytes(correlationId));
        return Task.FromResult(_broker.Publish($"twins/{deviceId}/commands/{command}", payload, 1, false, properties.WrittenSpan.ToArray()) > 0);
    }

    /// <inheritdoc/>
    public Task<bool> SendDesiredAsync(string deviceId, string desiredJson, long version)
    {
        var properties = new ArrayBufferWriter<byte>(32);
        MqttWriter.WriteUserProperty(properties, "version", version.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return Task.FromResult(_broker.Publish($"twins/{deviceId}/desired", System.Text.Encoding.UTF8.GetBytes(desiredJson), 1, false, properties.WrittenSpan.ToArray()) > 0);
    }

    /// <inheritdoc/>
    public Task<bool> DropAsync(string deviceId)
    {
        var isDropped = false;
        foreach (var (connection, _) in _connections)
        {
            if (connection.ClientId != deviceId && connection.Identity?.Name != deviceId) continue;
            connection.Abort(MqttReason.AdministrativeAction, "The device was disabled.");
            isDropped = true;
        }

        return Task.FromResult(isDropped);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sweeper?.Dispose();
        _listener?.Dispose();
        _broker.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync(Socket listener)
    {
        var rate = new TokenBucket(_options.ConnectionsPerSecond, _options.ConnectionsPerSecond * 2, _clock.GetTimestamp());
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var socket = await listener.AcceptAsync(_stop.Token);
                var refusal = RefusalOf(ref rate);
                if (refusal is not null && !TryCountRefused())
                {
                    socket.Dispose(); // too many are being told already
                    continue;
                }

                var connection = new MqttConnection(_broker, socket, Interlocked.Increment(ref _lastNumber)) { Refusal = refusal };
                OpenCounter.Add(1);
                var run = new Task<Task>(connection.RunAsync);
                _connections[connection] = run.Unwrap();
                run.Start(TaskScheduler.Default);
            }
            catch (Exception stopped) when (_stop.IsCancellationRequested && stopped is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
            catch (SocketException failed)
            {
                _log.LogWarning(failed, "MQTT accept failed."); // out of handles or an aborted handshake: the next one may do
            }
        }
    }

    private MqttReason? RefusalOf(ref TokenBucket rate)
    {
        var isFull = _connections.Count - Volatile.Read(ref _refused) >= _options.MaxConnections;
        if (!isFull && rate.TryTake(_clock.GetTimestamp(), _clock)) return null;
        Metrics.Limit(isFull ? "connections" : "connection rate");
        return isFull ? MqttReason.QuotaExceeded : MqttReason.ConnectionRateExceeded;
    }

    private bool TryCountRefused()
    {
        if (Interlocked.Increment(ref _refused) <= MostRefusedAtOnce) return true;
        Interlocked.Decrement(ref _refused);
        return false;
    }

    private void OnOpened(MqttConnection connection)
    {
        if (_devices is not null) _ = TellOpenedAsync(connection);
    }

    private void OnClosed(MqttConnection connection)
    {
        if (connection.Refusal is not null) Interlocked.Decrement(ref _refused);
        if (_connections.TryRemove(connection, out _)) OpenCounter.Add(-1);
        if (_devices is not null && connection.IsDevice) _ = TellClosedAsync(connection);
    }

    private void Sweep()
    {
        if (Interlocked.Exchange(ref _sweeping, 1) != 0) return;
        try
        {
            var now = _clock.GetTimestamp();
            foreach (var (connection, _) in _connections) connection.Sweep(now);
            _broker.Sweep();
            if (_devices is not null) TellSeen(now);
        }
        catch (Exception unexpected)
        {
            _log.LogError(unexpected, "The MQTT sweep failed; it runs again in a second.");
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }
}
