using System.Text.Json;
using System.Text.Json.Serialization;
using Twin.Model;

namespace Twin.Gateway.Jobs;

/// <summary>Where a job stands.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ImportStatus>))]
public enum ImportStatus
{
    /// <summary>Waits for its turn.</summary>
    [JsonStringEnumMemberName("notstarted")] NotStarted,
    /// <summary>At work.</summary>
    [JsonStringEnumMemberName("running")] Running,
    /// <summary>Done; single lines may have failed, see the errors.</summary>
    [JsonStringEnumMemberName("succeeded")] Succeeded,
    /// <summary>Given up: the models were refused, or the file is no import file.</summary>
    [JsonStringEnumMemberName("failed")] Failed,
    /// <summary>Stopped by a caller; what was written stays.</summary>
    [JsonStringEnumMemberName("cancelled")] Cancelled,
}

/// <summary>One line that was not imported.</summary>
public sealed record ImportError(long Line, string Code, string Detail);

/// <summary>What is kept of a job, and written after every batch: all it takes to go on after the process was killed.</summary>
internal sealed record ImportProgress
{
    public required string Id { get; init; }

    public ImportStatus Status { get; init; }

    public ImportPosition Position { get; init; }

    public long Models { get; init; }

    public long Twins { get; init; }

    public long Relationships { get; init; }

    public long Failed { get; init; }

    public long TotalBytes { get; init; }

    public string? File { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public IReadOnlyList<ImportError> Errors { get; init; } = [];
}

/// <summary>A job's folder: its input and its progress. Progress is replaced atomically and flushed before it counts.</summary>
internal sealed class ImportJob(string folder, ImportProgress progress)
{
    public const int MostErrors = 1_000;

    private volatile ImportProgress _progress = progress;

    public ImportProgress Progress => _progress;

    public string InputPath => _progress.File ?? Path.Combine(folder, "input.ndjson");

    public CancellationTokenSource Cancelling { get; } = new();

    /// <summary>Lines a second of the present run, for people.</summary>
    public double Rate { get; set; }

    public static ImportJob? Load(string folder)
    {
        var path = Path.Combine(folder, "progress.json");
        return File.Exists(path) && JsonSerializer.Deserialize<ImportProgress>(File.ReadAllBytes(path)) is { } progress ? new ImportJob(folder, progress) : null;
    }

    public void Keep(ImportProgress next)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "progress.json");
        using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write, FileShare.None, 4096))
        {
            JsonSerializer.Serialize(file, next);
            file.Flush(flushToDisk: true);
        }

        File.Move(path + ".new", path, overwrite: true);
        _progress = next;
    }

    public void Delete() => Directory.Delete(folder, recursive: true);

    /// <summary>The job as callers see it.</summary>
    public object Show()
    {
        var p = _progress;
        var left = p.TotalBytes - p.Position.Offset;
        var perByte = Rate > 0 && p.Position.Offset > 0 ? (p.Position.Line + 1.0) / p.Position.Offset / Rate : 0;
        return new
        {
            id = p.Id, status = p.Status, counts = new { models = p.Models, twins = p.Twins, relationships = p.Relationships, failed = p.Failed }, total = p.TotalBytes, done = p.Position.Offset,
            rate = Math.Round(Rate, 1), secondsLeft = p.Status == ImportStatus.Running ? Math.Round(left * perByte, 1) : (double?)null, createdAt = p.CreatedAt, finishedAt = p.FinishedAt, errors = p.Errors,
        };
    }
}
