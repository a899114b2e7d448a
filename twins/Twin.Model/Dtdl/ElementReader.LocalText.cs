using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <content>Texts in several languages: a string, a language map, or an array of strings and <c>{"@value", "@language"}</c>.</content>
internal sealed partial class ElementReader
{
    private void ReadLocalText(JsonElement json, Element element, PropertyRule rule)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        var ok = json.ValueKind switch
        {
            JsonValueKind.String => AddText(texts, "en", json, element, rule, "langStringCodeNotUnique", "langStringValueNotString"),
            JsonValueKind.Object => ReadLanguageMap(json, texts, element, rule),
            JsonValueKind.Array => ReadLanguageArray(json, texts, element, rule),
            _ => Refuse("langStringNotLangString", json, element, rule, "is a string, a map from language to string, or an array of both"),
        };
        if (!ok || texts.Count == 0) return;
        element.Texts[rule.Name] = texts.GetValueOrDefault("en") ?? texts.FirstOrDefault(t => t.Key.StartsWith("en", StringComparison.Ordinal)).Value ?? texts.First().Value;
    }

    private bool ReadLanguageMap(JsonElement json, Dictionary<string, string> texts, Element element, PropertyRule rule)
    {
        foreach (var member in json.EnumerateObject())
        {
            if (member.Name.StartsWith('@')) return Refuse("langMapObjKeyword", json, element, rule, $"has a language map with '{member.Name}'");
            if (!IsLanguage(member.Name)) return Refuse("langStringInvalidCode", json, element, rule, $"has '{member.Name}', which is not a language code such as en or en-US");
            if (member.Value.ValueKind == JsonValueKind.Object) return Refuse("langTagValueInLangMap", json, element, rule, "has an object where a string belongs");
            if (!AddText(texts, member.Name, member.Value, element, rule, "langStringCodeNotUnique", "langStringValueNotString")) return false;
        }

        return true;
    }

    private bool ReadLanguageArray(JsonElement json, Dictionary<string, string> texts, Element element, PropertyRule rule)
    {
        foreach (var entry in json.EnumerateArray())
        {
            var ok = entry.ValueKind switch
            {
                JsonValueKind.String => AddText(texts, "en", entry, element, rule, "langStringElementCodeNotUnique", "langStringElementValueNotString"),
                JsonValueKind.Object => ReadLanguageEntry(entry, texts, element, rule),
                _ => Refuse("langStringElementNotStringOrObject", entry, element, rule, "has an array element that is neither a string nor an object"),
            };
            if (!ok) return false;
        }

        return true;
    }

    private bool ReadLanguageEntry(JsonElement json, Dictionary<string, string> texts, Element element, PropertyRule rule)
    {
        foreach (var member in json.EnumerateObject())
        {
            var error = member.Name switch
            {
                "@value" or "@language" => null,
                "@id" => "langStringElementId",
                "@graph" => "langStringElementGraph",
                "@context" => "langStringElementContext",
                "@type" => element.Version >= 3 ? "langStringElementType" : null,
                _ when member.Name.StartsWith('@') => element.Version >= 3 ? "langStringElementKeyword" : null,
                _ => "langStringElementInvalidProp",
            };
            if (error is not null) return Refuse(error, json, element, rule, $"has '{member.Name}' beside @value and @language");
        }

        if (!json.TryGetProperty("@value", out var value)) return Refuse("langStringElementNoValue", json, element, rule, "has an object without @value");
        var language = "en";
        if (json.TryGetProperty("@language", out var code))
        {
            if (code.ValueKind != JsonValueKind.String) return Refuse("langStringElementCodeNotString", json, element, rule, "has an @language that is not a string");
            language = code.GetString()!;
            if (!IsLanguage(language)) return Refuse("langStringElementInvalidCode", json, element, rule, $"has '{language}', which is not a language code such as en or en-US");
        }

        return AddText(texts, language, value, element, rule, "langStringElementCodeNotUnique", "langStringElementValueNotString");
    }

    private bool AddText(Dictionary<string, string> texts, string language, JsonElement value, Element element, PropertyRule rule, string notUnique, string notString)
    {
        if (value.ValueKind != JsonValueKind.String) return Refuse(notString, value, element, rule, "has a text that is not a string");
        var text = value.GetString()!;
        var limit = rule.LengthLimit(element.Version);
        if (text.Length > limit) return Refuse("langStringValueTooLong", value, element, rule, $"has {text.Length} characters; at most {limit} are allowed");
        return texts.TryAdd(language, text) || Refuse(notUnique, value, element, rule, $"has two texts for language '{language}'");
    }

    private bool Refuse(string error, JsonElement value, Element element, PropertyRule rule, string what)
    {
        errors.Add(error, element.Id, rule.Name, value.GetRawText(), $"'{rule.Name}' of {element.Id} {what}.");
        return false;
    }

    /// <summary>True for codes such as en, en-US, zh-Hans, zh-Hans-CN, es-419.</summary>
    private static bool IsLanguage(string code)
    {
        var parts = code.Split('-');
        if (parts.Length > 3 || parts[0].Length is < 2 or > 4 || !parts[0].All(char.IsAsciiLetterLower)) return false;
        var next = 1;
        if (next < parts.Length && parts[next].Length == 4 && char.IsAsciiLetterUpper(parts[next][0]) && parts[next][1..].All(char.IsAsciiLetterLower)) next++;
        if (next < parts.Length && ((parts[next].Length == 2 && parts[next].All(char.IsAsciiLetterUpper)) || (parts[next].Length == 3 && parts[next].All(char.IsAsciiDigit)))) next++;
        return next == parts.Length;
    }
}
