using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.Graph.Tests;

public class CommandTests
{
    private static readonly WallTime Now = TestModels.At(0);
    private readonly ShardState _state = TestModels.NewState();
    private readonly ChangeBuffer _changes = new();

    public CommandTests() => Assert.Equal(TwinStatus.Created, _state.Execute(new PutTwin("a", TestModels.Lamp,
        [new("power", PropertyValue.From(21.5)), new("thermostat/target", PropertyValue.From(20L)), new("address", TestModels.Json("""{"street":"Main","number":4}"""))]), Now, _changes).Status);

    [Fact]
    public void A_twin_reads_in_the_public_shape() =>
        AssertJson("""
        {"$dtId":"a","$etag":"W/\"4\"","power":21.5,"address":{"street":"Main","number":4},
         "thermostat":{"target":20,"$metadata":{"target":{"lastUpdateTime":"2026-01-01T00:00:00.0000000Z","sourceTime":"2026-01-01T00:00:00.0000000Z"}}},
         "$metadata":{"$model":"dtmi:test:Lamp;1","$lastUpdateTime":"2026-01-01T00:00:00.0000000Z",
           "power":{"lastUpdateTime":"2026-01-01T00:00:00.0000000Z","sourceTime":"2026-01-01T00:00:00.0000000Z"},
           "address":{"lastUpdateTime":"2026-01-01T00:00:00.0000000Z","sourceTime":"2026-01-01T00:00:00.0000000Z"}}}
        """, Read(b => new TwinDocuments(_state).TryWriteTwin("a", b, out _)));

    [Fact]
    public void A_component_and_a_relationship_read_in_the_public_shape()
    {
        _state.Execute(new PutRelationship("a", "r", "near", "a", [new("distance", PropertyValue.From(2L))]), Now, _changes);
        AssertJson("""{"target":20,"$metadata":{"target":{"lastUpdateTime":"2026-01-01T00:00:00.0000000Z","sourceTime":"2026-01-01T00:00:00.0000000Z"}}}""",
            Read(b => new TwinDocuments(_state).TryWriteComponent("a", "thermostat", b)));
        AssertJson("""{"$relationshipId":"r","$etag":"W/\"5\"","$sourceId":"a","$targetId":"a","$relationshipName":"near","distance":2}""",
            Read(b => new TwinDocuments(_state).TryWriteRelationship("a", "r", b)));
        AssertJson("""{"$relationshipId":"r","$sourceId":"a","$relationshipName":"near","$relationshipLink":"/digitaltwins/a/relationships/r"}""",
            Encoding.UTF8.GetString(Assert.Single(new TwinDocuments(_state).ListIncoming("a", 10, null, out _)!).Span));
        Assert.Equal("ComponentNotFound", new TwinDocuments(_state).TryWriteComponent("a", "power", new ArrayBufferWriter<byte>()).Problem!.Code);
        Assert.Equal("RelationshipNotFound", new TwinDocuments(_state).TryWriteRelationship("a", "q", new ArrayBufferWriter<byte>()).Problem!.Code);
    }

    [Theory]
    [InlineData("power", "\"warm\"", "PropertyInvalid", "\"warm\" is not a finite number")]
    [InlineData("count", "3000000000", "PropertyInvalid", "3000000000 is not an integer from -2147483648 to 2147483647")]
    [InlineData("count", "1.5", "PropertyInvalid", "1.5 is not an integer")]
    [InlineData("mode", "\"blue\"", "PropertyInvalid", "\"off\", \"low\", \"high\"")]
    [InlineData("installed", "\"yesterday\"", "PropertyInvalid", "RFC 3339")]
    [InlineData("address", "{\"town\":\"x\"}", "PropertyInvalid", "/town is not a field; allowed: number, street")]
    [InlineData("address/street", "5", "PropertyInvalid", "/street: 5 is not text")]
    [InlineData("tags", "{\"x\":1}", "PropertyInvalid", "/x: 1 is not text")]
    [InlineData("colour", "1", "PropertyNotInModel", "'colour'")]
    [InlineData("power", "null", "PropertyInvalid", "null")]
    public void A_bad_value_is_refused_with_what_would_be_right(string path, string json, string code, string words)
    {
        var reader = new System.Text.Json.Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        reader.Read();
        var hash = _state.StateHash();
        var result = Patch(new PatchOperation(PatchVerb.Add, "power", PropertyValue.From(1.0)), new PatchOperation(PatchVerb.Add, path, PropertyValue.ReadJson(ref reader)));
        Assert.Equal((TwinStatus.Invalid, code), (result.Status, result.Problem!.Code));
        Assert.Contains(words, result.Problem.Detail, StringComparison.Ordinal);
        Assert.Equal(hash, _state.StateHash());
    }

