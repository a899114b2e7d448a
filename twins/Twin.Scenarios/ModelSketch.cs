using System.Text;
using System.Text.Json;

namespace Twin.Scenarios;

/// <summary>Writes one DTDL v3 interface, and keeps what colour scales its properties have. Used by the generated scenarios.</summary>
internal sealed class ModelSketch(string id, string displayName, string? extends = null)
{
    private readonly List<Action<Utf8JsonWriter>> _contents = [];

    public string Id => id;

    public List<PropertyRange> Ranges { get; } = [];

    public ModelSketch Number(string name, string? semanticType = null, string? unit = null, double? low = null, double? high = null, bool indexed = false, string schema = "double", bool writable = false)
    {
        if (low is { } l && high is { } h) Ranges.Add(new PropertyRange(id, name, unit, l, h));
        _contents.Add(w =>
        {
            WriteTypes(w, "Property", semanticType, indexed);
            w.WriteString("name", name);
            w.WriteString("schema", schema);
            if (unit is not null) w.WriteString("unit", unit);
            if (writable) w.WriteBoolean("writable", true);
        });
        return this;
    }

    public ModelSketch Count(string name, double low, double high) => Number(name, low: low, high: high, schema: "integer");

    public ModelSketch Flag(string name, bool writable = false) => Plain(name, "boolean", writable);

    public ModelSketch Text(string name, bool indexed = false) => Plain(name, "string", false, indexed);

    public ModelSketch Time(string name) => Plain(name, "dateTime", false);

    public ModelSketch Choice(string name, bool indexed, params string[] values)
    {
        _contents.Add(w =>
        {
            WriteTypes(w, "Property", null, indexed);
            w.WriteString("name", name);
            w.WriteStartObject("schema");
            w.WriteString("@type", "Enum");
            w.WriteString("valueSchema", "string");
            w.WriteStartArray("enumValues");
            foreach (var value in values)
            {
                w.WriteStartObject();
                w.WriteString("name", value);
                w.WriteString("enumValue", value);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteEndObject();
        });
        return this;
    }

    /// <summary>The property that <c>/alarms</c> looks at: see <see cref="Alarm"/>.</summary>
    public ModelSketch Alarmed() => Choice(Alarm.Property, true, Alarm.None, Alarm.Warning, Alarm.Critical);

    public ModelSketch Related(string name, string? target = null)
    {
        _contents.Add(w =>
        {
            w.WriteString("@type", "Relationship");
            w.WriteString("name", name);
            if (target is not null) w.WriteString("target", target);
        });
        return this;
    }

    public ModelSketch Command(string name, string? request = null, string schema = "double")
    {
        _contents.Add(w =>
        {
            w.WriteString("@type", "Command");
            w.WriteString("name", name);
            if (request is null) return;
            w.WriteStartObject("request");
            w.WriteString("name", request);
            w.WriteString("schema", schema);
            w.WriteEndObject();
        });
        return this;
    }

    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            w.WriteStartObject();
            w.WriteStartArray("@context");
            w.WriteStringValue("dtmi:dtdl:context;3");
            w.WriteStringValue("dtmi:dtdl:extension:quantitativeTypes;1");
            w.WriteStringValue("dtmi:twin:context;1");
            w.WriteEndArray();
            w.WriteString("@id", id);
            w.WriteString("@type", "Interface");
            w.WriteString("displayName", displayName);
            if (extends is not null) w.WriteString("extends", extends);
            w.WriteStartArray("contents");
            foreach (var content in _contents)
            {
                w.WriteStartObject();
                content(w);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private ModelSketch Plain(string name, string schema, bool writable, bool indexed = false)
    {
        _contents.Add(w =>
        {
            WriteTypes(w, "Property", null, indexed);
            w.WriteString("name", name);
            w.WriteString("schema", schema);
            if (writable) w.WriteBoolean("writable", true);
        });
        return this;
    }

    private static void WriteTypes(Utf8JsonWriter w, string type, string? semanticType, bool indexed)
    {
        w.WriteStartArray("@type");
        w.WriteStringValue(type);
        if (semanticType is not null) w.WriteStringValue(semanticType);
        if (indexed) w.WriteStringValue("Indexed");
        w.WriteEndArray();
    }
}

/// <summary>The convention for alarms: a model that can raise one has an enum property <c>alarm</c> with these values; absent means none.</summary>
public static class Alarm
{
    /// <summary>The property's name.</summary>
    public const string Property = "alarm";

    /// <summary>All is well.</summary>
    public const string None = "none";

    /// <summary>Someone should look.</summary>
    public const string Warning = "warning";

    /// <summary>Someone must act.</summary>
    public const string Critical = "critical";
}
