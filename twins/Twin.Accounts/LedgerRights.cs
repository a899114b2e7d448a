using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Accounts;

/// <summary>
/// What one subject may do in a book. A policy's rule on <c>ledger:BOOK/accounts/ID</c> (or above it) decides; where none speaks, the account's owner
/// may what its credential allows, and nobody else anything: a credential's rights alone open no account. Null in its place stands for
/// administrators and the process itself. Immutable.
/// </summary>
public sealed class LedgerRights(SubjectRules rules, string book)
{
    internal const string Accounts = "accounts";
    internal const string Tickets = "tickets";
    internal const string Assets = "assets";

    internal bool May(Permissions permission, string area, string id, string? owner)
    {
        var subject = rules.Subject;
        if (rules.SpeaksOf(ResourceKind.Ledger))
        {
            var decision = rules.Decide(permission, ResourceKind.Ledger, book, $"{area}/{id}");
            if (decision.By is not null) return decision.IsAllowed;
        }

        return owner is not null && owner == subject.Name && (subject.Rights & permission) != 0;
    }

    internal LedgerResult Refusal(Permissions permission, string area, string id)
    {
        var resource = $"ledger:{book}/{area}/{id}";
        return LedgerResult.Refused(TwinStatus.Forbidden, "NotAllowed", $"This needs the permission '{permission.ToText()}' on {resource}{(area == Accounts && permission != Permissions.Administer ? ", or to own it" : "")}.", resource);
    }
}
