using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Twin.Model;

/// <summary>
/// Reads twins, relationships and patches in the Azure Digital Twins JSON shape into commands. Checks form only; whether
/// a model has such a property is the owner's question. Hot: a patch that replaces one number costs its array and nothing
/// else. Bounds: 1 MiB of text, 32 levels, 1,000 operations. Stateless; thread-safe.
/// </summary>
/// <remarks>
/// An object that has a member <c>$metadata</c> is a component: its members become assignments below its name. Any other
/// object is one value. A member whose value is null is left out: a null cannot be stored. <c>$etag</c> and what a
/// <c>$metadata</c> says beside <c>$model</c> are the owner's to tell and are passed over.
/// </remarks>
public static class TwinJson
{
    /// <summary>Longest accepted document, bytes.</summary>
    public const int LongestDocument = 1 << 20;

    /// <summary>Deepest accepted nesting.</summary>
    public const int DeepestNesting = 32;

    /// <summary>Most operations in one patch.</summary>
    public const int MostOperations = 1_000;

    /// <summary>Most members of one twin, components' members counted.</summary>
    public const int MostMembers = 10_000;

    /// <summary>Longest path of a patch operation, bytes.</summary>
    public const int LongestPath = 1_024;

    private static readonly JsonReaderOptions Options = new() { MaxDepth = DeepestNesting };

    [ThreadStatic] private static PatchOperation[]? s_operations;

    /// <summary>Reads the body of a PUT of a twin.</summary>
    /// <param name="id">The twin's id; a <c>$dtId</c> in the body must be the same.</param>
    /// <param name="utf8">The body.</param>
    /// <param name="command">The command, without preconditions.</param>
    /// <param name="problem">What is wrong and where.</param>
    public static bool TryReadTwin(string id, ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out PutTwin? command, [NotNullWhen(false)] out Problem? problem)
    {
        command = null;
        var body = new TwinBody();
        if (!TryRead(utf8, ref body, isRelationship: false, out problem)) return false;
        problem = CheckId(id, body.Id, "$dtId", out var twinId);
        if (problem is not null) return false;
        if (body.Model is null)
        {
            problem = new("DigitalTwinInvalid", "The twin has no $metadata.$model: the model's id is required, e.g. {\"$metadata\":{\"$model\":\"dtmi:example:Lamp;1\"}}.", "/$metadata/$model");
            return false;
        }

        command = new PutTwin(twinId, body.Model, body.ToValues());
        return true;
    }

    /// <summary>Reads a twin whose id stands in its <c>$dtId</c>, as bulk-import files have them.</summary>
    public static bool TryReadTwin(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out PutTwin? command, [NotNullWhen(false)] out Problem? problem) =>
        TryReadTwin("", utf8, out command, out problem);

    /// <summary>Reads the body of a PUT of a relationship.</summary>
    /// <param name="sourceId">The source twin; a <c>$sourceId</c> in the body must be the same.</param>
    /// <param name="relationshipId">Its id; a <c>$relationshipId</c> in the body must be the same.</param>
    /// <param name="utf8">The body; <c>$targetId</c> and <c>$relationshipName</c> are required.</param>
    /// <param name="command">The command, without preconditions.</param>
    /// <param name="problem">What is wrong and where.</param>
    public static bool TryReadRelationship(
        string sourceId, string relationshipId, ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out PutRelationship? command, [NotNullWhen(false)] out Problem? problem)
    {
        command = null;
        var body = new TwinBody();
        if (!TryRead(utf8, ref body, isRelationship: true, out problem)) return false;
        problem = CheckId(sourceId, body.SourceId, "$sourceId", out var source);
        if (problem is not null) return false;
        problem = CheckId(relationshipId, body.Id, "$relationshipId", out var id);
        if (problem is not null) return false;
        problem = CheckId("", body.TargetId, "$targetId", out var target);
        if (problem is not null) return false;
        if (string.IsNullOrEmpty(body.Name) || body.Name.Length > 512)
        {
            problem = new("RelationshipInvalid", "$relationshipName is required: 1 to 512 characters, a relationship the source's model has.", "/$relationshipName");
            return false;
        }

        command = new PutRelationship(source, id, body.Name, target, body.ToValues());
        return true;
    }

