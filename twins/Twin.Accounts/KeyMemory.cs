using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts;

/// <summary>What was done under a key.</summary>
internal struct KeyRow
{
    public UInt128 Identity;
    public ulong Print;
    public long At;
    public long Number;
    public long Time;
}

/// <summary>
/// The keys of what was done, in the order it was done, at most so many. What is forgotten before its time is over moves
/// <see cref="Since"/> up, and keys of that time or older are no longer taken: a late repeat is refused, never done again. Not thread-safe. Hot.
/// </summary>
internal sealed class KeyMemory(int most, TimeSpan window)
{
    private readonly Dictionary<UInt128, int> _places = [];
    private KeyRow[] _ring = new KeyRow[64];
    private int _head;

    public int Count { get; private set; }

    /// <summary>Keys of this time or older are not taken unless they are found.</summary>
    public long Since { get; private set; }

    public bool TryFind(UInt128 identity, out KeyRow row)
    {
        var isKnown = _places.TryGetValue(identity, out var place);
        row = isKnown ? _ring[place] : default;
        return isKnown;
    }

    /// <summary>Takes one in that is not there, and forgets what is over or too much.</summary>
    public void Remember(in KeyRow row)
    {
        while (Count > 0 && _ring[_head].At <= row.Time - window.Ticks) Forget();
        if (Count == most)
        {
            Since = Math.Max(Since, _ring[_head].At);
            Forget();
        }

        if (Count == _ring.Length) Grow();
        var place = (_head + Count) & (_ring.Length - 1);
        _ring[place] = row;
        _places.Add(row.Identity, place);
        Count++;
    }

    private void Forget()
    {
        _places.Remove(_ring[_head].Identity);
        _head = (_head + 1) & (_ring.Length - 1);
        Count--;
    }

    private void Grow()
    {
        var larger = new KeyRow[_ring.Length * 2];
        for (var i = 0; i < Count; i++)
        {
            larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
            _places[larger[i].Identity] = i;
        }

        (_ring, _head) = (larger, 0);
    }

    public void Write(in PackedWriter writer)
    {
        writer.Int64(Since);
        writer.Varint((ulong)Count);
        for (var i = 0; i < Count; i++)
        {
            ref readonly var row = ref _ring[(_head + i) & (_ring.Length - 1)];
            writer.UInt128(row.Identity);
            writer.Int64((long)row.Print);
            writer.Int64(row.At);
            writer.Int64(row.Number);
            writer.Int64(row.Time);
        }
    }

    public void Read(ref PackedReader reader)
    {
        var since = reader.Int64();
        var count = reader.Count(48);
        for (var i = 0; i < count; i++)
        {
            if (Count == _ring.Length) Grow();
            _ring[Count] = new KeyRow { Identity = reader.UInt128(), Print = (ulong)reader.Int64(), At = reader.Int64(), Number = reader.Int64(), Time = reader.Int64() };
            if (!_places.TryAdd(_ring[Count].Identity, Count)) throw new InvalidDataException($"Key {i} of the snapshot comes twice.");
            Count++;
        }

        Since = since;
    }
}
