using System.Globalization;
using System.Text.RegularExpressions;

namespace Twin.Model.Dtdl;

/// <summary>Where a literal stands, for errors.</summary>
internal readonly record struct Place(string? Element, string Property, Scope Scope);

/// <summary>
/// Reads literals: plain JSON, or value objects such as <c>{"@value": 3, "@type": "xsd:integer"}</c>, alone or in an array
/// of one. Errors go to the list; a value that was reported may still be returned where reading can go on with it.
/// </summary>
internal sealed partial class LiteralReader(ErrorList errors)
{
    private const string XsdPrefix = "http://www.w3.org/2001/XMLSchema#";

    /// <summary>Reads text; null when there is none or it is no text.</summary>
    public string? ReadText(in Place place, LdValues values, int least, int? longest, bool isName, Regex? pattern, int at)
    {
        if (!TakeOne(place, values, "string", least, at, out var value) || Take(place, value, "string", "string", LdKind.Text, isWanted: true) is not { } found) return null;
        var text = found.Text!;
        if (text.Length > longest)
            errors.Add("stringTooLong", place.Element, place.Property, text, $"'{place.Property}' has {text.Length} characters; at most {longest} are allowed.", value.At);
        if (isName && !IsName(text))
            errors.Add("stringInvalid", place.Element, place.Property, text, $"'{text}' is not a name: a letter, then letters, digits and underscores, not ending in an underscore.", value.At);
        if (pattern is not null && !Matches(pattern, text))
            errors.Add("stringInvalid", place.Element, place.Property, text, $"'{place.Property}' is '{text}', which does not have the form {pattern}.", value.At);
        return text;
    }

    /// <summary>Reads a whole number of 32 bits.</summary>
    public int? ReadInteger(in Place place, LdValues values, int least, int? low, int? high, int at)
    {
        if (!TakeOne(place, values, "integer", least, at, out var value)) return null;
        if (Take(place, value, "integer", "integer", LdKind.Number, isWanted: true) is not { } found) return null;
        var number = (int)found.Number;
        var range = (low, high) switch
        {
            ({ } l, { } h) when l == h && number != l => ("valueNotExact", $"it must be {l}"),
            ({ } l, { } h) when number < l => ("valueBelowRange", $"allowed are {l} to {h}"),
            ({ } l, null) when number < l => ("valueBelowMin", $"the least allowed is {l}"),
            ({ } l, { } h) when number > h => ("valueAboveRange", $"allowed are {l} to {h}"),
            (null, { } h) when number > h => ("valueAboveMax", $"the greatest allowed is {h}"),
            _ => default,
        };
        if (range.Item1 is { } id) errors.Add(id, place.Element, place.Property, value.ToString(), $"'{place.Property}' is {number}; {range.Item2}.", value.At);
        return number;
    }

    /// <summary>Reads any number.</summary>
    public double? ReadDecimal(in Place place, LdValues values, int least, int at) =>
        TakeOne(place, values, "numeric", least, at, out var value) ? Take(place, value, "numeric", "numeric", LdKind.Number, isWanted: true)?.Number : null;

    public bool? ReadBoolean(in Place place, LdValues values, int least, int at) =>
        TakeOne(place, values, "boolean", least, at, out var value) ? Take(place, value, "boolean", "boolean", LdKind.Boolean, isWanted: true)?.Flag : null;

    /// <summary>Reads an ISO 8601 duration.</summary>
    public string? ReadDuration(in Place place, LdValues values, int least, int at)
    {
        if (!TakeOne(place, values, "duration", least, at, out var value) || Take(place, value, "duration", "duration", LdKind.Text, isWanted: true) is not { } found) return null;
        if (LexicalForms.IsDuration(found.Text!)) return found.Text;
        errors.Add("durationInvalid", place.Element, place.Property, found.Text, $"'{place.Property}' is '{found.Text}', which is not a duration such as PT1H30M.", value.At);
        return null;
    }

    /// <summary>Reads a literal of any type: text, whole number, number or boolean.</summary>
    public object? ReadLiteral(in Place place, LdValues values, int at)
    {
        if (values.Items.Count == 0)
        {
            errors.Add("literalCountBelowMin", place.Element, place.Property, "[]", $"'{place.Property}' has no value; one is required.", at);
            return null;
        }

        if (!TakeOne(place, values, "literal", 1, at, out var value)) return null;
        var isObject = value.Kind == LdKind.Object;
        var count = errors.Errors.Count;
        if ((isObject || value.Kind == LdKind.Text) && Take(place, value, "string", "literal", LdKind.Text, isWanted: false) is { } text) return text.Text;
        if (isObject || value.Kind == LdKind.Number)
        {
            if (Take(place, value, "integer", "literal", LdKind.Number, isWanted: false) is { } whole) return Settled((int)whole.Number);
            if (Take(place, value, "numeric", "literal", LdKind.Number, isWanted: false) is { } number) return Settled(number.Number);
        }

        if ((isObject || value.Kind == LdKind.Boolean) && Take(place, value, "boolean", "literal", LdKind.Boolean, isWanted: false) is { } flag) return Settled(flag.Flag);
        Settled(null);
        errors.Add("literalNotValid", place.Element, place.Property, value.ToString(), $"'{place.Property}' is neither text, a number nor a boolean.", value.At);
        return null;

        object? Settled(object? result) // each type that was tried told the same
        {
            errors.DropRepeats(count);
            return result;
        }
    }

