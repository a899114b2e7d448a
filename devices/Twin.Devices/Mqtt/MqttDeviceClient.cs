using System.Buffers;
using System.Net.Sockets;
using System.Text;
using Twin.Wire.Mqtt;

namespace Twin.Devices.Mqtt;

/// <summary>
/// A light MQTT 5 device: publishes QoS 0 and 1 in a pipeline (a publish waits only when the window or the buffer is full), many packets
/// a system call; subscribes; connects again by itself and resends what was not acknowledged. Thread-safe. Hot: publishing allocates nothing.
/// </summary>
/// <remarks>
/// At least once: a message in the window survives a lost connection and a restarted broker, not this process. An answer 0x97 (the
/// broker could not keep it) is sent again a second later; any other refusal is counted in <see cref="Refused"/> and told to the observer.
/// </remarks>
public sealed partial class MqttDeviceClient : IAsyncDisposable, IThreadPoolWorkItem
{
    private readonly MqttDeviceClientOptions _options;
    private readonly TimeProvider _clock;
    private readonly Random _jitter;
    private readonly IMqttPublishObserver? _observer;
    private readonly Lock _lock = new();
    private readonly PublishWindow _window;
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<(string Filter, byte Qos, Func<MqttInbound, ValueTask> Handler)> _subscriptions = [];
    private readonly Dictionary<ushort, TaskCompletionSource<byte[]>> _asked = [];
    private ArrayBufferWriter<byte> _pending = new(64 * 1024);
    private readonly ArrayBufferWriter<byte> _scratch = new(256);
    private ArrayBufferWriter<byte> _outgoing = new(64 * 1024);
    private TaskCompletionSource? _unsent;
    private TaskCompletionSource? _settled;
    private TaskCompletionSource? _quiet;
    private Socket? _socket;
    private Task _running = Task.CompletedTask;
    private ITimer? _ticker;
    private long _lastSent;
    private long _acknowledged;
    private long _refused;
    private long _reconnects;
    private long _dropped;
    private long _handlerFailures;
    private ushort _lastAsked;
    private int _maxPacket = int.MaxValue;
    private bool _isReady;
    private bool _isSending;

    /// <summary>Builds a client; <see cref="ConnectAsync"/> connects it.</summary>
    /// <param name="options">Checked here.</param>
    /// <param name="clock">Times keep-alive and reconnects.</param>
    /// <param name="jitter">Seeded by the caller; spreads reconnects. Used by this client alone.</param>
    /// <param name="observer">Hears of acknowledgements; null for none.</param>
    public MqttDeviceClient(MqttDeviceClientOptions options, TimeProvider clock, Random jitter, IMqttPublishObserver? observer = null)
    {
        options.Check();
        (_options, _clock, _jitter, _observer) = (options, clock, jitter, observer);
        _window = new PublishWindow(options.Window);
        _room = new SemaphoreSlim(options.Window, options.Window);
    }

    /// <summary>QoS 1 messages the broker has kept.</summary>
    public long Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>QoS 1 messages the broker refused for good.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>QoS 0 messages dropped while there was no connection.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Exceptions out of handlers.</summary>
    public long HandlerFailures => Volatile.Read(ref _handlerFailures);

    /// <summary>Times it connected again.</summary>
    public long Reconnects => Volatile.Read(ref _reconnects);

    /// <summary>True between CONNACK and the loss of the connection.</summary>
    public bool IsConnected
    {
        get
        {
            lock (_lock) return _isReady;
        }
    }

