using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Twin.Gateway.Jobs;
using Twin.Model;

namespace Twin.Gateway.Tests.Jobs;

public sealed class ImportJobsTests : IDisposable
{
    private const string Lamp = "dtmi:x:Lamp;1";
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-imports-").FullName;
    private readonly FeedStore _store = new(1);
    private readonly List<TwinCommand> _written = [];

    public ImportJobsTests() => _store.Many = (commands, _) => new(Write(commands));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Counts_and_errors_say_what_was_imported_and_which_lines_were_not()
    {
        using var jobs = await StartAsync();
        var job = Put(jobs, "a", $$$"""
            {"Section":"Header"}
            {"fileVersion":"1.0.0"}
            {"Section":"Models"}
            {{{FeedStore.Model(Lamp, "power")}}}
            {"Section":"Twins"}
            {"$dtId":"t1","$metadata":{"$model":"{{{Lamp}}}"},"power":1}
            {"$dtId":"t2","$metadata":{"$model":"{{{Lamp}}}"},"power":tru}
            {"$dtId":"t3","$metadata":{"$model":"dtmi:x:Ghost;1"}}
            {"$dtId":"t4","$metadata":{"$model":"{{{Lamp}}}"}}
            {"Section":"Relationships"}
            {"$dtId":"t1","$relationshipId":"r","$sourceId":"t1","$targetId":"t4","$relationshipName":"next"}
            """);
        await EndAsync(job, ImportStatus.Succeeded);
        var p = job.Progress;
        Assert.Equal((1L, 2L, 1L, 2L), (p.Models, p.Twins, p.Relationships, p.Failed));
        Assert.Equal([7L, 8], p.Errors.Select(e => e.Line).Order());
        Assert.Equal("ModelNotFound", p.Errors.Single(e => e.Line == 8).Code);
        Assert.Equal(["t1", "t4", "t1"], _written.Select(c => c.TwinId));
        Assert.NotNull(_store.Models.Find(Lamp));
    }

    [Fact]
    public async Task A_job_of_an_abandoned_process_goes_on_behind_its_last_batch()
    {
        var batches = 0;
        _store.Many = (commands, _) => Interlocked.Increment(ref batches) == 1 ? new(Write(commands)) : new(new TaskCompletionSource<CommandResult[]>().Task); // the second never returns
        var abandoned = await StartAsync();
        var job = Put(abandoned, "big", Twins(20_000, wrongLine: 10));
        await FeedStore.UntilAsync(() => job.Progress.Twins > 0 && Volatile.Read(ref batches) == 2, "one batch is kept and one under way", Cancel);
        var kept = _written.Count;
        Assert.InRange(kept, 1, 19_998);

        _store.Many = (commands, _) => new(Write(commands));
        using var next = await StartAsync();
        await FeedStore.UntilAsync(() => next.Find("big") is not null, "the job is found again", Cancel);
        await EndAsync(next.Find("big")!, ImportStatus.Succeeded);
        var ids = _written.Select(c => c.TwinId).ToArray();
        Assert.Equal(19_999, ids.Length); // nothing twice: the kept batch was not read again
        Assert.Equal(19_999, ids.Distinct().Count());
        Assert.Equal((19_999L, 1L), (next.Find("big")!.Progress.Twins, next.Find("big")!.Progress.Failed));
        GC.KeepAlive(abandoned);
    }

    [Fact]
    public async Task A_cancelled_job_stops_keeps_its_batches_and_can_be_deleted()
    {
        var batches = 0;
        _store.Many = async (commands, cancellation) =>
        {
            if (Interlocked.Increment(ref batches) > 1) await Task.Delay(Timeout.Infinite, cancellation);
            return Write(commands);
        };
        using var jobs = await StartAsync();
        var job = Put(jobs, "big", Twins(20_000));
        await FeedStore.UntilAsync(() => Volatile.Read(ref batches) == 2, "the second batch is under way", Cancel);
        Assert.False(jobs.TryDelete(job));
        await job.Cancelling.CancelAsync();
        await EndAsync(job, ImportStatus.Cancelled);
        Assert.Equal(_written.Count, job.Progress.Twins);
        Assert.True(jobs.TryDelete(job));
        Assert.Null(jobs.Find("big"));
        Assert.Empty(Directory.GetDirectories(_folder));
    }

