using System.Text.Json;

namespace Twin.Sdk;

/// <summary>A policy as the server keeps it.</summary>
/// <param name="Id">Policy id.</param>
/// <param name="ETag">Its version, for <c>If-Match</c>.</param>
/// <param name="Policy">The document.</param>
public sealed record PolicyEntry(string Id, string? ETag, JsonElement Policy);

/// <summary>Which audit entries are asked for; null members take everything.</summary>
public sealed record AuditFilter
{
    /// <summary>Not before.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Before.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Who, exactly: <c>key:alice</c>.</summary>
    public string? Subject { get; init; }

    /// <summary><c>denied</c> or <c>administered</c>.</summary>
    public string? Kind { get; init; }

    /// <summary>A part of what was asked for, such as <c>/policies</c>; case is ignored.</summary>
    public string? Act { get; init; }
}

/// <summary>A denial or an administrative act.</summary>
/// <param name="Member">The process whose log it is in.</param>
/// <param name="Number">Its number there, 1 and up without gaps.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Kind"><c>denied</c> or <c>administered</c>.</param>
/// <param name="Subject">Who.</param>
/// <param name="Action">What was asked for.</param>
/// <param name="Outcome">HTTP status, or why.</param>
/// <param name="Count">How many identical denials it stands for.</param>
public sealed record AuditEntry(string Member, long Number, DateTimeOffset At, string Kind, string Subject, string Action, string Outcome, long Count);

/// <summary>A page of the audit log.</summary>
/// <param name="Entries">Oldest first.</param>
/// <param name="Position">Where it ended: the next page goes on there, also when what comes next is not written yet.</param>
/// <param name="IsEnd">True when nothing later was there.</param>
/// <param name="Unreachable">Processes that could not be asked; their entries come once they can.</param>
public sealed record AuditPage(IReadOnlyList<AuditEntry> Entries, string Position, bool IsEnd, IReadOnlyList<string> Unreachable);
