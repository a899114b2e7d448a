using System.Buffers.Binary;

namespace Twin.Gateway.Standing;

/// <summary>
/// The last changes given out, as bytes in one ring that grows with use: many queries keep many changes, and an object for each would
/// burden the collector. The oldest go when there is no room. Rings share a bound; one user at a time for all that share it.
/// </summary>
internal sealed class KeptChanges(KeptChanges.Room room)
{
    private const int Least = 1024;
    private const int Most = 256 * 1024;

    private byte[] _ring = [];
    private int _start;
    private int _used;

    /// <summary>Changes held.</summary>
    public int Count { get; private set; }

    /// <summary>Keeps a change as the newest.</summary>
    public void Add(ReadOnlySpan<byte> change)
    {
        var needed = 4 + change.Length;
        while (_used + needed > _ring.Length && TryGrow(_used + needed))
        {
            // Until it fits, or may grow no further.
        }

        if (needed > _ring.Length)
        {
            (_start, _used, Count) = (0, 0, 0); // what comes before it is of no use without it
            return;
        }

        while (_used + needed > _ring.Length) DropOldest();
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, change.Length);
        Write(length);
        Write(change);
        Count++;
    }

    /// <summary>The newest so many, oldest first.</summary>
    public ReadOnlyMemory<byte>[] Last(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        var last = new ReadOnlyMemory<byte>[count];
        var at = _start;
        for (var i = 0; i < Count; i++)
        {
            var length = LengthAt(at);
            if (i >= Count - count)
            {
                var change = new byte[length];
                Read((at + 4) % _ring.Length, change);
                last[i - (Count - count)] = change;
            }

            at = (at + 4 + length) % _ring.Length;
        }

        return last;
    }

    /// <summary>Gives its room back.</summary>
    public void Clear()
    {
        room.Used -= _ring.Length;
        (_ring, _start, _used, Count) = ([], 0, 0, 0);
    }

    private bool TryGrow(int wanted)
    {
        var size = Math.Max(Least, _ring.Length * 2);
        if (size > Most || room.Used - _ring.Length + size > room.Bytes) return false;
        var grown = new byte[size];
        Read(_start, grown.AsSpan(0, _used));
        room.Used += size - _ring.Length;
        (_ring, _start) = (grown, 0);
        return size < wanted;
    }

    private void DropOldest()
    {
        var length = 4 + LengthAt(_start);
        _start = (_start + length) % _ring.Length;
        _used -= length;
        Count--;
    }

    private int LengthAt(int at)
    {
        Span<byte> length = stackalloc byte[4];
        Read(at, length);
        return BinaryPrimitives.ReadInt32LittleEndian(length);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        var at = (_start + _used) % _ring.Length;
        var first = Math.Min(bytes.Length, _ring.Length - at);
        bytes[..first].CopyTo(_ring.AsSpan(at));
        bytes[first..].CopyTo(_ring);
        _used += bytes.Length;
    }

    private void Read(int at, Span<byte> into)
    {
        var first = Math.Min(into.Length, _ring.Length - at);
        _ring.AsSpan(at, first).CopyTo(into);
        _ring.AsSpan(0, into.Length - first).CopyTo(into[first..]);
    }

    /// <summary>What several rings may use together.</summary>
    /// <param name="bytes">At most.</param>
    internal sealed class Room(long bytes)
    {
        public long Bytes => bytes;

        public long Used { get; set; }
    }
}
