using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Twin.Gateway.Audit;

namespace Twin.Gateway.Security;

/// <summary>Rights and limits of routed endpoints.</summary>
internal static class EndpointRights
{
    /// <summary>The endpoint is only for callers with a right; its requests count towards the client's limits.</summary>
    public static RouteHandlerBuilder Needs(this RouteHandlerBuilder endpoint, Permission right) => endpoint.AddEndpointFilter(async (invocation, next) =>
    {
        var context = invocation.HttpContext;
        var refusal = context.RequestServices.GetRequiredService<Admission>().Check(context, right) ?? context.RequestServices.GetRequiredService<ClientLimits>().Refuse(context);
        if (refusal is not null) return new Refused(refusal);
        var answer = await next(invocation).ConfigureAwait(false);
        if (right == Permission.Administer && !HttpMethods.IsGet(context.Request.Method)) Keep(context, answer);
        return answer;
    });

    // Before it is answered: what an administrator did is on the disk when the client learns of it.
    private static void Keep(HttpContext context, object? answer) => context.RequestServices.GetRequiredService<AuditLog>().Administered(
        context.RequestServices.GetRequiredService<Admission>().CallerOf(context)?.SubjectName ?? "anonymous", $"{context.Request.Method} {context.Request.Path}",
        ((answer as IStatusCodeHttpResult)?.StatusCode ?? 200).ToString(System.Globalization.CultureInfo.InvariantCulture));

    private sealed class Refused(Refusal refusal) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => refusal.WriteAsync(httpContext);
    }
}
