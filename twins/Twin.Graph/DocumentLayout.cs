using System.Text.Json;

namespace Twin.Graph;

/// <summary>How a model's columns nest into its JSON document: properties at this level, components below. Made once a table.</summary>
internal sealed class DocumentLayout
{
    private DocumentLayout(List<(JsonEncodedText, int)> properties, List<(string, JsonEncodedText, DocumentLayout)> components)
    {
        Properties = [.. properties];
        Components = [.. components];
    }

    /// <summary>Name and ordinal of each property at this level.</summary>
    public (JsonEncodedText Name, int Ordinal)[] Properties { get; }

    /// <summary>Components at this level.</summary>
    public (string Name, JsonEncodedText Encoded, DocumentLayout Layout)[] Components { get; }

    public static DocumentLayout Of(InterfaceDefinition model) => Level(model, model, "");

    private static DocumentLayout Level(InterfaceDefinition root, InterfaceDefinition at, string prefix)
    {
        var properties = new List<(JsonEncodedText, int)>();
        foreach (var property in root.Properties)
            if (property.Path.StartsWith(prefix, StringComparison.Ordinal) && !property.Path.AsSpan(prefix.Length).Contains('/'))
                properties.Add((JsonEncodedText.Encode(property.Path[prefix.Length..]), property.Ordinal));
        var components = new List<(string, JsonEncodedText, DocumentLayout)>();
        foreach (var component in at.Components.Values.OrderBy(c => c.Name, StringComparer.Ordinal))
            components.Add((component.Name, JsonEncodedText.Encode(component.Name), Level(root, component.Interface, prefix + component.Name + "/")));
        return new DocumentLayout(properties, components);
    }
}
