using Akka.Actor;
using Akka.Configuration;
using Akka.Streams;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Runs the ingest pipeline: owns its actor system and lets doors in. Thread-safe. Dispose it after the doors have closed:
/// it drains what is in flight, then answers Unavailable to the rest.
/// </summary>
public sealed class IngestHost : IIngestEntrance, IAsyncDisposable
{
    private const int BytesPerMessage = 256; // bookkeeping of a message; keeps empty messages bounded too
    private const int BytesPerSample = 64;   // a decoded sample and its origin
    private const string Quiet = """
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          log-dead-letters = off
          coordinated-shutdown { run-by-clr-shutdown-hook = off, run-by-actor-system-terminate = off }
        }
        """;

    private readonly IngestOptions _options;
    private readonly InFlightGate _gate;
    private readonly IngestMetrics _metrics;
    private readonly Settle _settle;
    private readonly NameTables _names;
    private readonly ShardApply _apply;
    private readonly int _shardCount;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ActorSystem _system;
    private readonly ActorMaterializer _materializer;
    private readonly Lock _lock = new();
    private Inlet _inlet;
    private Task _running;
    private bool _isClosed;

    /// <summary>Starts the pipeline.</summary>
    /// <param name="options">Bounds.</param>
    /// <param name="shardCount">Number of shards, 1 to 65,536.</param>
    /// <param name="apply">The owner of each shard, e.g. <c>ITwinStore.IngestAsync</c>.</param>
    /// <param name="clock">For latency, retries and rates.</param>
    public IngestHost(IngestOptions options, int shardCount, ShardApply apply, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shardCount, 65_536);
        _options = options.Validate();
        (_shardCount, _apply, _clock) = (shardCount, apply, clock);
        _gate = new InFlightGate(options.MaxBytesInFlight);
        _metrics = new IngestMetrics(clock, _gate);
        _settle = new Settle(_gate, clock, _metrics);
        _names = new NameTables(options.TwinIdTableSize);
        _system = ActorSystem.Create("twin-ingest", ConfigurationFactory.ParseString(Quiet));
        _materializer = _system.Materializer();
        (_inlet, _running) = Start();
    }

    /// <summary>What the pipeline does now.</summary>
    public IngestRates Rates => _metrics.Read(_gate);

    /// <inheritdoc/>
    public async ValueTask OfferAsync(IngestChunk chunk, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        var flight = new Flight { Chunk = chunk, Arrival = chunk.ArrivalTime, Weight = Weigh(chunk) };
        await _gate.EnterAsync(flight, cancellationToken).ConfigureAwait(false);
        Enter(flight);
    }

    /// <inheritdoc/>
    /// <remarks>The samples are copied when the pipeline reaches them: leave the array alone until the outcome is there. Answers exact counts and the first 100 refusals by their index in <paramref name="samples"/>.</remarks>
    public async ValueTask<IngestOutcome> IngestAsync(ArraySegment<Sample> samples, WallTime arrivalTime, CancellationToken cancellationToken)
    {
        if (samples.Count == 0) return new IngestOutcome(new int[IngestOutcome.FateCount], [], 0);
        var flight = new Flight
        {
            Direct = new TaskCompletionSource<IngestOutcome>(TaskCreationOptions.RunContinuationsAsynchronously),
            Given = samples,
            Arrival = arrivalTime,
            Weight = BytesPerMessage + ((long)samples.Count * BytesPerSample),
        };
        await _gate.EnterAsync(flight, cancellationToken).ConfigureAwait(false);
        Enter(flight);
        return await flight.Direct.Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task running;
        lock (_lock)
        {
            if (_isClosed) return;
            _isClosed = true;
            _inlet.Complete();
            running = _running;
        }
        try
        {
            await running.WaitAsync(_options.DrainTimeout, _clock).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // What is left is answered below.
        }
        await _stopping.CancelAsync().ConfigureAwait(false);
        _materializer.Shutdown();
        await _system.Terminate().ConfigureAwait(false);
        AbandonAll(_inlet, "The pipeline has stopped.");
        _metrics.Dispose();
        _stopping.Dispose();
    }

    private void Enter(Flight flight)
    {
        lock (_lock)
        {
            if (!_isClosed)
            {
                flight.Home = _inlet;
                _inlet.Add(flight);
                return;
            }
        }
        _settle.Abandon(flight, "The pipeline has stopped.");
    }

    private (Inlet Inlet, Task Running) Start()
    {
        var inlet = new Inlet();
        var caller = new ShardCaller(_apply, _options, _shardCount, _clock, _metrics, _stopping.Token);
        var graph = IngestPipeline.Build(
            inlet,
            new Decode(_options, _names, _metrics),
            new Stamp(_metrics),
            new Group(_options, _shardCount, _metrics, _settle.Finish),
            new Apply(caller, _options.Parallelism),
            _settle);
        return (inlet, WatchAsync(inlet, graph.Run(_materializer)));
    }

    // No stage is known to fail. Should one, everything in flight is answered Unavailable and a new stream takes over.
    private async Task WatchAsync(Inlet inlet, Task stream)
    {
        try
        {
            await stream.ConfigureAwait(false);
        }
        catch (Exception) when (!_stopping.IsCancellationRequested)
        {
            _metrics.Restarted();
            lock (_lock)
            {
                if (!_isClosed) (_inlet, _running) = Start();
            }
            AbandonAll(inlet, "The pipeline failed and was started anew.");
        }
    }

    // Only after the stream has ended: until then a stage may be reading the payloads.
    private void AbandonAll(Inlet home, string why)
    {
        foreach (var flight in _gate.Inside())
        {
            if (ReferenceEquals(flight.Home, home)) _settle.Abandon(flight, why);
        }
    }

    private static long Weigh(IngestChunk chunk)
    {
        var weight = 0L;
        foreach (ref readonly var message in chunk.Messages) weight += BytesPerMessage + message.Payload.Length;
        return weight;
    }
}
