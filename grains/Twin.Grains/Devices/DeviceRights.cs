using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Grains.Devices;

/// <summary>What callers may do with one device, decided by its owner. A call without a subject is one that policies do not concern.</summary>
internal sealed class DeviceRights(string device, IPolicyStore policies)
{
    /// <summary>Null when the subject may; else why not.</summary>
    /// <param name="subject">Who calls; null when policies do not concern it.</param>
    /// <param name="permission">What it takes.</param>
    /// <param name="path">Below the device: <c>desired</c>, <c>commands/name</c>, or empty for the device itself.</param>
    public async ValueTask<string?> RefusalAsync(PolicySubject? subject, Permissions permission, string path)
    {
        if (subject is null) return null;
        if (policies.Current.Version == 0) await policies.RefreshAsync(); // nobody is allowed anything before they were read once
        if (policies.Current.For(subject).Decide(permission, ResourceKind.Devices, device, path).IsAllowed) return null;
        return $"This needs the permission '{permission.ToText()}' on device:{device}{(path.Length > 0 ? "/" + path : "")}.";
    }

    /// <summary>For calls that have no status to answer with.</summary>
    /// <exception cref="UnauthorizedAccessException">The subject may not.</exception>
    public async ValueTask RequireAsync(PolicySubject? subject, Permissions permission, string path)
    {
        if (await RefusalAsync(subject, permission, path) is { } refusal) throw new UnauthorizedAccessException(refusal);
    }
}
