using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Twin.Gateway.Http;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Gateway.Security;

/// <summary>A refusal at the door.</summary>
internal sealed class Refusal(int status, Problem problem)
{
    public Task WriteAsync(HttpContext context)
    {
        if (status == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        if (status == 429) context.Response.Headers.RetryAfter = "1";
        return TwinProblems.WriteAsync(context, status, problem);
    }
}

/// <summary>
/// Who comes in over HTTP. Without authentication only loopback is served, and only under a loopback name (a page of another
/// site must not reach it through a name of its own) and to pages of this machine (a page of another site must not write with the visitor's
/// place in the network). Thread-safe. Hot.
/// </summary>
internal sealed class Admission(AuthOptions options, CredentialCheck credentials, PolicyAdmission policies)
{
    private static readonly Counter<long> Refused = new Meter("Twin").CreateCounter<long>("twin_admission_refusals_total");
    private static readonly Refusal NotAuthenticated = new(401, new Problem("NotAuthenticated", "Show an API key (X-Api-Key) or a token (Authorization: Bearer).", "Authorization"));
    private static readonly Refusal WrongHost = new(403, new Problem("HostRefused", "Without authentication this server answers under localhost, 127.0.0.1 or [::1] only.", "Host"));
    private static readonly Refusal WrongOrigin = new(403, new Problem("OriginRefused", "Without authentication this server answers pages of this machine only.", "Origin"));
    private static readonly Refusal[] NotAllowed = [.. Enumerable.Range(0, 16).Select(r => new Refusal(403, new Problem("NotAllowed", $"This caller lacks the right '{(Permission)r}'.")))];

    /// <summary>Refuses a public address without authentication.</summary>
    /// <exception cref="InvalidOperationException">Says what to configure.</exception>
    public static void CheckAddress(IPAddress address, AuthOptions options)
    {
        if (!IPAddress.IsLoopback(address) && !options.IsRequired)
            throw new InvalidOperationException($"The address {address} is public and no authentication is configured. Configure Twin:Auth:Keys or Twin:Auth:Jwt, or bind to 127.0.0.1.");
    }

    /// <summary>Middleware: finds out who calls, where authentication is configured.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (options.IsRequired) await policies.EnsureKnownAsync().ConfigureAwait(false);
        if (options.IsRequired && await FindAsync(context).ConfigureAwait(false) is { } caller) context.Features.Set(caller);
        await next(context).ConfigureAwait(false);
    }

    private async ValueTask<Caller?> FindAsync(HttpContext context)
    {
        if (context.Request.Headers.TryGetValue("X-Api-Key", out var key)) return credentials.FindByKey(key.ToString());
        var authorization = context.Request.Headers.Authorization.ToString();
        var token = authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? authorization[7..].Trim() : context.Request.Query["access_token"].ToString();
        if (token.Length == 0) return null;
        return credentials.FindByKey(token) ?? await credentials.FindByTokenAsync(token).ConfigureAwait(false);
    }

    /// <summary>Whom policies concern in this request; null for callers they do not.</summary>
    public PolicySubject? SubjectOf(HttpContext context) => options.IsRequired ? context.Features.Get<Caller>()?.Subject : null;

    /// <summary>A subject's rules now.</summary>
    public SubjectRules RulesOf(PolicySubject subject) => policies.RulesOf(subject);

    /// <summary>Who calls; null when nobody that is known.</summary>
    public Caller? CallerOf(HttpContext context) => options.IsRequired ? context.Features.Get<Caller>() : Caller.Loopback;

    /// <summary>Null when the caller may; else the refusal.</summary>
    public Refusal? Check(HttpContext context, Permission right)
    {
        if (!options.IsRequired)
        {
            var isOurs = IsLoopbackName(context.Request.Host.Host);
            if (isOurs && (context.Request.Headers.Origin is not { Count: > 0 } origin || IsLoopbackOrigin(origin[0]))) return null;
            Refused.Add(1);
            return isOurs ? WrongOrigin : WrongHost;
        }

        var caller = context.Features.Get<Caller>();
        if (caller is { Subject: null }) return null;
        var problem = caller is null ? null : policies.Refuse(context, caller.Subject!, right);
        if (caller is not null && problem is null) return null;
        Refused.Add(1);
        return caller is null ? NotAuthenticated : caller.May(right) ? new Refusal(403, problem!) : NotAllowed[(int)right];
    }

    // "null" is what a sandboxed frame or a local file sends: anybody's page.
    private static bool IsLoopbackOrigin(string? origin) => Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.IsLoopback && uri.Scheme is "http" or "https";

    private static bool IsLoopbackName(string host) => host is "localhost" or "127.0.0.1" or "[::1]" || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
}