    [Fact]
    public void Hostile_json_is_refused_and_never_thrown()
    {
        var deep = new string('[', 100_000);
        foreach (var json in new[] { "{", "{\"street\":", deep, "\"\\uD800\"", "{\"\\uD800\":1}", "{\"street\":\"\\uD800\"}", "{} {}", "{\"street\":\"a\",\"street\":\"b\"}", "{\"number\":1e999}", "", "\u00ff" })
            foreach (var path in new[] { "address", "address/street", "thermostat", "tags", "tags/x", "power", "label" })
                Assert.Contains(Patch(new PatchOperation(PatchVerb.Add, path, PropertyValue.FromJson(Encoding.Latin1.GetBytes(json)))).Status, new[] { TwinStatus.Invalid, TwinStatus.NotFound });
        Assert.Equal(TwinStatus.Invalid, Patch(new PatchOperation(PatchVerb.Add, "label", PropertyValue.From("\uD800"))).Status);
        Assert.Equal(TwinStatus.Invalid, Patch(new PatchOperation(PatchVerb.Add, "address/street", PropertyValue.From("\uD800"))).Status);
        Assert.Equal(TwinStatus.Invalid, Patch(new PatchOperation(PatchVerb.Add, "label", PropertyValue.From(new string('x', 65537)))).Status);
        Assert.Equal(TwinStatus.Ok, Patch(new PatchOperation(PatchVerb.Add, "label", PropertyValue.From(new string('x', 65536)))).Status);
        Assert.Equal(TwinStatus.Invalid, _state.Execute(new PublishTelemetry("a", "", PropertyValue.FromJson("{\"alarm\":"u8.ToArray())), Now, _changes).Status);
        Assert.Equal(TwinStatus.Invalid, _state.Execute(new PublishTelemetry("a", "", TestModels.Json("{\"\\uD800\":1}")), Now, _changes).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("a\n")]
    [InlineData("a#")]
    public void An_id_that_no_address_can_carry_is_refused(string id)
    {
        Assert.Equal("IdInvalid", _state.Execute(new PutTwin(id, TestModels.Lamp, []), Now, _changes).Problem!.Code);
        Assert.Equal("IdInvalid", _state.Execute(new PutRelationship("a", id, "near", "a", []), Now, _changes).Problem!.Code);
        Assert.Equal("IdInvalid", _state.Execute(new PutTwin(new string('x', 129), TestModels.Lamp, []), Now, _changes).Problem!.Code);
    }

    [Fact]
    public void A_source_time_far_ahead_is_refused_so_that_it_cannot_freeze_a_property()
    {
        Assert.Equal("SourceTimeInFuture", _state.Execute(new PatchTwin("a", []) { SourceTime = TestModels.At(301) }, Now, _changes).Problem!.Code);
        Assert.True(_state.Execute(new PatchTwin("a", []) { SourceTime = TestModels.At(300) }, Now, _changes).IsDone);
    }

    [Fact]
    public void Telemetry_is_told_and_is_not_state()
    {
        var hash = _state.LastSequence;
        Assert.True(_state.Execute(new PublishTelemetry("a", "", TestModels.Json("""{"alarm":3}""")) { SourceTime = TestModels.At(-5) }, Now, _changes).IsDone);
        Assert.Equal(new Change(hash + 1, ChangeKind.Telemetry, "a", TestModels.Lamp, "alarm", PropertyValue.From(3.0), TestModels.At(-5), Now), _changes.Span[^1]);
        Assert.True(_state.Execute(new PublishTelemetry("a", "thermostat", TestModels.Json("""{"alarm":3}""")), Now, _changes).IsDone);
        Assert.Equal("thermostat/alarm", _changes.Span[^1].Path);
        Assert.Equal("TelemetryNotInModel", _state.Execute(new PublishTelemetry("a", "", TestModels.Json("""{"heat":3}""")), Now, _changes).Problem!.Code);
        Assert.Equal("ComponentNotFound", _state.Execute(new PublishTelemetry("a", "wheel", TestModels.Json("{}")), Now, _changes).Problem!.Code);
        Assert.Equal("TelemetryInvalid", _state.Execute(new PublishTelemetry("a", "", TestModels.Json("""{"alarm":"x"}""")), Now, _changes).Problem!.Code);
    }

    [Fact]
    public void Epochs_start_with_their_own_change_and_only_upwards()
    {
        _state.StartEpoch(3, Now, _changes);
        Assert.Equal(FeedSequence.StartOf(3) + 1, _state.LastSequence);
        Assert.Equal((ChangeKind.EpochStarted, _state.LastSequence), (_changes.Span[^1].Kind, _changes.Span[^1].Sequence));
        Assert.Throws<ArgumentOutOfRangeException>(() => _state.StartEpoch(3, Now, _changes));
        Patch(new PatchOperation(PatchVerb.Add, "power", PropertyValue.From(1.0)));
        Assert.Equal(3, FeedSequence.EpochOf(_state.LastSequence));
        var replayed = TestModels.NewState();
        foreach (ref readonly var change in _changes.Span) Assert.True(replayed.Apply(change));
        Assert.Equal(_state.StateHash(), replayed.StateHash());
        Assert.False(replayed.Apply(_changes.Span[0]));
        Assert.Throws<InvalidDataException>(() => replayed.Apply(_changes.Span[^1] with { Sequence = _state.LastSequence + 2 }));
    }

    [Fact]
    public void A_thousand_relationships_page_in_order()
    {
        for (var i = 0; i < 1000; i++) Assert.True(_state.Execute(new PutRelationship("a", $"r{i:d4}", "in", "a", []), Now, _changes).IsDone);
        var documents = new TwinDocuments(_state);
        string? next = null, nextIn = null;
        var (seen, seenIn) = (new List<string>(), new List<string>());
        do seen.AddRange(documents.ListRelationships("a", null, 70, next, out next)!.Select(Rid));
        while (next is not null);
        do seenIn.AddRange(documents.ListIncoming("a", 70, nextIn, out nextIn)!.Select(Rid));
        while (nextIn is not null);
        var expected = Enumerable.Range(0, 1000).Select(i => $"r{i:d4}");
        Assert.Equal(expected, seen);
        Assert.Equal(expected, seenIn);
        Assert.Empty(documents.ListRelationships("a", "near", 10, null, out _)!);
        Assert.True(_state.Execute(new DeleteTwin("a") { Cascade = true }, Now, _changes).IsDone);
        Assert.Equal((0, 0, 0), (_state.TwinCount, _state.RelationshipCount, _state.IncomingCount));

        static string Rid(ReadOnlyMemory<byte> json) => (string)JsonNode.Parse(json.Span)!["$relationshipId"]!;
    }

    [Fact]
    public void Many_twins_come_and_go_and_are_found()
    {
        var random = new Random(7);
        var expected = new Dictionary<string, double>();
        for (var i = 0; i < 60_000; i++)
        {
            var id = $"t{random.Next(5_000)}";
            if (random.Next(3) > 0) expected[id] = i;
            else expected.Remove(id);
            if (expected.ContainsKey(id)) _state.Execute(new PutTwin(id, TestModels.Lamp, [new("power", PropertyValue.From((double)i))]), Now, _changes);
            else _state.Execute(new DeleteTwin(id), Now, _changes);
            if (_changes.Count > 10_000) _changes.Clear();
        }
        Assert.Equal(expected.Count + 1, _state.TwinCount);
        for (var i = 0; i < 5_000; i++)
        {
            Assert.Equal(expected.TryGetValue($"t{i}", out var power), _state.TryLocate($"t{i}", out var table, out var row));
            if (table is not null) Assert.Equal(power, table.Column(0).Get(row).AsNumber);
        }
        IndexClaims.Hold(_state, sample: 200);
    }

    private CommandResult Patch(params PatchOperation[] operations) => _state.Execute(new PatchTwin("a", operations), Now, _changes);

    private static string Read(Action<ArrayBufferWriter<byte>> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        write(bytes);
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    private static void AssertJson(string expected, string actual) => Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual)), actual);
}