    [Fact]
    public async Task A_shard_that_is_away_for_a_moment_costs_no_line()
    {
        var calls = 0;
        _store.Many = (commands, _) => new(Interlocked.Increment(ref calls) == 1
            ? [.. commands.Select((c, i) => i % 2 == 0 ? new CommandResult(TwinStatus.Unavailable, 0, new Problem("ShardUnavailable", "It moves.")) : Write([c])[0])]
            : Write(commands));
        using var jobs = await StartAsync();
        var job = Put(jobs, "a", Twins(100));
        await EndAsync(job, ImportStatus.Succeeded);
        Assert.Equal((100L, 0L), (job.Progress.Twins, job.Progress.Failed));
        Assert.True(calls >= 2, "what was away is tried again"); // more when a slow machine reads the file in parts
        Assert.Equal(100, _written.Select(c => c.TwinId).Distinct().Count());
    }

    [Fact]
    public async Task A_job_that_breaks_has_failed_and_the_next_one_runs()
    {
        var calls = 0;
        _store.Many = (commands, _) => Interlocked.Increment(ref calls) == 1 ? throw new TimeoutException("no silo answers") : new(Write(commands));
        using var jobs = await StartAsync();
        var broken = Put(jobs, "broken", Twins(3));
        var next = Put(jobs, "next", Twins(3));
        await EndAsync(broken, ImportStatus.Failed);
        await EndAsync(next, ImportStatus.Succeeded);
        Assert.Contains("no silo answers", Assert.Single(broken.Progress.Errors).Detail, StringComparison.Ordinal);
        Assert.False(jobs.TryAdd("next", null, 0, out var problem));
        Assert.Equal("JobExists", problem!.Code);
    }

    [Fact]
    public async Task A_damaged_progress_file_does_not_keep_the_process_from_importing()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "torn"));
        File.WriteAllText(Path.Combine(_folder, "torn", "progress.json"), "{\"Id\":");
        using var jobs = await StartAsync();
        await EndAsync(Put(jobs, "a", Twins(3)), ImportStatus.Succeeded);
        Assert.Equal("a", Assert.Single(jobs.All).Progress.Id);
    }

    private async Task<ImportJobs> StartAsync()
    {
        var jobs = new ImportJobs(_folder, _store, TimeProvider.System, NullLogger<ImportJobs>.Instance);
        await jobs.StartAsync(Cancel);
        return jobs;
    }

    private static ImportJob Put(ImportJobs jobs, string id, string text)
    {
        Directory.CreateDirectory(jobs.FolderOf(id));
        File.WriteAllText(Path.Combine(jobs.FolderOf(id), "input.ndjson"), text);
        Assert.True(jobs.TryAdd(id, null, Encoding.UTF8.GetByteCount(text), out var problem), problem?.Detail);
        return jobs.Find(id)!;
    }

    private static Task EndAsync(ImportJob job, ImportStatus status) =>
        FeedStore.UntilAsync(() => job.Progress.FinishedAt is not null ? job.Progress.Status == status ? true : throw new InvalidOperationException($"It ended as {job.Progress.Status}.") : false, $"{job.Progress.Id} ends as {status}", Cancel);

    // What a store does: a twin of a model nobody knows is refused, all else is taken.
    private CommandResult[] Write(IReadOnlyList<TwinCommand> commands)
    {
        lock (_written)
        {
            return [.. commands.Select(command =>
            {
                if (command is PutTwin twin && twin.ModelId != "dtmi:x:Any;1" && _store.Models.Find(twin.ModelId) is null) return new CommandResult(TwinStatus.Invalid, 0, new Problem("ModelNotFound", $"No model '{twin.ModelId}'."));
                _written.Add(command);
                return new CommandResult(TwinStatus.Created, 1);
            })];
        }
    }

    /// <summary>A file of so many twin lines; one of them may be no JSON.</summary>
    private static string Twins(int count, int wrongLine = -1)
    {
        var text = new StringBuilder("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n");
        for (var i = 0; i < count; i++) text.Append(i == wrongLine ? "{no\n" : $$$"""{"$dtId":"t{{{i}}}","$metadata":{"$model":"dtmi:x:Any;1"}}""" + "\n");
        return text.ToString();
    }
}
