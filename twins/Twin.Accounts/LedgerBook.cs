using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Accounts;

/// <summary>The book's own arithmetic does not hold: it must stop, and be rebuilt from its journal.</summary>
public sealed class LedgerBrokenException(string message) : Exception(message);

/// <summary>
/// A book of accounts: double entry, every posting to two accounts, so that the sum of each asset is zero at any time. The state follows from
/// the commands that were done and their times alone: <see cref="Execute"/> checks and does one, <see cref="Replay"/> does it again from
/// a journal. Refused commands leave no trace. Not thread-safe: one owner.
/// </summary>
public sealed partial class LedgerBook
{
    private readonly LedgerBookOptions _options;
    private readonly Dictionary<string, int> _accountIds = new(StringComparer.Ordinal);
    private readonly Rows<AccountRow> _accounts = new();
    private readonly Dictionary<string, int> _assetIds = new(StringComparer.Ordinal);
    private readonly Rows<AssetRow> _assets = new();
    private readonly BalanceTable _balances = new();
    private readonly KeyMemory _keys;
    private readonly PostingLog _postings;
    private readonly Rows<Posting> _pending = new();

    /// <summary>An empty book.</summary>
    public LedgerBook(LedgerBookOptions options)
    {
        _options = options;
        _keys = new KeyMemory(options.MostKeys, options.KeyWindow);
        _postings = new PostingLog(options.PostingsKept);
    }

    private struct AccountRow
    {
        public string Id;
        public string? Owner;
        public LedgerAccountKind Kind;
        public int FirstBalance; // -1 for none
        public int FirstItem; // -1 for none
        public long LastPosting; // 0 for none
    }

    private struct AssetRow
    {
        public string Id;
        public LedgerAssetKind Kind;
        public byte Scale;
        public int Issuer;
        public Int128 Sum; // of all balances, kept posting by posting: zero after every command
    }

    /// <summary>Who asks, when, and whether it was done before.</summary>
    private readonly record struct Attempt(WallTime Time, LedgerRights? Rights, bool IsReplay);

    /// <summary>Number of the newest entry, from 1 without gaps; 0 in an empty book.</summary>
    public long LastNumber { get; private set; }

    /// <summary>The book's time: that of the newest entry. It never goes back.</summary>
    public WallTime LastTime { get; private set; }

    /// <summary>Accounts.</summary>
    public int AccountCount => _accounts.Count;

    /// <summary>Keys remembered now.</summary>
    public int KeyCount => _keys.Count;

    /// <summary>Holds that stand.</summary>
    public int HoldCount => _holds.Count;

    /// <summary>Rows a snapshot would have, for deciding when one is due.</summary>
    public long Weight => _accounts.Count + _balances.Count + _items.Count + _keys.Count + (_postings.Last - _postings.First + 1);

    /// <summary>Checks and does a command. What is done and no repeat must be journaled, with the result's time, before anybody is told.</summary>
    /// <param name="command">What to do.</param>
    /// <param name="now">The clock; a clock that went back counts as the book's time.</param>
    /// <param name="rights">Whose; null may everything.</param>
    /// <exception cref="LedgerBrokenException">An invariant does not hold; the book must not be used any more.</exception>
    public LedgerResult Execute(LedgerCommand command, WallTime now, LedgerRights? rights = null) => Run(command, new Attempt(now > LastTime ? now : LastTime, rights, false));

    /// <summary>Does again what was done.</summary>
    /// <exception cref="InvalidDataException">It cannot be done: the journal does not belong to this state.</exception>
    public void Replay(LedgerCommand command, WallTime time)
    {
        var result = Run(command, new Attempt(time, null, true));
        if (!result.IsDone || result.IsRepeat) throw new InvalidDataException($"Entry {LastNumber + 1} cannot be done again: {result.Problem?.Detail ?? "it was done before."}");
    }

