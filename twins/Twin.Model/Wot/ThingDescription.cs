using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Twin.Model.Wot;

/// <summary>How callers show who they are, as a Thing Description tells it.</summary>
[Flags]
public enum ThingSecurity
{
    /// <summary>Nothing is asked for.</summary>
    None = 0,
    /// <summary>A key in the header <c>X-Api-Key</c>.</summary>
    ApiKey = 1,
    /// <summary>A JWT in <c>Authorization: Bearer</c>.</summary>
    Bearer = 2,
}

/// <summary>A relationship as a link of a Thing Description.</summary>
/// <param name="Name">The relationship's name; the link's <c>rel</c>.</param>
/// <param name="TargetId">The twin it leads to.</param>
public sealed record ThingLink(string Name, string TargetId);

/// <summary>
/// W3C Web of Things Thing Descriptions (TD 1.1) of twins. Properties come from the model's properties, actions from its commands, events from
/// its telemetries; those of a component are named <c>component.name</c>, which no DTDL name can be. Forms are relative to <c>base</c>. Pure; thread-safe.
/// </summary>
public static class ThingDescription
{
    /// <summary>The media type.</summary>
    public const string MediaType = "application/td+json";

    /// <summary>The JSON-LD context of TD 1.1.</summary>
    public const string Context = "https://www.w3.org/2022/wot/td/v1.1";

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a twin's description as UTF-8 JSON.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="model">The twin's model.</param>
    /// <param name="twinId">The twin.</param>
    /// <param name="baseAddress">Absolute address of the doors, ending in <c>/</c>.</param>
    /// <param name="security">What the doors ask callers for; with two, either does.</param>
    /// <param name="links">Its relationships, in the order they are to appear.</param>
    public static void Write(IBufferWriter<byte> output, InterfaceDefinition model, string twinId, string baseAddress, ThingSecurity security, IEnumerable<ThingLink> links)
    {
        using var json = new Utf8JsonWriter(output, Options);
        var root = $"things/{Uri.EscapeDataString(twinId)}";
        json.WriteStartObject();
        json.WriteStartArray("@context"u8);
        json.WriteStringValue(Context);
        json.WriteStartObject();
        json.WriteString("quantity"u8, "dtmi:dtdl:extension:quantitativeTypes:v1:class:"u8); // what DTDL's semantic types are named by
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteString("@type"u8, model.Id);
        json.WriteString("id"u8, IdOf(twinId));
        json.WriteString("title"u8, $"{model.DisplayName} {twinId}");
        json.WriteString("base"u8, baseAddress);
        WriteSecurity(json, security);
        json.WriteStartArray("forms"u8);
        WriteForm(json, root + "/properties", null, "readallproperties");
        if (model.Properties.Any(p => p.IsWritable)) WriteForm(json, root + "/properties", null, "writemultipleproperties");
        json.WriteEndArray();
        WriteProperties(json, model, root);
        WriteActions(json, model, root);
        WriteEvents(json, model, root);
        WriteLinks(json, model, links);
        json.WriteEndObject();
    }

    /// <summary>A twin's thing id, a URI: <c>urn:twin:{id}</c>.</summary>
    public static string IdOf(string twinId) => "urn:twin:" + Uri.EscapeDataString(twinId);

    /// <summary>The affordance's name of a path such as <c>power</c> or <c>sensor/level</c>.</summary>
    public static string NameOf(string path) => path.Replace('/', '.');

    /// <summary>The path of an affordance's name.</summary>
    public static string PathOf(string name) => name.Replace('.', '/');

    /// <summary>A command by its affordance's name; null when the model has none.</summary>
    public static CommandDefinition? FindCommand(InterfaceDefinition model, string name) =>
        Find(model, name, static (of, local) => of.Commands.GetValueOrDefault(local));

    /// <summary>A telemetry by its affordance's name; null when the model has none.</summary>
    public static TelemetryDefinition? FindTelemetry(InterfaceDefinition model, string name) =>
        Find(model, name, static (of, local) => of.Telemetries.GetValueOrDefault(local));

