using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twin.Model.Tests.Dtdl;

/// <summary>Makes DTDL texts, many of them wrong in some way, from good ones. The same seed gives the same texts.</summary>
internal sealed class ModelMutator(int seed, IReadOnlyList<string> models)
{
    private static readonly string[] Properties =
    [
        "name", "schema", "contents", "extends", "schemas", "fields", "elementSchema", "enumValues", "enumValue", "valueSchema", "mapKey", "mapValue", "request", "response",
        "commandType", "writable", "target", "minMultiplicity", "maxMultiplicity", "properties", "displayName", "description", "comment", "unit", "nullable", "annotates",
        "overrides", "ttl", "index", "payloadFormat", "telemetryTopic", "commandTopic", "dtmi:dtdl:property:name;2", "dtmi:dtdl:property:schema;3", "dtmi:dtdl:property:comment;4",
        "dtmi:com:example:thing;1", "dtmi:bad_", "foo", "http://example.org/x", "languageMajorVersion", "@id", "@type", "@context", "@value", "@language", "@graph", "@list", "Array", "double",
    ];

    private static readonly string[] Types =
    [
        "Interface", "Telemetry", "Property", "Command", "Relationship", "Component", "Array", "Enum", "EnumValue", "Map", "MapKey", "MapValue", "Object", "Field", "CommandPayload",
        "CommandRequest", "CommandResponse", "Schema", "Entity", "String", "Integer", "Unit", "UnitAttribute", "LatentType", "NamedLatentType", "AdjunctType", "SemanticType", "Alias",
        "Temperature", "Acceleration", "Humidity", "TemperatureUnit", "DecimalUnit", "QuantitativeType", "Historized", "ValueAnnotation", "Override", "Required", "Mqtt", "Indexed",
        "Idempotent", "Cacheable", "Transparent", "Event", "State", "Location", "VelocityVector", "dtmi:dtdl:class:Property;2", "dtmi:dtdl:class:Property;3", "dtmi:dtdl:class:Property;4",
        "dtmi:standard:class:Temperature;2", "dtmi:dtdl:extension:historization:v1:Historized", "dtmi:com:example:T;1", "dtmi:bad_", "foo", "x:y", "double", "name", "",
    ];

    private static readonly string[] Texts =
    [
        "double", "integer", "string", "boolean", "date", "dateTime", "time", "duration", "float", "long", "byte", "bytes", "decimal", "short", "uuid", "unsignedByte", "unsignedInteger",
        "unsignedLong", "unsignedShort", "scaledDecimal", "point", "polygon", "multiPolygon", "lineString", "vector", "geopoint", "synchronous", "asynchronous", "degreeCelsius", "kelvin",
        "metrePerSecondSquared", "percent", "kilo", "TemperatureUnit", "unit", "Property", "a", "a_", "_a", "9a", "a b", "name", "", "en", "PT1H", "P1Y", "5", "true",
        "dtmi:com:example:thing;1", "dtmi:com:example:A;1", "dtmi:com:example:B;1", "dtmi:com:example:thing", "dtmi:com:example:thing;1.2", "dtmi:com:example:thing;0", "dtmi:com:example:_thing;1",
        "dtmi:com:example:thing_;1", "dtmi:com:example:thing;1#frag", "dtmi:dtdl:instance:Schema:double;2", "dtmi:dtdl:instance:Schema:double;3", "dtmi:dtdl:instance:Schema:byte;4",
        "dtmi:dtdl:instance:Schema:nope;2", "dtmi:standard:unit:kelvin;2", "dtmi:standard:schema:geospatial:point;3", "dtmi:dtdl:extension:quantitativeTypes:v1:unit:kelvin",
        "dtmi:dtdl:extension:quantitativeTypes:v1:enum:TemperatureUnit", "http://example.org/x", "dtmi:iotcentral:schema:vector;2", "dtmi:dtdl:foo;1",
    ];

    private static readonly string[] Schemas =
    [
        "double", "integer", "string", "boolean", "date", "dateTime", "time", "duration", "float", "long", "byte", "bytes", "decimal", "short", "uuid", "unsignedByte", "unsignedInteger",
        "unsignedLong", "unsignedShort", "scaledDecimal", "point", "polygon", "multiPolygon", "lineString", "multiPoint", "multiLineString", "dtmi:com:example:shape;1", "dtmi:com:example:node;1",
    ];

