using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Accounts;

/// <content>What is set aside.</content>
public sealed partial class LedgerBook
{
    private readonly Dictionary<long, HoldRow> _holds = [];
    private readonly PriorityQueue<long, (long Expires, long Hold)> _expiries = new(); // of holds that are gone, too: they are passed over when their time comes

    private record struct HoldRow(int From, int To, int Asset, int Item, Int128 Units, long Expires);

    /// <summary>The hold whose time is over first; false when none's is. The caller does and journals it before anything of that time or later.</summary>
    public bool TryNextExpiry(WallTime now, out ExpireHold? expiry)
    {
        while (_expiries.TryPeek(out var hold, out var due) && due.Expires <= now.UtcTicks)
        {
            if (_holds.ContainsKey(hold))
            {
                expiry = new ExpireHold(hold);
                return true;
            }

            _expiries.Dequeue();
        }

        expiry = null;
        return false;
    }

    private LedgerResult Hold(PlaceHold command, in Attempt attempt)
    {
        if (Resolve(command.Leg, attempt, out var move) is { } refused) return refused;
        var print = Print.Start(2, command.Key).With(move.From).With(move.To).With(move.Asset).With(move.Units).With(move.Item).With(command.Expires.UtcTicks).Value;
        if (Known(command.Key, print, attempt) is { } known) return known;
        if (_assets[move.Asset].Issuer == move.From) return Invalid("HoldInvalid", "An issuer's own balance cannot be held: it is what it owes.", "from");
        if (command.Expires <= attempt.Time || command.Expires > attempt.Time + LedgerBounds.LongestHold)
            return Invalid("HoldInvalid", $"The hold would expire at {command.Expires}; it must be after {attempt.Time} and within {LedgerBounds.LongestHold.TotalDays} days.", "expires");
        if (_holds.Count >= _options.MostHolds) return Full("holds", _options.MostHolds);
        if (move.Item >= 0 && ItemRefusal(move) is { } item) return item;
        var place = _balances.Find(move.From, move.Asset);
        if (place < 0 || _balances[place].Balance - _balances[place].Held < move.Units) return Insufficient(move, place < 0 ? default : _balances[place]);
        Begin();
        var id = LastNumber + 1;
        _holds.Add(id, new HoldRow(move.From, move.To, move.Asset, move.Item, move.Units, command.Expires.UtcTicks));
        _expiries.Enqueue(id, (command.Expires.UtcTicks, id));
        if (move.Item >= 0) _items[move.Item].Hold = id;
        Held(place, move.Units);
        Line(place, move.To, move.Item, 0, PostingKind.Hold, attempt);
        return Enter(attempt, command.Key, print);
    }

    private LedgerResult Capture(CaptureHold command, in Attempt attempt)
    {
        var print = Print.Start(3, command.Key).With(command.Hold);
        if (command.Amount is { } asked) print = print.With(asked.Units).With(asked.Scale);
        if (FindHold(command.Hold, command.Key, print.Value, attempt, out var hold) is { } answer) return answer;
        ref readonly var asset = ref _assets[hold.Asset];
        var units = hold.Units;
        if (command.Amount is { } amount && (!amount.TryUnits(asset.Scale, out units) || units <= 0 || units > hold.Units))
            return Invalid("AmountInvalid", $"{amount} is not above zero and at most the {new LedgerAmount(hold.Units, asset.Scale)} {asset.Id} that are held.", "amount");
        Begin();
        var move = new Movement { From = hold.From, To = hold.To, Asset = hold.Asset, Item = hold.Item, Units = units };
        Free(command.Hold, hold);
        if (Move(ref move, PostingKind.Capture, attempt) is { } refused)
        {
            Held(_balances.Find(hold.From, hold.Asset), hold.Units);
            if (hold.Item >= 0) _items[hold.Item].Hold = command.Hold;
            _holds.Add(command.Hold, hold);
            TakeBack(0);
            return refused;
        }

        return Enter(attempt, command.Key, print.Value);
    }

    private LedgerResult Release(ReleaseHold command, in Attempt attempt)
    {
        var print = Print.Start(4, command.Key).With(command.Hold).Value;
        if (FindHold(command.Hold, command.Key, print, attempt, out var hold) is { } answer) return answer;
        GiveUp(command.Hold, hold, PostingKind.Release, attempt);
        return Enter(attempt, command.Key, print);
    }

    private LedgerResult Expire(ExpireHold command, in Attempt attempt)
    {
        if (!_holds.TryGetValue(command.Hold, out var hold) || hold.Expires > attempt.Time.UtcTicks) return NoHold(command.Hold);
        GiveUp(command.Hold, hold, PostingKind.Expiry, attempt);
        CheckTouched();
        return Enter(attempt);
    }

    private void GiveUp(long id, in HoldRow hold, PostingKind kind, in Attempt attempt)
    {
        Begin();
        Free(id, hold);
        Line(_balances.Find(hold.From, hold.Asset), hold.To, hold.Item, 0, kind, attempt);
    }

    /// <summary>The answer when there is nothing to do; null with the hold when there is. Whom it is for may end it: the payer cannot take it back before its time.</summary>
    private LedgerResult? FindHold(long id, in LedgerKey key, ulong print, in Attempt attempt, out HoldRow hold)
    {
        if (!_holds.TryGetValue(id, out hold) || hold.Expires <= attempt.Time.UtcTicks) return Known(key, print, attempt) ?? NoHold(id);
        ref readonly var payee = ref _accounts[hold.To];
        return Deny(attempt, payee.Kind == LedgerAccountKind.Issuing ? Permissions.Administer : Permissions.Write, LedgerRights.Accounts, payee.Id, payee.Owner) ?? Known(key, print, attempt);
    }

    private void Free(long id, in HoldRow hold)
    {
        _holds.Remove(id);
        Held(_balances.Find(hold.From, hold.Asset), -hold.Units);
        if (hold.Item >= 0) _items[hold.Item].Hold = 0;
    }

    private void Held(int place, Int128 units)
    {
        _balances[place].Held += units;
        _touched.Add(place);
    }

    private static LedgerResult NoHold(long id) => LedgerResult.Refused(TwinStatus.NotFound, "HoldNotFound", $"There is no hold {id}: it was captured, released or expired, or never was.", "hold");
}
