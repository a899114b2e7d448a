using CsCheck;
using Twin.Graph;
using Twin.Graph.Journal;
using Twin.Graph.Tests;
using Twin.Model;

namespace Twin.Grains.Tests.Journal;

/// <summary>A shard's journal as a kill or a bad disk may leave it, recovered and compared with what had been acknowledged.</summary>
public sealed class KillPointTests : IDisposable
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), "twin-kill-" + Guid.NewGuid().ToString("n"));

    public void Dispose()
    {
        if (Directory.Exists(_root)) Directory.Delete(_root, true);
    }

    private sealed record Acknowledged(long Bytes, ulong Hash);

    private string Shard => Path.Combine(_root, "live", "shard-0");

    /// <summary>Runs a history; what is acknowledged after each commit, the empty journal first. A snapshot after a given commit when asked.</summary>
    private async Task<List<Acknowledged>> WriteAsync(Step[] history, int snapshotAfter)
    {
        if (Directory.Exists(_root)) Directory.Delete(_root, true);
        await using var store = new FileJournalStore(_root, FsyncPolicy.Os, TimeProvider.System);
        var journal = await store.OpenAsync("live", 0, default);
        var state = TestModels.NewState();
        var acknowledged = new List<Acknowledged> { new(0, state.StateHash()) };
        var (codec, changes, now) = (new ChangeCodec(), new ChangeBuffer(), 1_000.0);
        state.StartEpoch(journal.Epoch, TestModels.At(now), changes);
        foreach (var step in history)
        {
            now += step.Seconds;
            if (step.Commands.Length > 1) state.ExecuteAtomic(step.Commands, TestModels.At(now), changes, new CommandResult[step.Commands.Length]);
            else foreach (var command in step.Commands) state.Execute(command, TestModels.At(now), changes);
            if (changes.Count == 0) continue;
            await journal.AppendAsync(codec.Encode(changes.Span).ToArray(), changes.FirstSequence, changes.LastSequence, default);
            changes.Clear();
            acknowledged.Add(new Acknowledged(journal.Bytes, state.StateHash()));
            if (acknowledged.Count != snapshotAfter) continue;
            var bytes = new System.Buffers.ArrayBufferWriter<byte>();
            state.WriteSnapshot(bytes);
            await journal.WriteSnapshotAsync(state.LastSequence, new(bytes.WrittenMemory), 0, default);
        }

        return acknowledged;
    }

    private async Task<ulong> RecoverAsync()
    {
        await using var store = new FileJournalStore(_root, FsyncPolicy.Os, TimeProvider.System);
        var journal = await store.OpenAsync("live", 0, default);
        var state = TestModels.NewState();
        if (await journal.ReadSnapshotAsync(default) is { } snapshot) state.ReadSnapshot(snapshot.Bytes.Span);
        var changes = new ChangeBuffer();
        await foreach (var frame in journal.ReadFramesAsync(state.LastSequence, default))
        {
            changes.Clear();
            ChangeCodec.Decode(frame.Span, changes);
            foreach (ref readonly var change in changes.Span) state.Apply(change);
        }

        return state.StateHash();
    }

    private string Segment => Directory.GetFiles(Shard, "*.journal").Single();

    [Fact]
    public Task A_kill_at_any_byte_leaves_just_what_was_acknowledged_before_it() =>
        Gen.Select(RandomSteps.Histories, Gen.Int[0, 10], Gen.Double[0, 1].Array[8]).SampleAsync(async (history, snapshotAfter, places) =>
        {
            var acknowledged = await WriteAsync(history, snapshotAfter);
            if (acknowledged.Count < 2) return;
            var whole = await File.ReadAllBytesAsync(Segment);
            Assert.Equal(acknowledged[^1].Bytes, whole.Length);
            var path = Segment;
            var hasSnapshot = snapshotAfter > 1 && snapshotAfter <= acknowledged.Count;
            foreach (var place in places)
            {
                var cut = (int)(place * whole.Length);
                await File.WriteAllBytesAsync(path, whole[..cut]);
                await File.WriteAllBytesAsync(Path.Combine(Shard, "snapshot.new"), whole[..(cut / 2)]); // a snapshot half written, or not yet renamed
                var expected = acknowledged.FindLastIndex(a => a.Bytes <= cut);
                if (hasSnapshot) expected = Math.Max(expected, snapshotAfter - 1);
                Assert.Equal(acknowledged[expected].Hash, await RecoverAsync());
            }
        }, iter: 40, threads: 1);

    [Fact]
    public Task A_changed_bit_is_refused_with_file_and_offset_or_takes_the_last_commit_only() =>
        Gen.Select(RandomSteps.Histories, Gen.Double[0, 1].Array[8], Gen.Int[0, 7]).SampleAsync(async (history, places, bit) =>
        {
            var acknowledged = await WriteAsync(history, 0);
            if (acknowledged.Count < 2) return;
            var path = Segment;
            var whole = await File.ReadAllBytesAsync(path);
            foreach (var place in places)
            {
                var at = Math.Min((int)(place * whole.Length), whole.Length - 1);
                var bytes = (byte[])whole.Clone();
                bytes[at] ^= (byte)(1 << bit);
                await File.WriteAllBytesAsync(path, bytes);
                var before = acknowledged.FindLastIndex(a => a.Bytes <= at);
                if (before == acknowledged.Count - 2)
                {
                    Assert.Equal(acknowledged[before].Hash, await RecoverAsync());
                    continue;
                }

                var refused = await Assert.ThrowsAsync<InvalidDataException>(RecoverAsync);
                Assert.Contains($"{path} is damaged at byte {acknowledged[before].Bytes}:", refused.Message, StringComparison.Ordinal);
            }
        }, iter: 40, threads: 1);
}
