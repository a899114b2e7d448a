namespace Twin.Model.Policies;

/// <summary>What a rule speaks of. Later kinds of twins are nearer to one twin.</summary>
public enum ResourceKind : byte
{
    /// <summary><c>*</c></summary>
    Everything,
    /// <summary><c>twins:</c></summary>
    Twins,
    /// <summary><c>model:dtmi</c>: twins of a model or one that extends it.</summary>
    TwinsOfModel,
    /// <summary><c>prefix:text</c>: twins whose id begins so.</summary>
    TwinsByPrefix,
    /// <summary><c>twin:id</c></summary>
    OneTwin,
    /// <summary><c>models:</c> or <c>models:dtmi</c>: the models themselves.</summary>
    Models,
    /// <summary><c>devices:</c> or <c>device:id</c></summary>
    Devices,
    /// <summary><c>admin:</c> or <c>admin:routes</c>: administrative doors.</summary>
    Doors,
    /// <summary><c>ledger:</c> or <c>ledger:book</c>, with paths <c>accounts/id</c>, <c>assets/id</c> and <c>tickets/asset</c>.</summary>
    Ledger,
}

/// <summary>
/// A resource as policies write it: <c>kind:name/path</c>. The path is a property's (<c>thermostat/target</c>), or
/// <c>$relationships/{name}</c> with its properties below; a rule holds for everything below its path. Immutable.
/// </summary>
/// <param name="Kind">What it speaks of.</param>
/// <param name="Name">Id, prefix, DTMI or door; empty for all of a kind.</param>
/// <param name="Path">Below the twin or device; empty for the whole.</param>
public sealed record PolicyResource(ResourceKind Kind, string Name, string Path)
{
    /// <summary>Longest text.</summary>
    public const int MostLength = 1_024;

    /// <summary>Where relationships stand among a twin's paths.</summary>
    public const string Relationships = "$relationships";

    /// <summary>Names in the path.</summary>
    public int Depth { get; } = Path.Length == 0 ? 0 : Path.AsSpan().Count('/') + 1;

    /// <summary>Reads a resource; false with what is wrong.</summary>
    public static bool TryParse(string text, out PolicyResource? resource, out string? wrong)
    {
        resource = null;
        wrong = null;
        if (text == "*")
        {
            resource = new PolicyResource(ResourceKind.Everything, "", "");
            return true;
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || text.Length > MostLength) return Refuse(text, out wrong);
        var slash = text.IndexOf('/', colon);
        var name = slash < 0 ? text[(colon + 1)..] : text[(colon + 1)..slash];
        var path = slash < 0 ? "" : text[(slash + 1)..];
        if ((slash >= 0 && path.Length == 0) || path.StartsWith('/') || path.EndsWith('/') || path.Contains("//", StringComparison.Ordinal)) return Refuse(text, out wrong);
        ResourceKind? kind = (text[..colon], name.Length > 0, path.Length > 0) switch
        {
            ("twins", false, _) => ResourceKind.Twins,
            ("model", true, _) => ResourceKind.TwinsOfModel,
            ("prefix", true, _) => ResourceKind.TwinsByPrefix,
            ("twin", true, _) => ResourceKind.OneTwin,
            ("models", _, false) => ResourceKind.Models,
            ("devices", false, _) or ("device", true, _) => ResourceKind.Devices,
            ("admin", _, false) => ResourceKind.Doors,
            ("ledger", _, _) => ResourceKind.Ledger,
            _ => null,
        };
        if (kind is null) return Refuse(text, out wrong);
        resource = new PolicyResource(kind.Value, name, path);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var kind = (Kind, Name.Length > 0) switch
        {
            (ResourceKind.Everything, _) => "*",
            (ResourceKind.Twins, _) => "twins:",
            (ResourceKind.TwinsOfModel, _) => "model:",
            (ResourceKind.TwinsByPrefix, _) => "prefix:",
            (ResourceKind.OneTwin, _) => "twin:",
            (ResourceKind.Models, _) => "models:",
            (ResourceKind.Devices, false) => "devices:",
            (ResourceKind.Devices, true) => "device:",
            (ResourceKind.Ledger, _) => "ledger:",
            _ => "admin:",
        };
        return Path.Length == 0 ? kind + Name : $"{kind}{Name}/{Path}";
    }

    /// <summary>True when <paramref name="path"/> is <paramref name="above"/> or lies below it.</summary>
    internal static bool Covers(string above, ReadOnlySpan<char> path) =>
        above.Length == 0 || (path.StartsWith(above, StringComparison.Ordinal) && (path.Length == above.Length || path[above.Length] == '/'));

    private static bool Refuse(string text, out string? wrong)
    {
        wrong = $"'{(text.Length > 96 ? text[..96] + "..." : text)}' is no resource: *, twins:, twin:ID, prefix:TEXT, model:DTMI, device:ID or devices:, ledger:BOOK or ledger: (each optionally with /path), models: or models:DTMI, admin: or admin:DOOR.";
        return false;
    }
}
