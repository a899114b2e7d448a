using System.Threading.Channels;
using Akka.Actor;
using Akka.Configuration;
using Akka.Streams;
using Akka.Streams.Dsl;
using Twin.Model;

namespace Twin.Pipelines.Inference;

/// <summary>Writes scores back to the twins, e.g. <c>IIngestEntrance.IngestAsync</c>. A thrown exception is counted; the scores are lost and the flow goes on.</summary>
public delegate ValueTask ScoreWriter(ArraySegment<Sample> scores, CancellationToken cancellationToken);

/// <summary>Bounds of the inference stage.</summary>
/// <param name="MaxBatch">Windows gathered across devices before a run, 1 to 65,536.</param>
/// <param name="MaxDelay">Longest a window waits for others, 1 ms to 10 s.</param>
/// <param name="MaxPages">Feed pages that may wait, 1 to 4,096; at the bound the feed's reader waits (it has a cursor, so nothing is lost).</param>
/// <param name="MaxTwins">Twins with a window, a model, 1 to 10,000,000.</param>
public sealed record InferenceOptions(int MaxBatch, TimeSpan MaxDelay, int MaxPages, int MaxTwins)
{
    /// <summary>1,024 windows or 20 ms, 64 pages, 200,000 twins.</summary>
    public static InferenceOptions Default { get; } = new(1024, TimeSpan.FromMilliseconds(20), 64, 200_000);
}

/// <summary>
/// Runs the inference pipeline: change feed pages in, windows, batches across devices, runs, scores written back. Owns its
/// actor system. Nothing a model does stops the flow or slows ingest: the stage reads the feed by its own cursor.
/// </summary>
public sealed class InferenceHost : IAsyncDisposable
{
    private readonly Channel<FeedPage> _pages;
    private readonly ActorSystem _system;
    private readonly Infer _infer = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;

    /// <summary>Starts the pipeline over the registry's models, which stay the registry's.</summary>
    public InferenceHost(InferenceRegistry registry, InferenceOptions options, ScoreWriter write)
    {
        if (options.MaxBatch is < 1 or > 65_536) throw new ArgumentOutOfRangeException(nameof(options), options.MaxBatch, "MaxBatch must be from 1 to 65536.");
        if (options.MaxPages is < 1 or > 4_096) throw new ArgumentOutOfRangeException(nameof(options), options.MaxPages, "MaxPages must be from 1 to 4096.");
        if (options.MaxTwins is < 1 or > 10_000_000) throw new ArgumentOutOfRangeException(nameof(options), options.MaxTwins, "MaxTwins must be from 1 to 10000000.");
        if (options.MaxDelay < TimeSpan.FromMilliseconds(1) || options.MaxDelay > TimeSpan.FromSeconds(10))
            throw new ArgumentOutOfRangeException(nameof(options), options.MaxDelay, "MaxDelay must be from 1 ms to 10 s.");
        Models = registry.Models;
        _pages = Channel.CreateBounded<FeedPage>(new BoundedChannelOptions(options.MaxPages) { SingleReader = true });
        _system = ActorSystem.Create("twin-inference", ConfigurationFactory.ParseString("akka { loglevel = OFF, stdout-loglevel = OFF, coordinated-shutdown.run-by-clr-shutdown-hook = off }"));
        var windows = new Windows(registry.Models, options.MaxTwins, _infer.Refused);
        var graph = ChannelSource.FromReader(_pages.Reader)
            .SelectMany(windows.Take)
            .GroupedWithin(options.MaxBatch, options.MaxDelay)
            .SelectAsync(1, batch => _infer.RunAsync([.. batch]))
            .SelectAsync(1, scores => WriteAsync(write, scores))
            .ToMaterialized(Sink.Ignore<int>(), Keep.Right);
        _running = graph.Run(_system.Materializer());
    }

    /// <summary>The models and how they fare.</summary>
    public IReadOnlyList<ServedModel> Models { get; }

    /// <summary>Takes a page of the change feed; completes when there is room for it.</summary>
    public ValueTask OfferAsync(FeedPage page, CancellationToken cancellationToken) => _pages.Writer.WriteAsync(page, cancellationToken);

    /// <summary>Scores what has been taken, for at most 10 s, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_pages.Writer.TryComplete()) return;
        try
        {
            await _running.WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _stopping.CancelAsync().ConfigureAwait(false);
        }
        await _system.Terminate().ConfigureAwait(false);
        _stopping.Dispose();
        _infer.Dispose();
    }

    private async Task<int> WriteAsync(ScoreWriter write, ArraySegment<Sample> scores)
    {
        if (scores.Count == 0) return 0;
        try
        {
            await write(scores, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception)
        {
            _infer.Unwritten(scores.Count);
        }
        return scores.Count;
    }
}
