using System.Text.Json;

namespace Twin.Scenarios.Import;

/// <summary>Objects of a file that share vertices: all of a CityJSON file, or one feature of a sequence.</summary>
/// <param name="Objects">The city objects by name.</param>
/// <param name="Geometry">Their vertices.</param>
/// <param name="Where">Put after the file's name in messages: the feature's line, or empty.</param>
internal sealed record CityJsonPart(JsonElement Objects, CityJsonGeometry Geometry, string Where);

/// <summary>CityJSONSeq: the first line is a CityJSON object with transform and metadata, each further line a CityJSONFeature with objects and vertices of its own.</summary>
internal static class CityJsonLines
{
    /// <summary>True when the first line is a whole JSON object and another follows.</summary>
    public static bool IsSequence(ReadOnlySpan<byte> utf8)
    {
        var end = utf8.IndexOf((byte)'\n');
        if (end < 0 || utf8[(end + 1)..].TrimStart(" \t\r\n"u8).IsEmpty) return false;
        try
        {
            var reader = new Utf8JsonReader(utf8[..end]);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.TrySkip() && !reader.Read();
        }
        catch (JsonException)
        {
            return false; // the whole file will tell where
        }
    }

    public static List<CityJsonPart> Read(ReadOnlyMemory<byte> utf8, string file, List<JsonDocument> documents)
    {
        var parts = new List<CityJsonPart>();
        JsonElement header = default;
        for (var line = 0; !utf8.IsEmpty; line++)
        {
            var end = utf8.Span.IndexOf((byte)'\n');
            var text = end < 0 ? utf8 : utf8[..end];
            utf8 = end < 0 ? default : utf8[(end + 1)..];
            if (text.Span.Trim(" \t\r"u8).IsEmpty) continue;
            var root = CityJsonImport.Parse(text, file, line, documents);
            var where = $", line {line + 1}";
            if (documents.Count == 1)
            {
                header = root;
                parts.Add(new CityJsonPart(CityJsonImport.Check(root, file), CityJsonGeometry.Open(root, root, file, "line 1, "), where));
                continue;
            }

            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String || type.GetString() != "CityJSONFeature")
                throw new ImportRefusedException(file, $"line {line + 1}, /type", "after the first line each is a \"CityJSONFeature\".");
            if (!root.TryGetProperty("CityObjects", out var objects) || objects.ValueKind != JsonValueKind.Object)
                throw new ImportRefusedException(file, $"line {line + 1}, /CityObjects", "there are no CityObjects.");
            parts.Add(new CityJsonPart(objects, CityJsonGeometry.Open(header, root, file, $"line {line + 1}, "), where));
        }

        return parts;
    }
}
