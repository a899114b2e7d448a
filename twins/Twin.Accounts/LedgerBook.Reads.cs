using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Accounts;

/// <content>Documents, as JSON. An account of which the asker may not read is refused by name and left out of lists.</content>
public sealed partial class LedgerBook
{
    private const int MostTop = 1_000;
    private const int MostExamined = 20_000;

    /// <summary>Answers a question; the document's version is the newest entry's number.</summary>
    public Document Read(in LedgerRead read, LedgerRights? rights = null)
    {
        if (read.Top is < 1 or > MostTop) return Refused(Invalid("TopInvalid", $"top is {read.Top}; it must be 1 to {MostTop}.", "top"));
        var after = -1L;
        if (read.After is not null && (!long.TryParse(read.After, NumberStyles.None, CultureInfo.InvariantCulture, out after) || after < 0))
            return Refused(Invalid("ContinuationInvalid", "continuationToken is not one that this server gave.", "continuationToken"));
        var attempt = new Attempt(LastTime, rights, false);
        var bytes = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(bytes);
        json.WriteStartObject();
        var refused = read.View switch
        {
            LedgerView.Book => WriteBook(json),
            LedgerView.Assets => WriteAssets(json),
            LedgerView.Account => WriteAccount(json, read.Id, attempt),
            LedgerView.Accounts => WriteAccounts(json, after, read.Top, attempt),
            LedgerView.Items => WriteItems(json, read.Id, after, read.Top, attempt),
            LedgerView.Statement => WriteStatement(json, read.Id, after, read.Top, attempt),
            LedgerView.Hold => WriteHold(json, read.Id, attempt),
            LedgerView.Ticket => WriteTicket(json, read.Id, read.Item ?? "", attempt),
            LedgerView.Audit => WriteAudit(json),
            _ => Invalid("ViewUnknown", $"View {read.View} is not known here.", "view"),
        };
        if (refused is { } why) return Refused(why);
        json.WriteEndObject();
        json.Flush();
        return new Document(TwinStatus.Ok, LastNumber, bytes.WrittenMemory);
    }

    /// <summary>What an account has of an asset, and how much of it is held; null when one of the two is not known or the asker may not read it.</summary>
    public (LedgerAmount Balance, LedgerAmount Held)? BalanceOf(string account, string asset, LedgerRights? rights = null)
    {
        if (!_accountIds.TryGetValue(account, out var a) || !_assetIds.TryGetValue(asset, out var s)) return null;
        if (Deny(new Attempt(LastTime, rights, false), Permissions.Read, LedgerRights.Accounts, account, _accounts[a].Owner) is not null) return null;
        var row = _balances.Find(a, s) is var place and >= 0 ? _balances[place] : default;
        return (new LedgerAmount(row.Balance, _assets[s].Scale), new LedgerAmount(row.Held, _assets[s].Scale));
    }

    private static Document Refused(in LedgerResult why) => new(why.Status, 0, default, why.Problem);

    private LedgerResult? WriteBook(Utf8JsonWriter json)
    {
        json.WriteNumber("number", LastNumber);
        json.WriteString("time", LastTime.ToString());
        json.WriteNumber("accounts", _accounts.Count);
        json.WriteNumber("assets", _assets.Count);
        json.WriteNumber("items", _items.Count);
        json.WriteNumber("holds", _holds.Count);
        json.WriteNumber("keys", _keys.Count);
        if (_keys.Since > 0) json.WriteString("keysSince", new WallTime(_keys.Since).ToString());
        else json.WriteNull("keysSince");
        json.WriteNumber("keyWindowS", _options.KeyWindow.TotalSeconds);
        json.WriteNumber("statementLines", _postings.Last - _postings.First + 1);
        return null;
    }

