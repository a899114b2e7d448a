using Twin.Grains;
using Twin.Model;

namespace Twin.Gateway.Jobs;

/// <summary>One run over one file, from the kept position to the end. Reading the next batch overlaps with writing the one before.</summary>
internal sealed class ImportRun(ImportJob job, ITwinStore store, TimeProvider clock)
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MostWaiting = TimeSpan.FromSeconds(60);

    private readonly List<string> _models = [];
    private readonly List<(long Line, TwinCommand Command)> _commands = [];
    private readonly List<ImportError> _errors = [.. job.Progress.Errors];
    private readonly List<ImportError> _unreadable = []; // lines since the last batch that are no record; told with the next one, so that a restart does not count them twice
    private long _unreadableCount;
    private ImportPosition _position = job.Progress.Position; // after the last line taken in: a batch is kept up to here
    private Task _writing = Task.CompletedTask;
    private long _failed = job.Progress.Failed;
    private long _modelsDone = job.Progress.Models;
    private long _twins = job.Progress.Twins;
    private long _relationships = job.Progress.Relationships;

    public async Task RunAsync(int batchLines, CancellationToken cancellationToken)
    {
        try
        {
            await ReadAsync(batchLines, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Nobody may keep the job's end while a batch still keeps its progress.
            await _writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAsync(int batchLines, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        var lines = 0L;
        await using var input = new FileStream(job.InputPath, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        if (_position.Offset > 0) input.Seek(_position.Offset, SeekOrigin.Begin);
        await foreach (var record in ImportFile.ReadAsync(input, _position, cancellationToken).ConfigureAwait(false))
        {
            lines++;
            if (record.Command is { } command)
            {
                if (_models.Count > 0) await AddModelsAsync(record.After.Line, cancellationToken).ConfigureAwait(false);
                // Relationships need their twins: a batch holds one kind only.
                if (_commands.Count > 0 && (_commands.Count >= batchLines || (_commands[^1].Command is PutTwin && command is not PutTwin)))
                    await FlushAsync(cancellationToken).ConfigureAwait(false);
                _commands.Add((record.After.Line, command));
                job.Rate = lines / Math.Max(0.001, clock.GetElapsedTime(started).TotalSeconds);
            }
            else if (record.Model is { } model) _models.Add(model);
            else if (record.Problem is { } problem && ++_unreadableCount <= ImportJob.MostErrors) _unreadable.Add(new ImportError(record.After.Line, problem.Code, problem.Detail));
            _position = record.After;
        }

        if (_models.Count > 0) await AddModelsAsync(_position.Line, cancellationToken).ConfigureAwait(false);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        await _writing.ConfigureAwait(false);
    }

    private async Task AddModelsAsync(long line, CancellationToken cancellationToken)
    {
        var known = store.Models;
        var fresh = _models.Where(m => !IsKnown(known, m)).ToArray();
        if (fresh.Length > 0)
        {
            var result = await store.AddModelsAsync(fresh, cancellationToken).ConfigureAwait(false);
            if (!result.IsDone) throw new ImportFailedException(line, result.Problem!);
        }

        _modelsDone += _models.Count;
        _models.Clear();
    }

    private static bool IsKnown(ModelSet known, string text)
    {
        using var document = System.Text.Json.JsonDocument.Parse(text);
        return document.RootElement.ValueKind == System.Text.Json.JsonValueKind.Object && document.RootElement.TryGetProperty("@id", out var id) && id.GetString() is { } dtmi && known.Find(dtmi) is not null;
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        var (batch, unreadable, count, after) = (_commands.ToArray(), _unreadable.ToArray(), _unreadableCount, _position);
        _commands.Clear();
        _unreadable.Clear();
        _unreadableCount = 0;
        await _writing.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        _failed += count;
        _errors.AddRange(unreadable.Take(ImportJob.MostErrors - _errors.Count));
        _writing = WriteAsync(batch, after, cancellationToken);
    }

    private async Task WriteAsync((long Line, TwinCommand Command)[] batch, ImportPosition after, CancellationToken cancellationToken)
    {
        var (open, waited) = (batch, TimeSpan.Zero);
        while (open.Length > 0)
        {
            var results = await store.ExecuteManyAsync(Array.ConvertAll(open, b => b.Command), cancellationToken).ConfigureAwait(false);
            var again = new List<(long Line, TwinCommand Command)>();
            for (var i = 0; i < results.Length; i++)
            {
                if (results[i].IsDone) Count(open[i].Command);
                else if (waited < MostWaiting && MayPass(results[i])) again.Add(open[i]);
                else Fail(open[i].Line, results[i].Problem ?? new Problem(results[i].Status.ToString(), "The command was refused."));
            }

            open = [.. again];
            if (open.Length == 0) break;
            await Task.Delay(RetryPause, clock, cancellationToken).ConfigureAwait(false);
            waited += RetryPause;
        }

        job.Keep(job.Progress with { Position = after, Models = _modelsDone, Twins = _twins, Relationships = _relationships, Failed = _failed, Errors = [.. _errors] });
    }

    // A shard that moves or is full for a moment is no fault of the line.
    private static bool MayPass(in CommandResult result) => result.Status == TwinStatus.Unavailable || (result.Status == TwinStatus.TooMuch && result.Problem?.Code == "ShardBusy");

    private void Count(TwinCommand command)
    {
        if (command is PutTwin) _twins++;
        else _relationships++;
    }

    private void Fail(long line, Problem problem)
    {
        _failed++;
        if (_errors.Count < ImportJob.MostErrors) _errors.Add(new ImportError(line, problem.Code, problem.Detail));
    }
}
