using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>Asks shards for slices on behalf of one page, within its bounds: rows examined, time, cancellation. The first failure ends the page. Thread-safe.</summary>
internal sealed class ShardCaller(IShardQueries shards, TimeProvider clock, QueryBounds bounds, TwinQuery query, PropertyValue[] parameters, CancellationToken cancellation)
{
    private readonly long _started = clock.GetTimestamp();
    private RowPage? _failure;
    private long _examined;
    private long _calls;
    private long _joined;

    /// <summary>Who asks; null sees everything.</summary>
    public PolicySubject? Subject { get; init; }

    public TwinQuery Query => query;

    public PropertyValue[] Parameters => parameters;

    public QueryBounds Bounds => bounds;

    public int ShardCount => shards.ShardCount;

    public CancellationToken Cancellation => cancellation;

    /// <summary>Rows and relationships looked at so far.</summary>
    public long Examined => Volatile.Read(ref _examined);

    /// <summary>Slices asked for so far.</summary>
    public long Calls => Volatile.Read(ref _calls);

    /// <summary>Why the page cannot be given; null while it can.</summary>
    public RowPage? Failure => _failure;

    public ShardQuery Slice(int rows) => new(
        query.Text, parameters, Math.Max(1, rows), Math.Clamp(bounds.MaxRowsExamined - Examined, 1, bounds.SliceRows), bounds.Time - clock.GetElapsedTime(_started))
    {
        Cancellation = cancellation,
        Subject = Subject,
    };

    /// <summary>One slice; null when the page has failed.</summary>
    public async ValueTask<ShardRows?> AskAsync(int shard, ShardQuery request)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_failure is not null) return null;
        if (Examined >= bounds.MaxRowsExamined)
            return TooCostly($"The query examined {Examined} rows; {bounds.MaxRowsExamined} are allowed. Narrow its condition or add an index.");
        if (request.TimeBudget <= TimeSpan.Zero)
            return TooCostly($"The query took more than {bounds.Time.TotalSeconds:0.###} s and examined {Examined} rows. Narrow its condition.");
        Interlocked.Increment(ref _calls);
        var answer = await shards.QueryAsync(shard, request, cancellation).ConfigureAwait(false);
        Interlocked.Add(ref _examined, answer.Examined);
        return answer.Status == TwinStatus.Ok ? answer : Fail(answer.Status, answer.Problem!);
    }

    /// <summary>Counts rows bound on the way to an answer; false, and the page fails, when they are too many.</summary>
    public bool Join(int rows)
    {
        if (Interlocked.Add(ref _joined, rows) <= bounds.MaxRowsJoined) return true;
        TooCostly($"The pattern bound {_joined} rows on the way; {bounds.MaxRowsJoined} are allowed ({Examined} rows were examined). Narrow its conditions or its hops.");
        return false;
    }

    public ShardRows? TooCostly(string detail) => Fail(TwinStatus.TooMuch, new Problem("QueryTooCostly", detail, "query"));

    /// <summary>Runs the same for every shard at once.</summary>
    public Task EachShardAsync(Func<int, Task> ask)
    {
        var all = new Task[shards.ShardCount];
        for (var shard = 0; shard < all.Length; shard++) all[shard] = ask(shard);
        return Task.WhenAll(all);
    }

    /// <summary>For each source about how many twins hold its terms, over all shards; null when failed. Fills <paramref name="plans"/> with each shard's plan for EXPLAIN.</summary>
    public async ValueTask<long[]?> EstimateAsync(int start, int rows, ReadOnlyMemory<byte>[]? plans)
    {
        var sums = new long[query.Sources.Count];
        await EachShardAsync(async shard =>
        {
            var request = Slice(rows) with { IsEstimate = true, Pattern = new PatternSlice(start, start, -1, null) };
            if (await AskAsync(shard, request).ConfigureAwait(false) is not { } answer) return;
            if (plans is not null) plans[shard] = answer.Plan;
            lock (sums)
                for (var i = 0; i < sums.Length; i++) sums[i] += answer.Estimates[i];
        }).ConfigureAwait(false);
        return _failure is null ? sums : null;
    }

    private ShardRows? Fail(TwinStatus status, Problem problem)
    {
        Interlocked.CompareExchange(ref _failure, new RowPage(status, [], null, problem), null);
        return null;
    }
}
