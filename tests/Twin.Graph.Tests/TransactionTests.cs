using CsCheck;

namespace Twin.Graph.Tests;

public class TransactionTests
{
    private static readonly WallTime Now = TestModels.At(0);
    private readonly ShardState _state = TestModels.NewState();
    private readonly ChangeBuffer _changes = new();

    public TransactionTests()
    {
        _state.StartEpoch(1, Now, _changes);
        foreach (var id in new[] { "a", "b", "c" }) Assert.True(_state.Execute(new PutTwin(id, TestModels.Lamp, [new("power", PropertyValue.From(1.0))]), Now, _changes).IsDone);
    }

    [Fact]
    public void A_prepared_twin_waits_for_its_decision()
    {
        var hash = _state.StateHash();
        Assert.True(_state.TryPrepare("tx", [Set("a", 5)], Now, _changes, out var results));
        Assert.All(results, r => Assert.True(r.IsDone));
        Assert.NotEqual(hash, _state.StateHash());
        Assert.Equal(1, Power("a"));
        var refused = _state.Execute(Set("a", 7), Now, _changes);
        Assert.Equal((TwinStatus.Unavailable, "TwinReserved"), (refused.Status, refused.Problem!.Code));
        Assert.True(_state.Execute(Set("b", 7), Now, _changes).IsDone);
        var outcome = _state.Ingest(new SampleBatch(new Sample[] { new("a", "power", PropertyValue.From(1.0), default) }, Now), SampleRules.Default, Now, _changes);
        Assert.Equal(1, outcome.Counts[(int)SampleFate.Unavailable]);

        Assert.True(Assert.Single(_state.Decide("tx", true, Now, _changes)).IsDone);
        Assert.Equal(5, Power("a"));
        Assert.Empty(_state.InDoubt);
        Assert.True(_state.Execute(Set("a", 7), Now, _changes).IsDone);
        Assert.Empty(_state.Decide("tx", true, Now, _changes));
    }

    [Fact]
    public void An_aborted_transaction_changes_nothing()
    {
        _state.TryPrepare("tx", [Set("a", 5), new DeleteTwin("b")], Now, _changes, out _);
        _state.Decide("tx", false, Now, _changes);
        Assert.Equal(1, Power("a"));
        Assert.Equal(3, _state.TwinCount);
        Assert.True(_state.Execute(Set("a", 7), Now, _changes).IsDone);
    }

    [Fact]
    public void A_part_that_cannot_be_done_is_not_promised()
    {
        var (hash, count) = (_state.StateHash(), _changes.Count);
        Assert.False(_state.TryPrepare("tx", [Set("a", 5), Set("nobody", 5)], Now, _changes, out var results));
        Assert.Equal([TwinStatus.NotDone, TwinStatus.NotFound], results.Select(r => r.Status));
        Assert.Equal((hash, count), (_state.StateHash(), _changes.Count));
    }

    [Fact]
    public void A_relationship_under_preparation_holds_both_ends()
    {
        Assert.True(_state.TryPrepare("tx", [new PutRelationship("a", "r", "near", "b", [])], Now, _changes, out _));
        Assert.Equal("TwinReserved", _state.Execute(new DeleteTwin("b"), Now, _changes).Problem!.Code);
        Assert.Equal("TwinReserved", _state.Execute(new PutRelationship("c", "r", "near", "b", []), Now, _changes).Problem!.Code);
        _state.Decide("tx", true, Now, _changes);
        Assert.Equal("RelationshipsNotDeleted", _state.Execute(new DeleteTwin("b"), Now, _changes).Problem!.Code);
    }

    [Fact]
    public void Later_commands_of_a_part_see_the_earlier_ones()
    {
        TwinCommand[] commands = [new PutTwin("new", TestModels.Lamp, []), Set("new", 3), new PutRelationship("new", "r", "near", "a", [])];
        Assert.True(_state.TryPrepare("tx", commands, Now, _changes, out _));
        Assert.False(_state.TryLocate("new", out _, out _));
        Assert.Equal("TwinReserved", _state.Execute(commands[0], Now, _changes).Problem!.Code);
        Assert.All(_state.Decide("tx", true, Now, _changes), r => Assert.True(r.IsDone));
        Assert.Equal(3, Power("new"));
    }

