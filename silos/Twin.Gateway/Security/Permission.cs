using Twin.Model.Policies;

namespace Twin.Gateway.Security;

/// <summary>What a caller may be allowed. Later ones do not include earlier ones; <see cref="Administer"/> includes all.</summary>
[Flags]
public enum Permission
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>Read twins, history, streams; query.</summary>
    Read = 1,
    /// <summary>Write twins and samples.</summary>
    Write = 2,
    /// <summary>Send commands to devices.</summary>
    Command = 4,
    /// <summary>Change models, routes, jobs, devices.</summary>
    Administer = 8,
    /// <summary>All of it.</summary>
    All = Read | Write | Command | Administer,
}

/// <summary>Who calls and what it may do. Immutable.</summary>
/// <param name="Name">Stable name; limits and logs use it. Never a secret.</param>
/// <param name="Rights">What it may do.</param>
public sealed record Caller(string Name, Permission Rights)
{
    /// <summary>Whoever comes over loopback while no authentication is configured.</summary>
    public static Caller Loopback { get; } = new("loopback", Permission.All);

    /// <summary>Kind of credential and name, as policies speak of it: <c>key:alice</c>, <c>jwt:sub</c>.</summary>
    public string SubjectName { get; init; } = Name;

    /// <summary>Roles that policies can speak of.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Whom policies concern; null for a caller who administers, whom no policy can lock out.</summary>
    public PolicySubject? Subject => (Rights & Permission.Administer) != 0 ? null : field ??= new PolicySubject(SubjectName, Roles, (Permissions)(int)Rights);

    /// <summary>True when allowed.</summary>
    public bool May(Permission right) => (Rights & right) == right || (Rights & Permission.Administer) != 0;
}
