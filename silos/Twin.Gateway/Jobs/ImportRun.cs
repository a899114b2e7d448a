using Twin.Grains;
using Twin.Model;

namespace Twin.Gateway.Jobs;

/// <summary>One run over one file, from the kept position to the end. Reading the next batch overlaps with writing the one before.</summary>
internal sealed class ImportRun(ImportJob job, ITwinStore store, TimeProvider clock)
{
    private readonly List<string> _models = [];
    private readonly List<(long Line, TwinCommand Command)> _commands = [];
    private readonly List<ImportError> _errors = [.. job.Progress.Errors];
    private ImportPosition _position = job.Progress.Position; // after the last command taken in: a batch is kept up to here
    private Task _writing = Task.CompletedTask;
    private long _failed = job.Progress.Failed;
    private long _modelsDone = job.Progress.Models;
    private long _twins = job.Progress.Twins;
    private long _relationships = job.Progress.Relationships;

    public async Task RunAsync(int batchLines, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        var (lines, last) = (0L, job.Progress.Position);
        await using var input = new FileStream(job.InputPath, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        if (last.Offset > 0) input.Seek(last.Offset, SeekOrigin.Begin);
        await foreach (var record in ImportFile.ReadAsync(input, last, cancellationToken).ConfigureAwait(false))
        {
            lines++;
            last = record.After;
            if (record.Problem is { } problem) Fail(record.After.Line, problem);
            else if (record.Model is { } model) _models.Add(model);
            else if (record.Command is { } command)
            {
                if (_models.Count > 0) await AddModelsAsync(record.After.Line, cancellationToken).ConfigureAwait(false);
                // Relationships need their twins: a batch holds one kind only.
                if (_commands.Count > 0 && (_commands.Count >= batchLines || (_commands[^1].Command is PutTwin && command is not PutTwin)))
                    await FlushAsync(_position, cancellationToken).ConfigureAwait(false);
                _commands.Add((record.After.Line, command));
                job.Rate = lines / Math.Max(0.001, clock.GetElapsedTime(started).TotalSeconds);
                _position = record.After;
            }
        }

        if (_models.Count > 0) await AddModelsAsync(last.Line, cancellationToken).ConfigureAwait(false);
        await FlushAsync(last, cancellationToken).ConfigureAwait(false);
        await _writing.ConfigureAwait(false);
        Keep(last);
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

    private async Task FlushAsync(ImportPosition after, CancellationToken cancellationToken)
    {
        if (_commands.Count == 0) return;
        var batch = _commands.ToArray();
        _commands.Clear();
        await _writing.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        _writing = WriteAsync(batch, after, cancellationToken);
    }

    private async Task WriteAsync((long Line, TwinCommand Command)[] batch, ImportPosition after, CancellationToken cancellationToken)
    {
        var results = await store.ExecuteManyAsync(Array.ConvertAll(batch, b => b.Command), cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < results.Length; i++)
        {
            if (!results[i].IsDone) Fail(batch[i].Line, results[i].Problem ?? new Problem(results[i].Status.ToString(), "The command was refused."));
            else if (batch[i].Command is PutTwin) _twins++;
            else _relationships++;
        }

        Keep(after);
    }

    private void Fail(long line, Problem problem)
    {
        lock (_errors)
        {
            _failed++;
            if (_errors.Count < ImportJob.MostErrors) _errors.Add(new ImportError(line, problem.Code, problem.Detail));
        }
    }

    private void Keep(ImportPosition position)
    {
        lock (_errors)
            job.Keep(job.Progress with { Position = position, Models = _modelsDone, Twins = _twins, Relationships = _relationships, Failed = _failed, Errors = [.. _errors] });
    }
}
