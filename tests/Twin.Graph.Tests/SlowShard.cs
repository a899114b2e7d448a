using System.Text;
using System.Text.Json.Nodes;

namespace Twin.Graph.Tests;

/// <summary>
/// The oracle: one shard in plain dictionaries, each command run on a copy that is kept only when nothing was refused.
/// Slow and obvious on purpose; shares only the schema check with the real thing.
/// </summary>
internal sealed class SlowShard
{
    public sealed class Twin
    {
        public required string Model;
        public Dictionary<string, (PropertyValue Value, WallTime Source, WallTime Update)> Values = [];
        public Dictionary<string, Link> Out = [];
        public HashSet<(string Source, string Id, string Name)> In = [];
        public bool IsTouched;
        public long Version;
        public WallTime Update;

        public Twin Copy() => new() { Model = Model, Values = new(Values), Out = new(Out), In = [.. In], IsTouched = IsTouched, Version = Version, Update = Update };
    }

    public sealed record Link(string Name, string Target, SortedDictionary<string, PropertyValue> Values, long Version, bool IsTouched);

    private sealed class Refused(TwinStatus status, string code) : Exception
    {
        public TwinStatus Status => status;
        public string Code => code;
    }

    public Dictionary<string, Twin> Twins = [];

    public (TwinStatus Status, string? Code) Run(TwinCommand command, WallTime now)
    {
        var kept = Twins;
        Twins = Twins.ToDictionary(t => t.Key, t => t.Value.Copy());
        try
        {
            return (Do(command, now, command.SourceTime.IsKnown ? command.SourceTime : now), null);
        }
        catch (Refused refused)
        {
            Twins = kept;
            return (refused.Status, refused.Code);
        }
    }

    private TwinStatus Do(TwinCommand command, WallTime now, WallTime source) => command switch
    {
        PutTwin put => Put(put, now, source),
        PatchTwin patch => Patch(patch, now, source),
        DeleteTwin delete => Delete(delete),
        PutRelationship put => Put(put),
        PatchRelationship patch => Patch(patch),
        DeleteRelationship delete => Delete(delete),
        _ => throw new NotSupportedException(),
    };

    private static InterfaceDefinition Model(string id) => TestModels.Set.Find(id) ?? throw new Refused(TwinStatus.Invalid, "ModelNotFound");

    private Twin Find(string id) => Twins.GetValueOrDefault(id) ?? throw new Refused(TwinStatus.NotFound, "DigitalTwinNotFound");

    private static void Match(TwinCommand command, long version)
    {
        if (command.IfMatch is { } seen && (seen == 0 ? version == 0 : seen != version)) throw new Refused(TwinStatus.PreconditionFailed, "PreconditionFailed");
    }

    private TwinStatus Put(PutTwin put, WallTime now, WallTime source)
    {
        var model = Model(put.ModelId);
        var old = Twins.GetValueOrDefault(put.TwinId);
        if (old is not null && put.OnlyIfAbsent) throw new Refused(TwinStatus.PreconditionFailed, "DigitalTwinAlreadyExists");
        Match(put, old?.Version ?? 0);
        var values = new Dictionary<string, PropertyValue>();
        foreach (var (path, value) in put.Values) Operate(model, values, new PatchOperation(PatchVerb.Add, path, value));
        if (old is not null) CheckLinks(put.TwinId, old, model);
        var twin = Twins[put.TwinId] = old ?? new Twin { Model = model.Id };
        twin.Model = model.Id;
        twin.Values = values.Where(v => v.Value.Kind != ValueKind.None).ToDictionary(v => v.Key, v => (v.Value, source, now));
        twin.IsTouched = true;
        twin.Update = now;
        return old is null ? TwinStatus.Created : TwinStatus.Ok;
    }

