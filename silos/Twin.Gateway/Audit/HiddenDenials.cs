using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Twin.Gateway.Http;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Gateway.Audit;

/// <summary>
/// Denials that the caller cannot tell from absence: a 404 for what is there, a stream of twins that are hidden, samples refused one by one.
/// What the caller was answered is unchanged: afterwards the owner is asked once without policies and once with them, and a difference is audited. Only callers
/// whom policies narrow cost that. Thread-safe.
/// </summary>
internal sealed class HiddenDenials(ITwinStore store, Admission admission, AuditLog audit)
{
    /// <summary>Outcome of a denial that looked like absence.</summary>
    public const string Outcome = "404 hidden";
    private const int MostNames = 32;
    private const string Forbidden = "This needs the permission";

    /// <summary>After a 404.</summary>
    public async Task CheckAsync(HttpContext context)
    {
        if (Narrowed(context) is not { } subject) return;
        var parts = (context.Request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts is not ["digitaltwins" or "things", var id, .. var rest] || !TwinJson.IsValidId(id)) return;
        if (await IsHiddenAsync(subject, id, rest).ConfigureAwait(false)) audit.Denied(subject.Name, $"{context.Request.Method} {context.Request.Path}", Outcome);
    }

    /// <summary>Twins that a stream names: at most the first 32 are looked at.</summary>
    public async Task CheckStreamAsync(HttpContext context, IReadOnlyList<string> twins)
    {
        if (twins.Count == 0 || Narrowed(context) is not { } subject) return;
        foreach (var id in twins.Take(MostNames))
            if (TwinJson.IsValidId(id) && await IsHiddenAsync(subject, id, []).ConfigureAwait(false)) audit.Denied(subject.Name, $"GET /stream of {id}", "filtered");
    }

    /// <summary>Samples that a subject may not write, among the refusals told.</summary>
    public void Check(PolicySubject subject, IngestOutcome outcome)
    {
        var denied = outcome.Refusals.Count(r => r.Fate == SampleFate.Invalid && r.Detail.StartsWith(Forbidden, StringComparison.Ordinal));
        if (denied > 0) audit.Denied(subject.Name, "POST /ingest", "403", denied);
    }

    private PolicySubject? Narrowed(HttpContext context) => admission.SubjectOf(context) is { } subject && !admission.RulesOf(subject).ReadsAllTwins ? subject : null;

    private async Task<bool> IsHiddenAsync(PolicySubject subject, string id, string[] rest)
    {
        try
        {
            if (rest is ["relationships", var relationship])
                return (await store.GetRelationshipAsync(id, relationship).ConfigureAwait(false)).Status == TwinStatus.Ok
                    && (await store.As(subject).GetRelationshipAsync(id, relationship).ConfigureAwait(false)).Status == TwinStatus.NotFound;
            var all = await store.GetTwinAsync(id).ConfigureAwait(false);
            if (all.Status != TwinStatus.Ok) return false;
            var own = await store.As(subject).GetTwinAsync(id).ConfigureAwait(false);
            return own.Status == TwinStatus.NotFound || (own.Status == TwinStatus.Ok && rest is ["components" or "properties", var name, ..] && Has(all, name) && !Has(own, name));
        }
        catch (Exception fault) when (Unreachable.Is(fault))
        {
            return false; // who cannot be asked hides nothing that is known of
        }
    }

    private static bool Has(Document document, string name)
    {
        using var json = JsonDocument.Parse(document.Json);
        return json.RootElement.TryGetProperty(name, out _);
    }
}