    /// <summary>Reads a relationship whose ids stand in its body, as bulk-import files have them.</summary>
    public static bool TryReadRelationship(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out PutRelationship? command, [NotNullWhen(false)] out Problem? problem) =>
        TryReadRelationship("", "", utf8, out command, out problem);

    /// <summary>
    /// Reads a JSON Patch (RFC 6902): add, replace, remove and test; copy and move are refused. Paths lose their leading
    /// slash and keep <c>~0</c> and <c>~1</c> as written.
    /// </summary>
    public static bool TryReadPatch(ReadOnlySpan<byte> utf8, out PatchOperation[] operations, [NotNullWhen(false)] out Problem? problem)
    {
        operations = [];
        if ((problem = CheckLength(utf8, "JsonPatchInvalid")) is not null) return false;
        var buffer = s_operations ??= new PatchOperation[16];
        var count = 0;
        try
        {
            var reader = new Utf8JsonReader(utf8, Options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            {
                problem = new("JsonPatchInvalid", "A JSON Patch is an array of operations: [{\"op\":\"replace\",\"path\":\"/name\",\"value\":1}].", "/");
                return false;
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (count == MostOperations)
                {
                    problem = new("JsonPatchInvalid", $"A patch has at most {MostOperations} operations.", $"/{count}");
                    return false;
                }

                if (count == buffer.Length) Array.Resize(ref buffer, Math.Min(MostOperations, buffer.Length * 4));
                if ((problem = ReadOperation(ref reader, count, out buffer[count])) is not null) return false;
                count++;
            }

            reader.Read(); // throws when something follows
            operations = buffer.AsSpan(0, count).ToArray();
            return true;
        }
        catch (Exception e) when (IsMalformed(e))
        {
            problem = Malformed("JsonPatchInvalid", e);
            return false;
        }
        finally
        {
            buffer.AsSpan(0, Math.Min(count + 1, buffer.Length)).Clear(); // keep no texts alive
            if (buffer.Length <= 64) s_operations = buffer;
        }
    }

    /// <summary>True for 1 to 128 ASCII letters, digits and <c>-._:@!$()*,;='%~</c>: what fits a URL segment and an MQTT topic level.</summary>
    public static bool IsValidId(ReadOnlySpan<char> id) => id.Length is > 0 and <= 128 && !id.ContainsAnyExcept(IdCharacters);

    private static readonly SearchValues<char> IdCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:@!$()*,;='%~");

    private static Problem? ReadOperation(ref Utf8JsonReader reader, int index, out PatchOperation operation)
    {
        operation = default;
        if (reader.TokenType != JsonTokenType.StartObject) return new("JsonPatchInvalid", $"Operation {index} is not a JSON object.", $"/{index}");
        PatchVerb? verb = null;
        string? path = null;
        PropertyValue value = default;
        var hasValue = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.ValueTextEquals("op"u8))
            {
                reader.Read();
                if ((verb = ReadVerb(ref reader)) is null)
                    return new("JsonPatchInvalid", $"Operation {index}: op is one of add, replace, remove, test.", $"/{index}/op");
            }
            else if (reader.ValueTextEquals("path"u8))
            {
                reader.Read();
                if ((path = ReadPath(ref reader)) is null)
                    return new("JsonPatchInvalid", $"Operation {index}: path is a JSON Pointer to a member, e.g. \"/temperature\"; at most {LongestPath} bytes, ~ only as ~0 or ~1.", $"/{index}/path");
            }
            else if (reader.ValueTextEquals("value"u8))
            {
                reader.Read();
                value = ReadValue(ref reader);
                hasValue = true;
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        if (verb is null) return new("JsonPatchInvalid", $"Operation {index} has no op.", $"/{index}/op");
        if (path is null) return new("JsonPatchInvalid", $"Operation {index} has no path.", $"/{index}/path");
        if (verb is not PatchVerb.Remove && !hasValue) return new("JsonPatchInvalid", $"Operation {index} has no value.", $"/{index}/value");
        if (verb is PatchVerb.Add or PatchVerb.Replace && value.Kind == ValueKind.None)
            return new("JsonPatchInvalid", $"Operation {index}: the value is null; a property is taken away with op remove.", $"/{index}/value");
        operation = new PatchOperation(verb.Value, path, verb is PatchVerb.Remove ? default : value);
        return null;
    }

    private static PatchVerb? ReadVerb(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String) return null;
        if (reader.ValueTextEquals("replace"u8)) return PatchVerb.Replace;
        if (reader.ValueTextEquals("add"u8)) return PatchVerb.Add;
        if (reader.ValueTextEquals("remove"u8)) return PatchVerb.Remove;
        if (reader.ValueTextEquals("test"u8)) return PatchVerb.Test;
        return null;
    }