    private LedgerResult Run(LedgerCommand command, in Attempt attempt) => command switch
    {
        PostTransfer c => Post(c, attempt),
        OpenAccount c => Open(c, attempt),
        DefineAsset c => Define(c, attempt),
        IssueItems c => Issue(c, attempt),
        PlaceHold c => Hold(c, attempt),
        CaptureHold c => Capture(c, attempt),
        ReleaseHold c => Release(c, attempt),
        AdmitTicket c => Admit(c, attempt),
        ExpireHold c => Expire(c, attempt),
        _ => LedgerResult.Refused(TwinStatus.Invalid, "CommandUnknown", $"{command.GetType().Name} is not known here."),
    };

    private LedgerResult Open(OpenAccount command, in Attempt attempt)
    {
        if (!LedgerBounds.IsId(command.Id)) return BadId("account", command.Id, "id");
        if (!Enum.IsDefined(command.Kind)) return Invalid("AccountInvalid", "An account's kind is ordinary or issuing.", "kind");
        if (command.Owner is { } owner && (owner.Length is 0 or > LedgerBounds.OwnerLength || (!owner.StartsWith("key:", StringComparison.Ordinal) && !owner.StartsWith("jwt:", StringComparison.Ordinal))))
            return Invalid("AccountInvalid", $"An owner is key:NAME or jwt:SUB, at most {LedgerBounds.OwnerLength} characters.", "owner");
        if (Deny(attempt, Permissions.Administer, LedgerRights.Accounts, command.Id, null) is { } denied) return denied;
        if (_accountIds.TryGetValue(command.Id, out var known))
        {
            ref readonly var row = ref _accounts[known];
            return row.Kind == command.Kind && row.Owner == command.Owner ? new LedgerResult(TwinStatus.Ok, LastNumber, LastTime, IsRepeat: true)
                : Conflict("AccountExists", $"Account '{command.Id}' is {row.Kind.ToText()} and belongs to {row.Owner ?? "nobody"}; that cannot be changed.", "id");
        }

        if (_accounts.Count >= _options.MostAccounts) return Full("accounts", _options.MostAccounts);
        _accountIds.Add(command.Id, _accounts.Add(new AccountRow { Id = command.Id, Owner = command.Owner, Kind = command.Kind, FirstBalance = -1, FirstItem = -1 }));
        return Enter(attempt) with { Status = TwinStatus.Created };
    }

    private LedgerResult Define(DefineAsset command, in Attempt attempt)
    {
        if (!LedgerBounds.IsId(command.Id)) return BadId("asset", command.Id, "id");
        if (!Enum.IsDefined(command.Kind)) return Invalid("AssetInvalid", "An asset's kind is fungible or unique.", "kind");
        if (command.Scale > (command.Kind == LedgerAssetKind.Unique ? 0 : LedgerAmount.MostScale)) return Invalid("AssetInvalid", $"Scale is {command.Scale}; it must be 0 to {LedgerAmount.MostScale}, and 0 for a unique asset.", "scale");
        if (Deny(attempt, Permissions.Administer, LedgerRights.Assets, command.Id, null) is { } denied) return denied;
        if (!_accountIds.TryGetValue(command.Issuer, out var issuer)) return NoAccount(command.Issuer, "issuer");
        if (_accounts[issuer].Kind != LedgerAccountKind.Issuing) return Invalid("AssetInvalid", $"Account '{command.Issuer}' is not of the kind issuing.", "issuer");
        if (_assetIds.TryGetValue(command.Id, out var known))
        {
            ref readonly var row = ref _assets[known];
            return row.Kind == command.Kind && row.Scale == command.Scale && row.Issuer == issuer ? new LedgerResult(TwinStatus.Ok, LastNumber, LastTime, IsRepeat: true)
                : Conflict("AssetExists", $"Asset '{command.Id}' is {row.Kind.ToText()} with {row.Scale} decimals, issued by '{_accounts[row.Issuer].Id}'; that cannot be changed.", "id");
        }

        if (_assets.Count >= _options.MostAssets) return Full("assets", _options.MostAssets);
        _assetIds.Add(command.Id, _assets.Add(new AssetRow { Id = command.Id, Kind = command.Kind, Scale = command.Scale, Issuer = issuer }));
        return Enter(attempt) with { Status = TwinStatus.Created };
    }

