using System.Diagnostics;
using Twin.Simulation;

namespace Twin.Benchmarks.Claims;

/// <summary>PHOLD: an entity that meets a message counts it and sends one on to a random entity after a lookahead of 0.1 and an exponential of mean 0.9.</summary>
internal struct SimPhold : IEntityLogic<SimPhold.State>
{
    public const double Lookahead = 0.1;

    public int Entities { get; init; }

    public void Handle(ref State state, in SimEvent e, ref Turn turn)
    {
        state.Met++;
        state.Sum += e.Payload;
        turn.Schedule(state.Random.NextIndex(Entities), Lookahead + state.Random.NextExponential(0.9), 0, state.Met);
    }

    public static PartitionedRun<State, SimPhold> Make(int entities, int messages, int partitions)
    {
        var run = new PartitionedRun<State, SimPhold>(new PartitionPlan(entities, partitions, Lookahead), new SimPhold { Entities = entities }, Environment.ProcessorCount);
        for (var e = 0; e < entities; e++)
        {
            var owner = run.OwnerOf(e);
            owner[e].Random = new RandomStream(1, 0, e, 0);
            for (var m = 0; m < messages; m++) owner.Schedule(owner[e].Random.NextExponential(1), e);
        }

        return run;
    }

    /// <summary>Events per second of this process's processor time, garbage collection and all.</summary>
    public static double Rate(int entities, int messages, double warm, double until)
    {
        var run = Make(entities, messages, 1);
        run.Run(warm);
        var (events, cpu) = (run.Processed, Environment.CpuUsage.TotalTime);
        run.Run(until);
        return (run.Processed - events) / (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
    }

    internal struct State
    {
        public RandomStream Random;
        public long Met;
        public long Sum;
    }
}