    private TwinStatus Patch(PatchTwin patch, WallTime now, WallTime source)
    {
        var twin = Find(patch.TwinId);
        Match(patch, twin.Version);
        var migrations = patch.Operations.Where(o => o.Path == "$metadata/$model").ToList();
        var model = Model(twin.Model);
        foreach (var migration in migrations)
        {
            if (migration.Verb == PatchVerb.Remove || migration.Value.Kind != ValueKind.Text) throw new Refused(TwinStatus.Invalid, "JsonPatchInvalid");
            if (migration.Verb == PatchVerb.Test && migration.Value.AsText != model.Id) throw new Refused(TwinStatus.Conflict, "PatchTestFailed");
            if (migration.Verb != PatchVerb.Test) model = Model(migration.Value.AsText!);
        }
        if (migrations.Count > 0 && model.Id != twin.Model) CheckLinks(patch.TwinId, twin, model);
        var before = twin.Values.ToDictionary(v => v.Key, v => v.Value.Value);
        var values = new Dictionary<string, PropertyValue>();
        var misfits = new HashSet<string>();
        foreach (var (path, value) in before)
        {
            if (model.FindProperty(path) is { } same && SchemaValidation.TryConvert(same.Schema, value, out var carried, out _)) values[path] = carried;
            else misfits.Add(path);
        }
        var written = new HashSet<string>();
        foreach (var operation in patch.Operations)
        {
            if (operation.Path == "$metadata/$model") continue;
            if (operation.Verb == PatchVerb.Remove && misfits.Remove(operation.Path)) continue;
            written.UnionWith(Operate(model, values, operation));
            if (operation.Verb != PatchVerb.Test) misfits.Remove(operation.Path);
        }
        if (misfits.Count > 0) throw new Refused(TwinStatus.Invalid, "MigrationRefused");
        var after = values.Where(v => v.Value.Kind != ValueKind.None).ToList();
        var isRemoving = before.Keys.Any(p => !values.TryGetValue(p, out var left) || left.Kind == ValueKind.None);
        if (migrations.Any(m => m.Verb != PatchVerb.Test) || isRemoving || after.Any(v => written.Contains(v.Key)))
        {
            twin.IsTouched = true;
            twin.Update = now;
        }
        twin.Values = after.ToDictionary(v => v.Key, v => written.Contains(v.Key) ? (v.Value, source, now) : (v.Value, twin.Values[v.Key].Source, twin.Values[v.Key].Update));
        twin.Model = model.Id;
        return TwinStatus.Ok;
    }

    /// <summary>Applies an operation to plain values; returns the property paths it wrote.</summary>
    private static List<string> Operate(InterfaceDefinition model, Dictionary<string, PropertyValue> values, PatchOperation operation)
    {
        var wanted = operation.Verb != PatchVerb.Add;
        if (operation.Path == "thermostat" && model.Components.ContainsKey("thermostat"))
        {
            if (operation.Verb is PatchVerb.Remove or PatchVerb.Test || operation.Value.Kind != ValueKind.Json || JsonNode.Parse(operation.Value.AsJson) is not JsonObject fields)
                throw new Refused(TwinStatus.Invalid, "JsonPatchInvalid");
            var paths = new List<string> { "thermostat/target", "thermostat/note" };
            foreach (var path in paths) values.Remove(path);
            foreach (var (name, node) in fields)
                if (!name.StartsWith('$')) Operate(model, values, new PatchOperation(PatchVerb.Add, $"thermostat/{name}", Plain(node)));
            return paths;
        }
        var cut = model.FindProperty(operation.Path) is not null ? -1 : operation.Path.IndexOf('/');
        var whole = cut < 0 ? operation.Path : operation.Path[..cut];
        if (model.FindProperty(whole) is not { } property || (cut >= 0 && property.Schema.Storage != ValueKind.Json)) throw new Refused(TwinStatus.Invalid, "PropertyNotInModel");
        var has = values.TryGetValue(whole, out var current) && current.Kind != ValueKind.None;
        if (wanted && !has) throw new Refused(TwinStatus.NotFound, "PropertyNotFound");
        if (operation.Verb != PatchVerb.Remove && operation.Value.Kind == ValueKind.None) throw new Refused(TwinStatus.Invalid, "PropertyInvalid");
        var next = operation.Value;
        if (cut >= 0)
        {
            if (!has) throw new Refused(TwinStatus.NotFound, "PropertyNotFound");
            var fields = (JsonObject)JsonNode.Parse(current.AsJson)!;
            var key = operation.Path[(cut + 1)..];
            if (wanted && !fields.ContainsKey(key)) throw new Refused(TwinStatus.NotFound, "PropertyNotFound");
            if (operation.Verb == PatchVerb.Test)
                return JsonNode.DeepEquals(fields[key], Node(operation.Value)) ? [] : throw new Refused(TwinStatus.Conflict, "PatchTestFailed");
            fields.Remove(key);
            if (operation.Verb != PatchVerb.Remove) fields[key] = Node(operation.Value);
            next = PropertyValue.FromJson(Encoding.UTF8.GetBytes(fields.ToJsonString()));
        }
        else if (operation.Verb == PatchVerb.Remove)
        {
            values[whole] = default;
            return [whole];
        }
        if (!SchemaValidation.TryConvert(property.Schema, next, out var stored, out _)) throw new Refused(TwinStatus.Invalid, "PropertyInvalid");
        if (operation.Verb == PatchVerb.Test)
            return JsonNode.DeepEquals(Node(stored), Node(current)) ? [] : throw new Refused(TwinStatus.Conflict, "PatchTestFailed");
        values[whole] = stored;
        return [whole];
    }

