using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>Refusals as <c>application/problem+json</c> (RFC 9457), with <c>code</c> and <c>where</c>.</summary>
public static class TwinProblems
{
    /// <summary>The HTTP status of a refusal. Invalid is 400, except that a missing model of a twin stays 400 as in Azure Digital Twins.</summary>
    public static int StatusOf(TwinStatus status, Problem? problem) => status switch
    {
        TwinStatus.Ok => 200,
        TwinStatus.Created => 201,
        TwinStatus.NotFound => 404,
        TwinStatus.Invalid => 400,
        TwinStatus.PreconditionFailed => 412,
        TwinStatus.Conflict => problem?.Code == "KeyReused" ? 422 : 409,
        TwinStatus.TooMuch => problem?.Code is "ShardBusy" or "LedgerBusy" ? 429 : 413,
        TwinStatus.Unavailable => 503,
        TwinStatus.Forbidden => 403,
        TwinStatus.NotDone => 424,
        _ => 500,
    };

    /// <summary>Answers with a refusal.</summary>
    public static Task WriteAsync(HttpContext context, TwinStatus status, Problem? problem)
    {
        var code = StatusOf(status, problem);
        if (code is 503 or 429) context.Response.Headers.RetryAfter = "1";
        return WriteAsync(context, code, problem ?? new Problem(status.ToString(), "The request was refused."));
    }

    /// <summary>Answers with a status and a problem.</summary>
    public static Task WriteAsync(HttpContext context, int status, string code, string detail, string? where = null) => WriteAsync(context, status, new Problem(code, detail, where));

    /// <summary>Answers with a status and a problem.</summary>
    public static async Task WriteAsync(HttpContext context, int status, Problem problem)
    {
        if (context.Response.HasStarted) return;
        var isAzure = AzureShape.WantsErrors(context.Request);
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, $"urn:twin:problem:{problem.Code}");
            writer.WriteString("title"u8, Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status));
            writer.WriteNumber("status"u8, status);
            writer.WriteString("detail"u8, problem.Detail);
            writer.WriteString("code"u8, problem.Code);
            if (problem.Where is not null) writer.WriteString("where"u8, problem.Where);
            if (isAzure)
            {
                writer.WriteStartObject("error"u8);
                writer.WriteString("code"u8, problem.Code);
                writer.WriteString("message"u8, problem.Detail);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        context.Response.StatusCode = status;
        if (isAzure) context.Response.Headers["x-ms-error-code"] = problem.Code;
        context.Response.ContentType = isAzure ? "application/json" : "application/problem+json";
        context.Response.ContentLength = buffer.WrittenCount;
        await context.Response.Body.WriteAsync(buffer.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>A result for minimal-API handlers.</summary>
    public static IResult Result(TwinStatus status, Problem? problem) => new ProblemResult(StatusOf(status, problem), problem ?? new Problem(status.ToString(), "The request was refused."));

    /// <summary>A result for minimal-API handlers.</summary>
    public static IResult Result(int status, string code, string detail, string? where = null) => new ProblemResult(status, new Problem(code, detail, where));

    private sealed class ProblemResult(int status, Problem problem) : IResult, IStatusCodeHttpResult
    {
        public int? StatusCode => status;

        public Task ExecuteAsync(HttpContext httpContext)
        {
            if (status is 503 or 429) httpContext.Response.Headers.RetryAfter = "1";
            return WriteAsync(httpContext, status, problem);
        }
    }
}
