using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using Twin.Graph.Query;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Graph.Tests.Query;

/// <summary>Some shards with random twins and relationships, and a plain list of their documents to check answers against.</summary>
internal sealed class QueryWorld : IDisposable
{
    public const string Lamp = "dtmi:q:Lamp;1";
    public const string SmartLamp = "dtmi:q:SmartLamp;1";
    public const string Room = "dtmi:q:Room;1";

    private static readonly InterfaceDefinition Thermostat = Model("dtmi:q:Thermostat;1", [], [], ("target", SchemaKind.Double), ("note", SchemaKind.String));

    private readonly ChangeBuffer _changes = new();
    private readonly Random _random;
    private readonly int _twins;
    private double _seconds;

    public QueryWorld(int seed, int shardCount, int twins)
    {
        _random = new Random(seed);
        _twins = twins;
        Shards = [.. Enumerable.Range(0, shardCount).Select(i => new ShardState(i, shardCount, Models))];
        Engines = [.. Shards.Select(s => new ShardQueryEngine(s, TimeProvider.System))];
        foreach (var shard in Shards)
        {
            if (_random.Next(2) == 0) continue;
            foreach (var path in (string[])["power", "count", "mode", "installed", "on"])
                if (_random.Next(3) > 0) shard.DeclareIndex(path);
        }
    }

    public static ModelSet Models { get; } = new(
    [
        Thermostat,
        Model(Lamp, [], ["near", "in"], [.. Common, ("power", SchemaKind.Double), ("count", SchemaKind.Integer)]),
        Model(SmartLamp, [Lamp], ["near"], [.. Common, ("power", SchemaKind.Integer), ("count", SchemaKind.Double), ("level", SchemaKind.Integer)]),
        Model(Room, [], ["contains"], ("power", SchemaKind.String), ("temperature", SchemaKind.Double), ("on", SchemaKind.Boolean)),
    ]);

    /// <summary>Told of every change, in order of its shard.</summary>
    public Action<Change>? Changed { get; set; }

    public ShardState[] Shards { get; }

    public ShardQueryEngine[] Engines { get; }

    private static (string, SchemaKind)[] Common =>
    [
        ("on", SchemaKind.Boolean), ("mode", SchemaKind.String), ("label", SchemaKind.String), ("installed", SchemaKind.DateTime),
        ("address", SchemaKind.Object), ("thermostat/target", SchemaKind.Double), ("thermostat/note", SchemaKind.String),
    ];

    public string AnyId() => "t" + _random.Next(_twins);

