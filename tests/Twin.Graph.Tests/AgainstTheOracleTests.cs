using System.Buffers;
using System.Text.Json.Nodes;
using CsCheck;

namespace Twin.Graph.Tests;

public class AgainstTheOracleTests
{
    [Fact]
    public void Any_history_leaves_the_documents_and_answers_of_a_plain_dictionary() =>
        RandomSteps.Histories.Sample(steps => new History().Run(steps), iter: 3_000, seed: "0000KeWZ3tN3");

    [Fact]
    public void A_refused_command_leaves_no_trace() =>
        RandomSteps.Histories.Sample(steps =>
        {
            var history = new History();
            foreach (var step in steps)
            {
                var hash = history.State.StateHash();
                var count = history.Changes.Count;
                var isDone = history.Run(step);
                if (isDone || step.Samples.Length > 0) continue;
                Assert.Equal(hash, history.State.StateHash());
                Assert.Equal(count, history.Changes.Count);
            }
        }, iter: 500, seed: "0000KeWZ3tN3");

    [Fact]
    public void Replaying_the_changes_rebuilds_the_state_through_frames_and_snapshots() =>
        RandomSteps.Histories.Sample(steps =>
        {
            var history = new History();
            var frames = new List<byte[]>();
            var codec = new ChangeCodec();
            byte[]? snapshot = null;
            for (var i = 0; i < steps.Length; i++)
            {
                var from = history.Changes.Count;
                history.Run(steps[i]);
                if (history.Changes.Count > from) frames.Add(codec.Encode(history.Changes.Span[from..]).ToArray());
                if (i == steps.Length / 2) snapshot = Snapshot(history.State);
            }
            var replayed = TestModels.NewState();
            Replay(replayed, frames);
            Assert.Equal(history.State.StateHash(), replayed.StateHash());
            Assert.Equal(history.State.RelationshipCount, replayed.RelationshipCount);
            Assert.Equal(history.State.IncomingCount, replayed.IncomingCount);

            var reloaded = TestModels.NewState();
            reloaded.ReadSnapshot(snapshot);
            Replay(reloaded, frames);
            Assert.Equal(history.State.StateHash(), reloaded.StateHash());

            var again = TestModels.NewState();
            again.ReadSnapshot(Snapshot(reloaded));
            Assert.Equal(history.State.StateHash(), again.StateHash());
            IndexClaims.Hold(again);
        }, iter: 1_000, seed: "0000KeWZ3tN3");

    [Fact]
    public void Indexes_answer_as_a_scan_does_after_any_history() =>
        RandomSteps.Histories.Sample(steps =>
        {
            var history = new History();
            history.State.DeclareIndex("thermostat/target");
            foreach (var step in steps)
            {
                history.Run(step);
                IndexClaims.Hold(history.State);
            }
        }, iter: 300, seed: "0000KeWZ3tN3");

