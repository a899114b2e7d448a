namespace Twin.Accounts;

/// <summary>What one account has of one asset, in the asset's units.</summary>
internal struct BalanceRow
{
    public Int128 Balance;
    public Int128 Held;
    public int Account;
    public int Asset;
    public int Next; // of the same account; -1 ends
}

/// <summary>Balances in the order they were first touched, found by account and asset. Not thread-safe. Hot.</summary>
internal sealed class BalanceTable
{
    private readonly Dictionary<long, int> _places = [];
    private readonly Rows<BalanceRow> _rows = new();

    public int Count => _rows.Count;

    public ref BalanceRow this[int place] => ref _rows[place];

    public ReadOnlySpan<BalanceRow> Span => _rows.Span;

    /// <summary>The row's place; -1 when there is none.</summary>
    public int Find(int account, int asset) => _places.TryGetValue(KeyOf(account, asset), out var place) ? place : -1;

    public int FindOrAdd(int account, int asset, ref int firstOfAccount)
    {
        if (_places.TryGetValue(KeyOf(account, asset), out var place)) return place;
        place = Add(new BalanceRow { Account = account, Asset = asset, Next = firstOfAccount });
        firstOfAccount = place;
        return place;
    }

    public int Add(in BalanceRow row)
    {
        _places.Add(KeyOf(row.Account, row.Asset), _rows.Count);
        return _rows.Add(row);
    }

    /// <summary>Takes back the row added last, while nothing was added to its account since.</summary>
    public void RemoveLast(ref int firstOfAccount)
    {
        ref readonly var last = ref _rows[_rows.Count - 1];
        firstOfAccount = last.Next;
        _places.Remove(KeyOf(last.Account, last.Asset));
        _rows.RemoveLast();
    }

    private static long KeyOf(int account, int asset) => ((long)account << 32) | (uint)asset;
}
