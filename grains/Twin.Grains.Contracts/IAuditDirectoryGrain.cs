using Orleans;

namespace Twin.Grains;

/// <summary>
/// Which processes of the cluster keep an audit log, and how to ask them. One, keyed <see cref="Key"/>. Names are durable in the Orleans
/// store, so that a process that does not answer is missed; desks are told anew every few seconds.
/// </summary>
public interface IAuditDirectoryGrain : IGrainWithStringKey
{
    /// <summary>Key of the one there is.</summary>
    const string Key = "cluster";

    /// <summary>Most processes known; beyond it the longest silent one is forgotten (<c>twin_audit_members_dropped_total</c>).</summary>
    const int MostMembers = 128;

    /// <summary>Tells of a process' desk; returns after the store has the name.</summary>
    Task EnrolAsync(string name, IAuditDesk desk);

    /// <summary>All processes known, by name; those that have not been heard of since this grain woke have no desk.</summary>
    Task<AuditMember[]> ListAsync();

    /// <summary>Forgets a process that will not come back; false when it is not known. Its log stays where it is.</summary>
    Task<bool> ForgetAsync(string name);
}

/// <summary>Answers for one process' audit log. Thread-safe.</summary>
public interface IAuditDesk : IGrainObserver
{
    /// <summary>Entries after a number that a question takes.</summary>
    Task<AuditSlice> ReadAsync(AuditQuestion question, long after);

    /// <summary>Follows the chain of hashes.</summary>
    Task<AuditStanding> VerifyAsync();
}

/// <summary>A process and its desk.</summary>
/// <param name="Name">Kept with the log, so the same after a restart.</param>
/// <param name="Desk">Null when it has not been heard of.</param>
[GenerateSerializer]
public sealed record AuditMember(string Name, IAuditDesk? Desk);

/// <summary>What is asked; null members take everything.</summary>
/// <param name="From">Not before, as entries write times.</param>
/// <param name="To">Before.</param>
/// <param name="Subject">Exactly.</param>
/// <param name="Kind"><c>denied</c> or <c>administered</c>.</param>
/// <param name="Act">Part of the action, case ignored.</param>
/// <param name="Top">Most rows, 1 to 1,000.</param>
[GenerateSerializer]
public sealed record AuditQuestion(string? From, string? To, string? Subject, string? Kind, string? Act, int Top);

/// <summary>An entry as it is shown.</summary>
/// <param name="Number">Its number in its process' log.</param>
/// <param name="At">UTC, RFC 3339, of one length, so that text order is time order.</param>
/// <param name="Kind"><c>denied</c> or <c>administered</c>.</param>
/// <param name="Subject">Who.</param>
/// <param name="Action">What was asked for.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Hash">SHA-256 over it and the entry before, hex.</param>
/// <param name="Count">How many denials it stands for.</param>
[GenerateSerializer]
public sealed record AuditRow(long Number, string At, string Kind, string Subject, string Action, string Outcome, string Hash, long Count);

/// <summary>A part of one log.</summary>
/// <param name="Rows">In order.</param>
/// <param name="Through">The last entry looked at.</param>
/// <param name="IsEnd">True when there is no later one.</param>
[GenerateSerializer]
public sealed record AuditSlice(AuditRow[] Rows, long Through, bool IsEnd);

/// <summary>How a chain stands.</summary>
/// <param name="Entries">Entries kept.</param>
/// <param name="First">Number of the oldest, 0 when there is none.</param>
/// <param name="Fault">What is wrong; null when whole.</param>
[GenerateSerializer]
public sealed record AuditStanding(long Entries, long First, string? Fault);
