using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Primitives;
using Twin.Grains;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>Reads <c>{"query","parameters","continuationToken","pageSize"}</c>.</summary>
internal static class QueryBody
{
    private const int MostPageSize = 10_000;
    private const int MostParameters = 100;

    public static bool TryRead(ReadOnlySpan<byte> utf8, StringValues pageHeader, out QueryRequest? request, out Problem? problem)
    {
        request = null;
        try
        {
            return TryReadObject(utf8, pageHeader, out request, out problem);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            problem = new Problem("JsonInvalid", fault.Message, "body");
            return false;
        }
    }

    /// <summary>Reads an object of parameter values, as of the body's <c>parameters</c>.</summary>
    public static bool TryReadParameters(string json, out Dictionary<string, PropertyValue>? parameters, out Problem? problem)
    {
        (parameters, problem) = (null, null);
        try
        {
            var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(json), new JsonReaderOptions { MaxDepth = 32 });
            reader.Read();
            parameters = ReadParameters(ref reader);
            while (reader.Read())
            {
                // Anything after the object throws here.
            }

            return true;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            problem = new Problem("JsonInvalid", fault.Message, "parameters");
            return false;
        }
    }

    private static bool TryReadObject(ReadOnlySpan<byte> utf8, StringValues pageHeader, out QueryRequest? request, out Problem? problem)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = 32 });
        string? text = null, token = null;
        var pageSize = 100;
        Dictionary<string, PropertyValue>? parameters = null;
        request = null;
        problem = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new JsonException("A JSON object with 'query' was expected.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isQuery = reader.ValueTextEquals("query"u8);
            var isToken = reader.ValueTextEquals("continuationToken"u8);
            var isSize = reader.ValueTextEquals("pageSize"u8);
            var isParameters = reader.ValueTextEquals("parameters"u8);
            reader.Read();
            if (isQuery) text = reader.GetString();
            else if (isToken) token = reader.GetString();
            else if (isSize) pageSize = reader.GetInt32();
            else if (isParameters && reader.TokenType != JsonTokenType.Null) parameters = ReadParameters(ref reader);
            else reader.Skip();
        }

        while (reader.Read())
        {
            // Anything after the object throws here.
        }

        if (pageHeader.Count == 1 && int.TryParse(pageHeader[0], NumberStyles.None, CultureInfo.InvariantCulture, out var asked)) pageSize = asked;
        if (pageSize is < 1 or > MostPageSize)
        {
            problem = new Problem("PageSizeInvalid", $"pageSize is {pageSize}; it must be 1 to {MostPageSize}.", "pageSize");
            return false;
        }

        if (text is null)
        {
            problem = new Problem("QueryMissing", "The body has no 'query' text. With a continuationToken the same query must be sent again.", "query");
            return false;
        }

        request = new QueryRequest(text, parameters, pageSize, token);
        return true;
    }

    private static Dictionary<string, PropertyValue> ReadParameters(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("'parameters' must be an object of name to value.");
        var parameters = new Dictionary<string, PropertyValue>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            parameters[name.TrimStart('$')] = PropertyValue.ReadJson(ref reader);
            if (parameters.Count > MostParameters) throw new JsonException($"At most {MostParameters} parameters are taken.");
        }

        return parameters;
    }
}
