namespace Twin.Simulation.Tests;

/// <summary>PHOLD: an entity that meets a message sends one on to a random entity.</summary>
internal struct Phold : IEntityLogic<Phold.State>
{
    public const double Lookahead = 0.1;

    public int Entities { get; init; }

    public void Handle(ref State state, in SimEvent e, ref Turn turn)
    {
        state.Met++;
        state.Sum += e.Payload;
        if (state.Reminder != default && state.Met % 3 == 0) turn.Cancel(state.Reminder);
        if (state.Met % 5 == 0) state.Reminder = turn.ScheduleCancellable(2, 1, 1, -1);
        if (e.Kind == 1) return;
        turn.Schedule(state.Random.NextIndex(Entities), Lookahead + state.Random.NextExponential(0.9), 0, state.Met);
    }

    public static PartitionedRun<State, Phold> Make(int entities, int messages, int partitions, ulong seed)
    {
        var run = new PartitionedRun<State, Phold>(new PartitionPlan(entities, partitions, Lookahead), new Phold { Entities = entities }, 2);
        for (var e = 0; e < entities; e++)
        {
            var owner = run.OwnerOf(e);
            owner[e].Random = new RandomStream(seed, 0, e, 0);
            for (var m = 0; m < messages; m++) owner.Schedule(owner[e].Random.NextExponential(1), e);
        }

        return run;
    }

    internal struct State
    {
        public RandomStream Random;
        public long Met;
        public long Sum;
        public EventHandle Reminder;
    }
}