    [Fact]
    public void A_clock_that_steps_back_does_not_break_a_promise()
    {
        var ahead = Set("a", 5) with { SourceTime = TestModels.At(299) };
        Assert.True(_state.TryPrepare("tx", [ahead], Now, _changes, out _));
        Assert.True(Assert.Single(_state.Decide("tx", true, TestModels.At(-3600), _changes)).IsDone);
    }

    [Fact]
    public void What_was_in_doubt_is_in_doubt_after_recovery_and_can_be_decided_there()
    {
        TwinCommand[] commands =
        [
            Set("a", 5.000000001) with { IfMatch = 0, SourceTime = TestModels.At(1) }, new PutTwin("d", TestModels.Lamp, [new("tags", TestModels.Json("{\"x\":\"é\"}"))]) { OnlyIfAbsent = true },
            new PutRelationship("b", "r", "near", "c", [new("distance", PropertyValue.From(0.1))]), new PublishTelemetry("b", "", TestModels.Json("{\"alarm\":1}")),
            new LinkIncoming("c", "far", "r9", "near") { TargetModel = TestModels.Lamp }, new UnlinkIncoming("c", "far", "r9"),
        ];
        Assert.True(_state.TryPrepare("tx", commands, Now, _changes, out _));
        var replayed = TestModels.NewState();
        AgainstTheOracleTests.Replay(replayed, [new ChangeCodec().Encode(_changes.Span).ToArray()]);
        var reloaded = TestModels.NewState();
        reloaded.ReadSnapshot(AgainstTheOracleTests.Snapshot(_state));
        foreach (var recovered in new[] { replayed, reloaded })
        {
            Assert.Equal(_state.StateHash(), recovered.StateHash());
            Assert.Equal("tx", Assert.Single(recovered.InDoubt).Id);
            Assert.Equal("TwinReserved", recovered.Execute(Set("a", 7), Now, new ChangeBuffer()).Problem!.Code);
        }
        _state.Decide("tx", true, Now, _changes);
        replayed.Decide("tx", true, Now, new ChangeBuffer());
        reloaded.Decide("tx", true, Now, new ChangeBuffer());
        Assert.Equal(_state.StateHash(), replayed.StateHash());
        Assert.Equal(_state.StateHash(), reloaded.StateHash());
    }

    /// <summary>Preparing any commands and aborting leaves the state as it was; committing does what running them at once does.</summary>
    [Fact]
    public void Two_phases_do_what_one_does() =>
        RandomSteps.Histories.Sample(steps =>
        {
            var (one, two, aborted) = (TestModels.NewState(), TestModels.NewState(), TestModels.NewState());
            var changes = new ChangeBuffer();
            foreach (var step in steps.Where(s => s.Commands.Length > 0))
            {
                var results = new CommandResult[step.Commands.Length];
                var isDone = one.ExecuteAtomic(step.Commands, Now, changes, results);
                Assert.Equal(isDone, two.TryPrepare("t", step.Commands, Now, changes, out var prepared));
                if (!isDone) Assert.Equal(results.Select(r => (r.Status, r.Problem?.Code)), prepared.Select(r => (r.Status, r.Problem?.Code)));
                else
                {
                    foreach (var command in step.Commands) Assert.Equal("TwinReserved", two.Execute(command, Now, changes).Problem?.Code);
                    Assert.True(aborted.TryPrepare("t", step.Commands, Now, changes, out _));
                    aborted.Decide("t", false, Now, changes);
                    two.Decide("t", true, Now, changes);
                    aborted.ExecuteAtomic(step.Commands, Now, changes, results);
                }
                Assert.Equal(Shape(one), Shape(two));
                Assert.Equal(Shape(one), Shape(aborted));
            }
        }, iter: 500);

