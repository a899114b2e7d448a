using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Twin.Gateway.Http;

/// <summary>Writes rows that are JSON already: <c>{"value":[...],"continuationToken":...}</c>. Hot.</summary>
internal static class RowsJson
{
    public static async Task WriteAsync(HttpContext context, IReadOnlyList<ReadOnlyMemory<byte>> rows, string? next, string nextName)
    {
        context.Response.ContentType = "application/json";
        Write(context.Response.BodyWriter, rows, next, nextName);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    private static void Write(IBufferWriter<byte> output, IReadOnlyList<ReadOnlyMemory<byte>> rows, string? next, string nextName)
    {
        output.Write("{\"value\":["u8);
        for (var i = 0; i < rows.Count; i++)
        {
            if (i > 0) output.Write(","u8);
            output.Write(rows[i].Span);
        }

        output.Write("],\""u8);
        output.Write(System.Text.Encoding.ASCII.GetBytes(nextName));
        output.Write("\":"u8);
        if (next is null) output.Write("null"u8);
        else
        {
            output.Write("\""u8);
            output.Write(JsonEncodedText.Encode(next, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
            output.Write("\""u8);
        }

        output.Write("}"u8);
    }
}
