using System.Data.Common;
using Npgsql;
using NpgsqlTypes;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;
using Twin.Model;

namespace Twin.History;

/// <summary>
/// History in PostgreSQL, for a cluster: several silos append to it at once, each the shards it owns. A shard's position row
/// is locked for the length of its append, so two writers of one shard never store a change twice. Every call is guarded
/// by timeout, retry with jitter and a circuit breaker; while the breaker is open calls fail at once and the feed waits.
/// </summary>
public sealed class PostgresHistoryStore : IHistoryStore
{
    private readonly NpgsqlDataSource _source;
    private readonly ResiliencePipeline _guard;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SeriesCatalog _series = new();

    /// <summary>A store in a database.</summary>
    /// <param name="connectionString">Npgsql's form; <c>Maximum Pool Size</c> bounds the connections.</param>
    /// <param name="clock">Clock for retries and the breaker.</param>
    public PostgresHistoryStore(string connectionString, TimeProvider? clock = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(connectionString);
        _source = NpgsqlDataSource.Create(connectionString);
        _guard = new ResiliencePipelineBuilder { TimeProvider = clock ?? TimeProvider.System }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                FailureRatio = 0.9,
                MinimumThroughput = 4,
                SamplingDuration = TimeSpan.FromSeconds(10),
                BreakDuration = TimeSpan.FromSeconds(2),
                ShouldHandle = new PredicateBuilder().Handle<Exception>(IsTransient),
            })
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = 3,
                Delay = TimeSpan.FromMilliseconds(100),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                ShouldHandle = new PredicateBuilder().Handle<Exception>(IsTransient),
            })
            .AddTimeout(TimeSpan.FromSeconds(30))
            .Build();
    }

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        await _guard.ExecuteAsync(async cancel =>
        {
            await using var connection = await _source.OpenConnectionAsync(cancel).ConfigureAwait(false);
            await using var command = connection.CreateCommand();
            // The advisory lock keeps two silos that start together from racing through CREATE ... IF NOT EXISTS.
            command.CommandText = """
                BEGIN;
                SELECT pg_advisory_xact_lock(7316471203);
                CREATE TABLE IF NOT EXISTS twin_series (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, branch TEXT NOT NULL, twin TEXT NOT NULL, path TEXT NOT NULL, UNIQUE (branch, twin, path));
                CREATE TABLE IF NOT EXISTS twin_samples (series INTEGER NOT NULL, seq BIGINT NOT NULL, t BIGINT NOT NULL, kind SMALLINT NOT NULL, n DOUBLE PRECISION, w BIGINT, s TEXT);
                CREATE INDEX IF NOT EXISTS twin_samples_series_t ON twin_samples (series, t, seq);
                CREATE TABLE IF NOT EXISTS twin_positions (branch TEXT NOT NULL, shard INTEGER NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (branch, shard));
                COMMIT;
                """;
            await command.ExecuteNonQueryAsync(cancel).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<int, long>> ReadPositionsAsync(string branch, CancellationToken cancellationToken) =>
        await _guard.ExecuteAsync<IReadOnlyDictionary<int, long>>(async cancel =>
        {
            await using var command = _source.CreateCommand("SELECT shard, seq FROM twin_positions WHERE branch = $1");
            command.Parameters.Add(new() { Value = branch });
            var positions = new Dictionary<int, long>();
            await using var reader = await command.ExecuteReaderAsync(cancel).ConfigureAwait(false);
            while (await reader.ReadAsync(cancel).ConfigureAwait(false)) positions[reader.GetInt32(0)] = reader.GetInt64(1);
            return positions;
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task AppendAsync(string branch, IReadOnlyList<FeedPage> pages, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await _guard.ExecuteAsync(async cancel => await AppendOnceAsync(branch, pages, cancel).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }
        finally { _writing.Release(); }
    }

    private async Task AppendOnceAsync(string branch, IReadOnlyList<FeedPage> pages, CancellationToken cancellationToken)
    {
        await using var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await NumberSeriesAsync(connection, branch, pages, cancellationToken).ConfigureAwait(false);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        var positions = await LockPositionsAsync(connection, branch, pages.Select(p => p.Shard).Distinct().Order(), cancellationToken).ConfigureAwait(false);
        await using (var rows = await connection.BeginBinaryImportAsync("COPY twin_samples (series, seq, t, kind, n, w, s) FROM STDIN (FORMAT BINARY)", cancellationToken).ConfigureAwait(false))
        {
            foreach (var page in pages)
            {
                var stored = positions[page.Shard];
                if (page.Next <= stored) continue;
                foreach (var change in page.Changes)
                    if (change.Sequence > stored && HistoryRow.Keeps(change)) await WriteRowAsync(rows, branch, change, cancellationToken).ConfigureAwait(false);
                positions[page.Shard] = page.Next;
            }

            await rows.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        foreach (var (shard, sequence) in positions)
        {
            await using var command = new NpgsqlCommand("UPDATE twin_positions SET seq = $3 WHERE branch = $1 AND shard = $2", connection, transaction);
            command.Parameters.Add(new() { Value = branch });
            command.Parameters.Add(new() { Value = shard });
            command.Parameters.Add(new() { Value = sequence });
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }

        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task<Dictionary<int, long>> LockPositionsAsync(NpgsqlConnection connection, string branch, IEnumerable<int> shards, CancellationToken cancellationToken)
    {
        var positions = new Dictionary<int, long>();
        foreach (var shard in shards)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = """
                INSERT INTO twin_positions (branch, shard, seq) VALUES ($1, $2, -1) ON CONFLICT DO NOTHING;
                """;
            command.Parameters.Add(new() { Value = branch });
            command.Parameters.Add(new() { Value = shard });
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            command.CommandText = "SELECT seq FROM twin_positions WHERE branch = $1 AND shard = $2 FOR UPDATE";
            positions[shard] = (long)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        }

        return positions;
    }

    private async Task NumberSeriesAsync(NpgsqlConnection connection, string branch, IReadOnlyList<FeedPage> pages, CancellationToken cancellationToken)
    {
        foreach (var page in pages)
            foreach (ref readonly var change in page.Changes.AsSpan())
                if (HistoryRow.Keeps(change)) _series.NumberOf(branch, change.TwinId, change.Path);
        if (_series.Uncommitted.Count == 0) return;
        var keys = _series.Uncommitted.ToArray();
        _series.Rollback(); // the database gives the numbers; the catalogue only told us which are new
        await using var command = connection.CreateCommand();
        command.CommandText = """
            WITH asked AS (SELECT * FROM unnest($1::text[], $2::text[]) AS a(twin, path)),
                 added AS (INSERT INTO twin_series (branch, twin, path) SELECT $3, twin, path FROM asked ON CONFLICT DO NOTHING RETURNING id, twin, path)
            SELECT id, twin, path FROM added
            UNION SELECT e.id, e.twin, e.path FROM twin_series e JOIN asked a ON e.branch = $3 AND e.twin = a.twin AND e.path = a.path
            """;
        command.Parameters.Add(new() { Value = keys.Select(k => k.Twin).ToArray() });
        command.Parameters.Add(new() { Value = keys.Select(k => k.Path).ToArray() });
        command.Parameters.Add(new() { Value = branch });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            _series.Load(branch, reader.GetString(1), reader.GetString(2), reader.GetInt32(0));
    }

    private async Task WriteRowAsync(NpgsqlBinaryImporter rows, string branch, Change change, CancellationToken cancellationToken)
    {
        var row = HistoryRow.From(change.Value);
        await rows.StartRowAsync(cancellationToken).ConfigureAwait(false);
        await rows.WriteAsync(_series.NumberOf(branch, change.TwinId, change.Path), NpgsqlDbType.Integer, cancellationToken).ConfigureAwait(false);
        await rows.WriteAsync(change.Sequence, NpgsqlDbType.Bigint, cancellationToken).ConfigureAwait(false);
        await rows.WriteAsync(change.SourceTime.UtcTicks, NpgsqlDbType.Bigint, cancellationToken).ConfigureAwait(false);
        await rows.WriteAsync((short)row.Kind, NpgsqlDbType.Smallint, cancellationToken).ConfigureAwait(false);
        await WriteOrNullAsync(rows, row.Number, NpgsqlDbType.Double, cancellationToken).ConfigureAwait(false);
        await WriteOrNullAsync(rows, row.Whole, NpgsqlDbType.Bigint, cancellationToken).ConfigureAwait(false);
        if (row.Text is null) await rows.WriteNullAsync(cancellationToken).ConfigureAwait(false);
        else await rows.WriteAsync(row.Text.Replace("\0", "\uFFFD", StringComparison.Ordinal), NpgsqlDbType.Text, cancellationToken).ConfigureAwait(false);
    }

    private static Task WriteOrNullAsync<T>(NpgsqlBinaryImporter rows, T? value, NpgsqlDbType type, CancellationToken cancellationToken) where T : struct =>
        value is { } present ? rows.WriteAsync(present, type, cancellationToken) : rows.WriteNullAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<HistoryPoint>> ReadAsync(string branch, string twinId, string path, WallTime from, WallTime to, int limit, CancellationToken cancellationToken)
    {
        HistoryBounds.CheckRead(from, to, limit);
        return await _guard.ExecuteAsync(async cancel =>
        {
            await using var command = Ask("""
                SELECT t, kind, n, w, s FROM twin_samples
                WHERE series = (SELECT id FROM twin_series WHERE branch = $1 AND twin = $2 AND path = $3) AND t >= $4 AND t < $5
                ORDER BY t, seq LIMIT $6
                """, branch, twinId, path, from, to);
            command.Parameters.Add(new() { Value = limit });
            var points = new List<HistoryPoint>();
            await using var reader = await command.ExecuteReaderAsync(cancel).ConfigureAwait(false);
            while (await reader.ReadAsync(cancel).ConfigureAwait(false))
                points.Add(new(new(reader.GetInt64(0)), ReadRow(reader, 1).ToValue()));
            return points;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<HistoryBucket>> ReadBucketsAsync(string branch, string twinId, string path, WallTime from, WallTime to, TimeSpan width, CancellationToken cancellationToken)
    {
        HistoryBounds.CheckBuckets(from, to, width);
        return await _guard.ExecuteAsync(async cancel =>
        {
            await using var command = Ask("""
                WITH picked AS (
                  SELECT t, seq, kind, n, w, s, CASE kind WHEN 3 THEN n WHEN 2 THEN w::float8 END AS x,
                         (t - $6) / $7 - CASE WHEN (t - $6) < 0 AND (t - $6) % $7 <> 0 THEN 1 ELSE 0 END AS b
                  FROM twin_samples
                  WHERE series = (SELECT id FROM twin_series WHERE branch = $1 AND twin = $2 AND path = $3) AND t >= $4 AND t < $5),
                newest AS (SELECT DISTINCT ON (b) b, kind, n, w, s FROM picked ORDER BY b, t DESC, seq DESC),
                folded AS (SELECT b, count(*) AS c, min(x) AS lo, max(x) AS hi, avg(x) AS mean FROM picked GROUP BY b)
                SELECT $6 + f.b * $7, f.c, f.lo, f.hi, f.mean, l.kind, l.n, l.w, l.s FROM folded f JOIN newest l ON l.b = f.b ORDER BY f.b
                """, branch, twinId, path, from, to);
            command.Parameters.Add(new() { Value = DateTime.UnixEpoch.Ticks });
            command.Parameters.Add(new() { Value = width.Ticks });
            var buckets = new List<HistoryBucket>();
            await using var reader = await command.ExecuteReaderAsync(cancel).ConfigureAwait(false);
            while (await reader.ReadAsync(cancel).ConfigureAwait(false))
                buckets.Add(new(new(reader.GetInt64(0)), reader.GetInt64(1), NumberOrNaN(reader, 2), NumberOrNaN(reader, 3), NumberOrNaN(reader, 4), ReadRow(reader, 5).ToValue()));
            return buckets;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<long> RemoveBeforeAsync(string branch, WallTime before, CancellationToken cancellationToken) =>
        await _guard.ExecuteAsync<long>(async cancel =>
        {
            await using var command = _source.CreateCommand("DELETE FROM twin_samples WHERE t < $1 AND series IN (SELECT id FROM twin_series WHERE branch = $2)");
            command.Parameters.Add(new() { Value = before.UtcTicks });
            command.Parameters.Add(new() { Value = branch });
            return await command.ExecuteNonQueryAsync(cancel).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<long> CountAsync(string branch, CancellationToken cancellationToken) =>
        await _guard.ExecuteAsync(async cancel =>
        {
            await using var command = _source.CreateCommand("SELECT count(*) FROM twin_samples WHERE series IN (SELECT id FROM twin_series WHERE branch = $1)");
            command.Parameters.Add(new() { Value = branch });
            return (long)(await command.ExecuteScalarAsync(cancel).ConfigureAwait(false))!;
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync().ConfigureAwait(false);
        _writing.Dispose();
    }

    private NpgsqlCommand Ask(string text, string branch, string twin, string path, WallTime from, WallTime to)
    {
        var command = _source.CreateCommand(text);
        command.Parameters.Add(new() { Value = branch });
        command.Parameters.Add(new() { Value = twin });
        command.Parameters.Add(new() { Value = path });
        command.Parameters.Add(new() { Value = from.UtcTicks });
        command.Parameters.Add(new() { Value = to.UtcTicks });
        return command;
    }

    private static HistoryRow ReadRow(DbDataReader reader, int first) => new(
        (byte)reader.GetInt16(first),
        reader.IsDBNull(first + 1) ? null : reader.GetDouble(first + 1),
        reader.IsDBNull(first + 2) ? null : reader.GetInt64(first + 2),
        reader.IsDBNull(first + 3) ? null : reader.GetString(first + 3));

    private static double NumberOrNaN(DbDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? double.NaN : reader.GetDouble(ordinal);

    private static bool IsTransient(Exception exception) =>
        exception is NpgsqlException { IsTransient: true } or TimeoutRejectedException or System.Net.Sockets.SocketException or IOException;
}
