using System.Numerics;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts.Tests;

/// <summary>The obvious evaluator: dictionaries, copied before each try and put back when it fails. Shares no code with the book but the commands.</summary>
internal sealed class PlainLedger
{
    public sealed record Hold(string From, string To, string Asset, string? Item, BigInteger Units, long Expires);

    public sealed record Item(string Owner, long Hold, bool IsUsed);

    private Dictionary<(string Account, string Asset), BigInteger> _balances = [];
    private Dictionary<long, Hold> _holds = [];
    private Dictionary<(string, string), Item> _items = [];
    private readonly Dictionary<string, (string Body, long Number)> _keys = [];
    private readonly Dictionary<string, LedgerAccountKind> _accounts = [];
    private readonly Dictionary<string, DefineAsset> _assets = [];

    public long Number { get; private set; }

    public IReadOnlyDictionary<(string Account, string Asset), BigInteger> Balances => _balances;

    public IReadOnlyDictionary<(string Asset, string Item), Item> Items => _items;

    public BigInteger HeldOf(string account, string asset) => _holds.Values.Where(h => h.From == account && h.Asset == asset).Aggregate(BigInteger.Zero, (sum, h) => sum + h.Units);

    /// <summary>The entry's number when it is done, that of the first when it is a repeat, else 0.</summary>
    public long Run(LedgerCommand command, long now)
    {
        foreach (var (id, hold) in _holds.Where(h => h.Value.Expires <= now).OrderBy(h => h.Value.Expires).ThenBy(h => h.Key).ToArray())
        {
            End(id, hold);
            Number++;
        }

        if (command is KeyedCommand keyed && _keys.TryGetValue(keyed.Key.Text, out var known)) return known.Body == Body(keyed) ? known.Number : 0;
        var (balances, holds, items) = (new Dictionary<(string, string), BigInteger>(_balances), new Dictionary<long, Hold>(_holds), new Dictionary<(string, string), Item>(_items));
        if (Try(command, now))
        {
            Number++;
            if (command is KeyedCommand done) _keys.Add(done.Key.Text, (Body(done), Number));
            return Number;
        }

        (_balances, _holds, _items) = (balances, holds, items);
        return 0;
    }

    private string Body(KeyedCommand command) => command switch
    {
        PostTransfer c => "transfer " + string.Join(';', c.Legs.Select(l => $"{l.From}>{l.To} {l.Asset} {Units(l)} {l.Item}")),
        PlaceHold c => $"hold {c.Leg.From}>{c.Leg.To} {c.Leg.Asset} {Units(c.Leg)} {c.Leg.Item} {c.Expires.UtcTicks}",
        IssueItems c => $"issue {c.Asset} {c.To} {string.Join(',', c.Items)}",
        CaptureHold c => $"capture {c.Hold} {c.Amount}",
        ReleaseHold c => $"release {c.Hold}",
        AdmitTicket c => $"admit {c.Asset} {c.Item} {c.Gate} {c.Holder}",
        _ => throw new InvalidOperationException(),
    };

    private BigInteger? Units(LedgerLeg leg)
    {
        if (!_assets.TryGetValue(leg.Asset, out var asset)) return null;
        var units = (BigInteger)leg.Amount.Units;
        if (leg.Amount.Scale <= asset.Scale) return units * BigInteger.Pow(10, asset.Scale - leg.Amount.Scale);
        return units % BigInteger.Pow(10, leg.Amount.Scale - asset.Scale) == 0 ? units / BigInteger.Pow(10, leg.Amount.Scale - asset.Scale) : null;
    }

    private bool Try(LedgerCommand command, long now) => command switch
    {
        OpenAccount c => _accounts.TryAdd(c.Id, c.Kind),
        DefineAsset c => _accounts.TryGetValue(c.Issuer, out var kind) && kind == LedgerAccountKind.Issuing && _assets.TryAdd(c.Id, c),
        PostTransfer c => c.Legs.Length is > 0 and <= 100 && c.Legs.All(TryMove),
        IssueItems c => TryIssue(c),
        PlaceHold c => TryHold(c, now),
        CaptureHold c => TryCapture(c),
        ReleaseHold c => _holds.TryGetValue(c.Hold, out var hold) && End(c.Hold, hold),
        AdmitTicket c => TryAdmit(c),
        _ => false,
    };

