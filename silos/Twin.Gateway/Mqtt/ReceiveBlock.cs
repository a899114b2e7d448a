using System.Buffers;

namespace Twin.Gateway.Mqtt;

/// <summary>
/// A rented buffer that a connection fills and batches point into. It goes back to the pool when the connection has moved on and
/// the last batch is complete. Reference counts are thread-safe; the positions belong to the read loop.
/// </summary>
internal sealed class ReceiveBlock(int capacity)
{
    private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(capacity);
    private int _references = 1;

    public byte[] Bytes => _bytes!;

    public int Written { get; set; }

    public int Parsed { get; set; }

    public int Free => Bytes.Length - Written;

    public ReadOnlySpan<byte> Unparsed => Bytes.AsSpan(Parsed, Written - Parsed);

    public bool IsShared => Volatile.Read(ref _references) > 1;

    public void Hold() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0) return;
        ArrayPool<byte>.Shared.Return(_bytes!);
        _bytes = null;
    }
}