    /// <summary>Reads a DTMI or, where <paramref name="isDtmi"/> is off, any absolute URI; terms are resolved.</summary>
    public string? ReadIdentifier(in Place place, LdValues values, int least, bool isDtmi, int at)
    {
        if (!TakeOne(place, values, "identifier", least, at, out var value)) return null;
        if (value.Kind != LdKind.Text)
        {
            errors.Add("identifierNotString", place.Element, place.Property, value.ToString(), $"'{place.Property}' is not a string. Write an identifier such as \"dtmi:com:example:Lamp;1\".", value.At);
            return null;
        }

        var text = value.Text!;
        var id = place.Scope.Resolve(text);
        if (id is null && !isDtmi && !Dtmi.LooksLike(text) && text.Contains(':', StringComparison.Ordinal) && Uri.TryCreate(text, UriKind.Absolute, out _)) id = text;
        if (id is null)
            errors.Add(isDtmi ? "identifierNotDtmi" : "identifierNotUri", place.Element, place.Property, text, $"'{place.Property}' is '{text}', which is not a valid {(isDtmi ? "DTMI" : "URI")}.", value.At);
        return id;
    }

    public static bool IsName(string text)
    {
        if (text.Length == 0 || !char.IsAsciiLetter(text[0]) || text[^1] == '_') return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        }

        return true;
    }

    private static bool Matches(Regex pattern, string text)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private bool TakeOne(in Place place, LdValues values, string type, int least, int at, out LdValue value)
    {
        value = values.Items.Count > 0 ? values.Items[0] : null!;
        if (values.Items.Count == 1) return true;
        if (values.Items.Count > 1)
            errors.Add(type + "MultipleValues", place.Element, place.Property, null, $"'{place.Property}' has {values.Items.Count} values; one is allowed.", at);
        else if (least > 0)
            errors.Add(type + "CountBelowMin", place.Element, place.Property, "[]", $"'{place.Property}' has no value; one is required.", at);
        return false;
    }

    /// <summary>The value, or what a value object holds, when it is of the kind; else null. Told only where the kind is wanted, or the object says it is of it.</summary>
    private LdValue? Take(in Place place, LdValue value, string type, string role, LdKind kind, bool isWanted)
    {
        if (value.Kind != LdKind.Object)
        {
            if (Fits(value, type, kind)) return value;
            if (isWanted) Tell(place, $"{type}Not{Capital(type)}", value, $"'{place.Property}' is {value}, not {Describe(type)}.");
            return null;
        }

        var holder = value.Object!;
        CheckValueObject(place, holder);
        if (holder.Value is not { } inner)
        {
            Tell(place, role + "ObjectNoValue", value, $"The value of '{place.Property}' is an object without @value.");
            return null;
        }

        var isDeclared = false;
        if (holder.Types is { } types)
        {
            if (types.Count != 1)
            {
                Tell(place, "literalTypeNotSingular", value, $"The value of '{place.Property}' has {types.Count} types; one is allowed.");
                return null;
            }

            var datatype = type == "numeric" ? "decimal" : type;
            isDeclared = types[0] == "xsd:" + datatype || types[0] == XsdPrefix + datatype;
            if (!isDeclared)
            {
                if (isWanted) Tell(place, $"{type}TypeNot{Capital(type)}", value, $"The value of '{place.Property}' has @type '{types[0]}'; xsd:{datatype} is allowed.");
                return null;
            }
        }

        if (Fits(inner, type, kind)) return inner;
        var expected = type == "duration" ? "String" : Capital(type);
        if (isWanted || isDeclared) Tell(place, $"{type}ValueNot{expected}", inner, $"The @value of '{place.Property}' is {inner}, not {Describe(type)}.");
        return null;
    }

    private void Tell(in Place place, string id, LdValue value, string message)
    {
        if (id == "durationNotDuration") id = "durationNotString";
        errors.Add(id, place.Element, place.Property, value.ToString(), message, value.At);
    }

    private static bool Fits(LdValue value, string type, LdKind kind) =>
        value.Kind == kind && (type != "integer" || (value.Number is >= int.MinValue and <= int.MaxValue && Math.Floor(value.Number) == value.Number));

    private static string Capital(string type) => char.ToUpperInvariant(type[0]) + type[1..];

    private static string Describe(string type) => type switch
    {
        "integer" => "a whole number of 32 bits",
        "numeric" => "a number",
        "boolean" => "true or false",
        _ => "a string",
    };

    private void CheckValueObject(in Place place, LdObject holder)
    {
        if (holder.Context is not null) Refuse(place, "valueObjectContext", "@context", holder.At);
        if (holder.Id is not null) Refuse(place, "valueObjectId", "@id", holder.At);
        if (holder.HasGraph) Refuse(place, "valueObjectGraph", "@graph", holder.At);
        if (place.Scope.RestrictsKeywords)
        {
            if (holder.Language is not null) Refuse(place, "valueObjectLanguage", "@language", holder.At);
            foreach (var keyword in holder.Keywords) Refuse(place, "valueObjectKeyword", keyword, holder.At);
        }

        foreach (var property in holder.Properties) Refuse(place, "valueObjectInvalidProp", property.Name, property.At);
    }

    private void Refuse(in Place place, string id, string name, int at) =>
        errors.Add(id, place.Element, place.Property, name, $"The value of '{place.Property}' has '{name}'; a value object has only @value and @type.", at);
}
