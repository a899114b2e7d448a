using System.Globalization;
using System.Text.Json;

namespace Twin.Sdk;

/// <content>Policies and the audit log: for administrators.</content>
public sealed partial class TwinClient
{
    /// <summary>All policies.</summary>
    public async Task<IReadOnlyList<PolicyEntry>> ListPoliciesAsync(CancellationToken cancellationToken = default)
    {
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Get, "policies"), true, cancellationToken).ConfigureAwait(false);
        return [.. AnswerReader.Items(answer, "value").Select(p => new PolicyEntry(AnswerReader.Text(p, "id") ?? "", AnswerReader.Text(p, "etag"), AnswerReader.Part(p, "policy")))];
    }

    /// <summary>A policy and its version.</summary>
    public Task<TaggedJson> GetPolicyAsync(string id, CancellationToken cancellationToken = default) => GetTaggedAsync($"policies/{Escape(id)}", cancellationToken);

    /// <summary>Creates or replaces a policy; the answer tells its id and version.</summary>
    /// <param name="id">Policy id.</param>
    /// <param name="policy">The document: <c>entries</c>, <c>imports</c>.</param>
    /// <param name="ifMatch">Only when this is its version; <c>*</c> only when it exists.</param>
    /// <param name="onlyIfAbsent">Only when there is none.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public Task<TaggedJson> PutPolicyAsync(string id, object policy, string? ifMatch = null, bool onlyIfAbsent = false, CancellationToken cancellationToken = default) =>
        PutTaggedAsync($"policies/{Escape(id)}", policy, ifMatch, onlyIfAbsent, cancellationToken);

    /// <summary>Deletes a policy that no other imports.</summary>
    public Task DeletePolicyAsync(string id, string? ifMatch = null, CancellationToken cancellationToken = default) => DeleteAsync($"policies/{Escape(id)}", ifMatch, cancellationToken);

    /// <summary>What a subject may do with a twin, path by path: <c>paths</c>, each with <c>read</c> and <c>write</c>, and the entry that says so.</summary>
    /// <param name="subject"><c>key:NAME</c> or <c>jwt:SUB</c>.</param>
    /// <param name="twinId">Twin id.</param>
    /// <param name="roles">Roles of a token's subject; a key's are known to the server.</param>
    /// <param name="rights">Rights of a token's subject, <c>read</c> unless given.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    public Task<JsonElement> GetEffectiveRightsAsync(string subject, string twinId, IReadOnlyList<string>? roles = null, IReadOnlyList<string>? rights = null, CancellationToken cancellationToken = default)
    {
        var path = $"policies/effective?subject={Uri.EscapeDataString(subject)}&twin={Uri.EscapeDataString(twinId)}{Asked("roles", Joined(roles))}{Asked("rights", Joined(rights))}";
        return _transport.ReadAsync(() => Request(HttpMethod.Get, path), true, cancellationToken);
    }

    /// <summary>One page of the cluster's audit log, oldest first.</summary>
    /// <param name="filter">What is asked for; null takes everything.</param>
    /// <param name="position">Where an earlier page ended (<see cref="AuditPage.Position"/>); null is from the oldest kept.</param>
    /// <param name="pageSize">Most entries, 1 to 1,000.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    public async Task<AuditPage> ReadAuditAsync(AuditFilter? filter = null, string? position = null, int pageSize = 100, CancellationToken cancellationToken = default)
    {
        if (pageSize is < 1 or > 1_000) throw new ArgumentOutOfRangeException(nameof(pageSize), pageSize, "Allowed: 1 to 1,000.");
        var path = $"audit?top={pageSize.ToString(CultureInfo.InvariantCulture)}{Asked("from", TimeText(filter?.From))}{Asked("to", TimeText(filter?.To))}{Asked("subject", filter?.Subject)}"
            + $"{Asked("kind", filter?.Kind)}{Asked("act", filter?.Act)}{Asked("continuationToken", position)}";
        var page = await _transport.ReadAsync(() => Request(HttpMethod.Get, path), true, cancellationToken).ConfigureAwait(false);
        var unreachable = AnswerReader.Items(page, "unreachable").Select(u => u.GetString() ?? "").ToArray();
        return new AuditPage([.. AnswerReader.Items(page, "value").Select(Entry)], AnswerReader.Text(page, "position") ?? "", AnswerReader.Text(page, "continuationToken") is null, unreachable);
    }

    private static AuditEntry Entry(JsonElement e) => new(
        AnswerReader.Text(e, "member") ?? "", (long)(AnswerReader.Number(e, "number") ?? 0), AnswerReader.Time(e, "at") ?? default, AnswerReader.Text(e, "kind") ?? "",
        AnswerReader.Text(e, "subject") ?? "", AnswerReader.Text(e, "action") ?? "", AnswerReader.Text(e, "outcome") ?? "", (long)(AnswerReader.Number(e, "count") ?? 1));

    private static string? Joined(IReadOnlyList<string>? words) => words is null ? null : string.Join(',', words);

    private static string? TimeText(DateTimeOffset? time) => time?.UtcDateTime.ToString("o", CultureInfo.InvariantCulture);
}
