using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace Twin.Graph.Journal;

/// <summary>One shard's segment files. Appends come from one caller at a time; reads and snapshots may run beside them.</summary>
internal sealed class FileShardJournal : IShardJournal
{
    private const string SegmentPattern = "*.journal";
    private const int ReadBytes = 1 << 20;

    /// <summary>The snapshot's file in a shard's folder.</summary>
    public const string SnapshotName = "snapshot";

    private readonly string _folder;
    private readonly FsyncPolicy _policy;
    private readonly long _segmentBytes;
    private readonly TimeProvider _clock;
    private readonly Action<SafeFileHandle> _flushToDisk;
    private readonly Lock _segmentsLock = new();
    private readonly List<Segment> _segments = [];
    private SafeFileHandle? _handle;
    private readonly Lock _writeLock = new();
    private volatile bool _isDirty;
    private volatile string? _lost;
    private bool _isDisposed;
    private bool _isFenced;

    public FileShardJournal(string folder, FsyncPolicy policy, long segmentBytes, TimeProvider clock, Action<SafeFileHandle> flushToDisk)
    {
        (_folder, _policy, _segmentBytes, _clock, _flushToDisk) = (folder, policy, segmentBytes, clock, flushToDisk);
        Directory.CreateDirectory(folder);
        Epoch = ClaimEpoch();
        foreach (var path in Directory.EnumerateFiles(folder, SegmentPattern).Order(StringComparer.Ordinal))
            _segments.Add(new Segment(long.Parse(Path.GetFileNameWithoutExtension(path), NumberStyles.HexNumber, CultureInfo.InvariantCulture), path, new FileInfo(path).Length));
        if (_segments.Count > 0) CutTornTail(_segments[^1]);
    }

    private sealed class Segment(long first, string path, long length)
    {
        public long First { get; } = first;

        public string Path { get; } = path;

        /// <summary>Bytes of whole frames; bytes beyond are not there.</summary>
        public long Length { get; set; } = length;
    }

    public long Epoch { get; }

    public long OldestSequence
    {
        get
        {
            lock (_segmentsLock) return _segments.Count == 0 ? 0 : _segments[0].First;
        }
    }

    public long Bytes
    {
        get
        {
            lock (_segmentsLock) return _segments.Sum(s => s.Length);
        }
    }

    private string SnapshotPath => Path.Combine(_folder, SnapshotName);

