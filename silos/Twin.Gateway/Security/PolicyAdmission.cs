using Microsoft.AspNetCore.Http;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Gateway.Security;

/// <summary>
/// What policies say at the doors. Twins are decided about by their owners, so there a door only asks whether the permission may hold
/// anywhere; models, devices and administrative doors are decided about here, by the request's path. Thread-safe.
/// </summary>
internal sealed class PolicyAdmission(IPolicyStore policies)
{
    /// <summary>Null when a caller whose policies matter may; else why not.</summary>
    public Problem? Refuse(HttpContext context, PolicySubject subject, Permission right)
    {
        var permission = (Permissions)(int)right;
        var rules = policies.Current.For(subject);
        var parts = (context.Request.Path.Value ?? "").Split('/', 4, StringSplitOptions.RemoveEmptyEntries);
        var door = parts.Length == 0 ? "" : parts[0];
        var name = parts.Length > 1 ? parts[1] : "";
        if (door is "digitaltwins" or "query" or "ingest" or "batch" or "stream" or "history" or "scene" or "snapshot" or "alarms")
            return rules.MayAnywhere(permission) ? null : Problem(permission, "twins:");
        if (door == "ledger") return rules.MayAnywhere(permission) ? null : Problem(permission, name.Length == 0 ? "ledger:" : $"ledger:{name}"); // the book decides
        if (door == "things" && parts is not [_, _, "actions", _]) return rules.MayAnywhere(permission) ? null : Problem(permission, "twins:");
        if (door == "things") // an action is a command to the device of the same name
            return rules.Decide(permission, ResourceKind.Devices, name, "commands/" + parts[3]).IsAllowed ? null : Problem(permission, $"device:{name}/commands/{parts[3]}");
        if (door == "models") return right != Permission.Administer || rules.Decide(permission, ResourceKind.Models, name).IsAllowed ? null : Problem(permission, $"models:{name}");
        if (door == "devices")
        {
            var path = parts.Length > 2 ? string.Join('/', parts.Skip(2)) : "";
            return rules.Decide(permission, ResourceKind.Devices, name, path).IsAllowed || (name.Length == 0 && rules.MayAnywhere(permission)) ? null : Problem(permission, name.Length == 0 ? "devices:" : path.Length == 0 ? $"device:{name}" : $"device:{name}/{path}");
        }

        // Batches a route could not deliver hold values of any twin.
        if (parts is ["routes", _, "deadletters"] && !rules.ReadsAllTwins) return Problem(Permissions.Read, "twins:");
        return rules.Decide(permission, ResourceKind.Doors, door).IsAllowed ? null : Problem(permission, $"admin:{door}");
    }

    /// <summary>Before the first request: nothing is allowed until the policies were read once.</summary>
    public ValueTask EnsureKnownAsync() => policies.Current.Version == 0 ? policies.RefreshAsync() : default;

    /// <summary>A subject's rules now.</summary>
    public SubjectRules RulesOf(PolicySubject subject) => policies.Current.For(subject);

    private static Problem Problem(Permissions permission, string resource) => new("NotAllowed", $"This needs the permission '{permission.ToText()}' on {resource}.", resource);
}
