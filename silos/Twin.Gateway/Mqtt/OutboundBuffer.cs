using System.Buffers;

namespace Twin.Gateway.Mqtt;

/// <summary>A growing pooled byte buffer. Not thread-safe.</summary>
internal sealed class OutboundBuffer : IBufferWriter<byte>
{
    private const int Smallest = 1024;
    private byte[] _bytes = [];

    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Count);

    public void Advance(int count) => Count += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(Count);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _bytes.AsSpan(Count);
    }

    /// <summary>Empties it and gives large arrays back to the pool: an idle client holds nothing.</summary>
    public void Reset()
    {
        Count = 0;
        if (_bytes.Length == 0) return;
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Ensure(int more)
    {
        if (_bytes.Length - Count >= more) return;
        var grown = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(Smallest, _bytes.Length * 2), Count + more));
        _bytes.AsSpan(0, Count).CopyTo(grown);
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = grown;
    }
}
