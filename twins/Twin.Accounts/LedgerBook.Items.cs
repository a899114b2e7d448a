using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Accounts;

/// <content>Unique assets: tickets and belongings.</content>
public sealed partial class LedgerBook
{
    private readonly Dictionary<(int Asset, string Id), int> _itemIds = [];
    private readonly Rows<ItemRow> _items = new();

    private struct ItemRow
    {
        public string Id;
        public int Asset;
        public int Owner;
        public int Before; // among its owner's items; -1 ends
        public int After;
        public long Hold; // 0 for none
        public long Used; // ticks; 0 for never
        public string? Gate;
    }

    private LedgerResult Issue(IssueItems command, in Attempt attempt)
    {
        if (command.Items.Length is 0 or > LedgerBounds.MostLegs) return Invalid("ItemsInvalid", $"{command.Items.Length} items are to be issued; 1 to {LedgerBounds.MostLegs} are at once.", "items");
        if (!_assetIds.TryGetValue(command.Asset, out var asset)) return NoAsset(command.Asset, "asset");
        if (_assets[asset].Kind != LedgerAssetKind.Unique) return Invalid("ItemInvalid", $"{command.Asset} is fungible; it has no items.", "asset");
        var issuer = _assets[asset].Issuer;
        if (DenyDebit(attempt, issuer) is { } denied) return denied;
        if (!_accountIds.TryGetValue(command.To, out var to)) return NoAccount(command.To, "to");
        if (to == issuer) return Invalid("AccountsSame", "The issuer cannot issue to itself.", "to");
        var print = Print.Start(5, command.Key).With(asset).With(to);
        foreach (var item in command.Items) print = print.With(item);
        if (Known(command.Key, print.Value, attempt) is { } known) return known;
        for (var i = 0; i < command.Items.Length; i++)
        {
            var item = command.Items[i];
            if (!LedgerBounds.IsId(item)) return BadId("item", item, $"items/{i}");
            if (_itemIds.ContainsKey((asset, item)) || command.Items.AsSpan(0, i).Contains(item)) return Conflict("ItemExists", $"Item '{item}' of {command.Asset} exists.", $"items/{i}");
        }

        if (_items.Count + command.Items.Length > _options.MostItems) return Full("items", _options.MostItems);
        Begin();
        foreach (var item in command.Items)
        {
            var place = _items.Add(new ItemRow { Id = item, Asset = asset, Owner = issuer, Before = -1, After = -1 });
            _itemIds.Add((asset, item), place);
            Link(place, issuer);
            var move = new Movement { From = issuer, To = to, Asset = asset, Item = place, Units = 1 };
            if (Move(ref move, PostingKind.Issue, attempt) is { } refused) throw new LedgerBrokenException($"Item '{item}' could not be issued: {refused.Problem!.Detail}");
        }

        return Enter(attempt, command.Key, print.Value) with { IsIssue = true };
    }

    private LedgerResult Admit(AdmitTicket command, in Attempt attempt)
    {
        if (!LedgerBounds.IsId(command.Gate)) return BadId("entrance", command.Gate, "gate");
        if (!_assetIds.TryGetValue(command.Asset, out var asset)) return NoAsset(command.Asset, "asset");
        if (Deny(attempt, Permissions.Command, LedgerRights.Tickets, command.Asset, null) is { } denied) return denied;
        if (!_itemIds.TryGetValue((asset, command.Item), out var place)) return NoItem(command.Asset, command.Item);
        if (!_accountIds.TryGetValue(command.Holder, out var holder)) return NoAccount(command.Holder, "holder");
        var print = Print.Start(6, command.Key).With(place).With(holder).With(command.Gate).Value;
        if (Known(command.Key, print, attempt) is { } known) return known;
        ref var item = ref _items[place];
        if (item.Used != 0) return UsedBefore(item);
        if (item.Owner != holder) return Conflict("TicketNotHeld", $"Account '{command.Holder}' does not hold ticket '{command.Item}' of {command.Asset}.", "holder");
        if (item.Hold != 0) return Conflict("ItemHeld", $"Ticket '{command.Item}' of {command.Asset} is set aside by hold {item.Hold}.", "item");
        Begin();
        (item.Used, item.Gate) = (attempt.Time.UtcTicks, command.Gate);
        return Enter(attempt, command.Key, print);
    }

    private LedgerResult? ItemRefusal(in Movement move)
    {
        ref readonly var item = ref _items[move.Item];
        if (item.Owner != move.From) return Conflict("ItemNotHeld", $"Account '{_accounts[move.From].Id}' does not hold '{item.Id}' of {_assets[item.Asset].Id}.", "item");
        if (item.Used != 0) return UsedBefore(item);
        return item.Hold == 0 ? null : Conflict("ItemHeld", $"'{item.Id}' of {_assets[item.Asset].Id} is set aside by hold {item.Hold}.", "item");
    }

    private void Give(ref Movement move)
    {
        ref readonly var item = ref _items[move.Item];
        (move.ItemBefore, move.ItemAfter) = (item.Before, item.After);
        Unlink(move.Item);
        Link(move.Item, move.To);
    }

    /// <summary>Back between the neighbours it had: moves are taken back last first, so they are there.</summary>
    private void TakeBackItem(in Movement move)
    {
        Unlink(move.Item);
        ref var item = ref _items[move.Item];
        (item.Owner, item.Before, item.After) = (move.From, move.ItemBefore, move.ItemAfter);
        if (item.Before >= 0) _items[item.Before].After = move.Item;
        else _accounts[move.From].FirstItem = move.Item;
        if (item.After >= 0) _items[item.After].Before = move.Item;
    }

    private void Link(int place, int owner)
    {
        ref var item = ref _items[place];
        ref var account = ref _accounts[owner];
        (item.Owner, item.Before, item.After) = (owner, -1, account.FirstItem);
        if (account.FirstItem >= 0) _items[account.FirstItem].Before = place;
        account.FirstItem = place;
    }

    private void Unlink(int place)
    {
        ref readonly var item = ref _items[place];
        if (item.Before >= 0) _items[item.Before].After = item.After;
        else _accounts[item.Owner].FirstItem = item.After;
        if (item.After >= 0) _items[item.After].Before = item.Before;
    }

    private LedgerResult UsedBefore(in ItemRow item) => Conflict("TicketUsed", $"Ticket '{item.Id}' of {_assets[item.Asset].Id} was already used at {new WallTime(item.Used)} by gate {item.Gate}.", "item");

    private static LedgerResult NoItem(string asset, string item) =>
        LedgerResult.Refused(TwinStatus.NotFound, "ItemNotFound", $"There is no item '{(item.Length > 64 ? item[..64] + "..." : item)}' of {asset}.", "item");
}