    private static readonly string[] Units = ["degreeCelsius", "kelvin", "percent", "metre", "gramPerCubicMetre", "metrePerSecond", "dtmi:standard:unit:kelvin;2", "kilo", "double"];

    private static readonly string[] Contexts =
    [
        "dtmi:dtdl:context;2", "dtmi:dtdl:context;3", "dtmi:dtdl:context;4", "dtmi:dtdl:context;5", "dtmi:dtdl:context;3.1", "dtmi:dtdl:context;4#limits", "dtmi:dtdl:context;4#limitless",
        "dtmi:dtdl:context;3#limitless", "dtmi:dtdl:context;4#foo", "dtmi:dtdl:context", "dtmi:dtdl:limits:onvif;1", "dtmi:iotcentral:context;2", "dtmi:iotcentral:context;3",
        "dtmi:dtdl:extension:quantitativeTypes;1", "dtmi:dtdl:extension:quantitativeTypes;2", "dtmi:dtdl:extension:historization;1", "dtmi:dtdl:extension:historization;2",
        "dtmi:dtdl:extension:annotation;1", "dtmi:dtdl:extension:annotation;2", "dtmi:dtdl:extension:overriding;1", "dtmi:dtdl:extension:overriding;2", "dtmi:dtdl:extension:mqtt;1",
        "dtmi:dtdl:extension:mqtt;2", "dtmi:dtdl:extension:requirement;1", "dtmi:com:example:context;1", "dtmi:com:example:context", "dtmi:bad_;1", "http://example.org/context", "foo",
        "dtmi:dtdl:extension:annotation;9", "dtmi:dtdl:extension:annotation",
    ];

    private readonly Random _random = new(seed);

    /// <summary>The next text: a model with one to three changes.</summary>
    public string Next()
    {
        var root = JsonNode.Parse(models[_random.Next(models.Count)])!;
        for (var changes = _random.Next(4) == 0 ? _random.Next(2, 5) : 1; changes > 0; changes--)
        {
            if (_random.Next(2) == 0) ChangeGently(root);
            else Change(root);
        }

        var text = root.ToJsonString();
        return _random.Next(60) == 0 ? Repeat(text) : text;
    }

    /// <summary>A property written twice: JSON nodes cannot, text can.</summary>
    private string Repeat(string text)
    {
        var at = text.IndexOf("\"comment\":\"", StringComparison.Ordinal);
        if (at >= 0) return text.Insert(at, "\"comment\":\"twice\",");
        at = text.IndexOf("\"@type\":", StringComparison.Ordinal);
        return at < 0 ? text : text.Insert(at, _random.Next(2) == 0 ? "\"@type\":\"Interface\"," : "\"displayName\":\"twice\",\"displayName\":\"thrice\",");
    }

    private void Change(JsonNode root)
    {
        var objects = Nodes(root).OfType<JsonObject>().Where(o => o.Count > 0).ToArray();
        if (objects.Length == 0) return;
        var element = Pick(objects);
        var key = Pick(element.Select(p => p.Key).ToArray());
        if (key[..Math.Min(1, key.Length)] == "@" && element[key] is JsonArray) key = "name"; // arrays within arrays of keywords: the reference loses its place
        switch (_random.Next(15))
        {
            case 0: element.Remove(key); break;
            case 1 or 2: element[key] = Value(2); break;
            case 3: Set(element, Pick(Properties), Value(2)); break;
            case 4: Rename(element, key, Pick(Properties)); break;
            case 5: element["@type"] = Pick(Types); break;
            case 6: AddType(element, Pick(Types)); break;
            case 7: element["@id"] = Pick(Texts); break;
            case 8: ChangeContext(_random.Next(3) == 0 ? element : root as JsonObject ?? element); break;
            case 9: element[key] = new JsonArray(Clone(element[key]), _random.Next(2) == 0 ? Value(1) : Clone(element[key])); break;
            case 10: element[key] = _random.Next(3) == 0 ? new JsonArray() : new JsonArray(Clone(element[key])); break;
            case 11: Set(element, key, Clone(Pick(objects))); break;
            case 12: element[key] = ValueObject(element[key]); break;
            case 13: Copy(element, Pick(objects)); break;
            default: Multiply(element, key); break;
        }
    }

