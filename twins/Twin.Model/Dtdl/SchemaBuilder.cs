using System.Collections.Frozen;

namespace Twin.Model.Dtdl;

/// <summary>Turns schema elements into <see cref="Schema"/>s. A schema may contain itself (DTDL v4), so its inside is filled in after it is made. One builder a parse.</summary>
internal sealed class SchemaBuilder
{
    private const string GeospatialPrefix = "dtmi:standard:schema:geospatial:";
    private const string ScaledDecimalPrefix = "dtmi:standard:schema:scaledDecimal;";
    private const string RequiredPrefix = "dtmi:dtdl:extension:requirement:";
    private readonly Dictionary<Element, Schema> _done = [];

    /// <summary>The schema of one element, built alone.</summary>
    public static Schema Build(Element element) => new SchemaBuilder().Get(element);

    /// <summary>The schema of an element; the same for the same element.</summary>
    public Schema Get(Element element)
    {
        if (_done.TryGetValue(element, out var found)) return found;
        var schema = _done[element] = Shell(element);
        switch (element.Class)
        {
            case "Array" when element.Target("elementSchema") is { } inner: schema.Close(Get(inner)); break;
            case "Map" when element.Target("mapValue")?.Target("schema") is { } inner: schema.Close(Get(inner)); break;
            case "Object": CloseObject(schema, element); break;
        }

        return schema;
    }

    private void CloseObject(Schema schema, Element element)
    {
        var fields = new Dictionary<string, Schema>(StringComparer.Ordinal);
        var required = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in element.Targets("fields"))
        {
            if (field.Target("schema") is { } inner) fields.TryAdd(field.Name, Get(inner));
            if (field.Extensions.Exists(e => e.Id.StartsWith(RequiredPrefix, StringComparison.Ordinal))) required.Add(field.Name);
        }

        schema.Close(fields.ToFrozenDictionary(StringComparer.Ordinal), schema.Kind == SchemaKind.Object ? required.ToFrozenSet(StringComparer.Ordinal) : fields.Keys.ToFrozenSet(StringComparer.Ordinal));
    }

    private static Schema Shell(Element element) => element.Class switch
    {
        "Array" => new Schema(SchemaKind.Array),
        "Map" => new Schema(SchemaKind.Map),
        "Object" when element.Id.StartsWith(GeospatialPrefix, StringComparison.Ordinal) => new Schema(SchemaKind.Geospatial),
        "Object" when element.Id.StartsWith(ScaledDecimalPrefix, StringComparison.Ordinal) => new Schema(SchemaKind.ScaledDecimal),
        "Object" => new Schema(SchemaKind.Object),
        "Enum" => new Schema(SchemaKind.Enum) { Members = [.. element.Targets("enumValues").Select(ToMember).OfType<EnumMember>()] },
        "Boolean" => new Schema(SchemaKind.Boolean),
        "Byte" => Whole(sbyte.MinValue, sbyte.MaxValue),
        "Short" => Whole(short.MinValue, short.MaxValue),
        "Integer" => new Schema(SchemaKind.Integer) { Minimum = int.MinValue, Maximum = int.MaxValue },
        "Long" => new Schema(SchemaKind.Long),
        "UnsignedByte" => Whole(0, byte.MaxValue),
        "UnsignedShort" => Whole(0, ushort.MaxValue),
        "UnsignedInteger" => Whole(0, uint.MaxValue),
        "UnsignedLong" => new Schema(SchemaKind.UnsignedLong) { Minimum = 0 },
        "Float" => new Schema(SchemaKind.Float),
        "Double" => new Schema(SchemaKind.Double),
        "Decimal" => new Schema(SchemaKind.Decimal),
        "Date" => new Schema(SchemaKind.Date),
        "DateTime" => new Schema(SchemaKind.DateTime),
        "Time" => new Schema(SchemaKind.Time),
        "Duration" => new Schema(SchemaKind.Duration),
        "Bytes" => new Schema(SchemaKind.Bytes),
        "Uuid" => new Schema(SchemaKind.Uuid),
        _ => new Schema(SchemaKind.String),
    };

    private static Schema Whole(long least, long most) => new(SchemaKind.Byte) { Minimum = least, Maximum = most };

    private static EnumMember? ToMember(Element member) => member.Literals.GetValueOrDefault("enumValue") switch
    {
        string text => new EnumMember(member.Name, PropertyValue.From(text)),
        int number => new EnumMember(member.Name, PropertyValue.From((long)number)),
        _ => null,
    };
}
