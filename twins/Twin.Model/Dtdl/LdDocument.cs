using System.Text;
using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <summary>What a JSON value is, arrays aside.</summary>
internal enum LdKind : byte
{
    Null,
    Boolean,
    Number,
    Text,
    Object,
}

/// <summary>One JSON value.</summary>
internal sealed record LdValue(LdKind Kind, int At)
{
    public string? Text { get; init; }

    public double Number { get; init; }

    public bool Flag { get; init; }

    public LdObject? Object { get; init; }

    /// <summary>For messages.</summary>
    public override string ToString() => Kind switch
    {
        LdKind.Null => "null",
        LdKind.Boolean => Flag ? "true" : "false",
        LdKind.Number => Number.ToString(System.Globalization.CultureInfo.InvariantCulture),
        LdKind.Text => Text!,
        _ => Object!.Id ?? "{...}",
    };
}

/// <summary>The values of a property: one, or an array's. JSON-LD does not tell nested arrays from flat ones, so they come flat.</summary>
internal sealed record LdValues(List<LdValue> Items, bool IsArray);

/// <summary>A property of a JSON object as written; a name may come twice.</summary>
internal sealed record LdProperty(string Name, LdValues Values, int At);

/// <summary>A JSON object with its keywords taken apart.</summary>
internal sealed class LdObject
{
    public List<LdProperty> Properties { get; } = [];

    /// <summary>Properties and keywords together.</summary>
    public int Count { get; set; }

    /// <summary>Null when absent, empty when it is not text.</summary>
    public string? Id { get; set; }

    /// <summary>Null when absent; an entry is null where it is not text.</summary>
    public List<string?>? Types { get; set; }

    /// <summary>Null when absent; an entry is null for a context that defines terms of its own.</summary>
    public List<string?>? Context { get; set; }

    public bool HasGraph { get; set; }

    /// <summary><c>@value</c>.</summary>
    public LdValue? Value { get; set; }

    /// <summary><c>@language</c>: null when absent, empty when it is not text.</summary>
    public string? Language { get; set; }

    /// <summary>Other names that begin with @.</summary>
    public List<string> Keywords { get; } = [];

    /// <summary>Offset of its first byte in the text.</summary>
    public int At { get; set; }

    /// <summary>Offset of its last byte.</summary>
    public int End { get; set; }

    public LdProperty? Find(string name)
    {
        foreach (var property in Properties)
        {
            if (property.Name == name) return property;
        }

        return null;
    }
}

/// <summary>One text: its number, its bytes and the values at its top.</summary>
internal sealed class LdDocument(int index, byte[] bytes)
{
    public int Index { get; } = index;

    public List<LdValue> Roots { get; set; } = [];

    /// <summary>Line of a byte, from 1.</summary>
    public int LineOf(int at) => bytes.AsSpan(0, Math.Min(at, bytes.Length)).Count((byte)'\n') + 1;

    /// <summary>UTF-16 units between two bytes, both included.</summary>
    public int LengthOf(int from, int to) => Encoding.UTF8.GetCharCount(bytes, from, to - from + 1);
}

/// <summary>A text that cannot be read on: what is wrong and where.</summary>
internal sealed class LdException(string id, string? property, string message, int at) : Exception(message)
{
    public string Id { get; } = id;

    public string? Property { get; } = property;

    public int At { get; } = at;
}

/// <summary>Reads JSON-LD into <see cref="LdObject"/>s. Nesting is bounded by the JSON reader at 64.</summary>
internal static class LdReader
{
    /// <summary>Reads a text.</summary>
    /// <exception cref="JsonException">It is not JSON, or nested too deep.</exception>
    /// <exception cref="LdException">A keyword is there twice or has a value of the wrong kind.</exception>
    public static LdDocument Read(string text, int index)
    {
        var bytes = Encoding.UTF8.GetBytes(text.Length > 0 && text[0] == '\uFEFF' ? text[1..] : text);
        var document = new LdDocument(index, bytes);
        var reader = new Utf8JsonReader(bytes);
        reader.Read();
        document.Roots = ReadValues(ref reader).Items;
        return document;
    }

    /// <summary>Reads a value or an array and moves past it.</summary>
    private static LdValues ReadValues(ref Utf8JsonReader reader)
    {
        var items = new List<LdValue>(1);
        var isArray = reader.TokenType == JsonTokenType.StartArray;
        var depth = 0;
        do
        {
            if (reader.TokenType == JsonTokenType.StartArray) depth++;
            else if (reader.TokenType == JsonTokenType.EndArray) depth--;
            else items.Add(ReadValue(ref reader));
            reader.Read();
        }
        while (depth > 0);
        return new LdValues(items, isArray);
    }

    /// <summary>Reads one value and stays on its last token.</summary>
    private static LdValue ReadValue(ref Utf8JsonReader reader)
    {
        var at = (int)reader.TokenStartIndex;
        switch (reader.TokenType)
        {
            case JsonTokenType.True: return new(LdKind.Boolean, at) { Flag = true };
            case JsonTokenType.False: return new(LdKind.Boolean, at);
            case JsonTokenType.Number: return new(LdKind.Number, at) { Number = reader.GetDouble() };
            case JsonTokenType.String: return new(LdKind.Text, at) { Text = ReadText(ref reader) };
            case JsonTokenType.StartObject: return new(LdKind.Object, at) { Object = ReadObject(ref reader) };
            default:
                reader.Skip();
                return new(LdKind.Null, at);
        }
    }