    private BigInteger Free(string account, string asset) => _assets[asset].Issuer == account ? BigInteger.Pow(10, 40) : _balances.GetValueOrDefault((account, asset)) - HeldOf(account, asset);

    private bool IsGood(LedgerLeg leg) =>
        _accounts.ContainsKey(leg.From) && _accounts.ContainsKey(leg.To) && leg.From != leg.To && _assets.TryGetValue(leg.Asset, out var asset) && Units(leg) is { } units && units > 0
        && (asset.Kind == LedgerAssetKind.Fungible ? leg.Item is null
            : leg.Item is not null && units == 1 && _items.TryGetValue((leg.Asset, leg.Item), out var item) && item is { Hold: 0, IsUsed: false } && item.Owner == leg.From)
        && Free(leg.From, leg.Asset) >= units;

    private bool TryMove(LedgerLeg leg)
    {
        if (!IsGood(leg)) return false;
        Move(leg.From, leg.To, leg.Asset, Units(leg)!.Value, leg.Item);
        return true;
    }

    private void Move(string from, string to, string asset, BigInteger units, string? item)
    {
        _balances[(from, asset)] = _balances.GetValueOrDefault((from, asset)) - units;
        _balances[(to, asset)] = _balances.GetValueOrDefault((to, asset)) + units;
        if (item is not null) _items[(asset, item)] = new Item(to, 0, false);
    }

    private bool TryIssue(IssueItems c)
    {
        if (!_assets.TryGetValue(c.Asset, out var asset) || asset.Kind != LedgerAssetKind.Unique || c.Items.Length is 0 or > 100 || !_accounts.ContainsKey(c.To) || c.To == asset.Issuer) return false;
        foreach (var item in c.Items)
        {
            if (!_items.TryAdd((c.Asset, item), new Item(asset.Issuer, 0, false))) return false;
            Move(asset.Issuer, c.To, c.Asset, 1, item);
        }

        return true;
    }

    private bool TryHold(PlaceHold c, long now)
    {
        if (!IsGood(c.Leg) || _assets[c.Leg.Asset].Issuer == c.Leg.From || c.Expires.UtcTicks <= now || c.Expires.UtcTicks > now + TimeSpan.FromDays(400).Ticks) return false;
        _holds.Add(Number + 1, new Hold(c.Leg.From, c.Leg.To, c.Leg.Asset, c.Leg.Item, Units(c.Leg)!.Value, c.Expires.UtcTicks));
        if (c.Leg.Item is { } item) _items[(c.Leg.Asset, item)] = _items[(c.Leg.Asset, item)] with { Hold = Number + 1 };
        return true;
    }

    private bool TryCapture(CaptureHold c)
    {
        if (!_holds.TryGetValue(c.Hold, out var hold)) return false;
        var units = c.Amount is { } amount ? Units(new LedgerLeg("", "", hold.Asset, amount)) : hold.Units;
        if (units is null || units <= 0 || units > hold.Units) return false;
        End(c.Hold, hold);
        Move(hold.From, hold.To, hold.Asset, units.Value, hold.Item);
        return true;
    }

    private bool End(long id, Hold hold)
    {
        _holds.Remove(id);
        if (hold.Item is { } item) _items[(hold.Asset, item)] = _items[(hold.Asset, item)] with { Hold = 0 };
        return true;
    }

    private bool TryAdmit(AdmitTicket c)
    {
        if (!_items.TryGetValue((c.Asset, c.Item), out var item) || item.IsUsed || item.Hold != 0 || item.Owner != c.Holder || !_accounts.ContainsKey(c.Holder)) return false;
        _items[(c.Asset, c.Item)] = item with { IsUsed = true };
        return true;
    }
}
