using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts;

/// <content>Movements between accounts. Hot.</content>
public sealed partial class LedgerBook
{
    private readonly Rows<Movement> _moves = new();
    private readonly Rows<int> _touched = new();
    private int _balancesBefore;

    /// <summary>A leg with its names looked up, and what is needed to take it back.</summary>
    private struct Movement
    {
        public int From;
        public int To;
        public int Asset;
        public int Item; // -1 for none
        public Int128 Units;
        public int ItemBefore;
        public int ItemAfter;
    }

    private LedgerResult Post(PostTransfer command, in Attempt attempt)
    {
        if (command.Legs.Length is 0 or > LedgerBounds.MostLegs) return Invalid("LegsInvalid", $"A transfer has {command.Legs.Length} legs; it must have 1 to {LedgerBounds.MostLegs}.", "legs");
        _moves.Clear();
        var print = Print.Start(1, command.Key);
        var isIssue = false;
        for (var i = 0; i < command.Legs.Length; i++)
        {
            if (Resolve(command.Legs[i], attempt, out var move) is { } refused) return At(refused, i, command.Legs.Length);
            _moves.Add(move);
            isIssue |= _assets[move.Asset].Issuer == move.From;
            print = print.With(move.From).With(move.To).With(move.Asset).With(move.Units).With(move.Item);
        }

        if (Known(command.Key, print.Value, attempt) is { } known) return known;
        Begin();
        for (var i = 0; i < _moves.Count; i++)
        {
            if (Move(ref _moves[i], PostingKind.Transfer, attempt) is not { } refused) continue;
            TakeBack(i);
            return At(refused, i, command.Legs.Length);
        }

        return Enter(attempt, command.Key, print.Value) with { IsIssue = isIssue };
    }

    private static LedgerResult At(in LedgerResult refused, int leg, int legs) =>
        legs == 1 || refused.Status == TwinStatus.Forbidden ? refused : refused with { Problem = refused.Problem! with { Where = $"legs/{leg}{(refused.Problem.Where is { } where ? "/" + where : "")}" } };

    /// <summary>Looks a leg's names up and asks for the right to pay; null when both are there.</summary>
    private LedgerResult? Resolve(in LedgerLeg leg, in Attempt attempt, out Movement move)
    {
        move = default;
        if (!_accountIds.TryGetValue(leg.From, out move.From)) return NoAccount(leg.From, "from");
        if (DenyDebit(attempt, move.From) is { } denied) return denied;
        if (!_accountIds.TryGetValue(leg.To, out move.To)) return NoAccount(leg.To, "to");
        if (move.From == move.To) return Invalid("AccountsSame", $"'{leg.From}' cannot pay itself.", "to");
        if (!_assetIds.TryGetValue(leg.Asset, out move.Asset)) return NoAsset(leg.Asset, "asset");
        ref readonly var asset = ref _assets[move.Asset];
        move.Item = -1;
        if (!leg.Amount.TryUnits(asset.Scale, out move.Units)) return Invalid("AmountInvalid", $"{leg.Amount} is no amount of {asset.Id}: at most {asset.Scale} decimals and 10^36 units.", "amount");
        if (move.Units <= 0) return Invalid("AmountInvalid", $"The amount is {leg.Amount}; it must be above zero.", "amount");
        if (asset.Kind == LedgerAssetKind.Fungible) return leg.Item is null ? null : Invalid("ItemInvalid", $"{asset.Id} is fungible; it has no items.", "item");
        if (leg.Item is null) return Invalid("ItemInvalid", $"{asset.Id} is unique; a leg names the item.", "item");
        if (move.Units != 1) return Invalid("AmountInvalid", $"The amount is {leg.Amount}; of an item it is 1.", "amount");
        return _itemIds.TryGetValue((move.Asset, leg.Item), out move.Item) ? null : NoItem(asset.Id, leg.Item);
    }

    private void Begin()
    {
        _touched.Clear();
        _pending.Clear();
        _balancesBefore = _balances.Count;
    }