    /// <summary>Connects once and goes on in the background.</summary>
    /// <exception cref="MqttRefusedException">The broker does not want this client.</exception>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public async Task ConnectAsync(CancellationToken cancellationToken = default)
    {
        var socket = await OpenAsync(cleanStart: true, cancellationToken);
        _ticker = _clock.CreateTimer(static client => ((MqttDeviceClient)client!).Tick(), this, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        _handling = HandleAsync();
        _running = RunAsync(socket);
    }

    /// <summary>Publishes. Completes when the message is in the window (QoS 1) or the buffer (QoS 0), not when it is acknowledged: see <see cref="FlushAsync"/>.</summary>
    /// <param name="topicUtf8">Topic, UTF-8.</param>
    /// <param name="payload">Copied before this returns.</param>
    /// <param name="qos">0 or 1.</param>
    /// <param name="tag">Handed to the observer.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public ValueTask PublishAsync(ReadOnlyMemory<byte> topicUtf8, ReadOnlyMemory<byte> payload, byte qos = 1, long tag = 0, CancellationToken cancellationToken = default)
    {
        if (qos > 1) throw new ArgumentOutOfRangeException(nameof(qos), qos, "Allowed: 0 or 1.");
        return qos == 0 || _room.Wait(0, CancellationToken.None)
            ? WriteAsync(topicUtf8, payload, qos, tag, cancellationToken)
            : PublishWhenRoomAsync(topicUtf8, payload, tag, cancellationToken);
    }

    /// <summary>As the other overload, with a text topic.</summary>
    public ValueTask PublishAsync(string topic, ReadOnlyMemory<byte> payload, byte qos = 1, long tag = 0, CancellationToken cancellationToken = default) =>
        PublishAsync(Encoding.UTF8.GetBytes(topic), payload, qos, tag, cancellationToken);

    /// <summary>Completes when every QoS 1 message is decided and every byte has left.</summary>
    public Task FlushAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            if (IsSettled) return Task.CompletedTask;
            _settled ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _settled.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Subscribes; <paramref name="handler"/> runs one message at a time. Renewed after each reconnect.</summary>
    /// <param name="filter">Topic filter.</param>
    /// <param name="handler">Gets the messages, in order; an exception in it ends nothing but is counted in <see cref="HandlerFailures"/>.</param>
    /// <param name="qos">0 or 1.</param>
    /// <param name="cancellationToken">Ends the waiting for the SUBACK.</param>
    /// <exception cref="MqttRefusedException">The broker refused the filter.</exception>
    public async Task SubscribeAsync(string filter, Func<MqttInbound, ValueTask> handler, byte qos = 1, CancellationToken cancellationToken = default)
    {
        if (!MqttTopicFilter.TryParse(filter, out _, out _)) throw new ArgumentException($"'{filter}' is not a topic filter.", nameof(filter));
        Task<byte[]> answer;
        lock (_lock)
        {
            _subscriptions.Add((filter, qos, handler));
            answer = Ask(filter, qos);
        }

        Kick();
        var codes = await answer.WaitAsync(cancellationToken);
        if (codes.Length != 1 || codes[0] >= 0x80) throw new MqttRefusedException(codes.Length == 1 ? (MqttReason)codes[0] : MqttReason.ProtocolError, filter);
    }

    /// <summary>Takes commands for a device (<c>twins/{id}/commands/{name}</c>) and publishes what <paramref name="answer"/> returns as their reply.</summary>
    public Task HandleCommandsAsync(string deviceId, Func<string, byte[], ValueTask<(int Code, byte[] Payload)>> answer, CancellationToken cancellationToken = default)
    {
        return SubscribeAsync($"twins/{deviceId}/commands/+", ReplyAsync, 1, cancellationToken);

        async ValueTask ReplyAsync(MqttInbound command)
        {
            var (code, payload) = await answer(command.Topic[(command.Topic.LastIndexOf('/') + 1)..], command.Payload);
            if (command.ResponseTopic is null) return;
            var properties = new ArrayBufferWriter<byte>(64);
            MqttWriter.WriteUserProperty(properties, "code", code.ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (command.CorrelationData is { } correlation) MqttWriter.WriteBinaryProperty(properties, MqttProperty.CorrelationData, correlation);
            await _room.WaitAsync(_stop.Token);
            await WriteAsync(Encoding.UTF8.GetBytes(command.ResponseTopic), payload, 1, 0, _stop.Token, properties.WrittenMemory);
        }
    }

    /// <summary>Publishes a message the broker keeps for later subscribers. Waits as <see cref="PublishAsync(string, ReadOnlyMemory{byte}, byte, long, CancellationToken)"/> does.</summary>
    public async ValueTask PublishRetainedAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        await _room.WaitAsync(cancellationToken);
        await WriteAsync(Encoding.UTF8.GetBytes(topic), payload, 1, 0, cancellationToken, default, retain: true);
    }

    /// <summary>Says goodbye and ends. What is unacknowledged is given up; call <see cref="FlushAsync"/> before to keep it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        if (_ticker is not null) await _ticker.DisposeAsync();
        Task left;
        lock (_lock)
        {
            if (_isReady) MqttWriter.WriteDisconnect(_pending, MqttVersion.V5, MqttReason.Success);
            left = _isReady ? (_quiet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.CompletedTask;
        }

        Kick();
        try
        {
            await left.WaitAsync(TimeSpan.FromSeconds(1), _clock);
        }
        catch (TimeoutException)
        {
            // The broker does not read: leave without goodbye.
        }

        await _stop.CancelAsync();
        lock (_lock) _socket?.Dispose();
        await _running;
        _inbox.Writer.TryComplete();
        await _handling;
        _stop.Dispose();
        _room.Dispose();
    }

    private bool IsSettled => _window.Used == 0 && _pending.WrittenCount == 0 && !_isSending;

    private async ValueTask PublishWhenRoomAsync(ReadOnlyMemory<byte> topic, ReadOnlyMemory<byte> payload, long tag, CancellationToken cancellationToken)
    {
        Kick();
        await _room.WaitAsync(cancellationToken);
        await WriteAsync(topic, payload, 1, tag, cancellationToken);
    }

    private ValueTask WriteAsync(
        ReadOnlyMemory<byte> topic, ReadOnlyMemory<byte> payload, byte qos, long tag, CancellationToken cancellationToken, ReadOnlyMemory<byte> properties = default, bool retain = false) =>
        TryWrite(topic.Span, payload.Span, qos, tag, properties.Span, retain) ? default : WriteWhenSentAsync(topic, payload, qos, tag, properties, retain, cancellationToken);

    private async ValueTask WriteWhenSentAsync(
        ReadOnlyMemory<byte> topic, ReadOnlyMemory<byte> payload, byte qos, long tag, ReadOnlyMemory<byte> properties, bool retain, CancellationToken cancellationToken)
    {
        try
        {
            do
            {
                Task sent;
                lock (_lock) sent = Unsent();
                await sent.WaitAsync(cancellationToken);
            }
            while (!TryWrite(topic.Span, payload.Span, qos, tag, properties.Span, retain));
        }
        catch (OperationCanceledException) when (qos == 1)
        {
            _room.Release();
            throw;
        }
    }

    /// <summary>Encodes into the buffer; false when it is full. While unconnected QoS 1 waits in the window and QoS 0 is dropped and counted.</summary>
    private bool TryWrite(ReadOnlySpan<byte> topic, ReadOnlySpan<byte> payload, byte qos, long tag, ReadOnlySpan<byte> properties, bool retain)
    {
        lock (_lock)
        {
            if (qos == 0 && !_isReady)
            {
                Interlocked.Increment(ref _dropped);
                return true;
            }

            if (_isReady && _pending.WrittenCount >= _options.MaxUnsentBytes) return false;
            var options = new MqttPublishOptions(qos, retain);
            if (MqttWriter.PublishSize(MqttVersion.V5, topic.Length, payload.Length, options, properties.Length, default) > _maxPacket)
                throw new ArgumentException($"A message has {payload.Length} bytes; the broker takes packets of {_maxPacket}.", nameof(payload));
            if (qos == 0)
            {
                MqttWriter.WritePublish(_pending, MqttVersion.V5, topic, payload, options, properties);
            }
            else
            {
                var id = _window.Take(tag);
                var output = _isReady ? _pending : _scratch;
                var start = output.WrittenCount;
                MqttWriter.WritePublish(output, MqttVersion.V5, topic, payload, options with { PacketId = id }, properties);
                _window.Keep(id, output.WrittenSpan[start..]);
                _scratch.ResetWrittenCount();
            }
        }

        Kick();
        return true;
    }

    private Task Unsent()
    {
        if (_pending.WrittenCount == 0 && !_isSending) return Task.CompletedTask;
        _unsent ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _unsent.Task;
    }

    private Task<byte[]> Ask(string filter, byte qos)
    {
        if (_lastAsked is < MqttDeviceClientOptions.LargestWindow or ushort.MaxValue) _lastAsked = MqttDeviceClientOptions.LargestWindow;
        _lastAsked++;
        var answer = _asked[_lastAsked] = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        MqttWriter.WriteSubscribe(_pending, MqttVersion.V5, new MqttSubscribe(_lastAsked, 0, [new MqttFilter(filter, qos, RetainHandling: 1)]));
        return answer.Task;
    }
}