    private LedgerResult? WriteAssets(Utf8JsonWriter json)
    {
        json.WriteStartArray("value");
        for (var i = 0; i < _assets.Count; i++)
        {
            ref readonly var asset = ref _assets[i];
            var issued = _balances.Find(asset.Issuer, i) is var place and >= 0 ? -_balances[place].Balance : 0;
            json.WriteStartObject();
            json.WriteString("id", asset.Id);
            json.WriteString("kind", asset.Kind.ToText());
            json.WriteNumber("scale", asset.Scale);
            json.WriteString("issuer", _accounts[asset.Issuer].Id);
            json.WriteString("issued", new LedgerAmount(issued, asset.Scale).ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        return null;
    }

    private LedgerResult? FindToRead(string id, in Attempt attempt, out int account) =>
        !_accountIds.TryGetValue(id, out account) ? NoAccount(id, "id") : Deny(attempt, Permissions.Read, LedgerRights.Accounts, id, _accounts[account].Owner);

    private LedgerResult? WriteAccount(Utf8JsonWriter json, string id, in Attempt attempt)
    {
        if (FindToRead(id, attempt, out var account) is { } refused) return refused;
        WriteAccount(json, account);
        return null;
    }

    private void WriteAccount(Utf8JsonWriter json, int account)
    {
        ref readonly var row = ref _accounts[account];
        json.WriteString("id", row.Id);
        json.WriteString("kind", row.Kind.ToText());
        json.WriteString("owner", row.Owner);
        json.WriteStartArray("balances");
        for (var place = row.FirstBalance; place >= 0; place = _balances[place].Next)
        {
            ref readonly var balance = ref _balances[place];
            ref readonly var asset = ref _assets[balance.Asset];
            json.WriteStartObject();
            json.WriteString("asset", asset.Id);
            json.WriteString("balance", new LedgerAmount(balance.Balance, asset.Scale).ToString());
            json.WriteString("held", new LedgerAmount(balance.Held, asset.Scale).ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private LedgerResult? WriteAccounts(Utf8JsonWriter json, long after, int top, in Attempt attempt)
    {
        json.WriteStartArray("value");
        var (at, rows, examined) = (after + 1, 0, 0);
        for (; at < _accounts.Count && rows < top && examined < MostExamined; at++, examined++)
        {
            ref readonly var row = ref _accounts[(int)at];
            if (Deny(attempt, Permissions.Read, LedgerRights.Accounts, row.Id, row.Owner) is not null) continue;
            json.WriteStartObject();
            WriteAccount(json, (int)at);
            json.WriteEndObject();
            rows++;
        }

        json.WriteEndArray();
        WriteContinuation(json, at < _accounts.Count ? at - 1 : null);
        return null;
    }

    private LedgerResult? WriteItems(Utf8JsonWriter json, string id, long after, int top, in Attempt attempt)
    {
        if (FindToRead(id, attempt, out var account) is { } refused) return refused;
        if (after >= _items.Count || (after >= 0 && _items[(int)after].Owner != account)) return Invalid("ContinuationInvalid", "The item where the page before ended is no longer this account's; begin again.", "continuationToken");
        json.WriteStartArray("value");
        var at = after < 0 ? _accounts[account].FirstItem : _items[(int)after].After;
        for (var rows = 0; at >= 0 && rows < top; at = _items[at].After, rows++)
        {
            after = at;
            json.WriteStartObject();
            WriteItem(json, _items[at]);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteContinuation(json, at >= 0 ? after : null);
        return null;
    }

    private void WriteItem(Utf8JsonWriter json, in ItemRow item)
    {
        json.WriteString("asset", _assets[item.Asset].Id);
        json.WriteString("item", item.Id);
        json.WriteString("holder", _accounts[item.Owner].Id);
        if (item.Hold > 0) json.WriteNumber("hold", item.Hold);
        if (item.Used == 0) return;
        json.WriteString("usedAt", new WallTime(item.Used).ToString());
        json.WriteString("gate", item.Gate);
    }

    private LedgerResult? WriteStatement(Utf8JsonWriter json, string id, long after, int top, in Attempt attempt)
    {
        if (FindToRead(id, attempt, out var account) is { } refused) return refused;
        var at = _accounts[account].LastPosting;
        if (after >= 0) at = _postings.Has(after) && _postings[after].Account == account ? _postings[after].Before : 0;
        json.WriteString("account", id);
        json.WriteStartArray("value");
        var last = after;
        for (var rows = 0; rows < top && _postings.Has(at); at = _postings[at].Before, rows++)
        {
            last = at;
            WriteLine(json, _postings[at]);
        }

        json.WriteEndArray();
        WriteContinuation(json, _postings.Has(at) ? last : null);
        json.WriteBoolean("isWhole", at == 0 && (after < 0 || _postings.Has(after))); // false on the last page: older lines are no longer kept
        return null;
    }

    private void WriteLine(Utf8JsonWriter json, in Posting line)
    {
        ref readonly var asset = ref _assets[line.Asset];
        json.WriteStartObject();
        json.WriteNumber("number", line.Number);
        json.WriteString("time", new WallTime(line.Time).ToString());
        json.WriteString("kind", line.Kind switch { PostingKind.Transfer => "transfer", PostingKind.Issue => "issue", PostingKind.Hold => "hold", PostingKind.Capture => "capture", PostingKind.Release => "release", _ => "expiry" });
        json.WriteString("asset", asset.Id);
        if (line.Item >= 0) json.WriteString("item", _items[line.Item].Id);
        json.WriteString("other", _accounts[line.Other].Id);
        json.WriteString("change", new LedgerAmount(line.Change, asset.Scale).ToString());
        json.WriteString("balance", new LedgerAmount(line.Balance, asset.Scale).ToString());
        json.WriteString("held", new LedgerAmount(line.Held, asset.Scale).ToString());
        json.WriteEndObject();
    }

    private LedgerResult? WriteHold(Utf8JsonWriter json, string id, in Attempt attempt)
    {
        if (!long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || !_holds.TryGetValue(number, out var hold)) return LedgerResult.Refused(TwinStatus.NotFound, "HoldNotFound", $"There is no hold '{(id.Length > 64 ? id[..64] : id)}' now.", "id");
        var (from, to) = (_accounts[hold.From], _accounts[hold.To]);
        if (Deny(attempt, Permissions.Read, LedgerRights.Accounts, from.Id, from.Owner) is { } refused && Deny(attempt, Permissions.Read, LedgerRights.Accounts, to.Id, to.Owner) is not null) return refused;
        json.WriteNumber("hold", number);
        json.WriteString("from", from.Id);
        json.WriteString("to", to.Id);
        json.WriteString("asset", _assets[hold.Asset].Id);
        if (hold.Item >= 0) json.WriteString("item", _items[hold.Item].Id);
        json.WriteString("amount", new LedgerAmount(hold.Units, _assets[hold.Asset].Scale).ToString());
        json.WriteString("expires", new WallTime(hold.Expires).ToString());
        return null;
    }

    private LedgerResult? WriteTicket(Utf8JsonWriter json, string asset, string id, in Attempt attempt)
    {
        if (!_assetIds.TryGetValue(asset, out var place)) return NoAsset(asset, "asset");
        var mayAll = Deny(attempt, Permissions.Read, LedgerRights.Tickets, asset, null);
        if (!_itemIds.TryGetValue((place, id), out var item)) return mayAll ?? NoItem(asset, id);
        var holder = _accounts[_items[item].Owner];
        if (mayAll is { } refused && Deny(attempt, Permissions.Read, LedgerRights.Accounts, holder.Id, holder.Owner) is not null) return refused;
        WriteItem(json, _items[item]);
        return null;
    }

    private LedgerResult? WriteAudit(Utf8JsonWriter json)
    {
        var faults = Audit();
        json.WriteBoolean("whole", faults.Count == 0);
        json.WriteNumber("number", LastNumber);
        json.WriteStartArray("faults");
        foreach (var fault in faults) json.WriteStringValue(fault);
        json.WriteEndArray();
        json.WriteString("stateHash", StateHash());
        return null;
    }

    private static void WriteContinuation(Utf8JsonWriter json, long? at)
    {
        if (at is { } next) json.WriteString("continuationToken", next.ToString(CultureInfo.InvariantCulture));
        else json.WriteNull("continuationToken");
    }
}
