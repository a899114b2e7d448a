using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>
/// Outermost middleware: whatever an endpoint throws, and every refusal the framework makes without a body (404, 405, 413, 415,
/// failed binding), leaves as <c>application/problem+json</c>. A stranger learns a trace id, never a stack. Requests that Kestrel cannot
/// parse at all (400, 431, 505) do not come this far and keep its bare answers. Thread-safe. Hot.
/// </summary>
internal sealed class ProblemDoor(RequestDelegate next, ILogger<ProblemDoor> log)
{
    private const int ClientClosedRequest = 499;
    private static readonly Counter<long> Faults = new Meter("Twin").CreateCounter<long>("twin_http_faults_total", description: "Requests that ended in an exception");
    private static readonly KeyValuePair<string, object?> Unavailable = new("kind", "unavailable");
    private static readonly KeyValuePair<string, object?> Unexpected = new("kind", "unexpected");
    private static readonly KeyValuePair<string, object?> Malformed = new("kind", "malformed");

    /// <summary>Told of each request that was denied.</summary>
    public Action<HttpContext>? Denied { get; init; }

    /// <summary>Told of each 404, which may be a denial.</summary>
    public Func<HttpContext, Task>? NotFound { get; init; }

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            if (context.Request.Headers.TransferEncoding.Count > 0 && context.Request.Headers.ContainsKey("X-Content-Length"))
            {
                await RefuseTwoLengthsAsync(context).ConfigureAwait(false);
                return;
            }

            await next(context).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            await AnswerAsync(context, fault).ConfigureAwait(false);
            return;
        }

        if (context.Response.StatusCode is 401 or 403) Denied?.Invoke(context);
        if (context.Response.StatusCode == 404 && NotFound is { } notFound) await notFound(context).ConfigureAwait(false);
        if (context.Response.StatusCode >= 400 && IsBare(context.Response)) await TwinProblems.WriteAsync(context, context.Response.StatusCode, Describe(context)).ConfigureAwait(false);
    }

    /// <summary>Content-Length beside Transfer-Encoding: Kestrel goes by the latter and renames the former; a proxy before it may have gone by the other, so the next request on this connection might be somebody's body.</summary>
    private static Task RefuseTwoLengthsAsync(HttpContext context)
    {
        Faults.Add(1, Malformed);
        context.Response.Headers.Connection = "close";
        return TwinProblems.WriteAsync(context, 400, "LengthAmbiguous", "The request has both Content-Length and Transfer-Encoding.", "Content-Length");
    }

    private static bool IsBare(HttpResponse response) => !response.HasStarted && response.ContentType is null && response.ContentLength is null or 0;

    private static Problem Describe(HttpContext context) => context.Response.StatusCode switch
    {
        400 => new Problem("RequestInvalid", "A parameter of the path, the query string or a header is missing or has the wrong type; /openapi/v1.json lists them."),
        404 => new Problem("NotFound", $"There is nothing at {context.Request.Method} {Shorten(context.Request.Path)}. The routes are listed at /docs."),
        405 => new Problem("MethodNotAllowed", $"{context.Request.Method} is not taken here; {context.Response.Headers.Allow} is.", "method"),
        413 => new Problem("BodyTooLarge", "The body is longer than is taken here.", "body"),
        415 => new Problem("ContentTypeInvalid", $"Content-Type is '{Shorten(context.Request.ContentType)}'; /openapi/v1.json lists what is taken here.", "Content-Type"),
        _ => new Problem("Refused", "The request was refused."),
    };

    private async Task AnswerAsync(HttpContext context, Exception fault)
    {
        if (context.RequestAborted.IsCancellationRequested && fault is OperationCanceledException or IOException)
        {
            context.Response.StatusCode = ClientClosedRequest; // nobody reads it; for the access log
            return;
        }

        var (status, problem, kind) = Classify(context, fault);
        Faults.Add(1, kind);
        if (status == 503) log.LogWarning(fault, "{Method} {Path} could not be served now ({TraceId}).", context.Request.Method, context.Request.Path, TraceOf(context));
        else if (status >= 500) log.LogError(fault, "{Method} {Path} failed ({TraceId}).", context.Request.Method, context.Request.Path, TraceOf(context));
        if (context.Response.HasStarted)
        {
            context.Abort(); // half an answer must not look like a whole one
            return;
        }

        context.Response.Clear();
        if (status == 503) context.Response.Headers.RetryAfter = "1";
        if (status < 500) context.Response.Headers.Connection = "close"; // the body's end is not known
        await TwinProblems.WriteAsync(context, status, problem).ConfigureAwait(false);
    }

    private static (int Status, Problem Problem, KeyValuePair<string, object?> Kind) Classify(HttpContext context, Exception fault)
    {
        if (fault is BadHttpRequestException bad) return (bad.StatusCode, new Problem(bad.StatusCode == 413 ? "BodyTooLarge" : "RequestInvalid", bad.Message, "body"), Malformed);
        if (fault is IOException { InnerException: OverflowException }) return (400, new Problem("RequestInvalid", "A chunk's size is no number that can be.", "body"), Malformed); // Kestrel's way of saying it
        if (Unreachable.Is(fault)) return (503, new Problem("Unavailable", $"The cluster or its store did not answer; try again. Trace {TraceOf(context)}."), Unavailable);
        return (500, new Problem("Unexpected", $"The request failed in a way that was not foreseen. The log has it under trace {TraceOf(context)}."), Unexpected);
    }

    private static string TraceOf(HttpContext context) => Activity.Current is { } activity ? activity.TraceId.ToHexString() : context.TraceIdentifier;

    private static string Shorten(string? text) => text is null ? "" : text.Length <= 128 ? text : text[..128] + "...";
}