    /// <summary>Moves units and the item; null when done, else nothing was changed by this leg.</summary>
    private LedgerResult? Move(ref Movement move, PostingKind kind, in Attempt attempt)
    {
        if (move.Item >= 0 && ItemRefusal(move) is { } refused) return refused;
        ref readonly var asset = ref _assets[move.Asset];
        var isIssuer = asset.Issuer == move.From;
        var from = isIssuer ? _balances.FindOrAdd(move.From, move.Asset, ref _accounts[move.From].FirstBalance) : _balances.Find(move.From, move.Asset);
        if (isIssuer)
        {
            if (_balances[from].Balance - move.Units < -LedgerAmount.MostUnits) return TooMuch(asset, "issued in all");
        }
        else if (from < 0 || _balances[from].Balance - _balances[from].Held < move.Units)
        {
            return Insufficient(move, from < 0 ? default : _balances[from]);
        }

        var to = _balances.FindOrAdd(move.To, move.Asset, ref _accounts[move.To].FirstBalance);
        if (_balances[to].Balance + move.Units > LedgerAmount.MostUnits) return TooMuch(asset, "on one account");
        Change(from, -move.Units);
        Change(to, move.Units);
        if (move.Item >= 0) Give(ref move);
        Line(from, move.To, move.Item, -move.Units, kind, attempt);
        Line(to, move.From, move.Item, move.Units, kind, attempt);
        return null;
    }

    private void Change(int place, Int128 units)
    {
        ref var row = ref _balances[place];
        row.Balance += units;
        _assets[row.Asset].Sum += units;
        _touched.Add(place);
    }

    private void Line(int place, int other, int item, Int128 change, PostingKind kind, in Attempt attempt)
    {
        ref readonly var row = ref _balances[place];
        _pending.Add(new Posting
        {
            Number = LastNumber + 1, Time = attempt.Time.UtcTicks, Kind = kind, Account = row.Account, Other = other, Asset = row.Asset, Item = item, Change = change, Balance = row.Balance, Held = row.Held,
        });
    }

    /// <summary>Undoes the first moves, last first, so that nothing tells that they were tried.</summary>
    private void TakeBack(int moves)
    {
        for (var i = moves - 1; i >= 0; i--)
        {
            ref var move = ref _moves[i];
            Change(_balances.Find(move.From, move.Asset), move.Units);
            Change(_balances.Find(move.To, move.Asset), -move.Units);
            if (move.Item >= 0) TakeBackItem(move);
        }

        CheckTouched();
        while (_balances.Count > _balancesBefore) _balances.RemoveLast(ref _accounts[_balances[_balances.Count - 1].Account].FirstBalance);
        _pending.Clear();
    }

    /// <summary>After every transition: of what it touched nothing is negative, no more is held than there is, and each asset's sum is zero.</summary>
    private void CheckTouched()
    {
        foreach (var place in _touched.Span)
        {
            ref readonly var row = ref _balances[place];
            ref readonly var asset = ref _assets[row.Asset];
            if (row.Held < 0 || (asset.Issuer != row.Account && row.Held > row.Balance) || asset.Sum != 0)
                throw new LedgerBrokenException($"After entry {LastNumber + 1} account '{_accounts[row.Account].Id}' has {row.Balance} units of {asset.Id}, {row.Held} held, and the asset's sum is {asset.Sum}.");
        }
    }

    private LedgerResult Insufficient(in Movement move, in BalanceRow row)
    {
        var asset = _assets[move.Asset];
        LedgerAmount Of(Int128 units) => new(units, asset.Scale);
        return Conflict("FundsInsufficient", $"Account '{_accounts[move.From].Id}' has {Of(row.Balance - row.Held)} {asset.Id} free ({Of(row.Balance)}, {Of(row.Held)} of it held); {Of(move.Units)} are needed.", "amount");
    }

    private static LedgerResult TooMuch(in AssetRow asset, string where) => LedgerResult.Refused(TwinStatus.TooMuch, "AmountTooLarge", $"More than 10^36 units of {asset.Id} {where} are not taken.", "amount");

    /// <summary>What a body comes to, 64 bits: tells the same body from another under one key. Not for secrets.</summary>
    private readonly record struct Print(ulong Value)
    {
        public static Print Start(int kind, in LedgerKey key) => new Print(0x9E3779B97F4A7C15).With(kind).With(key.At.UtcTicks);

        public Print With(long value)
        {
            var mixed = (Value ^ (ulong)value) * 0xBF58476D1CE4E5B9;
            return new Print((mixed ^ (mixed >> 29)) * 0x94D049BB133111EB);
        }

        public Print With(Int128 value) => With((long)(ulong)(UInt128)value).With((long)(ulong)((UInt128)value >> 64));

        public Print With(string text) => With((long)SeededRandom.EntityOf(text)).With(text.Length);
    }
}
