namespace Twin.Model.Policies;

/// <summary>What a rule can give or take. The numbers travel between silos: never renumber.</summary>
[Flags]
public enum Permissions : byte
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>See values, changes, history.</summary>
    Read = 1,
    /// <summary>Change values, create, delete.</summary>
    Write = 2,
    /// <summary>Command devices.</summary>
    Command = 4,
    /// <summary>Change models, devices, routes, jobs.</summary>
    Administer = 8,
    /// <summary>All of it.</summary>
    All = 15,
}

/// <summary>Permissions as policies write them.</summary>
public static class PermissionNames
{
    /// <summary>The four permissions, one bit each.</summary>
    public static IReadOnlyList<Permissions> Each { get; } = [Permissions.Read, Permissions.Write, Permissions.Command, Permissions.Administer];

    /// <summary><c>read</c>, <c>write</c>, <c>command</c> or <c>administer</c>; several joined by a comma.</summary>
    public static string ToText(this Permissions permission) => permission switch
    {
        Permissions.Read => "read", Permissions.Write => "write", Permissions.Command => "command", Permissions.Administer => "administer",
        _ => string.Join(',', Each.Where(p => (permission & p) != 0).Select(ToText)),
    };

    /// <summary>Reads one name; <see cref="Permissions.None"/> for any other text.</summary>
    public static Permissions Parse(string? text) => text switch
    {
        "read" => Permissions.Read, "write" => Permissions.Write, "command" => Permissions.Command, "administer" => Permissions.Administer, _ => Permissions.None,
    };
}

/// <summary>
/// Who asks: a name that policies can speak of (<c>key:alice</c>, <c>jwt:sub</c>), roles, and the coarse rights its credential
/// carries, which hold wherever no rule says otherwise. Immutable; equal when all three are equal. In calls between doors and owners
/// null stands for the process itself and for callers who administer: no policy concerns them.
/// </summary>
public sealed class PolicySubject : IEquatable<PolicySubject>
{
    /// <summary>Most roles of one subject.</summary>
    public const int MostRoles = 64;

    private readonly string _key;

    /// <summary>Makes a subject.</summary>
    /// <param name="name">With its kind: <c>key:alice</c>.</param>
    /// <param name="roles">Without <c>role:</c>; at most <see cref="MostRoles"/> are kept.</param>
    /// <param name="rights">What the credential allows by itself.</param>
    public PolicySubject(string name, IEnumerable<string> roles, Permissions rights)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        (Name, Rights) = (name, rights);
        Roles = [.. roles.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(MostRoles)];
        _key = $"{name}\n{(int)rights}\n{string.Join('\n', Roles)}";
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its roles, in order.</summary>
    public IReadOnlyList<string> Roles { get; }

    /// <summary>What holds where no rule applies.</summary>
    public Permissions Rights { get; }

    /// <summary>True when an entry's subject means this one: its name, <c>role:</c> and one of its roles, or <c>*</c>.</summary>
    public bool Is(string subject) =>
        subject == "*" || subject == Name || (subject.StartsWith("role:", StringComparison.Ordinal) && Roles.Contains(subject[5..]));

    /// <inheritdoc/>
    public bool Equals(PolicySubject? other) => ReferenceEquals(this, other) || (other is not null && _key == other._key);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PolicySubject);

    /// <inheritdoc/>
    public override int GetHashCode() => _key.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