    private static T? Find<T>(InterfaceDefinition model, string name, Func<InterfaceDefinition, string, T?> find) where T : class
    {
        for (var dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', StringComparison.Ordinal))
        {
            if (!model.Components.TryGetValue(name[..dot], out var component)) return null;
            (model, name) = (component.Interface, name[(dot + 1)..]);
        }

        return find(model, name);
    }

    private static void WriteSecurity(Utf8JsonWriter json, ThingSecurity security)
    {
        json.WriteStartObject("securityDefinitions"u8);
        if (security == ThingSecurity.None) WriteScheme(json, "nosec_sc", "nosec");
        if (security.HasFlag(ThingSecurity.ApiKey)) WriteScheme(json, "apikey_sc", "apikey", ("in", "header"), ("name", "X-Api-Key"));
        if (security.HasFlag(ThingSecurity.Bearer)) WriteScheme(json, "bearer_sc", "bearer", ("in", "header"), ("name", "Authorization"), ("format", "jwt"));
        var isEither = security == (ThingSecurity.ApiKey | ThingSecurity.Bearer);
        if (isEither)
        {
            json.WriteStartObject("either_sc"u8);
            json.WriteString("scheme"u8, "combo"u8);
            json.WriteStartArray("oneOf"u8);
            json.WriteStringValue("bearer_sc"u8);
            json.WriteStringValue("apikey_sc"u8);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteString("security"u8, isEither ? "either_sc" : security switch { ThingSecurity.None => "nosec_sc", ThingSecurity.ApiKey => "apikey_sc", _ => "bearer_sc" });
    }

    private static void WriteScheme(Utf8JsonWriter json, string name, string scheme, params (string Name, string Value)[] members)
    {
        json.WriteStartObject(name);
        json.WriteString("scheme"u8, scheme);
        foreach (var (member, value) in members) json.WriteString(member, value);
        json.WriteEndObject();
    }

    private static void WriteProperties(Utf8JsonWriter json, InterfaceDefinition model, string root)
    {
        json.WriteStartObject("properties"u8);
        foreach (var property in model.Properties)
        {
            var name = NameOf(property.Path);
            json.WriteStartObject(name);
            if (property.SemanticType is { } type) json.WriteString("@type"u8, type.Contains(':', StringComparison.Ordinal) ? type : "quantity:" + type);
            DataSchema.Write(json, property.Schema, property.Unit);
            json.WriteBoolean("readOnly"u8, !property.IsWritable);
            json.WriteBoolean("observable"u8, true);
            json.WriteStartArray("forms"u8);
            if (property.IsWritable) WriteForm(json, $"{root}/properties/{name}", null, "readproperty", "writeproperty");
            else WriteForm(json, $"{root}/properties/{name}", null, "readproperty");
            WriteForm(json, $"{root}/properties/{name}/observe", "sse", "observeproperty", "unobserveproperty");
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteActions(Utf8JsonWriter json, InterfaceDefinition model, string root)
    {
        json.WriteStartObject("actions"u8);
        foreach (var (name, command) in Affordances(model, "", static m => m.Commands.Values.Select(c => (c.Name, c))))
        {
            json.WriteStartObject(name);
            if (command.Request is { } request) DataSchema.Write(json, "input", request, command.IsRequestNullable);
            if (command.Response is { } response) DataSchema.Write(json, "output", response, command.IsResponseNullable);
            json.WriteBoolean("safe"u8, false);
            json.WriteBoolean("idempotent"u8, false);
            json.WriteBoolean("synchronous"u8, true);
            json.WriteStartArray("forms"u8);
            WriteForm(json, $"{root}/actions/{name}", null, "invokeaction");
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteEvents(Utf8JsonWriter json, InterfaceDefinition model, string root)
    {
        json.WriteStartObject("events"u8);
        foreach (var (name, telemetry) in Affordances(model, "", static m => m.Telemetries.Values.Select(t => (t.Name, t))))
        {
            json.WriteStartObject(name);
            json.WriteStartObject("data"u8);
            DataSchema.Write(json, telemetry.Schema, telemetry.Unit);
            json.WriteEndObject();
            json.WriteStartArray("forms"u8);
            WriteForm(json, $"{root}/events/{name}", "sse", "subscribeevent", "unsubscribeevent");
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static IEnumerable<(string Name, T Value)> Affordances<T>(InterfaceDefinition model, string prefix, Func<InterfaceDefinition, IEnumerable<(string Name, T Value)>> of)
    {
        foreach (var (name, value) in of(model).OrderBy(a => a.Name, StringComparer.Ordinal)) yield return (prefix + name, value);
        foreach (var component in model.Components.Values.OrderBy(c => c.Name, StringComparer.Ordinal))
            foreach (var inner in Affordances(component.Interface, $"{prefix}{component.Name}.", of)) yield return inner;
    }

    private static void WriteLinks(Utf8JsonWriter json, InterfaceDefinition model, IEnumerable<ThingLink> links)
    {
        json.WriteStartArray("links"u8);
        WriteLink(json, "type", $"models/{Uri.EscapeDataString(model.Id)}", "application/json");
        WriteLink(json, "collection", "things", MediaType);
        foreach (var link in links) WriteLink(json, link.Name, $"things/{Uri.EscapeDataString(link.TargetId)}", MediaType);
        json.WriteEndArray();
    }

    private static void WriteLink(Utf8JsonWriter json, string rel, string href, string type)
    {
        json.WriteStartObject();
        json.WriteString("rel"u8, rel);
        json.WriteString("href"u8, href);
        json.WriteString("type"u8, type);
        json.WriteEndObject();
    }

    private static void WriteForm(Utf8JsonWriter json, string href, string? subprotocol, params ReadOnlySpan<string> operations)
    {
        json.WriteStartObject();
        json.WriteString("href"u8, href);
        json.WriteString("contentType"u8, "application/json"u8);
        if (subprotocol is not null) json.WriteString("subprotocol"u8, subprotocol);
        json.WriteStartArray("op"u8);
        foreach (var operation in operations) json.WriteStringValue(operation);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
