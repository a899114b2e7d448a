using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Wot;

namespace Twin.Gateway.Http.Things;

/// <summary>A Thing's properties as plain JSON values.</summary>
internal static class ThingProperties
{
    private const int MostBytes = TwinJson.LongestDocument;

    public static async Task<IResult> ReadAllAsync(HttpContext context, ITwinStore store, string id)
    {
        var (document, model, refusal) = await FindAsync(context, store, id).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        var output = new ArrayBufferWriter<byte>(1_024);
        using (var twin = JsonDocument.Parse(document.Json))
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            foreach (var property in model!.Properties)
            {
                if (!TryFind(twin.RootElement, property.Path, out var value)) continue;
                json.WritePropertyName(ThingDescription.NameOf(property.Path));
                value.WriteTo(json);
            }

            json.WriteEndObject();
        }

        context.Response.Headers.ETag = ETag.Format(document.Version);
        return Results.Bytes(output.WrittenMemory.ToArray(), "application/json");
    }

    public static async Task<IResult> ReadAsync(HttpContext context, ITwinStore store, string id, string name)
    {
        var (document, model, refusal) = await FindAsync(context, store, id).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        if (model!.FindProperty(ThingDescription.PathOf(name)) is not { } property) return NoAffordance(model, "property", name);
        using var twin = JsonDocument.Parse(document.Json);
        if (!TryFind(twin.RootElement, property.Path, out var value)) return TwinProblems.Result(404, "PropertyNotSet", $"Property '{name}' of '{id}' has no value yet.", "name");
        context.Response.Headers.ETag = ETag.Format(document.Version);
        return Results.Text(value.GetRawText(), "application/json");
    }

    public static async Task<IResult> WriteAsync(HttpContext context, ITwinStore store, string id, string name)
    {
        var (_, model, refusal) = await FindAsync(context, store, id).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        if (MayWrite(model!, name, out var property) is { } refused) return refused;
        var (value, problem) = await ReadBodyAsync(context).ConfigureAwait(false);
        if (problem is not null) return problem;
        return await PatchAsync(context, store, id, [new PatchOperation(PatchVerb.Add, property!.Path, value)]).ConfigureAwait(false);
    }

    public static async Task<IResult> WriteManyAsync(HttpContext context, ITwinStore store, string id)
    {
        var (_, model, refusal) = await FindAsync(context, store, id).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        var (value, problem) = await ReadBodyAsync(context).ConfigureAwait(false);
        if (problem is not null) return problem;
        if (value.Kind != ValueKind.Json || value.AsJson[0] != (byte)'{') return TwinProblems.Result(400, "JsonInvalid", "The body must be a JSON object of properties' names and values.", "body");
        var operations = new List<PatchOperation>();
        using var body = JsonDocument.Parse(value.JsonArray);
        foreach (var member in body.RootElement.EnumerateObject())
        {
            if (MayWrite(model!, member.Name, out var property) is { } refused) return refused;
            var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(member.Value.GetRawText()));
            reader.Read();
            operations.Add(new PatchOperation(PatchVerb.Add, property!.Path, PropertyValue.ReadJson(ref reader)));
        }

        return operations.Count == 0 ? Results.NoContent() : await PatchAsync(context, store, id, [.. operations]).ConfigureAwait(false);
    }

    /// <summary>The twin and its model, or why not.</summary>
    public static async ValueTask<(Document Document, InterfaceDefinition? Model, IResult? Refusal)> FindAsync(HttpContext context, ITwinStore store, string id)
    {
        if (!TwinJson.IsValidId(id)) return (default, null, TwinProblems.Result(400, "IdInvalid", $"'{(id.Length <= 64 ? id : id[..64] + "...")}' is not a twin id.", "id"));
        var document = await store.GetTwinAsync(id, context.RequestAborted).ConfigureAwait(false);
        if (document.Status != TwinStatus.Ok) return (default, null, TwinProblems.Result(document.Status, document.Problem));
        return await ModelOfAsync(store, document.Json, context.RequestAborted).ConfigureAwait(false) is { } model ? (document, model, null) : (default, null, TwinProblems.Result(503, "Unavailable", $"The model of '{id}' is not known here yet; try again.", "id"));
    }

    /// <summary>The model a twin's document names; one that is not known here yet is asked for.</summary>
    public static async ValueTask<InterfaceDefinition?> ModelOfAsync(ITwinStore store, ReadOnlyMemory<byte> document, CancellationToken cancellationToken)
    {
        using var twin = JsonDocument.Parse(document);
        if (twin.RootElement.GetProperty("$metadata").GetProperty("$model").GetString() is not { } id) return null;
        if (store.Models.Find(id) is { } known) return known;
        await store.ListModelsAsync(cancellationToken).ConfigureAwait(false); // which asks the catalog
        return store.Models.Find(id);
    }

    public static IResult NoAffordance(InterfaceDefinition model, string what, string name) =>
        TwinProblems.Result(404, "AffordanceNotFound", $"Model '{model.Id}' has no {what} '{(name.Length <= 64 ? name : name[..64] + "...")}'.", "name");

    /// <summary>Does an action's input fit the command? An empty body is no input.</summary>
    public static bool TryReadInput(CommandDefinition command, ReadOnlyMemory<byte> body, out Problem? problem)
    {
        problem = null;
        if (command.Request is not { } schema) return body.Length == 0 || Refuse($"Action '{command.Name}' takes no input.", out problem);
        if (body.Length == 0) return command.IsRequestNullable || Refuse($"Action '{command.Name}' needs an input.", out problem);
        if (!TryReadValue(body.Span, out var value, out problem)) return false;
        if (value.Kind == ValueKind.None && command.IsRequestNullable) return true;
        return SchemaValidation.TryConvert(schema, value, out _, out var error) || Refuse(error!, out problem);
    }

    private static bool Refuse(string why, [NotNullWhen(true)] out Problem? problem)
    {
        problem = new Problem("ActionInputInvalid", why, "body");
        return false;
    }

    private static IResult? MayWrite(InterfaceDefinition model, string name, out PropertyDefinition? property)
    {
        property = model.FindProperty(ThingDescription.PathOf(name));
        if (property is null) return NoAffordance(model, "property", name);
        return property.IsWritable ? null : TwinProblems.Result(405, "PropertyReadOnly", $"Property '{name}' of '{model.Id}' is read-only; its model does not say writable.", "name");
    }

    private static async Task<IResult> PatchAsync(HttpContext context, ITwinStore store, string id, PatchOperation[] operations)
    {
        if (!FrontDoor.TryMatch(context.Request.Headers.IfMatch, out var version)) return TwinProblems.Result(400, "PreconditionInvalid", "If-Match must be one ETag as this server gives it, or *.", "If-Match");
        var result = await store.ExecuteAsync(new PatchTwin(id, operations) { IfMatch = version }, context.RequestAborted).ConfigureAwait(false);
        if (!result.IsDone) return TwinProblems.Result(result.Status, result.Problem);
        context.Response.Headers.ETag = ETag.Format(result.Version);
        return Results.NoContent();
    }

    private static async Task<(PropertyValue Value, IResult? Problem)> ReadBodyAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, MostBytes).ConfigureAwait(false);
        if (body.Problem is not null) return (default, TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body"));
        return TryReadValue(body.Memory.Span, out var value, out var problem) ? (value, null) : (default, TwinProblems.Result(TwinStatus.Invalid, problem));
    }

    private static bool TryReadValue(ReadOnlySpan<byte> utf8, out PropertyValue value, out Problem? problem)
    {
        (value, problem) = (default, null);
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = TwinJson.DeepestNesting });
            if (reader.Read()) value = PropertyValue.ReadJson(ref reader);
            if (reader.Read()) throw new JsonException("There is text after the value.");
            return true;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            problem = new Problem("JsonInvalid", fault.Message, "body");
            return false;
        }
    }

    private static bool TryFind(JsonElement twin, string path, out JsonElement value)
    {
        value = twin;
        foreach (var segment in path.Split('/'))
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(segment, out value)) return false;
        return true;
    }
}
