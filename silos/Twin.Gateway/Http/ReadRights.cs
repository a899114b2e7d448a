using System.Text.Json;
using System.Text.Json.Nodes;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Gateway.Http;

/// <summary>Which of a twin's paths a subject may read, as its owner tells; for values that lie outside the owner (history, a device's pages). Immutable.</summary>
internal sealed class ReadRights
{
    private readonly Dictionary<string, bool> _byPath = new(StringComparer.Ordinal);
    private readonly TwinView? _unknown;

    private ReadRights(TwinView? unknown) => _unknown = unknown;

    /// <summary>Asks the owner; for a twin that is gone the rules decide without its model, on the side of hiding.</summary>
    public static async ValueTask<ReadRights> AskAsync(ITwinStore store, PolicySubject subject, SubjectRules rules, string twinId, CancellationToken cancellationToken)
    {
        var document = await store.As(subject).GetRightsAsync(twinId, cancellationToken).ConfigureAwait(false);
        if (document.Status != TwinStatus.Ok) return new ReadRights(rules.ViewOfUnknown(twinId));
        var rights = new ReadRights(null);
        using var json = JsonDocument.Parse(document.Json);
        foreach (var path in json.RootElement.GetProperty("paths").EnumerateArray())
            rights._byPath[path.GetProperty("path").GetString()!] = path.GetProperty("read").GetProperty("allowed").GetBoolean();
        return rights;
    }

    /// <summary>True when a path may be read.</summary>
    public bool Shows(string path)
    {
        if (_unknown is not null) return _unknown.MayAll(Permissions.Read, path);
        for (var at = path; ; at = at.LastIndexOf('/') is var slash and > 0 ? at[..slash] : "")
        {
            if (_byPath.TryGetValue(at, out var shows)) return shows;
            if (at.Length == 0) return false;
        }
    }

    /// <summary>The same object without what may not be read.</summary>
    public JsonNode? Cut(string json) => Cut(JsonNode.Parse(json), "");

    private JsonNode? Cut(JsonNode? node, string above)
    {
        if (node is not JsonObject members) return node;
        foreach (var (name, value) in members.ToArray())
        {
            var path = above.Length == 0 ? name : $"{above}/{name}";
            if (value is JsonObject) Cut(value, path);
            if (!Shows(path) && value is not JsonObject { Count: > 0 }) members.Remove(name);
        }

        return members;
    }
}
