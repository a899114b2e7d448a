using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Tests;

public sealed class FailureTests
{
    private const string Lamp = """
        {"@id":"dtmi:test:Lamp;1","@type":"Interface","@context":"dtmi:dtdl:context;3","contents":[{"@type":"Property","name":"level","schema":"double"}]}
        """;

    private static PatchTwin Level(double level) => new("lamp", [new PatchOperation(PatchVerb.Add, "level", PropertyValue.From(level))]);

    [Fact]
    public async Task A_full_disk_refuses_writes_as_unavailable_changes_nothing_and_passes()
    {
        TestDisk disk = null!;
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 1 }, Wrap = s => disk = new TestDisk(s) }.StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp])).IsDone);
        Assert.True((await world.Store.ExecuteAsync(new PutTwin("lamp", "dtmi:test:Lamp;1", []))).IsDone);
        var kept = await world.Store.ExecuteAsync(Level(1));
        disk.IsFull = true;
        var refused = await Task.WhenAll(Enumerable.Range(2, 50).Select(i => world.Store.ExecuteAsync(Level(i)).AsTask()));
        Assert.All(refused, r => Assert.Equal(TwinStatus.Unavailable, r.Status));
        Assert.Contains("No space left", refused[0].Problem!.Detail, StringComparison.Ordinal);
        Assert.Equal(kept.Version, (await world.Store.GetTwinAsync("lamp")).Version); // reads go on, from what was kept
        disk.IsFull = false;
        Assert.True((await world.Store.ExecuteAsync(Level(99) with { IfMatch = kept.Version })).IsDone);
    }

    [Fact]
    public async Task Under_a_load_that_never_pauses_snapshots_are_taken_and_everything_answered_is_there_after_a_restart()
    {
        TestDisk disk = null!;
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 1, SnapshotEvery = 200 }, Wrap = s => disk = new TestDisk(s) { IsSlow = true } }.StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp])).IsDone);
        for (var i = 0; i < 16; i++) Assert.True((await world.Store.ExecuteAsync(new PutTwin($"lamp-{i}", "dtmi:test:Lamp;1", []))).IsDone);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var levels = await Task.WhenAll(Enumerable.Range(0, 16).Select(async i =>
        {
            var level = 0;
            for (; disk.Snapshots < 5; level++)
            {
                deadline.Token.ThrowIfCancellationRequested();
                Assert.True((await world.Store.ExecuteAsync(Level(level + 1) with { TwinId = $"lamp-{i}" })).IsDone);
            }

            return level;
        }));
        await world.StopAsync();
        await world.StartAsync();
        for (var i = 0; i < 16; i++)
        {
            var document = await world.Store.GetTwinAsync($"lamp-{i}");
            Assert.Equal(levels[i], System.Text.Json.JsonDocument.Parse(document.Json).RootElement.GetProperty("level").GetDouble());
        }
    }

    [Fact]
    public async Task A_start_with_another_number_of_shards_is_refused_and_with_the_first_one_goes_on()
    {
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 4 } }.StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp])).IsDone);
        Assert.True((await world.Store.ExecuteAsync(new PutTwin("lamp", "dtmi:test:Lamp;1", []))).IsDone);
        await world.StopAsync();
        world.Options = new TwinGrainOptions { ShardCount = 3 };
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => world.StartAsync());
        Assert.Contains("with 4 shards and cannot be opened with 3", refused.ToString(), StringComparison.Ordinal);
        await world.Journals.DisposeAsync();
        world.Options = new TwinGrainOptions { ShardCount = 4 };
        await world.StartAsync();
        Assert.Equal(TwinStatus.Ok, (await world.Store.GetTwinAsync("lamp")).Status);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_decommissioned_model_takes_no_twin_alone_in_a_batch_or_over_shards(int shards)
    {
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = shards } }.StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp, Lamp.Replace("Lamp;1", "Lamp;2", StringComparison.Ordinal)])).IsDone);
        for (var i = 0; i < 8; i++) Assert.True((await world.Store.ExecuteAsync(new PutTwin($"lamp-{i}", "dtmi:test:Lamp;1", []))).IsDone);
        Assert.True((await world.Store.ExecuteAsync(new PutTwin("old", "dtmi:test:Lamp;2", []))).IsDone);
        Assert.True((await world.Store.DecommissionModelAsync("dtmi:test:Lamp;2", true)).IsDone);
        var touchAll = Enumerable.Range(0, 8).Select(i => (TwinCommand)new PatchTwin($"lamp-{i}", [new PatchOperation(PatchVerb.Add, "level", PropertyValue.From(5.0))])).ToArray();
        TwinCommand[] forbidden =
        [
            new PutTwin("new", "dtmi:test:Lamp;2", []),
            new PutTwin("lamp-0", "dtmi:test:Lamp;2", []),
            new PatchTwin("lamp-0", [new PatchOperation(PatchVerb.Replace, "$metadata/$model", PropertyValue.From("dtmi:test:Lamp;2"))]),
        ];
        foreach (var command in forbidden)
        {
            Assert.Equal("ModelDecommissioned", (await world.Store.ExecuteAsync(command)).Problem?.Code);
            Assert.Equal("ModelDecommissioned", (await world.Store.ExecuteAtomicAsync([command]))[0].Problem?.Code);
            Assert.Equal("ModelDecommissioned", (await world.Store.ExecuteAtomicAsync([.. touchAll, command]))[^1].Problem?.Code);
            Assert.DoesNotContain(await world.Store.ExecuteAtomicAsync([new DeleteTwin(command.TwinId), command]), r => r.IsDone);
        }

        for (var i = 0; i < 8; i++) Assert.DoesNotContain("\"level\":5", System.Text.Encoding.UTF8.GetString((await world.Store.GetTwinAsync($"lamp-{i}")).Json.Span), StringComparison.Ordinal);
        Assert.True((await world.Store.ExecuteAsync(new PutTwin("old", "dtmi:test:Lamp;2", []))).IsDone); // twins that have it stay
    }

    [Fact]
    public async Task A_world_starts_again_after_a_model_whose_twins_are_in_the_journal_was_deleted()
    {
        await using var world = await new World { Options = new TwinGrainOptions { ShardCount = 1 } }.StartAsync();
        Assert.True((await world.Store.AddModelsAsync([Lamp])).IsDone);
        Assert.True((await world.Store.ExecuteAsync(new PutTwin("lamp", "dtmi:test:Lamp;1", []))).IsDone);
        Assert.Equal(TwinStatus.Conflict, (await world.Store.DeleteModelAsync("dtmi:test:Lamp;1")).Status);
        Assert.True((await world.Store.ExecuteAsync(new DeleteTwin("lamp"))).IsDone);
        Assert.True((await world.Store.DeleteModelAsync("dtmi:test:Lamp;1")).IsDone);
        await world.StopAsync();
        await world.StartAsync();
        Assert.Equal(TwinStatus.NotFound, (await world.Store.GetTwinAsync("lamp")).Status);
    }

    private sealed class TestDisk(IJournalStore inner) : IJournalStore
    {
        private int _snapshots;

        public bool IsFull { get; set; }

        /// <summary>Appends never complete at once: something is always on its way.</summary>
        public bool IsSlow { get; init; }

        public int Snapshots => _snapshots;

        public Task KeepShardCountAsync(string branch, int shardCount, CancellationToken cancellationToken) => inner.KeepShardCountAsync(branch, shardCount, cancellationToken);

        public Task<bool> HasSnapshotAsync(string branch, int shard, CancellationToken cancellationToken) => inner.HasSnapshotAsync(branch, shard, cancellationToken);

        public Task DropAsync(string branch, int shardCount, CancellationToken cancellationToken) => inner.DropAsync(branch, shardCount, cancellationToken);

        public async Task<IShardJournal> OpenAsync(string branch, int shard, CancellationToken cancellationToken) =>
            new Journal(this, await inner.OpenAsync(branch, shard, cancellationToken));

        public ValueTask DisposeAsync() => inner.DisposeAsync();

        private sealed class Journal(TestDisk disk, IShardJournal inner) : IShardJournal
        {
            public long Epoch => inner.Epoch;

            public long OldestSequence => inner.OldestSequence;

            public long Bytes => inner.Bytes;

            public Task<(long Sequence, ReadOnlyMemory<byte> Bytes)?> ReadSnapshotAsync(CancellationToken cancellationToken) => inner.ReadSnapshotAsync(cancellationToken);

            public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadFramesAsync(long after, CancellationToken cancellationToken) => inner.ReadFramesAsync(after, cancellationToken);

            public ValueTask AppendAsync(ReadOnlyMemory<byte> frame, long firstSequence, long lastSequence, CancellationToken cancellationToken) =>
                disk.IsFull ? throw new IOException("No space left on device")
                : disk.IsSlow ? SlowlyAsync(frame, firstSequence, lastSequence, cancellationToken)
                : inner.AppendAsync(frame, firstSequence, lastSequence, cancellationToken);

            private async ValueTask SlowlyAsync(ReadOnlyMemory<byte> frame, long firstSequence, long lastSequence, CancellationToken cancellationToken)
            {
                await Task.Delay(1, cancellationToken);
                await inner.AppendAsync(frame, firstSequence, lastSequence, cancellationToken);
            }

            public Task WriteSnapshotAsync(long sequence, System.Buffers.ReadOnlySequence<byte> bytes, long keepAfter, CancellationToken cancellationToken)
            {
                Interlocked.Increment(ref disk._snapshots);
                return inner.WriteSnapshotAsync(sequence, bytes, keepAfter, cancellationToken);
            }

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