    /// <summary>The last step of everything that is done: the entry gets its number and time, its lines go into the statements.</summary>
    private LedgerResult Enter(in Attempt attempt)
    {
        (LastNumber, LastTime) = (LastNumber + 1, attempt.Time);
        foreach (var line in _pending.Span)
        {
            ref var account = ref _accounts[line.Account];
            account.LastPosting = _postings.Add(line with { Before = account.LastPosting });
        }

        _pending.Clear();
        return new LedgerResult(TwinStatus.Ok, LastNumber, LastTime);
    }

    private LedgerResult Enter(in Attempt attempt, in LedgerKey key, ulong print)
    {
        CheckTouched();
        var result = Enter(attempt);
        _keys.Remember(new KeyRow { Identity = key.Identity, Print = print, At = key.At.UtcTicks, Number = result.Number, Time = result.Time.UtcTicks });
        return result;
    }

    /// <summary>The answer to a key that is known or cannot be taken; null when the command is to be done.</summary>
    private LedgerResult? Known(in LedgerKey key, ulong print, in Attempt attempt)
    {
        if (_keys.TryFind(key.Identity, out var row))
            return row.Print == print ? new LedgerResult(TwinStatus.Ok, row.Number, new WallTime(row.Time), IsRepeat: true)
                : Conflict("KeyReused", $"Key '{key.Text}' was used for another body; entry {row.Number} was done under it.", "key");
        if (attempt.IsReplay) return null;
        var since = Math.Max(_keys.Since, attempt.Time.UtcTicks - _options.KeyWindow.Ticks);
        if (key.At.UtcTicks <= since)
            return Conflict("KeyTooOld", $"The key is of {key.At}; this book remembers those after {new WallTime(Math.Max(since, 0))}. Whether it was done is in the statement; a new attempt takes a new key.", "key");
        return key.At > attempt.Time + _options.FutureSkew ? Invalid("KeyFromFuture", $"The key is of {key.At}; the book's clock says {attempt.Time}, and takes at most {_options.FutureSkew.TotalSeconds} s ahead of it.", "key") : null;
    }

    private LedgerResult? Deny(in Attempt attempt, Permissions permission, string area, string id, string? owner) =>
        attempt.Rights is not { } rights || rights.May(permission, area, id, owner) ? null : rights.Refusal(permission, area, id);

    /// <summary>Paying from an account: its owner's or a writer's right; from an issuing one, an administrator's.</summary>
    private LedgerResult? DenyDebit(in Attempt attempt, int account)
    {
        if (attempt.Rights is null) return null;
        ref readonly var row = ref _accounts[account];
        return row.Kind == LedgerAccountKind.Issuing ? Deny(attempt, Permissions.Administer, LedgerRights.Accounts, row.Id, null) : Deny(attempt, Permissions.Write, LedgerRights.Accounts, row.Id, row.Owner);
    }

    private static LedgerResult Invalid(string code, string detail, string where) => LedgerResult.Refused(TwinStatus.Invalid, code, detail, where);

    private static LedgerResult Conflict(string code, string detail, string where) => LedgerResult.Refused(TwinStatus.Conflict, code, detail, where);

    private static LedgerResult Full(string what, int most) => LedgerResult.Refused(TwinStatus.TooMuch, "LedgerFull", $"The book has {most} {what}, the most it takes.");

    private static LedgerResult BadId(string what, string? id, string where) =>
        Invalid("IdInvalid", $"'{(id is { Length: > 64 } ? id[..64] + "..." : id)}' is no id of an {what}: 1 to {LedgerBounds.IdLength} letters, digits and - _ . : are.", where);

    private static LedgerResult NoAccount(string id, string where) => LedgerResult.Refused(TwinStatus.NotFound, "AccountNotFound", $"There is no account '{(id.Length > 64 ? id[..64] + "..." : id)}' in this book.", where);

    private static LedgerResult NoAsset(string id, string where) => LedgerResult.Refused(TwinStatus.NotFound, "AssetNotFound", $"There is no asset '{(id.Length > 64 ? id[..64] + "..." : id)}' in this book.", where);
}