    public async Task<(long Sequence, ReadOnlyMemory<byte> Bytes)?> ReadSnapshotAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(SnapshotPath)) return null;
        var bytes = await File.ReadAllBytesAsync(SnapshotPath, cancellationToken).ConfigureAwait(false);
        if (bytes.Length < sizeof(long)) throw new InvalidDataException($"{SnapshotPath} is cut short at {bytes.Length} bytes.");
        return (BitConverter.ToInt64(bytes), bytes.AsMemory(sizeof(long)));
    }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadFramesAsync(long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Segment[] segments;
        lock (_segmentsLock) segments = [.. _segments];
        for (var i = 0; i < segments.Length; i++)
        {
            if (i + 1 < segments.Length && segments[i + 1].First <= after + 1) continue; // the next one begins at or before what is asked
            await foreach (var frame in ReadSegmentAsync(segments[i], cancellationToken).ConfigureAwait(false))
                if (ChangeCodec.RangeOf(frame.Span).Last > after) yield return frame;
        }
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadSegmentAsync(Segment segment, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(segment.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            yield break; // compacted away meanwhile; the reader sees the gap by the sequences
        }

        using (handle)
        {
            var buffer = new byte[ReadBytes];
            var (start, filled, offset) = (0, 0, 0L);
            while (offset + start < segment.Length)
            {
                var length = ChangeCodec.FrameLength(buffer.AsSpan(start, filled - start));
                if (length > 0 && length <= filled - start)
                {
                    var frame = buffer.AsMemory(start, (int)length);
                    if (!ChangeCodec.IsIntact(frame.Span)) throw Damaged(segment.Path, offset + start);
                    yield return frame;
                    start += (int)length;
                    continue;
                }

                if (length > segment.Length - offset - start || (length == 0 && offset + filled >= segment.Length)) throw Damaged(segment.Path, offset + start);
                (buffer, filled, offset) = Shift(buffer, start, filled, offset, length);
                start = 0;
                var read = await RandomAccess.ReadAsync(handle, buffer.AsMemory(filled, (int)Math.Min(buffer.Length - filled, segment.Length - offset - filled)), offset + filled, cancellationToken).ConfigureAwait(false);
                if (read == 0) throw Damaged(segment.Path, offset);
                filled += read;
            }
        }
    }

    // Frames handed out are read before the enumerator moves on, so their memory may be used again.
    private static (byte[] Buffer, int Filled, long Offset) Shift(byte[] buffer, int start, int filled, long offset, long needed)
    {
        var target = needed > buffer.Length ? new byte[needed] : buffer;
        buffer.AsSpan(start, filled - start).CopyTo(target);
        return (target, filled - start, offset + start);
    }

    private static InvalidDataException Damaged(string path, long offset) => new($"{path} is damaged at byte {offset}: a frame's length or checksum does not hold.");

    public ValueTask AppendAsync(ReadOnlyMemory<byte> frame, long firstSequence, long lastSequence, CancellationToken cancellationToken)
    {
        lock (_writeLock)
        {
            CheckOpen();
            if (_lost is { } lost) Mend(lost); // only here: no other append is under way, so the segment ends where its length says
            return Append(frame, firstSequence);
        }
    }

    private void CheckWritable()
    {
        CheckOpen();
        if (_lost is { } lost) throw new IOException(lost);
    }

    private void CheckOpen()
    {
        if (_isFenced) throw new JournalFencedException($"The journal '{_folder}' was claimed by a later writer; this one had epoch {Epoch}.");
        ObjectDisposedException.ThrowIf(_isDisposed, this);
    }

    /// <summary>
    /// After a failed flush the device may hold anything, and a second flush of the same pages may falsely succeed. So the segment
    /// is read back, checked frame by frame, written anew, flushed, and put in the old one's place. Until that works nothing is taken.
    /// </summary>
    private void Mend(string lost)
    {
        Segment segment;
        lock (_segmentsLock) segment = _segments[^1];
        var rewritten = segment.Path + ".new";
        try
        {
            var bytes = File.ReadAllBytes(segment.Path).AsSpan();
            var whole = WholeFrames(bytes);
            if (whole < segment.Length) throw new IOException($"{segment.Path} no longer holds what was written at byte {whole}.");
            using (var file = OpenForWrite(rewritten))
            {
                RandomAccess.SetLength(file, 0);
                RandomAccess.Write(file, bytes[..(int)segment.Length], 0);
                Flush(file);
            }

            _handle?.Dispose();
            _handle = null;
            File.Move(rewritten, segment.Path, overwrite: true);
            FileJournalStore.FlushFolder(_folder);
            _handle = OpenForWrite(segment.Path);
            _lost = null;
            JournalMetrics.Mends.Add(1);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            JournalMetrics.Failures.Add(1);
            throw new IOException($"{lost} Writing it anew failed too: {fault.Message}", fault);
        }
    }

    /// <summary>Bytes of whole, undamaged frames at the start.</summary>
    private static int WholeFrames(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length)
        {
            var length = ChangeCodec.FrameLength(bytes[at..]);
            if (length == 0 || at + length > bytes.Length || !ChangeCodec.IsIntact(bytes.Slice(at, (int)length))) break;
            at += (int)length;
        }

        return at;
    }

    private string LostText(Exception fault) => $"A flush of '{_folder}' failed: {fault.Message}";

    private ValueTask Append(ReadOnlyMemory<byte> frame, long firstSequence)
    {
        var segment = SegmentFor(firstSequence);
        try
        {
            RandomAccess.Write(_handle!, frame.Span, segment.Length);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            JournalMetrics.Failures.Add(1);
            CutBack(segment);
            throw new IOException($"The journal could not be written ({segment.Path}): {fault.Message}", fault);
        }

        JournalMetrics.Frames.Add(1);
        JournalMetrics.Bytes.Add(frame.Length);
        if (_policy != FsyncPolicy.Always)
        {
            segment.Length += frame.Length;
            _isDirty = true;
            return ValueTask.CompletedTask;
        }

        return new ValueTask(Task.Run(() => FlushThenKeep(segment, frame.Length), CancellationToken.None));
    }

    private void FlushThenKeep(Segment segment, int length)
    {
        try
        {
            lock (_writeLock)
            {
                CheckWritable();
                Flush(_handle!);
                segment.Length += length;
            }
        }
        catch (IOException fault)
        {
            JournalMetrics.Failures.Add(1);
            CutBack(segment);
            throw new IOException($"The journal could not be flushed ({segment.Path}): {fault.Message}", fault);
        }
    }

    private Segment SegmentFor(long firstSequence)
    {
        lock (_segmentsLock)
        {
            if (_segments.Count > 0 && _segments[^1].Length < _segmentBytes)
            {
                _handle ??= OpenForWrite(_segments[^1].Path);
                return _segments[^1];
            }
        }

        FlushFullSegment();
        var path = Path.Combine(_folder, $"{firstSequence:x16}.journal");
        SafeFileHandle handle;
        try
        {
            handle = OpenForWrite(path);
        }
        catch (IOException fault)
        {
            JournalMetrics.Failures.Add(1);
            throw new IOException($"The journal could not begin a segment ({path}): {fault.Message}", fault);
        }

        _handle?.Dispose();
        _handle = handle;
        if (_policy != FsyncPolicy.Os) FileJournalStore.FlushFolder(_folder);
        var segment = new Segment(firstSequence, path, 0);
        lock (_segmentsLock) _segments.Add(segment);
        return segment;
    }

    // Before the next one is begun: while its flush fails, the full segment stays the one that is written to and mended.
    private void FlushFullSegment()
    {
        if (_handle is not { } full || _policy == FsyncPolicy.Os) return;
        try
        {
            Flush(full);
        }
        catch (IOException fault)
        {
            JournalMetrics.Failures.Add(1);
            _lost = LostText(fault);
            throw new IOException(_lost, fault);
        }
    }

    private static SafeFileHandle OpenForWrite(string path) => File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);

    private void CutBack(Segment segment)
    {
        try
        {
            RandomAccess.SetLength(_handle!, segment.Length);
        }
        catch (IOException)
        {
            // The bytes stay behind the last whole frame; the next append overwrites them and a recovery cuts them.
        }
    }

    private void Flush(SafeFileHandle handle)
    {
        var started = Stopwatch.GetTimestamp();
        _flushToDisk(handle);
        JournalMetrics.FsyncSeconds.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Background flush of what was written since the last one.</summary>
    internal void FlushWritten()
    {
        if (!_isDirty) return;
        _isDirty = false;
        var handle = _handle;
        if (handle is null || handle.IsClosed) return;
        try
        {
            Flush(handle);
        }
        catch (ObjectDisposedException)
        {
            // a closed segment was flushed when it was closed
        }
        catch (IOException fault)
        {
            // What the device holds is unknown now, and trying again may falsely succeed: the next append writes the segment anew first.
            JournalMetrics.Failures.Add(1);
            _lost = LostText(fault);
        }
    }

    public async Task WriteSnapshotAsync(long sequence, ReadOnlySequence<byte> bytes, long keepAfter, CancellationToken cancellationToken)
    {
        if (keepAfter > sequence) throw new ArgumentOutOfRangeException(nameof(keepAfter), keepAfter, $"Frames after the snapshot ({sequence:x}) must be kept.");
        lock (_writeLock) CheckWritable();
        var temporary = SnapshotPath + ".new";
        try
        {
            await using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 0))
            {
                await file.WriteAsync(BitConverter.GetBytes(sequence), cancellationToken).ConfigureAwait(false);
                foreach (var chunk in bytes) await file.WriteAsync(chunk, cancellationToken).ConfigureAwait(false);
                file.Flush(flushToDisk: _policy != FsyncPolicy.Os);
            }

            File.Move(temporary, SnapshotPath, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        if (_policy != FsyncPolicy.Os) FileJournalStore.FlushFolder(_folder);
        JournalMetrics.Snapshots.Add(1);
        DropSegments(keepAfter);
    }

    private void DropSegments(long keepAfter)
    {
        var dropped = new List<Segment>();
        lock (_segmentsLock)
        {
            while (_segments.Count > 1 && _segments[1].First <= keepAfter + 1)
            {
                dropped.Add(_segments[0]);
                _segments.RemoveAt(0);
            }
        }

        foreach (var segment in dropped) File.Delete(segment.Path);
    }

    /// <summary>A later writer came: closes, and refuses from here on.</summary>
    internal void Fence()
    {
        lock (_writeLock)
        {
            _isFenced = true;
            try
            {
                Close();
            }
            catch (IOException)
            {
                JournalMetrics.Failures.Add(1); // the later writer reads what is there and answers for it from here on
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (_writeLock) Close();
        return ValueTask.CompletedTask;
    }

    private void Close()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        if (_handle is not { } handle) return;
        using (handle)
            if (_policy != FsyncPolicy.Os) Flush(handle);
    }

    private long ClaimEpoch()
    {
        var path = Path.Combine(_folder, "epoch");
        var epoch = File.Exists(path) && long.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out var last) ? last + 1 : 1;
        using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write, FileShare.None, 0))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(epoch.ToString(CultureInfo.InvariantCulture)));
            file.Flush(flushToDisk: _policy != FsyncPolicy.Os);
        }

        File.Move(path + ".new", path, overwrite: true);
        if (_policy != FsyncPolicy.Os) FileJournalStore.FlushFolder(_folder);
        return epoch;
    }

    /// <summary>
    /// The last segment may end in a frame that was being written when the process died. Any whole frame behind a bad one means
    /// damage instead; it is looked for at every byte, since the bad frame's own length may be what is damaged.
    /// </summary>
    private void CutTornTail(Segment segment)
    {
        var bytes = File.ReadAllBytes(segment.Path).AsSpan();
        var at = WholeFrames(bytes);
        if (at == bytes.Length) return;
        for (var next = at + 1; next < bytes.Length - ChangeCodec.HeaderBytes; next++)
        {
            if (bytes[next] != ChangeCodec.Version) continue;
            var length = ChangeCodec.FrameLength(bytes[next..]);
            if (length <= bytes.Length - next && ChangeCodec.IsIntact(bytes.Slice(next, (int)length))) throw Damaged(segment.Path, at);
        }

        using var handle = OpenForWrite(segment.Path);
        RandomAccess.SetLength(handle, at);
        if (_policy != FsyncPolicy.Os) Flush(handle);
        segment.Length = at;
    }
}
