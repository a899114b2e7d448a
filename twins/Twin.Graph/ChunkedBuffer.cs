using System.Buffers;

namespace Twin.Graph;

/// <summary>
/// Grows by chunks of 64 KiB that are never copied, so that a large snapshot leaves no hole among the large objects. Written
/// once, read as a sequence; not thread-safe while written.
/// </summary>
public sealed class ChunkedBuffer : IBufferWriter<byte>
{
    private const int ChunkBytes = 64 * 1024; // below the runtime's large-object threshold of 85,000 bytes

    private readonly List<(byte[] Bytes, int Length)> _full = [];
    private byte[] _chunk = [];
    private int _filled;

    /// <summary>Bytes written so far.</summary>
    public long Length { get; private set; }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _chunk.Length - _filled);
        _filled += count;
        Length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_chunk.Length - _filled < Math.Max(1, sizeHint))
        {
            if (_filled > 0) _full.Add((_chunk, _filled));
            (_chunk, _filled) = (new byte[Math.Max(ChunkBytes, sizeHint)], 0);
        }

        return _chunk.AsMemory(_filled);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>What was written; valid as long as nothing more is.</summary>
    public ReadOnlySequence<byte> ToSequence()
    {
        if (_full.Count == 0) return new ReadOnlySequence<byte>(_chunk, 0, _filled);
        var first = new Segment(_full[0].Bytes.AsMemory(0, _full[0].Length), 0);
        var last = first;
        for (var i = 1; i < _full.Count; i++) last = last.Then(_full[i].Bytes.AsMemory(0, _full[i].Length));
        last = last.Then(_chunk.AsMemory(0, _filled));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long start) => (Memory, RunningIndex) = (memory, start);

        public Segment Then(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