    internal static byte[] Snapshot(ShardState state)
    {
        var bytes = new ArrayBufferWriter<byte>();
        state.WriteSnapshot(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    internal static void Replay(ShardState state, IEnumerable<byte[]> frames)
    {
        var decoded = new ChangeBuffer();
        foreach (var frame in frames)
        {
            decoded.Clear();
            ChangeCodec.Decode(frame, decoded);
            foreach (ref readonly var change in decoded.Span) state.Apply(change);
        }
    }

    /// <summary>Runs steps on the state and on the oracle and compares everything after each.</summary>
    private sealed class History
    {
        private readonly SlowShard _oracle = new();
        private readonly SampleRules _rules = new();
        private double _seconds = 1000;

        public ShardState State { get; } = TestModels.NewState();

        public ChangeBuffer Changes { get; } = new();

        public void Run(Step[] steps)
        {
            foreach (var step in steps) Run(step);
        }

        public bool Run(Step step)
        {
            _seconds += step.Seconds;
            var now = TestModels.At(_seconds);
            var before = State.LastSequence;
            var isDone = step.Samples.Length > 0 ? RunSamples(step.Samples, now) : step.Commands.Length > 1 ? RunBatch(step.Commands, now) : RunOne(step, now);
            Compare(before);
            return isDone;
        }

        private bool RunOne(Step step, WallTime now)
        {
            var command = step.Commands[0];
            var version = command switch
            {
                PutRelationship c => State.FindRelationship(c.TwinId, c.RelationshipId)?.Version ?? 0,
                PatchRelationship c => State.FindRelationship(c.TwinId, c.RelationshipId)?.Version ?? 0,
                DeleteRelationship c => State.FindRelationship(c.TwinId, c.RelationshipId)?.Version ?? 0,
                _ => State.TryLocate(command.TwinId, out var table, out var row) ? table.VersionOf(row) : 0,
            };
            command = command with { IfMatch = step.Match switch { 0 => 0, 1 => Math.Max(1, version), 2 => version + 1, _ => null } };
            var result = State.Execute(command, now, Changes);
            var expected = _oracle.Run(command, now);
            Assert.Equal(expected, (result.Status, result.Problem?.Code));
            return result.IsDone;
        }

        private bool RunBatch(TwinCommand[] commands, WallTime now)
        {
            var results = new CommandResult[commands.Length];
            var isDone = State.ExecuteAtomic(commands, now, Changes, results);
            var kept = _oracle.Twins;
            for (var i = 0; i < commands.Length; i++)
            {
                var expected = _oracle.Run(commands[i], now);
                if (expected.Code is null) continue;
                _oracle.Twins = kept;
                Assert.False(isDone);
                Assert.Equal(expected, (results[i].Status, results[i].Problem?.Code));
                Assert.All(results.Where((_, other) => other != i), r => Assert.Equal(TwinStatus.NotDone, r.Status));
                return false;
            }
            Assert.True(isDone);
            return true;
        }

        private bool RunSamples(Sample[] samples, WallTime now)
        {
            var outcome = State.Ingest(new SampleBatch(samples, now), _rules, now, Changes);
            var expected = new int[IngestOutcome.FateCount];
            foreach (var sample in samples) expected[(int)_oracle.Ingest(sample, now, _rules)]++;
            Assert.Equal(expected, outcome.Counts);
            return true;
        }

        private void Compare(long before)
        {
            Assert.Equal(_oracle.Twins.Count, State.TwinCount);
            Assert.Equal(_oracle.Twins.Sum(t => t.Value.Out.Count), State.RelationshipCount);
            Assert.Equal(_oracle.Twins.Sum(t => t.Value.In.Count), State.IncomingCount);
            var documents = new TwinDocuments(State);
            foreach (var (id, twin) in _oracle.Twins)
            {
                var bytes = new ArrayBufferWriter<byte>();
                Assert.True(documents.TryWriteTwin(id, bytes, out var version));
                if (twin.IsTouched) Assert.InRange(version, before + 1, State.LastSequence);
                else Assert.Equal(twin.Version, version);
                twin.Version = version;
                twin.IsTouched = false;
                var document = JsonNode.Parse(bytes.WrittenSpan);
                Assert.True(JsonNode.DeepEquals(_oracle.Document(id), document), $"expected {_oracle.Document(id).ToJsonString()}, got {document!.ToJsonString()}");
                CompareLinks(id, twin, before);
            }
        }

        private void CompareLinks(string id, SlowShard.Twin twin, long before)
        {
            Assert.True(State.TryLocate(id, out var table, out var row));
            Assert.Equal(twin.Out.Keys.Order(StringComparer.Ordinal), table.OutgoingOf(row).Select(r => r.Id));
            Assert.Equal(twin.In.Select(l => (l.Source, l.Id, l.Name)).Order(), table.IncomingOf(row).Select(l => (l.SourceId, l.RelationshipId, l.Name)).Order());
            foreach (var relationship in table.OutgoingOf(row))
            {
                var expected = twin.Out[relationship.Id];
                Assert.Equal((expected.Name, expected.Target), (relationship.Name, relationship.TargetId));
                Assert.Equal(expected.Values.Select(v => new Assignment(v.Key, v.Value)), relationship.Properties.OrderBy(p => p.Path, StringComparer.Ordinal));
                if (expected.IsTouched) Assert.InRange(relationship.Version, before + 1, State.LastSequence);
                else Assert.Equal(expected.Version, relationship.Version);
                twin.Out[relationship.Id] = expected with { Version = relationship.Version, IsTouched = false };
            }
        }
    }
}

/// <summary>Compares every index of a state with a scan of its column.</summary>
internal static class IndexClaims
{
    public static void Hold(ShardState state, int sample = int.MaxValue)
    {
        foreach (var table in state.Tables)
            foreach (var column in table.Columns)
                if (column.Index is not null) Hold(table, column, column.Index, sample);
    }

    private static void Hold(ModelTable table, Column column, PropertyIndex index, int sample)
    {
        var all = Enumerable.Range(0, table.RowCount).Where(column.Has).Select(row => (Row: row, Value: column.Get(row))).ToList();
        Assert.All(all, r => Assert.True(table.IsLive(r.Row)));
        foreach (var value in all.Select(r => r.Value).Distinct().Take(sample))
        {
            var rows = new List<int>();
            index.CollectEqual(value, rows);
            Assert.Equal(all.Where(r => r.Value == value).Select(r => r.Row), rows.Order());
            Assert.True(index.EstimateEqual(value) >= rows.Count);
            if (!index.IsOrdered) continue;
            foreach (var include in new[] { true, false })
            {
                rows.Clear();
                index.CollectRange(value, include, PropertyValue.None, true, rows);
                Assert.Equal(all.Where(r => Order(r.Value) > Order(value) || (include && r.Value == value)).Select(r => r.Row), rows.Order());
                rows.Clear();
                index.CollectRange(PropertyValue.None, true, value, include, rows);
                Assert.Equal(all.Where(r => Order(r.Value) < Order(value) || (include && r.Value == value)).Select(r => r.Row), rows.Order());
            }
        }
        if (index.IsOrdered && table.RowCount % 2 == 0) Assert.Equal(all.OrderBy(r => Order(r.Value)).ThenBy(r => r.Row).Select(r => r.Row), index.RowsInOrder().ToArray());
    }

    private static double Order(PropertyValue value) => value.IsNumber ? value.AsNumber : value.Bits;
}