    private static string ReadText(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException fault) // half of a surrogate pair as an escape
        {
            throw new JsonException("The text has an escape that is no character.", fault);
        }
    }

    private static LdObject ReadObject(ref Utf8JsonReader reader)
    {
        var result = new LdObject { At = (int)reader.TokenStartIndex };
        reader.Read();
        while (reader.TokenType == JsonTokenType.PropertyName)
        {
            result.Count++;
            var at = (int)reader.TokenStartIndex;
            var name = ReadText(ref reader);
            reader.Read();
            if (name.StartsWith('@'))
            {
                ReadKeyword(ref reader, result, name, at);
                reader.Read();
            }
            else result.Properties.Add(new LdProperty(name, ReadValues(ref reader), at));
        }

        result.End = (int)reader.TokenStartIndex;
        return result;
    }

    private static void ReadKeyword(ref Utf8JsonReader reader, LdObject result, string name, int at)
    {
        switch (name)
        {
            case "@id":
                Once(result.Id is not null, "repeatedIdProperty", name, at);
                result.Id = reader.TokenType == JsonTokenType.String ? ReadText(ref reader) : "";
                break;
            case "@type":
                Once(result.Types is not null, "repeatedTypeProperty", name, at);
                result.Types = ReadTypes(ref reader);
                break;
            case "@context":
                Once(result.Context is not null, "repeatedContextProperty", name, at);
                result.Context = ReadContext(ref reader);
                break;
            case "@value":
                Once(result.Value is not null, "repeatedValueProperty", name, at);
                result.Value = ReadValue(ref reader);
                break;
            case "@language":
                Once(result.Language is not null, "repeatedLanguageProperty", name, at);
                result.Language = reader.TokenType == JsonTokenType.String ? ReadText(ref reader) : "";
                break;
            case "@graph":
                Once(result.HasGraph, "repeatedGraphProperty", name, at);
                result.HasGraph = true;
                ReadGraph(ref reader);
                break;
            default:
                Once(result.Keywords.Contains(name), "repeatedKeyword", name, at);
                result.Keywords.Add(name);
                break;
        }

        reader.Skip();
    }

    private static void Once(bool isThere, string id, string name, int at)
    {
        if (isThere) throw new LdException(id, name, $"The object has '{name}' more than once. Keep one.", at);
    }

    private static List<string?> ReadTypes(ref Utf8JsonReader reader)
    {
        var types = new List<string?>();
        if (reader.TokenType == JsonTokenType.String) types.Add(ReadText(ref reader));
        else if (reader.TokenType == JsonTokenType.StartArray)
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                types.Add(reader.TokenType == JsonTokenType.String ? ReadText(ref reader) : null);
                reader.Skip();
            }
        }

        return types;
    }

    private static List<string?> ReadContext(ref Utf8JsonReader reader)
    {
        var context = new List<string?>();
        if (reader.TokenType != JsonTokenType.StartArray) context.Add(ReadContextPart(ref reader));
        else
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) context.Add(ReadContextPart(ref reader));
        }

        return context;
    }

    private static string? ReadContextPart(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String) return ReadText(ref reader);
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new LdException("invalidContext", "@context", "A value of @context is neither a string nor an object. Write the DTMI of a context, e.g. \"dtmi:dtdl:context;3\".", (int)reader.TokenStartIndex);
        ReadTerms(ref reader);
        return null;
    }

    /// <summary>Terms that a context defines itself. DTDL allows none, but what is no definition at all is told first.</summary>
    private static void ReadTerms(ref Utf8JsonReader reader)
    {
        var terms = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var at = (int)reader.TokenStartIndex;
            var term = ReadText(ref reader);
            if (!terms.Add(term)) throw new LdException("duplicateTermInContextObject", "@context", $"The context defines '{term}' more than once.", at);
            reader.Read();
            switch (reader.TokenType)
            {
                case JsonTokenType.String or JsonTokenType.Null: break;
                case JsonTokenType.StartObject: ReadTermObject(ref reader, term, at); break;
                default: throw new LdException("termDefinitionNotStringOrObject", "@context", $"The context's definition of '{term}' is neither a string nor an object.", at);
            }
        }
    }

    private static void ReadTermObject(ref Utf8JsonReader reader, string term, int at)
    {
        var hasId = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isId = reader.ValueTextEquals("@id"u8);
            reader.Read();
            if (isId && reader.TokenType != JsonTokenType.String)
                throw new LdException("termDefinitionIdPropertyNotString", "@context", $"The @id of the context's definition of '{term}' is not a string.", at);
            hasId |= isId;
            reader.Skip();
        }

        if (!hasId) throw new LdException("termDefinitionMissingIdProperty", "@context", $"The context's definition of '{term}' has no @id.", at);
    }

    private static void ReadGraph(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.StartObject) return;
        var isObjects = reader.TokenType == JsonTokenType.StartArray;
        while (isObjects && reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            isObjects = reader.TokenType == JsonTokenType.StartObject;
            reader.Skip();
        }

        if (!isObjects) throw new LdException("graphNotObject", "@graph", "A value of @graph is not an object.", (int)reader.TokenStartIndex);
    }
}
