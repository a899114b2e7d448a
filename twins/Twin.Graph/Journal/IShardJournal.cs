using System.Buffers;
using Twin.Model;

namespace Twin.Graph.Journal;

/// <summary>When an append counts as kept. Published rates name it.</summary>
public enum FsyncPolicy
{
    /// <summary>On the device before the answer (fsync each group).</summary>
    Always,
    /// <summary>In the operating system's cache before the answer, on the device within 100 ms. A killed process loses nothing; a machine that loses power loses at most 100 ms.</summary>
    Every100Ms,
    /// <summary>In the operating system's cache before the answer; the system decides when to write.</summary>
    Os,
}

/// <summary>Where a shard's journal and snapshots live: local segment files, or Redis lists. One conformance suite runs against both.</summary>
public interface IJournalStore : IAsyncDisposable
{
    /// <summary>
    /// Holds a branch to its number of shards: the first call writes it beside the journals, every later one must name the same,
    /// because a twin's shard follows from that number. Call before a journal is opened.
    /// </summary>
    /// <exception cref="InvalidDataException">The journals were written with another number; the message names both.</exception>
    /// <exception cref="IOException">The store cannot be read or written.</exception>
    Task KeepShardCountAsync(string branch, int shardCount, CancellationToken cancellationToken);

    /// <summary>Opens one shard's journal for its only writer and claims the next epoch; an earlier writer's appends are refused from here on.</summary>
    Task<IShardJournal> OpenAsync(string branch, int shard, CancellationToken cancellationToken);

    /// <summary>Whether a shard of a branch has a snapshot.</summary>
    Task<bool> HasSnapshotAsync(string branch, int shard, CancellationToken cancellationToken);

    /// <summary>Removes all that is kept of a branch; its journals must not be written any more. What is not there is no error.</summary>
    Task DropAsync(string branch, int shardCount, CancellationToken cancellationToken);
}

/// <summary>One shard's journal. One writer; reads may run beside it.</summary>
public interface IShardJournal : IAsyncDisposable
{
    /// <summary>The epoch claimed at open, at least 1.</summary>
    long Epoch { get; }

    /// <summary>The newest snapshot, or null: the sequence it stands for and its bytes.</summary>
    Task<(long Sequence, ReadOnlyMemory<byte> Bytes)?> ReadSnapshotAsync(CancellationToken cancellationToken);

    /// <summary>Frames whose last sequence is after <paramref name="after"/>, in order. A torn last frame (crash in mid-write) is left out; a damaged frame elsewhere throws <see cref="InvalidDataException"/> naming file and offset.</summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadFramesAsync(long after, CancellationToken cancellationToken);

    /// <summary>Oldest sequence from which <see cref="ReadFramesAsync"/> is complete; older positions have been compacted away.</summary>
    long OldestSequence { get; }

    /// <summary>Appends one frame (an encoded commit whose changes are firstSequence..lastSequence) and completes when the policy is met.</summary>
    /// <exception cref="IOException">The frame could not be kept (disk full, store gone, a later writer); the journal has been cut back to the last good frame.</exception>
    ValueTask AppendAsync(ReadOnlyMemory<byte> frame, long firstSequence, long lastSequence, CancellationToken cancellationToken);

    /// <summary>Writes a snapshot atomically, then drops frames at or before <paramref name="keepAfter"/> (never newer than the snapshot).</summary>
    Task WriteSnapshotAsync(long sequence, ReadOnlySequence<byte> bytes, long keepAfter, CancellationToken cancellationToken);

    /// <summary>Bytes of journal kept now.</summary>
    long Bytes { get; }
}
