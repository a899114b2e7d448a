using System.Text.Json.Nodes;

namespace Twin.Sdk;

/// <summary>Builds a JSON Patch (RFC 6902). Not thread-safe.</summary>
public sealed class JsonPatch
{
    /// <summary>The operations so far.</summary>
    internal JsonArray Operations { get; } = [];

    /// <summary>Sets a value, whether there is one or not.</summary>
    /// <param name="path">JSON pointer such as <c>/temperature</c>.</param>
    /// <param name="value">Anything that serializes to JSON.</param>
    public JsonPatch Set(string path, object? value) => Add("add", path, value, true);

    /// <summary>Sets a value that is there.</summary>
    public JsonPatch Replace(string path, object? value) => Add("replace", path, value, true);

    /// <summary>Takes a value away.</summary>
    public JsonPatch Remove(string path) => Add("remove", path, null, false);

    private JsonPatch Add(string op, string path, object? value, bool hasValue)
    {
        if (!path.StartsWith('/')) throw new ArgumentException($"'{path}' is no JSON pointer; it begins with a slash.", nameof(path));
        var operation = new JsonObject { ["op"] = op, ["path"] = path };
        if (hasValue) operation["value"] = System.Text.Json.JsonSerializer.SerializeToNode(value);
        Operations.Add(operation);
        return this;
    }
}
