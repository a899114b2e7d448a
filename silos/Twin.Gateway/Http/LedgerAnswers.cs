using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Gateway.Http;

/// <summary>What a book answered, as HTTP says it.</summary>
internal static class LedgerAnswers
{
    /// <summary>Says on an answer that it is an earlier one's, given again.</summary>
    public const string ReplayedHeader = "Idempotent-Replayed";

    public static IResult Document(LedgerDocument document) =>
        document.Status == TwinStatus.Ok ? Results.Bytes(document.Json, "application/json") : TwinProblems.Result(document.Status, document.Problem);

    /// <summary>A repeat gets what the first got, and a header.</summary>
    public static IResult Result(HttpContext context, in LedgerResult result, string number, int status = 201)
    {
        if (!result.IsDone) return TwinProblems.Result(result.Status, result.Problem);
        if (result.IsRepeat) context.Response.Headers[ReplayedHeader] = "true";
        return Results.Json(new Dictionary<string, object> { [number] = result.Number, ["time"] = result.Time.ToString() }, statusCode: status);
    }

    /// <summary><c>{"results":[...]}</c>, one a transfer, in order.</summary>
    public static IResult Many(LedgerResult[] results) => new ManyResult(results);

    private sealed class ManyResult(LedgerResult[] results) : IResult, IStatusCodeHttpResult
    {
        public int? StatusCode => 200;

        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var bytes = new ArrayBufferWriter<byte>(32 + (results.Length * 80));
            using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { SkipValidation = true }))
            {
                json.WriteStartObject();
                json.WriteStartArray("results"u8);
                foreach (ref readonly var result in results.AsSpan()) Write(json, result);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            httpContext.Response.ContentType = "application/json";
            httpContext.Response.ContentLength = bytes.WrittenCount;
            await httpContext.Response.BodyWriter.WriteAsync(bytes.WrittenMemory, httpContext.RequestAborted).ConfigureAwait(false);
        }

        private static void Write(Utf8JsonWriter json, in LedgerResult result)
        {
            json.WriteStartObject();
            json.WriteNumber("status"u8, result.IsDone ? 201 : TwinProblems.StatusOf(result.Status, result.Problem));
            if (result.IsDone)
            {
                json.WriteNumber("number"u8, result.Number);
                Span<char> time = stackalloc char[32];
                result.Time.ToDateTime().TryFormat(time, out var length, "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
                json.WriteString("time"u8, time[..length]);
                if (result.IsRepeat) json.WriteBoolean("repeat"u8, true);
            }
            else
            {
                json.WriteString("code"u8, result.Problem!.Code);
                json.WriteString("detail"u8, result.Problem.Detail);
                if (result.Problem.Where is { } where) json.WriteString("where"u8, where);
            }

            json.WriteEndObject();
        }
    }
}
