using System.Collections.Concurrent;
using System.Runtime;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Grains;
using Twin.Model;

namespace Twin.Gateway.Jobs;

/// <summary>
/// Runs import jobs one after the other, a batch of lines at a time: models together, then twins and relationships, replacing what is
/// there. Progress is durable after each batch; a batch that was under way when the process died is done again, which changes
/// nothing. At most 1,000 jobs are kept. Thread-safe.
/// </summary>
internal sealed class ImportJobs(string folder, ITwinStore store, TimeProvider clock, ILogger<ImportJobs> log) : BackgroundService
{
    private const int BatchLines = 8_000;
    private const int MostJobs = 1_000;
    private const long LargeImport = 250_000; // entries

    private readonly ConcurrentDictionary<string, ImportJob> _jobs = new(StringComparer.Ordinal);
    private readonly Channel<ImportJob> _queue = Channel.CreateBounded<ImportJob>(MostJobs);
    private readonly Lock _adding = new();

    public IEnumerable<ImportJob> All => _jobs.Values.OrderBy(j => j.Progress.CreatedAt);

    public ImportJob? Find(string id) => _jobs.GetValueOrDefault(id);

    public string FolderOf(string id) => Path.Combine(folder, Uri.EscapeDataString(id));

    /// <summary>Folder that <c>inputBlobUri</c> names files of.</summary>
    public string Folder => folder;

    /// <summary>Takes a job whose input is in place; false with a problem when its id is taken or there are too many.</summary>
    public bool TryAdd(string id, string? file, long bytes, out Problem? problem)
    {
        problem = null;
        lock (_adding)
        {
            if (_jobs.ContainsKey(id)) problem = new Problem("JobExists", $"There is a job '{id}' already; delete it first, or take another id.", "id");
            else if (_jobs.Count >= MostJobs) problem = new Problem("TooManyJobs", $"{MostJobs} jobs are kept; delete some.", "id");
            if (problem is not null) return false;
            var job = new ImportJob(FolderOf(id), new ImportProgress { Id = id, File = file, TotalBytes = bytes, CreatedAt = clock.GetUtcNow() });
            job.Keep(job.Progress);
            _jobs[id] = job;
            return _queue.Writer.TryWrite(job);
        }
    }

    /// <summary>Forgets a job that is not at work; false when it is.</summary>
    public bool TryDelete(ImportJob job)
    {
        if (job.Progress.Status is ImportStatus.NotStarted or ImportStatus.Running) return false;
        if (_jobs.TryRemove(job.Progress.Id, out _)) job.Delete();
        return true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        Directory.CreateDirectory(folder);
        foreach (var job in Directory.EnumerateDirectories(folder).Select(TryLoad).OfType<ImportJob>().OrderBy(j => j.Progress.CreatedAt))
        {
            if (!_jobs.TryAdd(job.Progress.Id, job)) continue; // it was asked for while this was looking: it is in the queue already
            if (job.Progress.Status is ImportStatus.NotStarted or ImportStatus.Running) _queue.Writer.TryWrite(job);
        }

        try
        {
            await foreach (var job in _queue.Reader.ReadAllAsync(stoppingToken).ConfigureAwait(false)) await RunAsync(job, stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The next start goes on from the kept position.
        }
    }

    private ImportJob? TryLoad(string path)
    {
        try
        {
            return ImportJob.Load(path);
        }
        catch (Exception damaged) when (damaged is System.Text.Json.JsonException or IOException or UnauthorizedAccessException)
        {
            log.LogError(damaged, "The import job in {Folder} cannot be read and is left as it is.", path);
            return null;
        }
    }

    private async Task RunAsync(ImportJob job, CancellationToken stop)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, job.Cancelling.Token);
        try
        {
            job.Keep(job.Progress with { Status = ImportStatus.Running });
            await new ImportRun(job, store, clock).RunAsync(BatchLines, both.Token).ConfigureAwait(false);
            Finish(job, ImportStatus.Succeeded);
            GiveBack(job.Progress);
        }
        catch (OperationCanceledException) when (job.Cancelling.IsCancellationRequested)
        {
            Finish(job, ImportStatus.Cancelled);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw;
        }
        catch (ImportFailedException fault)
        {
            job.Keep(job.Progress with { Errors = [.. job.Progress.Errors.Take(ImportJob.MostErrors - 1), new ImportError(fault.Line, fault.Problem.Code, fault.Problem.Detail)], Failed = job.Progress.Failed + 1 });
            Finish(job, ImportStatus.Failed);
        }
        catch (Exception fault)
        {
            // The file, the disk of the progress, or a store that cannot be reached: this job has failed, the next one may not.
            log.LogError(fault, "Import {Id} was given up.", job.Progress.Id);
            TryFinish(job, fault);
        }
    }

    private void TryFinish(ImportJob job, Exception fault)
    {
        try
        {
            job.Keep(job.Progress with { Errors = [.. job.Progress.Errors.Take(ImportJob.MostErrors - 1), new ImportError(job.Progress.Position.Line, "ImportGivenUp", fault.Message)] });
            Finish(job, ImportStatus.Failed);
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            log.LogError(full, "Import {Id}: its end could not be kept; the next start runs it again.", job.Progress.Id);
        }
    }

    // Columns that grew a thousandfold leave as much behind them in holes between large objects, which the collector would keep
    // for what never comes. Once after a large import they are closed: a pause of a few tenths of a second for a million twins.
    private void GiveBack(ImportProgress progress)
    {
        if (progress.Twins + progress.Relationships < LargeImport) return;
        var started = clock.GetTimestamp();
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        log.LogInformation("Memory compacted after import {Id} in {Milliseconds} ms.", progress.Id, (long)clock.GetElapsedTime(started).TotalMilliseconds);
    }

    private void Finish(ImportJob job, ImportStatus status)
    {
        job.Keep(job.Progress with { Status = status, FinishedAt = clock.GetUtcNow() });
        log.LogInformation("Import {Id} {Status}: {Twins} twins, {Relationships} relationships, {Failed} lines failed.", job.Progress.Id, status, job.Progress.Twins, job.Progress.Relationships, job.Progress.Failed);
    }
}

/// <summary>A job cannot go on.</summary>
internal sealed class ImportFailedException(long line, Problem problem) : Exception(problem.Detail)
{
    public long Line { get; } = line;

    public Problem Problem { get; } = problem;
}