    private static string? ReadPath(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String) return null;
        if (!reader.ValueIsEscaped)
        {
            var raw = reader.ValueSpan;
            return IsPointer(raw) ? TextPool.Paths.Get(raw[1..]) : null;
        }

        Span<byte> unescaped = stackalloc byte[LongestPath];
        if (reader.ValueSpan.Length > LongestPath) return null;
        var text = unescaped[..reader.CopyString(unescaped)];
        return IsPointer(text) ? TextPool.Paths.Get(text[1..]) : null;
    }

    private static bool IsPointer(ReadOnlySpan<byte> path)
    {
        if (path.Length is < 2 or > LongestPath || path[0] != '/') return false;
        for (var i = path.IndexOf((byte)'~'); i >= 0 && i < path.Length; i++)
        {
            if (path[i] == '~' && (i + 1 == path.Length || path[i + 1] is not ((byte)'0' or (byte)'1'))) return false;
        }

        return System.Text.Unicode.Utf8.IsValid(path);
    }

    private static PropertyValue ReadValue(ref Utf8JsonReader reader)
    {
        var value = PropertyValue.ReadJson(ref reader);
        if (value.Kind == ValueKind.Double && !double.IsFinite(value.AsNumber))
            throw new JsonException("A number is outside the range of a 64-bit floating-point number.");
        return value;
    }

    private static bool TryRead(ReadOnlySpan<byte> utf8, ref TwinBody body, bool isRelationship, [NotNullWhen(false)] out Problem? problem)
    {
        var code = isRelationship ? "RelationshipInvalid" : "DigitalTwinInvalid";
        if ((problem = CheckLength(utf8, code)) is not null) return false;
        try
        {
            var reader = new Utf8JsonReader(utf8, Options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                problem = new(code, "A JSON object was expected.", "/");
                return false;
            }

            problem = ReadMembers(ref reader, "", ref body, isRelationship, code);
            if (problem is not null) return false;
            reader.Read(); // throws when something follows
            return true;
        }
        catch (Exception e) when (IsMalformed(e))
        {
            problem = Malformed(code, e);
            return false;
        }
    }

    private static Problem? ReadMembers(ref Utf8JsonReader reader, string prefix, ref TwinBody body, bool isRelationship, string code)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = ReadName(ref reader);
            reader.Read();
            if (name.StartsWith('$'))
            {
                var problem = prefix.Length == 0 ? ReadSystemMember(ref reader, name, ref body, isRelationship, code) : SkipMember(ref reader);
                if (problem is not null) return problem;
                continue;
            }

            var path = prefix.Length == 0 ? name : $"{prefix}/{name}";
            if (name.Length == 0 || name.Contains('/')) return new(code, "A member's name is empty or contains '/', which no property name may.", "/" + path);
            if (reader.TokenType == JsonTokenType.StartObject && !isRelationship && IsComponent(reader))
            {
                var problem = ReadMembers(ref reader, path, ref body, isRelationship, code);
                if (problem is not null) return problem;
                continue;
            }

            var value = ReadValue(ref reader);
            if (body.Count >= MostMembers) return new(code, $"More than {MostMembers} members.", "/" + path);
            if (!body.Add(path, value)) return new(code, $"'{path}' is given twice.", "/" + path);
        }

        return null;
    }

    private static Problem? ReadSystemMember(ref Utf8JsonReader reader, string name, ref TwinBody body, bool isRelationship, string code)
    {
        if (name == "$metadata" && !isRelationship)
        {
            if (reader.TokenType != JsonTokenType.StartObject) return new(code, "$metadata is an object with a member $model.", "/$metadata");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            {
                var isModel = reader.ValueTextEquals("$model"u8);
                reader.Read();
                if (!isModel) reader.Skip();
                else if (reader.TokenType == JsonTokenType.String) body.Model = ReadName(ref reader);
                else return new(code, "$metadata.$model is the model's id as a string.", "/$metadata/$model");
            }

            return null;
        }

        if (name is not ("$dtId" or "$sourceId" or "$targetId" or "$relationshipId" or "$relationshipName")) return SkipMember(ref reader);
        if (reader.TokenType != JsonTokenType.String) return new(code, $"{name} is a string.", "/" + name);
        var text = reader.GetString();
        switch (name)
        {
            case "$dtId" when !isRelationship: body.Id = text; break;
            case "$relationshipId" when isRelationship: body.Id = text; break;
            case "$sourceId": body.SourceId = text; break;
            case "$targetId": body.TargetId = text; break;
            case "$relationshipName": body.Name = text; break;
        }

        return null;
    }

    private static Problem? SkipMember(ref Utf8JsonReader reader)
    {
        reader.Skip();
        return null;
    }

    private static string ReadName(ref Utf8JsonReader reader) =>
        reader.ValueIsEscaped || !System.Text.Unicode.Utf8.IsValid(reader.ValueSpan) ? reader.GetString()! : TextPool.Paths.Get(reader.ValueSpan);

    private static bool IsComponent(Utf8JsonReader ahead)
    {
        while (ahead.Read() && ahead.TokenType != JsonTokenType.EndObject)
        {
            if (ahead.ValueTextEquals("$metadata"u8)) return true;
            ahead.Read();
            ahead.Skip();
        }

        return false;
    }

    private static Problem? CheckId(string outer, string? inner, string name, out string id)
    {
        id = outer.Length > 0 ? outer : inner ?? "";
        if (outer.Length > 0 && inner is not null && !string.Equals(outer, inner, StringComparison.Ordinal))
            return new("IdMismatch", $"{name} is '{Shorten(inner)}' but the address says '{Shorten(outer)}'.", "/" + name);
        if (id.Length == 0) return new("IdInvalid", $"{name} is required.", "/" + name);
        return IsValidId(id) ? null : new("IdInvalid", $"'{Shorten(id)}' is not an id: 1 to 128 ASCII letters, digits and -._:@!$()*,;='%~ are allowed.", "/" + name);
    }

    private static string Shorten(string text) => text.Length <= 160 ? text : text[..160] + "...";

    private static Problem? CheckLength(ReadOnlySpan<byte> utf8, string code) =>
        utf8.Length <= LongestDocument ? null : new(code, $"The document has {utf8.Length} bytes; at most {LongestDocument} are allowed.", "/");

    private static bool IsMalformed(Exception e) => e is JsonException or InvalidOperationException or FormatException or ArgumentException;

    private static Problem Malformed(string code, Exception e) => e is JsonException { LineNumber: { } line } json
        ? new(code, $"The JSON is malformed: {e.Message}", $"line {line + 1}, byte {json.BytePositionInLine + 1}")
        : new(code, $"The JSON is malformed: {e.Message}");

    private struct TwinBody()
    {
        private readonly List<Assignment> _values = new(16);
        private readonly HashSet<string> _seen = new(16, StringComparer.Ordinal);

        public string? Id;
        public string? Model;
        public string? SourceId;
        public string? TargetId;
        public string? Name;

        public readonly int Count => _seen.Count;

        public readonly bool Add(string path, PropertyValue value)
        {
            if (!_seen.Add(path)) return false;
            if (value.Kind != ValueKind.None) _values.Add(new Assignment(path, value));
            return true;
        }

        public readonly Assignment[] ToValues() => [.. _values];
    }
}