    /// <summary>Puts in place of a value another one that its property could have; often the model stays good.</summary>
    private void ChangeGently(JsonNode root)
    {
        var objects = Nodes(root).OfType<JsonObject>().Where(o => o.Count > 0).ToArray();
        if (objects.Length == 0) return;
        var element = Pick(objects);
        switch (Pick(element.Select(p => p.Key).ToArray()))
        {
            case "schema" or "elementSchema":
                var key = element.ContainsKey("schema") ? "schema" : "elementSchema";
                element[key] = _random.Next(3) > 0 ? Pick(Schemas) : SchemaInPlace(_random.Next(1, 10));
                break;
            case "unit": element["unit"] = Pick(Units); break;
            case "name": element["name"] = Pick(new[] { "a", "b", "name", "x9", "A_b", new string('n', 64), new string('n', 65), new string('n', 512), new string('n', 513) }); break;
            case "@context":
                if (element["@context"] is not JsonArray) element["@context"] = new JsonArray(Clone(element["@context"]));
                ((JsonArray)element["@context"]!).Add((JsonNode)Pick(Contexts.Skip(13).Take(12).ToArray()));
                break;
            case "@type": AddType(element, Pick(Types.Skip(23).Take(26).ToArray())); break;
            case "@id": element["@id"] = Pick(new[] { "dtmi:com:example:new;1", "dtmi:com:example:new;2.3", "dtmi:com:example:new" }); break;
            case "displayName" or "description": element["displayName"] = new JsonObject { ["en"] = "x", ["zh-Hans-CN"] = new string('y', Pick(new[] { 64, 65, 512, 513 })) }; break;
            case "valueSchema": element["valueSchema"] = Pick(new[] { "integer", "string", "boolean", "double" }); break;
            case "enumValue": element["enumValue"] = Pick(new JsonNode[] { 1, "1", 2.0, 1.5, true }); break;
            case "maxMultiplicity": element["maxMultiplicity"] = Pick(new[] { 0, 1, 500, 501, 100000 }); break;
            case "extends" or "target": element["target"] = Pick(Texts.Skip(42).Take(8).ToArray()); break;
            case "contents": (element["contents"] as JsonArray)?.Add((JsonNode)Content()); break;
            default: element[Pick(new[] { "comment", "displayName", "description" })] = new string('c', Pick(new[] { 1, 512, 513 })); break;
        }
    }

    private JsonObject Content() => _random.Next(5) switch
    {
        0 => new JsonObject { ["@type"] = "Command", ["name"] = Pick(Texts), ["request"] = new JsonObject { ["name"] = "p", ["schema"] = Pick(Schemas) } },
        1 => new JsonObject { ["@type"] = "Component", ["name"] = "c", ["schema"] = Pick(new[] { "dtmi:com:example:A;1", "dtmi:com:example:B;1", "dtmi:com:example:P;1" }) },
        2 => new JsonObject { ["@type"] = new JsonArray("Telemetry", Pick(Types.Skip(23).Take(26).ToArray())), ["name"] = "t", ["schema"] = Pick(Schemas), ["unit"] = Pick(Units), ["annotates"] = "heat", ["index"] = 2 },
        3 => new JsonObject { ["@type"] = "Relationship", ["name"] = "r", ["properties"] = new JsonArray(new JsonObject { ["@type"] = "Property", ["name"] = "a", ["schema"] = SchemaInPlace(2) }) },
        _ => new JsonObject { ["@type"] = "Property", ["name"] = "weight", ["schema"] = SchemaInPlace(_random.Next(1, 9)) },
    };

    private JsonNode SchemaInPlace(int depth)
    {
        JsonNode schema = Pick(Schemas);
        for (; depth > 0; depth--)
        {
            schema = _random.Next(4) switch
            {
                0 => new JsonObject { ["@type"] = "Array", ["elementSchema"] = schema },
                1 => new JsonObject { ["@type"] = "Map", ["mapKey"] = new JsonObject { ["name"] = "k", ["schema"] = "string" }, ["mapValue"] = new JsonObject { ["name"] = "v", ["schema"] = schema } },
                _ => new JsonObject { ["@type"] = "Object", ["fields"] = new JsonArray(new JsonObject { ["name"] = "f", ["schema"] = schema }, new JsonObject { ["name"] = Pick(new[] { "g", "h", "f" }), ["schema"] = Pick(Schemas) }) },
            };
        }

        return schema;
    }

    private static void Set(JsonObject element, string key, JsonNode? value) => element[key] = value;

    private static void Rename(JsonObject element, string from, string to)
    {
        var value = Clone(element[from]);
        element.Remove(from);
        element[to] = value;
    }

