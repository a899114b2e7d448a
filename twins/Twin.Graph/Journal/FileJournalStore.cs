using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twin.Graph.Journal;

/// <summary>
/// Journals in local files, one folder a shard: <c>{root}/{branch}/shard-{n}/</c> with segments named by their first sequence,
/// one snapshot and the epoch. One process at a time: the root is locked by the operating system, so a killed process leaves no
/// lock behind. Under <see cref="FsyncPolicy.Every100Ms"/> one background loop flushes every file that was written to.
/// </summary>
public sealed class FileJournalStore : IJournalStore
{
    private static readonly TimeSpan FlushPeriod = TimeSpan.FromMilliseconds(100);

    private readonly string _root;
    private readonly FsyncPolicy _policy;
    private readonly TimeProvider _clock;
    private readonly FileStream _lock;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<string, FileShardJournal> _journals = new(StringComparer.Ordinal);
    private readonly Task _flushing;

    /// <summary>Locks the root; creates it when missing.</summary>
    /// <exception cref="IOException">Another process has it.</exception>
    public FileJournalStore(string root, FsyncPolicy policy, TimeProvider clock)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        (_root, _policy, _clock) = (root, policy, clock);
        Directory.CreateDirectory(root);
        var lockPath = Path.Combine(root, "lock");
        try
        {
            _lock = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException fault)
        {
            throw new IOException($"The data folder '{root}' is in use by another process ({lockPath} is locked). Stop that one, or give another --data folder.", fault);
        }

        _flushing = policy == FsyncPolicy.Every100Ms ? FlushLoopAsync() : Task.CompletedTask;
    }

    /// <summary>Bytes after which a segment is closed and the next begun.</summary>
    public long SegmentBytes { get; init; } = 64L << 20;

    /// <summary>What puts a segment's bytes on the device; tests put a failing one here.</summary>
    internal Action<SafeFileHandle> FlushToDisk { get; init; } = RandomAccess.FlushToDisk;

    /// <inheritdoc/>
    public Task KeepShardCountAsync(string branch, int shardCount, CancellationToken cancellationToken)
    {
        CheckBranch(branch);
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        return Task.Run(() =>
        {
            lock (_journals) ShardCountFile.Keep(Path.Combine(_root, branch), shardCount);
        }, cancellationToken);
    }

    private static void CheckBranch(string branch)
    {
        if (branch.Length is 0 or > 64 || branch.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") >= 0)
            throw new ArgumentException($"Branch '{branch}' must be 1 to 64 of A-Z a-z 0-9 - _.", nameof(branch));
    }

    /// <inheritdoc/>
    public Task<IShardJournal> OpenAsync(string branch, int shard, CancellationToken cancellationToken)
    {
        CheckBranch(branch);
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        var folder = Path.Combine(_root, branch, $"shard-{shard}");
        return Task.Run<IShardJournal>(() =>
        {
            lock (_journals)
            {
                if (_journals.Remove(folder, out var earlier)) earlier.Fence();
                var journal = new FileShardJournal(folder, _policy, SegmentBytes, _clock, FlushToDisk);
                _journals.Add(folder, journal);
                return journal;
            }
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> HasSnapshotAsync(string branch, int shard, CancellationToken cancellationToken)
    {
        CheckBranch(branch);
        return Task.Run(() => File.Exists(Path.Combine(_root, branch, $"shard-{shard}", FileShardJournal.SnapshotName)), cancellationToken);
    }

    /// <inheritdoc/>
    public Task DropAsync(string branch, int shardCount, CancellationToken cancellationToken)
    {
        CheckBranch(branch);
        return Task.Run(() =>
        {
            var folder = Path.Combine(_root, branch);
            lock (_journals)
            {
                foreach (var (path, journal) in _journals.Where(j => Path.GetDirectoryName(j.Key) == folder).ToArray())
                {
                    journal.Fence();
                    _journals.Remove(path);
                }

                if (!Directory.Exists(folder)) return;
                Directory.Delete(folder, recursive: true);
                FlushFolder(_root);
            }
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _flushing.ConfigureAwait(false);
        foreach (var journal in Journals()) await journal.DisposeAsync().ConfigureAwait(false);
        await _lock.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private FileShardJournal[] Journals()
    {
        lock (_journals) return [.. _journals.Values];
    }

    private async Task FlushLoopAsync()
    {
        await Task.Yield();
        using var timer = new PeriodicTimer(FlushPeriod, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false))
                foreach (var journal in Journals()) journal.FlushWritten();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Disposing flushes once more.
        }
    }

    /// <summary>Makes a folder's entries durable: a new or renamed file is only found after a crash when its folder was flushed.</summary>
    internal static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = open(folder, 0);
        if (descriptor < 0) throw new IOException($"Cannot open folder '{folder}' to flush it (errno {Marshal.GetLastPInvokeError()}).");
        _ = fsync(descriptor);
        _ = close(descriptor);
    }

#pragma warning disable IDE1006, SYSLIB1054, CA2101 // three calls of the C library under their own names
    [DllImport("libc", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int open(string path, int flags);

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int fsync(int descriptor);

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int close(int descriptor);
#pragma warning restore IDE1006, SYSLIB1054, CA2101
}