    [Fact]
    public void Commands_for_other_shards_are_told()
    {
        var shards = Enumerable.Range(0, 2).Select(i => new ShardState(i, 2, TestModels.Set)).ToArray();
        var here = Ids(0).First();
        var (local, far) = (Ids(0).Skip(1).First(), Ids(1).First());
        foreach (var id in new[] { here, local }) shards[0].Execute(new PutTwin(id, TestModels.Lamp, []), Now, _changes);
        shards[1].Execute(new PutTwin(far, TestModels.Room, []), Now, _changes);

        TwinCommand[] commands = [new PutRelationship(here, "r1", "near", local, []), new PutRelationship(here, "r2", "near", far, [])];
        var parts = new List<TwinCommand>();
        shards[0].CollectRemoteParts(commands, parts);
        var link = new LinkIncoming(far, here, "r2", "near") { TargetModel = TestModels.Lamp };
        Assert.Equal(link, Assert.Single(parts));
        Assert.Equal("TargetModelMismatch", shards[1].Execute(link, Now, _changes).Problem!.Code);
        shards[1].Execute(new PutTwin(far, TestModels.SmartLamp, []), Now, _changes);
        Assert.True(shards[1].Execute(link, Now, _changes).IsDone);
        foreach (var command in commands) Assert.True(shards[0].Execute(command, Now, _changes).IsDone);
        Assert.Equal((2, 1, 1), (shards[0].RelationshipCount, shards[0].IncomingCount, shards[1].IncomingCount));

        parts.Clear();
        shards[0].CollectRemoteParts([new DeleteTwin(here) { Cascade = true }], parts);
        Assert.Equal(new UnlinkIncoming(far, here, "r2"), Assert.Single(parts));
        parts.Clear();
        shards[1].CollectRemoteParts([new DeleteTwin(far) { Cascade = true }], parts);
        Assert.Equal(new DeleteRelationship(here, "r2"), Assert.Single(parts));
        Assert.True(shards[1].Execute(new DeleteTwin(far) { Cascade = true }, Now, _changes).IsDone);
        Assert.True(shards[0].Execute(parts[0], Now, _changes).IsDone);
        Assert.Equal((1, 0), (shards[0].RelationshipCount, shards[1].IncomingCount));
        Assert.True(shards[1].Execute(new UnlinkIncoming(far, here, "r2"), Now, _changes).IsDone);
    }

    private static IEnumerable<string> Ids(int shard) => Enumerable.Range(0, 1000).Select(i => $"t{i}").Where(id => ShardMap.ShardOf(id, 2) == shard);

    private static PatchTwin Set(string id, double power) => new(id, [new PatchOperation(PatchVerb.Add, "power", PropertyValue.From(power))]);

    private double Power(string id)
    {
        Assert.True(_state.TryLocate(id, out var table, out var row));
        return table.Column(0).Get(row).AsNumber;
    }

    /// <summary>All that is true, without sequences: those differ by the bookkeeping of two phases.</summary>
    private static string Shape(ShardState state)
    {
        var lines = new List<string>();
        foreach (var table in state.Tables)
            for (var row = 0; row < table.RowCount; row++)
            {
                if (!table.IsLive(row)) continue;
                var values = string.Join(",", table.Columns.ToArray().Where(c => c.Has(row)).Select(c => $"{c.Definition.Path}={c.Get(row)}@{c.SourceTimeOf(row)}"));
                var links = string.Join(",", table.OutgoingOf(row).Select(r => $"{r.Id}:{r.Name}>{r.TargetId}({string.Join(";", r.Properties)})")) + "|" + string.Join(",", table.IncomingOf(row));
                lines.Add($"{table.IdOf(row)} {table.Model.Id} {values} {links}");
            }
        lines.Sort(StringComparer.Ordinal);
        return string.Join("\n", lines);
    }
}