    /// <summary>Runs some random edits.</summary>
    public void Edit(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            var id = AnyId();
            Execute(_random.Next(10) switch
            {
                < 4 => new PutTwin(id, _random.Next(5) switch { < 2 => Lamp, < 4 => SmartLamp, _ => Room }, []) { OnlyIfAbsent = _random.Next(4) > 0 },
                < 7 => new PatchTwin(id, [RandomOperation()]),
                7 => _random.Next(3) == 0 ? new DeleteTwin(id) { Cascade = true } : new PatchTwin(id, [RandomOperation()]),
                _ => new PutRelationship(id, "r" + _random.Next(4), _random.Next(4) switch { 0 => "in", 1 => "contains", _ => "near" }, AnyId(),
                    _random.Next(2) == 0 ? [] : [new Assignment("distance", PropertyValue.From((double)_random.Next(5)))]),
            });
            for (var fill = _random.Next(3); fill > 0; fill--) Execute(new PatchTwin(id, [RandomOperation()]));
        }
    }

    /// <summary>Fills a whole world at once, with values.</summary>
    public void Populate()
    {
        for (var i = 0; i < _twins; i++)
        {
            Execute(new PutTwin("t" + i, _random.Next(5) switch { < 3 => Lamp, 3 => SmartLamp, _ => Room }, []));
            for (var fill = _random.Next(8); fill > 0; fill--) Execute(new PatchTwin("t" + i, [RandomOperation()]));
        }
        Edit(_twins);
    }

    /// <summary>Tries to make some relationships.</summary>
    public void Relate(int tries)
    {
        for (var i = 0; i < tries; i++) Execute(new PutRelationship(AnyId(), "x" + _random.Next(20), _random.Next(5) == 0 ? "in" : "near", AnyId(), []));
    }

    /// <summary>Runs a command with what it means for the shards at the other ends of relationships, as the store would.</summary>
    public CommandResult Execute(TwinCommand command)
    {
        if (command is PutRelationship put)
        {
            if (!ShardOf(put.TargetId).TryLocate(put.TargetId, out _, out _)) return new CommandResult(TwinStatus.NotFound, 0);
            var old = LinksFrom(put.TwinId).Find(r => r.Id == put.RelationshipId);
            var made = Run(put);
            if (!made.IsDone) return made;
            if (old is not null && old.TargetId != put.TargetId) Unlink(put.TwinId, old);
            if (ShardOf(put.TargetId) != ShardOf(put.TwinId)) Run(new LinkIncoming(put.TargetId, put.TwinId, put.RelationshipId, put.Name));
            return made;
        }
        if (command is DeleteTwin { Cascade: true })
        {
            foreach (var link in LinksFrom(command.TwinId)) Unlink(command.TwinId, link);
            if (ShardOf(command.TwinId).TryLocate(command.TwinId, out var table, out var row))
                foreach (var link in table.IncomingOf(row).ToList()) Run(new DeleteRelationship(link.SourceId, link.RelationshipId));
        }
        return Run(command);
    }

    private ShardState ShardOf(string id) => Shards[ShardMap.ShardOf(id, Shards.Length)];

    private List<Relationship> LinksFrom(string id) => ShardOf(id).TryLocate(id, out var table, out var row) ? [.. table.OutgoingOf(row)] : [];

    private void Unlink(string source, Relationship link)
    {
        if (ShardOf(link.TargetId) != ShardOf(source)) Run(new UnlinkIncoming(link.TargetId, source, link.Id));
    }

    private CommandResult Run(TwinCommand command)
    {
        _changes.Clear();
        _seconds += 1;
        var now = new WallTime(new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks + (long)(_seconds * TimeSpan.TicksPerSecond));
        var result = ShardOf(command.TwinId).Execute(command, now, _changes);
        if (Changed is { } changed)
            foreach (var change in _changes.ToArray()) changed(change);
        return result;
    }

    /// <summary>Every twin's document as its owner writes it.</summary>
    public List<JsonElement> Twins()
    {
        var all = new List<JsonElement>();
        foreach (var shard in Shards)
        {
            var documents = new TwinDocuments(shard);
            foreach (var table in shard.Tables)
                for (var row = 0; row < table.RowCount; row++)
                {
                    if (!table.IsLive(row)) continue;
                    var bytes = new ArrayBufferWriter<byte>();
                    documents.TryWriteTwin(table.IdOf(row), bytes, out _);
                    all.Add(Parse(bytes.WrittenSpan));
                }
        }
        return all;
    }

    /// <summary>Every relationship's document.</summary>
    public List<JsonElement> Relationships()
    {
        var all = new List<JsonElement>();
        foreach (var shard in Shards)
        {
            var documents = new TwinDocuments(shard);
            foreach (var table in shard.Tables)
                for (var row = 0; row < table.RowCount; row++)
                    foreach (var link in table.OutgoingOf(row))
                    {
                        var bytes = new ArrayBufferWriter<byte>();
                        documents.WriteRelationship(table.IdOf(row), link, bytes);
                        all.Add(Parse(bytes.WrittenSpan));
                    }
        }
        return all;
    }

    public void Dispose()
    {
        foreach (var engine in Engines) engine.Dispose();
    }

    private static JsonElement Parse(ReadOnlySpan<byte> json)
    {
        using var document = JsonDocument.Parse(json.ToArray());
        return document.RootElement.Clone();
    }

    private PatchOperation RandomOperation()
    {
        var verb = _random.Next(6) == 0 ? PatchVerb.Remove : PatchVerb.Add;
        return _random.Next(10) switch
        {
            0 => new PatchOperation(verb, "on", PropertyValue.From(_random.Next(2) == 0)),
            1 => new PatchOperation(verb, "mode", Text("off", "low", "high", "")),
            2 => new PatchOperation(verb, "label", Text("lamp", "lantern", "é", "a'b")),
            3 => new PatchOperation(verb, "installed", Text("2026-01-01T00:00:00Z", "2026-02-01T10:00:00.5Z", "2025-06-01T00:00:00+02:00")),
            4 => new PatchOperation(verb, "address", Json("{\"street\":\"x\",\"number\":4}", "{\"street\":\"y\"}", "{\"number\":2}")),
            5 => new PatchOperation(verb, "thermostat/target", PropertyValue.From(_random.Next(-3, 4) / 2.0)),
            6 => new PatchOperation(verb, "thermostat/note", Text("n", "note")),
            7 => new PatchOperation(verb, _random.Next(2) == 0 ? "temperature" : "level", PropertyValue.From((long)_random.Next(-3, 4))),
            8 => new PatchOperation(verb, "count", PropertyValue.From((long)_random.Next(-3, 4))),
            _ => new PatchOperation(verb, "power", _random.Next(4) switch { 0 => PropertyValue.From("high"), 1 => PropertyValue.From((long)_random.Next(-3, 4)), _ => PropertyValue.From(_random.Next(-6, 7) / 2.0) }),
        };
    }

    private PropertyValue Text(params string[] items) => PropertyValue.From(items[_random.Next(items.Length)]);

    private PropertyValue Json(params string[] items) => PropertyValue.FromJson(Encoding.UTF8.GetBytes(items[_random.Next(items.Length)]));

    private static InterfaceDefinition Model(string id, string[] bases, string[] relationships, params (string Path, SchemaKind Kind)[] properties) =>
        new(id, id, [id, .. bases], [.. properties.Select((p, i) => new PropertyDefinition(i, p.Path, SchemaOf(p.Kind)))],
            properties.Any(p => p.Path.StartsWith("thermostat/", StringComparison.Ordinal)) ? [new ComponentDefinition("thermostat", Thermostat)] : [],
            relationships.Select(r => new RelationshipDefinition(r, null, null, new Dictionary<string, Schema> { ["distance"] = new(SchemaKind.Double) }.ToFrozenDictionary())), [], []);

    private static Schema SchemaOf(SchemaKind kind) => kind != SchemaKind.Object ? new Schema(kind) : new Schema(kind)
    {
        Fields = new Dictionary<string, Schema> { ["street"] = new(SchemaKind.String), ["number"] = new(SchemaKind.Integer) }.ToFrozenDictionary(),
    };
}
