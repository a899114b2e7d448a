namespace Twin.Model.Dtdl;

/// <content>Text in several languages: a plain string, an array of <c>{"@language", "@value"}</c>, or an object of language and text.</content>
internal sealed partial class LiteralReader
{
    private const string DefaultLanguage = "en";

    /// <summary>Reads text by language and gives the one to show: English, else any; null when there is none.</summary>
    public string? ReadDisplayText(in Place place, LdValues values, int? longest)
    {
        if (values is { IsArray: false, Items: [{ Kind: LdKind.Text } only] })
        {
            CheckLength(place, only.Text!, longest, only.At);
            return only.Text;
        }

        var texts = ReadLocalText(place, values, longest);
        return texts.GetValueOrDefault(DefaultLanguage) ?? texts.GetValueOrDefault("en-US") ?? texts.Values.FirstOrDefault();
    }

    /// <summary>Reads text by language; what is wrong is left out.</summary>
    public Dictionary<string, string> ReadLocalText(in Place place, LdValues values, int? longest)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!values.IsArray && values.Items is [{ Kind: LdKind.Object } only])
        {
            ReadLanguageMap(place, only.Object!, longest, texts);
            return texts;
        }

        var languages = new HashSet<string>(StringComparer.Ordinal);
        foreach (var value in values.Items)
        {
            if (ReadTagged(place, value) is not var (language, text)) continue;
            if (text is not null) CheckLength(place, text, longest, value.At);
            if (!languages.Add(language))
                errors.Add("langStringElementCodeNotUnique", place.Element, place.Property, language, $"'{place.Property}' has more than one text for language '{language}'.", value.At);
            else if (text is not null) texts[language] = text;
        }

        return texts;
    }

    private (string Language, string? Text)? ReadTagged(in Place place, LdValue value)
    {
        if (value.Kind == LdKind.Text) return (DefaultLanguage, value.Text);
        if (value.Kind != LdKind.Object)
        {
            errors.Add("langStringElementNotStringOrObject", place.Element, place.Property, value.ToString(), $"'{place.Property}' is {value}, neither a string nor an object with @language and @value.", value.At);
            return null;
        }

        var tagged = value.Object!;
        var language = tagged.Language ?? DefaultLanguage;
        if (language.Length == 0)
        {
            errors.Add("langStringElementCodeNotString", place.Element, place.Property, null, $"The @language of a '{place.Property}' is not a string.", value.At);
            return null;
        }

        if (!IsLanguage(language))
            errors.Add("langStringElementInvalidCode", place.Element, place.Property, language, $"'{language}' is not a language code such as en or en-US.", value.At);
        string? text = null;
        if (tagged.Value is not { } inner)
            errors.Add("langStringElementNoValue", place.Element, place.Property, null, $"A '{place.Property}' is an object without @value.", value.At);
        else if (inner.Kind != LdKind.Text)
        {
            errors.Add("langStringElementValueNotString", place.Element, place.Property, inner.ToString(), $"The @value of a '{place.Property}' is {inner}, not a string.", inner.At);
            return null;
        }
        else text = inner.Text;
        CheckTagged(place, tagged);
        return (language, text);
    }

    private void CheckTagged(in Place place, LdObject tagged)
    {
        if (tagged.Context is not null) RefuseTagged(place, "langStringElementContext", "@context", tagged.At);
        if (tagged.Id is not null) RefuseTagged(place, "langStringElementId", "@id", tagged.At);
        if (tagged.HasGraph) RefuseTagged(place, "langStringElementGraph", "@graph", tagged.At);
        if (place.Scope.RestrictsKeywords)
        {
            if (tagged.Types is not null) RefuseTagged(place, "langStringElementType", "@type", tagged.At);
            foreach (var keyword in tagged.Keywords) RefuseTagged(place, "langStringElementKeyword", keyword, tagged.At);
        }

        foreach (var property in tagged.Properties) RefuseTagged(place, "langStringElementInvalidProp", property.Name, property.At);
    }

    private void RefuseTagged(in Place place, string id, string name, int at) =>
        errors.Add(id, place.Element, place.Property, name, $"A '{place.Property}' has '{name}'; only @language and @value are allowed.", at);

    private void ReadLanguageMap(in Place place, LdObject map, int? longest, Dictionary<string, string> texts)
    {
        if (map is { Language: { } tag, Value: { Kind: LdKind.Text } tagged, Count: 2 })
            errors.Add("langTagValueInLangMap", place.Element, place.Property, null, $"'{place.Property}' is an object with @language and @value. Write {{ \"{tag}\": \"{tagged.Text}\" }}, or put it in an array.", map.At);
        else
        {
            if (map.Language is not null) RefuseKeyword(place, "@language", map.At);
            if (map.Value is not null) RefuseKeyword(place, "@value", map.At);
        }

        if (map.Context is not null) RefuseKeyword(place, "@context", map.At);
        if (map.Id is not null) RefuseKeyword(place, "@id", map.At);
        if (map.Types is not null) RefuseKeyword(place, "@type", map.At);
        if (map.HasGraph) RefuseKeyword(place, "@graph", map.At);
        foreach (var keyword in map.Keywords) RefuseKeyword(place, keyword, map.At);
        foreach (var property in map.Properties)
        {
            if (!IsLanguage(property.Name))
                errors.Add("langStringInvalidCode", place.Element, place.Property, property.Name, $"'{property.Name}' in '{place.Property}' is not a language code such as en or en-US.", property.At);
            string? text = null;
            if (property.Values is { IsArray: false, Items: [{ Kind: LdKind.Text } value] }) CheckLength(place, text = value.Text!, longest, value.At);
            else
                errors.Add("langStringValueNotString", place.Element, place.Property, property.Name, $"The text of '{place.Property}' for language '{property.Name}' is not a string.", property.At);
            if (texts.ContainsKey(property.Name))
                errors.Add("langStringCodeNotUnique", place.Element, place.Property, property.Name, $"'{place.Property}' has more than one text for language '{property.Name}'.", property.At);
            else texts[property.Name] = text ?? "";
        }
    }

    private void RefuseKeyword(in Place place, string keyword, int at) =>
        errors.Add("langMapObjKeyword", place.Element, place.Property, keyword, $"'{place.Property}' is an object of languages and texts and cannot have '{keyword}'.", at);

    private void CheckLength(in Place place, string text, int? longest, int at)
    {
        if (text.Length > longest)
            errors.Add("langStringValueTooLong", place.Element, place.Property, text, $"'{place.Property}' has {text.Length} characters; at most {longest} are allowed.", at);
    }

    /// <summary>Two to four letters; then perhaps a script of four; then perhaps a region of two letters or three digits.</summary>
    private static bool IsLanguage(string code)
    {
        var parts = code.Split('-');
        if (parts[0].Length is < 2 or > 4 || !parts[0].All(char.IsAsciiLetterLower)) return false;
        var next = 1;
        if (next < parts.Length && parts[next].Length == 4 && char.IsAsciiLetterUpper(parts[next][0]) && parts[next].Skip(1).All(char.IsAsciiLetterLower)) next++;
        if (next < parts.Length && ((parts[next].Length == 2 && parts[next].All(char.IsAsciiLetterUpper)) || (parts[next].Length == 3 && parts[next].All(char.IsAsciiDigit)))) next++;
        return next == parts.Length;
    }
}
