using Twin.Model.Ledger;

namespace Twin.Accounts;

/// <summary>What a statement line tells.</summary>
internal enum PostingKind : byte
{
    Transfer = 1, Issue, Hold, Capture, Release, Expiry,
}

/// <summary>One line of an account's statement.</summary>
internal struct Posting
{
    public Int128 Change;
    public Int128 Balance;
    public Int128 Held;
    public long Number;
    public long Time;
    public long Before; // place of the account's line before this one; 0 when there is none
    public int Account;
    public int Other;
    public int Asset;
    public int Item; // -1 for none
    public PostingKind Kind;
}

/// <summary>The newest statement lines of all accounts, each leading to its account's line before. Places count from 1 and never come again. Not thread-safe. Hot.</summary>
internal sealed class PostingLog(int most)
{
    private Posting[] _ring = new Posting[64];

    /// <summary>Place of the newest line.</summary>
    public long Last { get; private set; }

    /// <summary>Place of the oldest line that is kept.</summary>
    public long First { get; private set; } = 1;

    public bool Has(long place) => place >= First && place <= Last;

    public ref readonly Posting this[long place] => ref _ring[place & (_ring.Length - 1)];

    public long Add(in Posting posting)
    {
        if (Last - First + 1 == _ring.Length) Grow();
        _ring[++Last & (_ring.Length - 1)] = posting;
        if (Last - First + 1 > most) First++;
        return Last;
    }

    private void Grow()
    {
        var larger = new Posting[_ring.Length * 2];
        for (var place = First; place <= Last; place++) larger[place & (larger.Length - 1)] = _ring[place & (_ring.Length - 1)];
        _ring = larger;
    }

    public void Write(in PackedWriter writer)
    {
        writer.Int64(First);
        writer.Varint((ulong)(Last - First + 1));
        for (var place = First; place <= Last; place++)
        {
            ref readonly var p = ref this[place];
            writer.Byte((byte)p.Kind);
            writer.Varint((ulong)p.Number);
            writer.Varint((ulong)p.Time);
            writer.Varint((ulong)p.Before);
            writer.Varint((uint)p.Account);
            writer.Varint((uint)p.Other);
            writer.Varint((uint)p.Asset);
            writer.Signed(p.Item);
            writer.Wide(p.Change);
            writer.Wide(p.Balance);
            writer.Wide(p.Held);
        }
    }

    public void Read(ref PackedReader reader)
    {
        var first = reader.Int64();
        var count = reader.Count(11);
        if (first < 1) throw new InvalidDataException($"The statement lines of the snapshot begin at {first}.");
        (First, Last) = (first, first - 1);
        for (var i = 0; i < count; i++)
            Add(new Posting
            {
                Kind = (PostingKind)reader.Byte(), Number = (long)reader.Varint(), Time = (long)reader.Varint(), Before = (long)reader.Varint(), Account = (int)reader.Varint(), Other = (int)reader.Varint(),
                Asset = (int)reader.Varint(), Item = (int)reader.Signed(), Change = reader.Wide(), Balance = reader.Wide(), Held = reader.Wide(),
            });
    }
}
