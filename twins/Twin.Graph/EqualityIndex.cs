using System.Runtime.InteropServices;

namespace Twin.Graph;

/// <summary>Rows by equal value: a chain through two row arrays for each distinct value, so adding and removing cost O(1).</summary>
internal sealed class EqualityIndex
{
    private readonly Dictionary<long, Chain> _byBits = [];
    private readonly Dictionary<string, Chain> _byText = new(StringComparer.Ordinal);
    private int[] _next = []; // row + 1 of the next in the chain; 0 = end
    private int[] _previous = [];

    private struct Chain
    {
        public int HeadPlusOne;
        public int Count;
    }

    public void Add(int row, Column column)
    {
        if (row >= _next.Length)
        {
            var length = Math.Max(row + 1, _next.Length * 2);
            Array.Resize(ref _next, length);
            Array.Resize(ref _previous, length);
        }
        ref var chain = ref column.IsReference
            ? ref CollectionsMarshal.GetValueRefOrAddDefault(_byText, (string)column.References[row]!, out _)
            : ref CollectionsMarshal.GetValueRefOrAddDefault(_byBits, column.Bits[row], out _);
        _next[row] = chain.HeadPlusOne;
        _previous[row] = 0;
        if (chain.HeadPlusOne != 0) _previous[chain.HeadPlusOne - 1] = row + 1;
        chain.HeadPlusOne = row + 1;
        chain.Count++;
    }

    public void Remove(int row, Column column)
    {
        int next = _next[row], previous = _previous[row];
        if (next != 0) _previous[next - 1] = previous;
        if (previous != 0) _next[previous - 1] = next;
        if (column.IsReference)
        {
            var text = (string)column.References[row]!;
            if (Unlink(ref CollectionsMarshal.GetValueRefOrNullRef(_byText, text), previous, next)) _byText.Remove(text);
        }
        else if (Unlink(ref CollectionsMarshal.GetValueRefOrNullRef(_byBits, column.Bits[row]), previous, next)) _byBits.Remove(column.Bits[row]);
    }

    public int CountOf(PropertyValue value) => ChainOf(value).Count;

    public void Collect(PropertyValue value, List<int> rows)
    {
        for (var at = ChainOf(value).HeadPlusOne; at != 0; at = _next[at - 1]) rows.Add(at - 1);
    }

    private static bool Unlink(ref Chain chain, int previous, int next)
    {
        if (previous == 0) chain.HeadPlusOne = next;
        return --chain.Count == 0;
    }

    private Chain ChainOf(PropertyValue value) =>
        value.AsText is { } text ? _byText.GetValueOrDefault(text) : _byBits.GetValueOrDefault(value.Bits);
}
