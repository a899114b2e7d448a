using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Twin.Gateway.Security;

/// <summary>Rights and limits of routed endpoints.</summary>
internal static class EndpointRights
{
    /// <summary>The endpoint is only for callers with a right; its requests count towards the client's limits.</summary>
    public static RouteHandlerBuilder Needs(this RouteHandlerBuilder endpoint, Permission right) => endpoint.AddEndpointFilter(async (invocation, next) =>
    {
        var context = invocation.HttpContext;
        var refusal = context.RequestServices.GetRequiredService<Admission>().Check(context, right) ?? context.RequestServices.GetRequiredService<ClientLimits>().Refuse(context);
        return refusal is null ? await next(invocation).ConfigureAwait(false) : new Refused(refusal);
    });

    private sealed class Refused(Refusal refusal) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => refusal.WriteAsync(httpContext);
    }
}
