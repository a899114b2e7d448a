using System.Diagnostics.Metrics;
using Twin.Model;
using Twin.Model.Query;
using Twin.Model.Query.Standing;

namespace Twin.Grains.Query;

/// <summary>
/// Runs a query over all shards and gives it out by pages. Without ORDER BY the shards are read one after the other, from a
/// shard that rotates from query to query, until the page is full. With ORDER BY each shard gives its first rows and they
/// are merged; the next page begins after the last row's place. COUNT and groups add up over the shards. A pattern (JOIN, MATCH)
/// is run from the twin with the fewest candidates, hop by hop; see <see cref="PatternRun"/>.
/// <para>Within a chain of continuations without ORDER BY no row comes twice and every row that exists throughout comes, whatever
/// is written meanwhile; a twin deleted and created again, or moved to another model, counts as another row. With ORDER BY the
/// same holds for rows whose keys stay; a row whose key moves past the page's end comes at its new place.</para>
/// Thread-safe; one instance a process.
/// </summary>
public sealed class QueryCoordinator(IShardQueries shards, TimeProvider clock, QueryBounds? bounds = null)
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Histogram<long> Examined = Meter.CreateHistogram<long>("twin_query_rows_examined", description: "Rows and relationships examined for one page.");
    private static readonly Counter<long> Refused = Meter.CreateCounter<long>("twin_query_refused_total", description: "Queries refused, by status.");

    private readonly IShardQueries _shards = shards;
    private readonly QueryBounds _bounds = bounds ?? new QueryBounds();
    private int _rotation;

    /// <summary>The branch whose shards these are, as <c>IN BRANCH</c> names it.</summary>
    public string Branch { get; init; } = "live";

    /// <summary>Finds the shards of another branch; null when there is none. Without it there are no branches.</summary>
    public Func<string, CancellationToken, ValueTask<IShardQueries?>>? ElsewhereAsync { get; init; }

    /// <summary>Answers one page. Invalid names what is wrong with text, parameters, page size or token; TooMuch tells the cost so far.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<RowPage> RunAsync(QueryRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var page = await AnswerAsync(request, cancellationToken).ConfigureAwait(false);
        Examined.Record(page.RowsExamined);
        if (page.Status != TwinStatus.Ok) Refused.Add(1, new KeyValuePair<string, object?>("status", page.Status.ToString()));
        return page;
    }

    /// <summary>All rows with what is bound in them, or those in which some twins stand for a source; TooMuch when they are too many or too costly.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<BoundRows> RunBoundAsync(BoundQuery request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Parsed is not { } query && !QueryParser.TryParse(request.Text, out query, out var problem)) return new BoundRows(TwinStatus.Invalid, [], problem);
        var caller = new ShardCaller(_shards, clock, _bounds, query, [], cancellationToken) { Subject = request.Subject };
        using var answer = new PatternAnswer(caller, _bounds.MaxPageSize);
        return await answer.BoundAsync(request).ConfigureAwait(false);
    }

    private async ValueTask<RowPage> AnswerAsync(QueryRequest request, CancellationToken cancellationToken)
    {
        if (!QueryParser.TryParse(request.Text, out var query, out var problem)) return Refuse(problem!);
        if (!query.TryBind(request.Parameters, out var parameters, out problem)) return Refuse(problem!);
        if (request.PageSize < 1 || request.PageSize > _bounds.MaxPageSize)
            return Refuse(new Problem("PageSizeInvalid", $"A page holds 1 to {_bounds.MaxPageSize} rows; {request.PageSize} were asked for.", "pageSize"));
        if (query.AsOf is not null) return Refuse(new Problem("QueryNotAvailable", "AS OF is not available on this world yet; ask about the present without it.", "query"));
        var shards = _shards;
        if (query.Branch is { } branch && branch != Branch)
        {
            if (ElsewhereAsync is null || await ElsewhereAsync(branch, cancellationToken).ConfigureAwait(false) is not { } elsewhere) return Refuse(new Problem("BranchNotFound", $"There is no branch '{branch}'.", "query"));
            shards = elsewhere;
        }

        var hash = ContinuationToken.HashOf(request.Text, parameters);
        ContinuationToken? token = null;
        var orderTerms = query.Order.Count + query.Groups.Count;
        if (request.Continuation is { Length: > 0 } text && ContinuationToken.TryDecode(text, hash, shards.ShardCount, orderTerms, out token) is { } broken) return Refuse(broken);
        if (token?.Place is { } place && (place.Path.Length != query.Hops.Count || (uint)place.Start >= (uint)query.Sources.Count || query.Sources[place.Start].Kind != SourceKind.Twins))
            return Refuse(new Problem("ContinuationInvalid", "The continuation token does not fit the query; start the query again.", "continuationToken"));
        var given = token?.RowsGiven ?? 0;
        var limit = query.Top is { } top ? (int)Math.Min(request.PageSize, Math.Max(0, top - given)) : request.PageSize;
        var caller = new ShardCaller(shards, clock, _bounds, query, parameters, cancellationToken) { Subject = request.Subject };
        using var run = new QueryRun(caller, hash, limit);
        var page = query.IsExplain ? await new QueryExplanation(caller, run, limit).AnswerAsync().ConfigureAwait(false) : await run.AnswerAsync(token, NextShard(shards)).ConfigureAwait(false);
        return page with { RowsExamined = caller.Examined };
    }

    private int NextShard(IShardQueries shards) => (int)((uint)Interlocked.Increment(ref _rotation) % (uint)shards.ShardCount);

    private static RowPage Refuse(Problem problem) => new(TwinStatus.Invalid, [], null, problem);
}