    private void CheckLinks(string id, Twin twin, InterfaceDefinition model)
    {
        if (twin.Out.Values.Any(l => !model.Relationships.ContainsKey(l.Name))) throw new Refused(TwinStatus.Invalid, "MigrationRefused");
        foreach (var (source, _, name) in twin.In)
            if (Model(Twins[source].Model).Relationships[name].Target is { } target && !model.Bases.Contains(target)) throw new Refused(TwinStatus.Invalid, "MigrationRefused");
    }

    private TwinStatus Delete(DeleteTwin delete)
    {
        var twin = Find(delete.TwinId);
        Match(delete, twin.Version);
        if (twin.Out.Count + twin.In.Count > 0 && !delete.Cascade) throw new Refused(TwinStatus.Conflict, "RelationshipsNotDeleted");
        foreach (var (id, link) in twin.Out) Twins[link.Target].In.Remove((delete.TwinId, id, link.Name));
        foreach (var (source, id, _) in twin.In) Twins[source].Out.Remove(id);
        Twins.Remove(delete.TwinId);
        return TwinStatus.Ok;
    }

    private TwinStatus Put(PutRelationship put)
    {
        var twin = Find(put.TwinId);
        var old = twin.Out.GetValueOrDefault(put.RelationshipId);
        if (old is not null && put.OnlyIfAbsent) throw new Refused(TwinStatus.PreconditionFailed, "RelationshipAlreadyExists");
        Match(put, old?.Version ?? 0);
        if (!Model(twin.Model).Relationships.TryGetValue(put.Name, out var definition)) throw new Refused(TwinStatus.Invalid, "RelationshipNotInModel");
        if (twin.Out.Count(l => l.Value.Name == put.Name && l.Key != put.RelationshipId) >= (definition.MaxMultiplicity ?? int.MaxValue))
            throw new Refused(TwinStatus.Conflict, "RelationshipMultiplicityReached");
        var values = new SortedDictionary<string, PropertyValue>(StringComparer.Ordinal);
        foreach (var (path, value) in put.Values)
        {
            if (!definition.Properties.TryGetValue(path, out var schema)) throw new Refused(TwinStatus.Invalid, "PropertyNotInModel");
            if (values.ContainsKey(path) || !SchemaValidation.TryConvert(schema, value, out var stored, out _)) throw new Refused(TwinStatus.Invalid, "PropertyInvalid");
            values[path] = stored;
        }
        if (!Twins.TryGetValue(put.TargetId, out var target)) throw new Refused(TwinStatus.NotFound, "TargetNotFound");
        if (definition.Target is { } wanted && !Model(target.Model).Bases.Contains(wanted)) throw new Refused(TwinStatus.Invalid, "TargetModelMismatch");
        if (old is not null) Twins[old.Target].In.Remove((put.TwinId, put.RelationshipId, old.Name));
        target.In.Add((put.TwinId, put.RelationshipId, put.Name));
        twin.Out[put.RelationshipId] = new Link(put.Name, put.TargetId, values, 0, true);
        return old is null ? TwinStatus.Created : TwinStatus.Ok;
    }

