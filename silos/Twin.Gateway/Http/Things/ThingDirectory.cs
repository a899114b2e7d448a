using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Wot;

namespace Twin.Gateway.Http.Things;

/// <summary>Thing Descriptions, one and by page. A description tells at most <see cref="MostLinks"/> of a twin's relationships.</summary>
internal sealed class ThingDirectory(Func<HttpContext, ITwinStore> of, AuthOptions auth)
{
    public const int MostLinks = 100;
    private const int MostRows = 100;
    private const int DefaultRows = 20;
    private readonly ThingSecurity _security = (auth.Keys.Count > 0 ? ThingSecurity.ApiKey : 0) | (auth.JwtIssuer is not null ? ThingSecurity.Bearer : 0);

    public async Task<IResult> GetAsync(HttpContext context, string id)
    {
        if (!Accepts(context, ThingDescription.MediaType)) return NotAcceptable(ThingDescription.MediaType);
        var (_, model, refusal) = await ThingProperties.FindAsync(context, of(context), id).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        var output = new ArrayBufferWriter<byte>(4_096);
        await WriteAsync(output, context, model!, id).ConfigureAwait(false);
        // Of the text, because it depends on more than the twin: its model, its relationships, the address it was asked under.
        var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(output.WrittenSpan))[..24]}\"";
        context.Response.Headers.ETag = tag;
        context.Response.Headers.Vary = "Accept, Host";
        return context.Request.Headers.IfNoneMatch.ToString() is { Length: > 0 } seen && (seen == "*" || seen.Contains(tag, StringComparison.Ordinal))
            ? Results.StatusCode(304)
            : Results.Bytes(output.WrittenMemory.ToArray(), ThingDescription.MediaType);
    }

    public async Task<IResult> ListAsync(HttpContext context, int? top, string? continuationToken, string? format)
    {
        if (!Accepts(context, "application/ld+json")) return NotAcceptable("application/ld+json");
        if (top is < 1 or > MostRows) return TwinProblems.Result(400, "TopInvalid", $"top is {top}; it must be 1 to {MostRows}.", "top");
        if (format is not (null or "array" or "collection")) return TwinProblems.Result(400, "FormatInvalid", "format must be array or collection.", "format");
        var page = await of(context).QueryAsync(new QueryRequest("SELECT * FROM DIGITALTWINS", PageSize: top ?? DefaultRows, Continuation: string.IsNullOrEmpty(continuationToken) ? null : continuationToken), context.RequestAborted).ConfigureAwait(false);
        if (page.Status != TwinStatus.Ok) return TwinProblems.Result(page.Status, page.Problem);
        var next = page.Continuation is null ? null : AzureShape.NextLink(context.Request, page.Continuation);
        if (next is not null) context.Response.Headers.Link = $"<{next}>; rel=\"next\"";
        var things = new byte[page.Rows.Count][];
        for (var i = 0; i < things.Length; i++)
        {
            if (await ThingProperties.ModelOfAsync(of(context), page.Rows[i], context.RequestAborted).ConfigureAwait(false) is not { } model) return TwinProblems.Result(503, "Unavailable", "A twin's model is not known here yet; try again.");
            things[i] = await DescribeAsync(context, model, page.Rows[i]).ConfigureAwait(false);
        }

        return Results.Bytes(Join(things, format == "collection", next), "application/ld+json");
    }

    private static byte[] Join(IEnumerable<byte[]> things, bool isCollection, string? next)
    {
        var output = new ArrayBufferWriter<byte>(64 * 1024);
        using (var json = new Utf8JsonWriter(output))
        {
            if (isCollection)
            {
                json.WriteStartObject();
                json.WriteString("@context"u8, "https://www.w3.org/2022/wot/discovery"u8);
                json.WriteString("@type"u8, "ThingCollection"u8);
                if (next is not null) json.WriteString("next"u8, next);
                json.WritePropertyName("members"u8);
            }

            json.WriteStartArray();
            foreach (var thing in things) json.WriteRawValue(thing, skipInputValidation: true);
            json.WriteEndArray();
            if (isCollection) json.WriteEndObject();
        }

        return output.WrittenSpan.ToArray();
    }

    private async Task<byte[]> DescribeAsync(HttpContext context, InterfaceDefinition model, ReadOnlyMemory<byte> row)
    {
        using var twin = JsonDocument.Parse(row);
        var output = new ArrayBufferWriter<byte>(4_096);
        await WriteAsync(output, context, model, twin.RootElement.GetProperty("$dtId").GetString()!).ConfigureAwait(false);
        return output.WrittenSpan.ToArray();
    }

    private async Task WriteAsync(ArrayBufferWriter<byte> output, HttpContext context, InterfaceDefinition model, string id)
    {
        var links = new List<ThingLink>();
        if (model.Relationships.Count > 0)
        {
            var page = await of(context).ListRelationshipsAsync(id, null, MostLinks, null, context.RequestAborted).ConfigureAwait(false);
            foreach (var row in page.Rows)
            {
                using var relationship = JsonDocument.Parse(row);
                links.Add(new ThingLink(relationship.RootElement.GetProperty("$relationshipName").GetString()!, relationship.RootElement.GetProperty("$targetId").GetString()!));
            }
        }

        ThingDescription.Write(output, model, id, $"{context.Request.Scheme}://{context.Request.Host.ToUriComponent()}{context.Request.PathBase}/", _security, links);
    }

    private static bool Accepts(HttpContext context, string type)
    {
        var accept = context.Request.Headers.Accept.ToString();
        return accept.Length == 0 || accept.Split(',').Any(a => a.Split(';')[0].Trim() is "*/*" or "application/*" or "application/json" || a.Split(';')[0].Trim() == type);
    }

    private static IResult NotAcceptable(string type) => TwinProblems.Result(406, "NotAcceptable", $"Here is {type} (or application/json) only.", "Accept");
}
