namespace Twin.Accounts;

/// <summary>A growing array of structs that are changed in place. Not thread-safe. Hot.</summary>
internal sealed class Rows<T>
    where T : struct
{
    private T[] _rows = new T[16];

    public int Count { get; private set; }

    public ref T this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            return ref _rows[index];
        }
    }

    public ReadOnlySpan<T> Span => _rows.AsSpan(0, Count);

    /// <summary>Adds a row; its index.</summary>
    public int Add(in T row)
    {
        if (Count == _rows.Length) Array.Resize(ref _rows, Count * 2);
        _rows[Count] = row;
        return Count++;
    }

    public void RemoveLast() => _rows[--Count] = default;

    public void Clear() => Count = 0;
}
