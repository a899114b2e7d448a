using CsCheck;

namespace Twin.Graph.Tests;

/// <summary>A fork begins as its parent stood, and neither sees what the other does.</summary>
public class ForkTests
{
    [Fact]
    public void A_fork_and_its_parent_become_what_two_states_become_that_never_shared_anything() =>
        Gen.Select(RandomSteps.Histories, RandomSteps.Histories, RandomSteps.Histories).Sample((before, parents, forks) =>
        {
            var (one, apart) = (new World(), new World());
            one.State.DeclareIndex("thermostat/target");
            one.Run(before);
            apart.Run(before);
            var fork = one.Fork();
            Assert.Equal(one.State.StateHash(), fork.State.StateHash());
            var other = new World(); // the fork's own history, from nothing
            other.Run(before);
            for (var i = 0; i < Math.Max(parents.Length, forks.Length); i++) // in turns, so that each writes to what the other has copied and has not
            {
                if (i < parents.Length) one.Run([parents[i]]);
                if (i < forks.Length) fork.Run([forks[i]]);
            }

            apart.Run(parents);
            other.Run(forks);
            Assert.Equal(apart.State.StateHash(), one.State.StateHash());
            Assert.Equal(other.State.StateHash(), fork.State.StateHash());
            Assert.Equal((other.State.TwinCount, other.State.RelationshipCount, other.State.IncomingCount), (fork.State.TwinCount, fork.State.RelationshipCount, fork.State.IncomingCount));
            IndexClaims.Hold(one.State);
            IndexClaims.Hold(fork.State); // built when first asked
            var again = fork.Fork(); // a branch of a branch
            again.Run(parents);
            Assert.Equal(other.State.StateHash(), fork.State.StateHash());
        }, iter: 1_500, seed: "0000KeWZ3tN3");

    [Fact]
    public void Parent_and_forks_may_be_written_by_threads_of_their_own_at_once() =>
        Gen.Select(RandomSteps.Histories, RandomSteps.Histories.Array[4]).Sample((before, ways) =>
        {
            var world = new World();
            world.Run(before);
            World[] all = [world.Fork(), world.Fork(), world.Fork(), world];
            var hashes = new ulong[all.Length];
            Parallel.For(0, all.Length, i =>
            {
                for (var round = 0; round < 3; round++) all[i].Run(ways[i]);
                hashes[i] = all[i].State.StateHash();
            });
            for (var i = 0; i < all.Length; i++)
            {
                var alone = new World();
                alone.Run(before);
                for (var round = 0; round < 3; round++) alone.Run(ways[i]);
                Assert.Equal(alone.State.StateHash(), hashes[i]);
            }
        }, iter: 300, seed: "0000KeWZ3tN3", threads: 1);

    [Fact]
    public void What_a_fork_costs_does_not_depend_on_how_many_twins_there_are_and_one_write_copies_one_column()
    {
        var state = TestModels.NewState();
        var changes = new ChangeBuffer();
        for (var i = 0; i < 50_000; i++)
        {
            state.Execute(new PutTwin($"lamp-{i}", TestModels.Lamp, [new Assignment("power", PropertyValue.From(1.0 * i)), new Assignment("count", PropertyValue.From((long)i)), new Assignment("label", PropertyValue.From("x"))]), TestModels.At(1), changes);
            changes.Clear();
        }

        state.Fork(); // compiled
        var before = GC.GetAllocatedBytesForCurrentThread();
        var fork = state.Fork();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000); // bytes, for 50,000 twins
        before = GC.GetAllocatedBytesForCurrentThread();
        fork.Execute(new PatchTwin("lamp-7", [new PatchOperation(PatchVerb.Replace, "power", PropertyValue.From(5.0))]), TestModels.At(2), changes);
        var copied = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(copied, 50_000 * 40, 50_000 * 70); // value and two times of the column, versions and times of the twins; growth room included
        before = GC.GetAllocatedBytesForCurrentThread();
        fork.Execute(new PatchTwin("lamp-8", [new PatchOperation(PatchVerb.Replace, "power", PropertyValue.From(6.0))]), TestModels.At(2), changes);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000);
        Assert.True(state.TryLocate("lamp-7", out var table, out var row) && table.TryGet(row, table.Model.FindProperty("power")!.Ordinal, out var value) && value == PropertyValue.From(7.0));
    }

    [Fact]
    public void A_fork_in_the_middle_of_a_transaction_is_refused()
    {
        var state = TestModels.NewState();
        var changes = new ChangeBuffer();
        Assert.True(state.TryPrepare("t1", [new PutTwin("a", TestModels.Lamp, [])], TestModels.At(1), changes, out _));
        Assert.Throws<InvalidOperationException>(() => state.Fork());
        state.Decide("t1", commit: true, TestModels.At(1), changes);
        Assert.Equal(state.StateHash(), state.Fork().StateHash());
    }

    /// <summary>A state and the clock of its steps.</summary>
    private sealed class World
    {
        private readonly ChangeBuffer _changes = new();
        private readonly SampleRules _rules = new();
        private double _seconds = 1_000;

        public ShardState State { get; private init; } = TestModels.NewState();

        public World Fork() => new() { State = State.Fork(), _seconds = _seconds };

        public void Run(IEnumerable<Step> steps)
        {
            foreach (var step in steps)
            {
                _seconds += step.Seconds;
                var now = TestModels.At(_seconds);
                if (step.Samples.Length > 0) State.Ingest(new SampleBatch(step.Samples, now), _rules, now, _changes);
                else if (step.Commands.Length > 1) State.ExecuteAtomic(step.Commands, now, _changes, new CommandResult[step.Commands.Length]);
                else State.Execute(step.Commands[0], now, _changes);
                _changes.Clear();
            }
        }
    }
}
