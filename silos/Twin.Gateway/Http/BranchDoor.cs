using Microsoft.AspNetCore.Http;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Grains.Branches;

namespace Twin.Gateway.Http;

/// <summary>The branch that a request is for, with its graph.</summary>
internal sealed record BranchOfRequest(string Branch, ITwinStore Store);

/// <summary>
/// <c>/branches/{b}/...</c>: the routes of twins, relationships, batches and queries on a branch. The prefix becomes the request's path base, so that the same doors serve both. Thread-safe.
/// </summary>
internal sealed class BranchDoor(RequestDelegate next, ITwinBranches branches, Admission admission)
{
    private const string Prefix = "/branches/";
    private static readonly string[] Served = ["/digitaltwins", "/query", "/batch", "/snapshot", "/alarms"];

    /// <summary>The graph that a request is for, as its caller may see it.</summary>
    public static ITwinStore StoreOf(HttpContext context, ITwinStore live, Admission admission)
    {
        var store = context.Request.PathBase.HasValue && context.Features.Get<BranchOfRequest>() is { } branch ? branch.Store : live;
        return admission.SubjectOf(context) is { } subject ? store.As(subject) : store;
    }

    public Task InvokeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (!path.StartsWith(Prefix, StringComparison.Ordinal) || path.IndexOf('/', Prefix.Length) is not (> 0 and var end)) return next(context);
        var rest = path[end..];
        return Array.Exists(Served, s => rest.StartsWith(s, StringComparison.Ordinal) && (rest.Length == s.Length || rest[s.Length] == '/'))
            ? OnAsync(context, path[Prefix.Length..end], rest)
            : TwinProblems.WriteAsync(context, 404, "BranchRouteUnknown", $"A branch serves {string.Join(", ", Served)}; '{rest}' is of the live world only.", "path");
    }

    private async Task OnAsync(HttpContext context, string branch, string rest)
    {
        if (admission.Check(context, Permission.Read) is { } refusal) // before a stranger learns which branches there are
        {
            await refusal.WriteAsync(context).ConfigureAwait(false);
            return;
        }

        if (await branches.FindAsync(branch, context.RequestAborted).ConfigureAwait(false) is not { } store)
        {
            await TwinProblems.WriteAsync(context, 404, "BranchNotFound", $"There is no branch '{branch}'.", "branch").ConfigureAwait(false);
            return;
        }

        context.Features.Set(new BranchOfRequest(branch, store));
        (context.Request.PathBase, context.Request.Path) = (context.Request.PathBase.Add(Prefix + branch), rest);
        await next(context).ConfigureAwait(false);
    }
}