    private TwinStatus Patch(PatchRelationship patch)
    {
        var twin = Find(patch.TwinId);
        var old = twin.Out.GetValueOrDefault(patch.RelationshipId) ?? throw new Refused(TwinStatus.NotFound, "RelationshipNotFound");
        Match(patch, old.Version);
        var values = new SortedDictionary<string, PropertyValue>(old.Values, StringComparer.Ordinal);
        var isTouched = old.IsTouched;
        foreach (var operation in patch.Operations)
        {
            if (!Model(twin.Model).Relationships[old.Name].Properties.TryGetValue(operation.Path, out var schema)) throw new Refused(TwinStatus.Invalid, "PropertyNotInModel");
            var has = values.TryGetValue(operation.Path, out var current);
            if (operation.Verb != PatchVerb.Add && !has) throw new Refused(TwinStatus.NotFound, "PropertyNotFound");
            PropertyValue stored = default;
            if (operation.Verb != PatchVerb.Remove && (operation.Value.Kind == ValueKind.None || !SchemaValidation.TryConvert(schema, operation.Value, out stored, out _)))
                throw new Refused(TwinStatus.Invalid, "PropertyInvalid");
            if (operation.Verb == PatchVerb.Test && stored != current) throw new Refused(TwinStatus.Conflict, "PatchTestFailed");
            if (operation.Verb == PatchVerb.Test) continue;
            isTouched = true;
            if (operation.Verb == PatchVerb.Remove) values.Remove(operation.Path);
            else values[operation.Path] = stored;
        }
        twin.Out[patch.RelationshipId] = old with { Values = values, IsTouched = isTouched };
        return TwinStatus.Ok;
    }

    private TwinStatus Delete(DeleteRelationship delete)
    {
        var twin = Find(delete.TwinId);
        var old = twin.Out.GetValueOrDefault(delete.RelationshipId) ?? throw new Refused(TwinStatus.NotFound, "RelationshipNotFound");
        Match(delete, old.Version);
        twin.Out.Remove(delete.RelationshipId);
        Twins[old.Target].In.Remove((delete.TwinId, delete.RelationshipId, old.Name));
        return TwinStatus.Ok;
    }

    public SampleFate Ingest(Sample sample, WallTime arrival, SampleRules rules)
    {
        if (!Twins.TryGetValue(sample.TwinId, out var twin)) return SampleFate.UnknownTwin;
        if (Model(twin.Model).FindProperty(sample.Path) is not { } property) return SampleFate.UnknownProperty;
        if (!SchemaValidation.TryConvert(property.Schema, sample.Value, out var value, out _)) return SampleFate.Invalid;
        var source = sample.SourceTime.IsKnown ? sample.SourceTime : arrival;
        if (source - arrival > rules.MaxFutureSkew) return SampleFate.Future;
        if (twin.Values.TryGetValue(sample.Path, out var present))
        {
            if (source < present.Source) return present.Source - source <= rules.ReorderWindow ? SampleFate.Reordered : SampleFate.Late;
            if (source == present.Source && value == present.Value) return SampleFate.Duplicate;
        }
        twin.Values[sample.Path] = (value, source, arrival);
        twin.IsTouched = true;
        twin.Update = arrival;
        return SampleFate.Applied;
    }

    public JsonObject Document(string id)
    {
        var twin = Twins[id];
        var document = new JsonObject { ["$dtId"] = id, ["$etag"] = $"W/\"{twin.Version:x}\"" };
        var metadata = new JsonObject { ["$model"] = twin.Model, ["$lastUpdateTime"] = twin.Update.ToString() };
        if (Model(twin.Model).Components.Count > 0) document["thermostat"] = new JsonObject { ["$metadata"] = new JsonObject() };
        foreach (var (path, (value, source, update)) in twin.Values)
        {
            var times = new JsonObject { ["lastUpdateTime"] = update.ToString(), ["sourceTime"] = source.ToString() };
            if (path.Split('/') is [var component, var name])
            {
                document[component]![name] = Node(value);
                document[component]!["$metadata"]![name] = times;
                continue;
            }
            document[path] = Node(value);
            metadata[path] = times;
        }
        document["$metadata"] = metadata;
        return document;
    }

    private static JsonNode? Node(PropertyValue value) => value.Kind switch
    {
        ValueKind.None => null,
        ValueKind.Boolean => JsonValue.Create(value.AsBoolean),
        ValueKind.Integer => JsonValue.Create(value.AsInteger),
        ValueKind.Double => double.IsFinite(value.AsNumber) ? JsonValue.Create(value.AsNumber) : null,
        ValueKind.Json => JsonNode.Parse(value.AsJson),
        ValueKind.DateTime => JsonValue.Create(new DateTime(value.Bits, DateTimeKind.Utc)),
        _ => JsonValue.Create(value.ToString()),
    };

    private static PropertyValue Plain(JsonNode? node)
    {
        var reader = new System.Text.Json.Utf8JsonReader(Encoding.UTF8.GetBytes(node?.ToJsonString() ?? "null"));
        reader.Read();
        return PropertyValue.ReadJson(ref reader);
    }
}
