using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Grains;
using Twin.Model;
using Twin.Pipelines.Inference;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Feeds;

/// <summary>What the pump takes from its host.</summary>
/// <param name="Folder">Cards and networks.</param>
/// <param name="OwnShards">The shards this process reads: each shard has one reader in the whole cluster. Asked every five seconds.</param>
/// <param name="Started">Completes when the host has started, so that the work delays nobody; null for at once.</param>
internal sealed record InferenceSources(string Folder, Func<CancellationToken, ValueTask<IReadOnlyCollection<int>>> OwnShards, Task? Started = null);

/// <summary>
/// Carries the change feed to the networks and their scores back to the twins: one reader a shard, from now on. While no known
/// model has both the input and the output of a network it reads nothing and loads nothing. A full pipeline makes the readers wait; a shard that
/// moves away, or a feed that lost the position, starts its windows anew.
/// </summary>
internal sealed class InferencePump(ITwinStore store, IIngestEntrance entrance, InferenceSources sources, TimeProvider clock, ILogger<InferencePump> log) : BackgroundService
{
    private const int PageChanges = 4_096;
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Resets = Meter.CreateCounter<long>("twin_inference_feed_resets_total");
    private static readonly Counter<long> Faults = Meter.CreateCounter<long>("twin_inference_feed_faults_total");
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Dictionary<int, (Task Reading, CancellationTokenSource Stop)> _readers = [];
    private readonly Lock _loading = new();
    private InferenceRegistry? _registry;
    private int _reading;
    private string? _lastFault;

    /// <summary>The networks found, refused ones too. The first asking loads them.</summary>
    public IReadOnlyList<ServedModel> Models => Load().Models;

    /// <summary>True while shards are read.</summary>
    public bool IsReading => Volatile.Read(ref _reading) > 0;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            if (sources.Started is { } started) await started.WaitAsync(stoppingToken).ConfigureAwait(false);
            var cards = InferenceRegistry.ReadCards(sources.Folder);
            if (cards.Count == 0) return;
            while (!ScorableChanges.Any(cards, store.Models)) await Task.Delay(Pause, clock, stoppingToken).ConfigureAwait(false);
            var registry = Load();
            var serving = registry.Models.Where(m => m.State != ModelState.Refused).ToArray();
            if (serving.Length == 0) return;
            log.LogInformation("Inference reads the feed for {Networks}.", string.Join(", ", serving.Select(m => m.Card.Name)));
            await using var host = new InferenceHost(registry, InferenceOptions.Default, WriteAsync);
            await ReadAllAsync(host, serving, stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _registry?.Dispose();
    }

    private InferenceRegistry Load()
    {
        lock (_loading)
        {
            if (_registry is not null) return _registry;
            try
            {
                _registry = InferenceRegistry.Load(sources.Folder, clock);
            }
            catch (Exception fault)
            {
                // The runtime itself may be missing on this machine: the process serves without networks.
                log.LogError(fault, "No network can be loaded from {Folder}.", sources.Folder);
                _registry = new InferenceRegistry();
            }

            foreach (var refused in _registry.Models.Where(m => m.State == ModelState.Refused)) log.LogError("Network {Name} does not serve: {Reason}", refused.Card.Name, refused.LastError);
            return _registry;
        }
    }

    private async ValueTask WriteAsync(ArraySegment<Sample> scores, CancellationToken cancellationToken) =>
        await entrance.IngestAsync(scores, WallTime.Now(clock), cancellationToken).ConfigureAwait(false);

    private async Task ReadAllAsync(InferenceHost host, ServedModel[] serving, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await FollowOwnersAsync(host, serving, cancellationToken).ConfigureAwait(false);
                await Task.Delay(LongPoll, clock, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var (reading, stop) in _readers.Values)
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await reading.ConfigureAwait(false);
                stop.Dispose();
            }

            _readers.Clear();
            Volatile.Write(ref _reading, 0);
        }
    }

    private async Task FollowOwnersAsync(InferenceHost host, ServedModel[] serving, CancellationToken cancellationToken)
    {
        try
        {
            var own = await sources.OwnShards(cancellationToken).ConfigureAwait(false);
            foreach (var gone in _readers.Keys.Where(s => !own.Contains(s)).ToArray())
            {
                _readers.Remove(gone, out var reader);
                await reader.Stop.CancelAsync().ConfigureAwait(false);
                await reader.Reading.ConfigureAwait(false);
                reader.Stop.Dispose();
            }

            foreach (var shard in own)
            {
                if (_readers.ContainsKey(shard)) continue;
                var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                _readers[shard] = (ReadAsync(host, new ScorableChanges(serving), shard, stop.Token), stop);
            }

            Volatile.Write(ref _reading, _readers.Count);
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            Report(fault); // who owns what is asked again; the readers go on
        }
    }

    private async Task ReadAsync(InferenceHost host, ScorableChanges scorable, int shard, CancellationToken cancellationToken)
    {
        long position = -1;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var page = await store.ReadFeedAsync(shard, position, PageChanges, position < 0 ? TimeSpan.Zero : LongPoll, cancellationToken).ConfigureAwait(false);
                if (page.Reset) Resets.Add(1);
                if (scorable.Take(page, store.Models) is { } wanted) await host.OfferAsync(wanted, cancellationToken).ConfigureAwait(false);
                position = page.Next;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                Report(fault);
                await Task.Delay(Pause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // The same fault of many shards is told once.
    private void Report(Exception fault)
    {
        Faults.Add(1);
        if (Interlocked.Exchange(ref _lastFault, fault.Message) != fault.Message) log.LogWarning(fault, "Inference waits: it will go on from where it reads.");
    }
}
