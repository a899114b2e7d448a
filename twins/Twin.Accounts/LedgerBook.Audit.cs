using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts;

/// <content>Adding everything up anew.</content>
public sealed partial class LedgerBook
{
    private const int MostFaults = 100;

    /// <summary>Walks over all balances, holds and items and adds them up without the running sums: what does not agree, at most 100 sentences; empty when all does. O(everything).</summary>
    public IReadOnlyList<string> Audit()
    {
        var faults = new List<string>();
        void Check(bool holds, Func<string> say)
        {
            if (!holds && faults.Count < MostFaults) faults.Add(say());
        }

        var sums = new Int128[_assets.Count];
        var held = new Dictionary<(int Account, int Asset), Int128>();
        var owned = new Dictionary<(int Account, int Asset), Int128>();
        foreach (var (id, hold) in _holds)
        {
            held[(hold.From, hold.Asset)] = held.GetValueOrDefault((hold.From, hold.Asset)) + hold.Units;
            Check(hold.Units > 0, () => $"Hold {id} holds {hold.Units}.");
            Check(hold.Item < 0 || _items[hold.Item].Hold == id, () => $"Hold {id} and its item do not agree.");
        }

        var perAsset = new long[_assets.Count];
        for (var i = 0; i < _items.Count; i++)
        {
            var item = _items[i];
            perAsset[item.Asset]++;
            owned[(item.Owner, item.Asset)] = owned.GetValueOrDefault((item.Owner, item.Asset)) + 1;
            Check(item.Hold == 0 || _holds.ContainsKey(item.Hold), () => $"Item '{item.Id}' is set aside by hold {item.Hold}, which is not there.");
        }

        foreach (var row in _balances.Span)
        {
            var asset = _assets[row.Asset];
            var account = _accounts[row.Account].Id;
            var isIssuer = asset.Issuer == row.Account;
            sums[row.Asset] += row.Balance;
            Check(isIssuer || row.Balance >= 0, () => $"Account '{account}' has {row.Balance} of {asset.Id}.");
            Check(row.Held == held.GetValueOrDefault((row.Account, row.Asset)), () => $"Account '{account}' has {row.Held} of {asset.Id} held; its holds come to {held.GetValueOrDefault((row.Account, row.Asset))}.");
            Check(isIssuer || row.Held <= row.Balance, () => $"Account '{account}' has more held of {asset.Id} than there is.");
            if (asset.Kind == LedgerAssetKind.Unique)
                Check(row.Balance == owned.GetValueOrDefault((row.Account, row.Asset)) - (isIssuer ? perAsset[row.Asset] : 0), () => $"Account '{account}' has a balance of {row.Balance} of {asset.Id} and other items.");
        }

        for (var i = 0; i < sums.Length; i++)
        {
            var (sum, asset) = (sums[i], _assets[i]);
            Check(sum == 0 && asset.Sum == 0, () => $"The balances of {asset.Id} come to {sum}.");
        }

        var linked = 0L;
        for (var account = 0; account < _accounts.Count; account++)
            for (var item = _accounts[account].FirstItem; item >= 0 && linked <= _items.Count; item = _items[item].After, linked++)
                if (_items[item].Owner != account) linked = long.MaxValue - 1;
        Check(linked == _items.Count, () => "The lists of the accounts' items do not have each item once.");
        return faults;
    }
}
