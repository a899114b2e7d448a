using System.Data.Common;
using DuckDB.NET.Data;
using Twin.Model;

namespace Twin.History;

/// <summary>
/// History in one embedded DuckDB file: columnar, compressed, no server. One process at a time. Values are appended in
/// feed order, so time ranges prune whole row groups and a series is found by a vectorised scan of the rest.
/// </summary>
public sealed class DuckDbHistoryStore : IHistoryStore
{
    private readonly string _connectionString;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SeriesCatalog _series = new();
    private readonly Dictionary<(string Branch, int Shard), long> _positions = [];
    private DuckDBConnection? _writer;

    /// <summary>A store in one file.</summary>
    /// <param name="path">File path; the folder must exist. <c>:memory:</c> keeps nothing.</param>
    /// <param name="threads">Most threads a query may use, at least 1.</param>
    /// <param name="memoryMegabytes">Memory bound of the database, at least 64.</param>
    public DuckDbHistoryStore(string path, int threads = 2, int memoryMegabytes = 512)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(memoryMegabytes, 64);
        _connectionString = $"Data Source={path};threads={threads};memory_limit={memoryMegabytes}MB;preserve_insertion_order=true";
    }

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _writer ??= await ConnectAsync(cancellationToken).ConfigureAwait(false);
            await ExecuteAsync(_writer, """
                CREATE TABLE IF NOT EXISTS series (id INTEGER NOT NULL, branch VARCHAR NOT NULL, twin VARCHAR NOT NULL, path VARCHAR NOT NULL);
                CREATE TABLE IF NOT EXISTS samples (series INTEGER NOT NULL, seq BIGINT NOT NULL, t BIGINT NOT NULL, kind UTINYINT NOT NULL, n DOUBLE, w BIGINT, s VARCHAR);
                CREATE TABLE IF NOT EXISTS positions (branch VARCHAR NOT NULL, shard INTEGER NOT NULL, seq BIGINT NOT NULL);
                """, cancellationToken).ConfigureAwait(false);
            await LoadAsync(_writer, cancellationToken).ConfigureAwait(false);
        }
        finally { _writing.Release(); }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<int, long>> ReadPositionsAsync(string branch, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try { return _positions.Where(p => p.Key.Branch == branch).ToDictionary(p => p.Key.Shard, p => p.Value); }
        finally { _writing.Release(); }
    }

    /// <inheritdoc/>
    public async Task AppendAsync(string branch, IReadOnlyList<FeedPage> pages, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try { AppendLocked(branch, pages); }
        catch
        {
            _series.Rollback();
            throw;
        }
        finally { _writing.Release(); }
    }

    private void AppendLocked(string branch, IReadOnlyList<FeedPage> pages)
    {
        var writer = _writer ?? throw new InvalidOperationException("The history store is not open.");
        var positions = new Dictionary<int, long>();
        using var transaction = writer.BeginTransaction();
        using (var rows = writer.CreateAppender("samples"))
        {
            foreach (var page in pages)
            {
                var stored = positions.GetValueOrDefault(page.Shard, _positions.GetValueOrDefault((branch, page.Shard), -1));
                if (page.Next <= stored) continue;
                foreach (ref readonly var change in page.Changes.AsSpan())
                    if (change.Sequence > stored && HistoryRow.Keeps(change)) AppendRow(rows, branch, change);
                positions[page.Shard] = page.Next;
            }
        }

        if (positions.Count == 0) return;
        WriteSeries(writer);
        WritePositions(writer, branch, positions);
        transaction.Commit();
        _series.Commit();
        foreach (var (shard, sequence) in positions) _positions[(branch, shard)] = sequence;
    }

    private void AppendRow(DuckDBAppender rows, string branch, in Change change)
    {
        var row = HistoryRow.From(change.Value);
        rows.CreateRow()
            .AppendValue(_series.NumberOf(branch, change.TwinId, change.Path))
            .AppendValue(change.Sequence)
            .AppendValue(change.SourceTime.UtcTicks)
            .AppendValue(row.Kind)
            .AppendValue(row.Number)
            .AppendValue(row.Whole)
            .AppendValue(row.Text)
            .EndRow();
    }

    private void WriteSeries(DuckDBConnection writer)
    {
        if (_series.Uncommitted.Count == 0) return;
        using var rows = writer.CreateAppender("series");
        foreach (var (branch, twin, path, number) in _series.Uncommitted)
            rows.CreateRow().AppendValue(number).AppendValue(branch).AppendValue(twin).AppendValue(path).EndRow();
    }

    private static void WritePositions(DuckDBConnection writer, string branch, Dictionary<int, long> positions)
    {
        using (var command = writer.CreateCommand())
        {
            command.CommandText = $"DELETE FROM positions WHERE branch = $branch AND shard IN ({string.Join(',', positions.Keys)})";
            command.Parameters.Add(new DuckDBParameter("branch", branch));
            command.ExecuteNonQuery();
        }

        using var rows = writer.CreateAppender("positions");
        foreach (var (shard, sequence) in positions) rows.CreateRow().AppendValue(branch).AppendValue(shard).AppendValue(sequence).EndRow();
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<HistoryPoint>> ReadAsync(string branch, string twinId, string path, WallTime from, WallTime to, int limit, CancellationToken cancellationToken)
    {
        HistoryBounds.CheckRead(from, to, limit);
        await using var connection = await ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var command = Ask(connection, """
            SELECT t, kind, n, w, s FROM samples
            WHERE series IN (SELECT id FROM series WHERE branch = $branch AND twin = $twin AND path = $path) AND t >= $from AND t < $to
            ORDER BY t, seq LIMIT $limit
            """, branch, twinId, path, from, to);
        command.Parameters.Add(new DuckDBParameter("limit", limit));
        var points = new List<HistoryPoint>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            points.Add(new(new(reader.GetInt64(0)), ReadRow(reader, 1).ToValue()));
        return points;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<HistoryBucket>> ReadBucketsAsync(string branch, string twinId, string path, WallTime from, WallTime to, TimeSpan width, CancellationToken cancellationToken)
    {
        HistoryBounds.CheckBuckets(from, to, width);
        await using var connection = await ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var command = Ask(connection, """
            WITH picked AS (
              SELECT t, seq, kind, n, w, s, CASE kind WHEN 3 THEN n WHEN 2 THEN w::DOUBLE END AS x,
                     ((t - $epoch) // $width) - CASE WHEN (t - $epoch) < 0 AND (t - $epoch) % $width <> 0 THEN 1 ELSE 0 END AS b,
                     row_number() OVER (PARTITION BY ((t - $epoch) // $width) - CASE WHEN (t - $epoch) < 0 AND (t - $epoch) % $width <> 0 THEN 1 ELSE 0 END ORDER BY t DESC, seq DESC) AS newest
              FROM samples
              WHERE series IN (SELECT id FROM series WHERE branch = $branch AND twin = $twin AND path = $path) AND t >= $from AND t < $to)
            SELECT $epoch + b * $width, count(*), min(x), max(x), avg(x),
                   any_value(kind) FILTER (newest = 1), any_value(n) FILTER (newest = 1), any_value(w) FILTER (newest = 1), any_value(s) FILTER (newest = 1)
            FROM picked GROUP BY b ORDER BY b
            """, branch, twinId, path, from, to);
        command.Parameters.Add(new DuckDBParameter("epoch", DateTime.UnixEpoch.Ticks));
        command.Parameters.Add(new DuckDBParameter("width", width.Ticks));
        var buckets = new List<HistoryBucket>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            buckets.Add(new(new(reader.GetInt64(0)), reader.GetInt64(1), NumberOrNaN(reader, 2), NumberOrNaN(reader, 3), NumberOrNaN(reader, 4), ReadRow(reader, 5).ToValue()));
        return buckets;
    }

    /// <inheritdoc/>
    public async Task<long> RemoveBeforeAsync(string branch, WallTime before, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var writer = _writer ?? throw new InvalidOperationException("The history store is not open.");
            await using var command = writer.CreateCommand();
            command.CommandText = "DELETE FROM samples WHERE t < $before AND series IN (SELECT id FROM series WHERE branch = $branch)";
            command.Parameters.Add(new DuckDBParameter("before", before.UtcTicks));
            command.Parameters.Add(new DuckDBParameter("branch", branch));
            return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        finally { _writing.Release(); }
    }

    /// <inheritdoc/>
    public async Task<long> CountAsync(string branch, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM samples WHERE series IN (SELECT id FROM series WHERE branch = $branch)";
        command.Parameters.Add(new DuckDBParameter("branch", branch));
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _writing.WaitAsync().ConfigureAwait(false);
        if (_writer is not null) await _writer.DisposeAsync().ConfigureAwait(false);
        _writer = null;
        _writing.Dispose();
    }

    private async Task LoadAsync(DuckDBConnection connection, CancellationToken cancellationToken)
    {
        _series.Clear();
        _positions.Clear();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT id, branch, twin, path FROM series";
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false))
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                _series.Load(reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetInt32(0));
        command.CommandText = "SELECT branch, shard, seq FROM positions";
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false))
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                _positions[(reader.GetString(0), reader.GetInt32(1))] = reader.GetInt64(2);
    }

    private async Task<DuckDBConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var connection = new DuckDBConnection(_connectionString);
        await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
        return connection;
    }

    private static async Task ExecuteAsync(DuckDBConnection connection, string text, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static DuckDBCommand Ask(DuckDBConnection connection, string text, string branch, string twin, string path, WallTime from, WallTime to)
    {
        var command = connection.CreateCommand();
        command.CommandText = text;
        command.Parameters.Add(new DuckDBParameter("branch", branch));
        command.Parameters.Add(new DuckDBParameter("twin", twin));
        command.Parameters.Add(new DuckDBParameter("path", path));
        command.Parameters.Add(new DuckDBParameter("from", from.UtcTicks));
        command.Parameters.Add(new DuckDBParameter("to", to.UtcTicks));
        return command;
    }

    private static HistoryRow ReadRow(DbDataReader reader, int first) => new(
        Convert.ToByte(reader.GetValue(first), System.Globalization.CultureInfo.InvariantCulture),
        reader.IsDBNull(first + 1) ? null : reader.GetDouble(first + 1),
        reader.IsDBNull(first + 2) ? null : reader.GetInt64(first + 2),
        reader.IsDBNull(first + 3) ? null : reader.GetString(first + 3));

    private static double NumberOrNaN(DbDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? double.NaN : reader.GetDouble(ordinal);
}