    private void AddType(JsonObject element, string type)
    {
        var types = element["@type"] is JsonArray many ? many.Select(Clone).ToList() : element["@type"] is { } one ? [Clone(one)] : [];
        types.Insert(_random.Next(types.Count + 1), type);
        element["@type"] = new JsonArray([.. types]);
    }

    private void ChangeContext(JsonObject element)
    {
        var parts = element["@context"] is JsonArray many ? many.Select(Clone).ToList() : element["@context"] is { } one ? [Clone(one)] : [];
        if (parts.Count > 0 && _random.Next(2) == 0) parts[_random.Next(parts.Count)] = Pick(Contexts);
        else parts.Insert(_random.Next(4) > 0 ? parts.Count : 0, Pick(Contexts));
        element["@context"] = parts.Count == 1 ? parts[0] : new JsonArray([.. parts]);
    }

    private void Copy(JsonObject into, JsonObject from)
    {
        var key = Pick(from.Select(p => p.Key).ToArray());
        into[key] = Clone(from[key]);
    }

    /// <summary>Many elements where few were: limits on counts, lengths and depth.</summary>
    private void Multiply(JsonObject element, string key)
    {
        switch (_random.Next(4))
        {
            case 0: element[key] = new string('x', Pick(new[] { 64, 65, 512, 513, 2049 })); break;
            case 1:
                JsonNode schema = "double";
                for (var depth = _random.Next(3, 11); depth > 0; depth--)
                    schema = _random.Next(2) == 0 ? new JsonObject { ["@type"] = "Array", ["elementSchema"] = schema } : new JsonObject { ["@type"] = "Object", ["fields"] = new JsonArray(new JsonObject { ["name"] = "f", ["schema"] = schema }) };
                element[key == "elementSchema" ? key : "schema"] = schema;
                break;
            case 2 when element[key] is JsonArray { Count: > 0 } items && items[0] is JsonObject first:
                for (var i = Pick(new[] { 3, 31, 101 }); i > 0; i--)
                {
                    var copy = (JsonObject)first.DeepClone();
                    copy["name"] = "n" + i;
                    copy.Remove("@id");
                    if (copy.ContainsKey("enumValue")) copy["enumValue"] = "v" + i;
                    items.Add((JsonNode)copy);
                }

                break;
            default: element["@id"] = "dtmi:com:" + new string('a', Pick(new[] { 110, 119, 120, 500, 2037, 2038 })) + ";1"; break;
        }
    }

    private JsonNode? Value(int depth) => _random.Next(depth > 0 ? 12 : 8) switch
    {
        0 => null,
        1 => _random.Next(2) == 0,
        2 => _random.Next(-1, 600),
        3 => Pick(new[] { 1.5, 1e300, 1e10, -0.0, 3.0 }),
        8 => new JsonArray(Value(depth - 1), Value(depth - 1)),
        9 => new JsonObject { [Pick(Properties)] = Value(depth - 1), ["@type"] = Pick(Types) },
        10 => new JsonObject { ["en"] = Pick(Texts), [Pick(new[] { "es", "EN", "en-US", "x", "zh-Hans-CN" })] = Value(depth - 1) },
        11 => new JsonObject { ["@id"] = Pick(Texts) },
        _ => Pick(Texts),
    };

    private JsonObject ValueObject(JsonNode? value)
    {
        var result = new JsonObject { ["@value"] = value is JsonObject or JsonArray ? Value(0) : Clone(value) };
        if (_random.Next(2) == 0) result["@type"] = Pick(new[] { "xsd:string", "xsd:integer", "xsd:boolean", "xsd:decimal", "xsd:duration", "http://www.w3.org/2001/XMLSchema#string", "foo" });
        if (_random.Next(4) == 0) result["@language"] = Pick(new[] { "en", "es", "EN", "" });
        if (_random.Next(6) == 0) result[Pick(Properties)] = Value(1);
        return result;
    }

    private static IEnumerable<JsonNode> Nodes(JsonNode? node)
    {
        if (node is null) yield break;
        yield return node;
        var inner = node switch { JsonObject o => o.Select(p => p.Value), JsonArray a => a, _ => [] };
        foreach (var found in inner.SelectMany(Nodes)) yield return found;
    }

    private static JsonNode? Clone(JsonNode? node) => node?.DeepClone();

    private T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];
}
