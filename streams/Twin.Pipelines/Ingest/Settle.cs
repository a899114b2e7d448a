using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Stage: outcomes come back to the messages they concern; a chunk whose last sample is settled is completed, once. Never
/// throws: a door that fails in its own completion is counted.
/// </summary>
/// <remarks>
/// The owner names refused samples (at most 100 a group) and counts the rest. So refusals reach their own message exactly;
/// Duplicate, Reordered and Late reach it when all of a group, or its only message, had that fate, and are Applied to the
/// message otherwise (the counters stay exact). Unavailable beyond the named ones is put on every message it might concern:
/// a message is never acknowledged on a guess.
/// </remarks>
internal sealed class Settle(InFlightGate gate, TimeProvider clock, IngestMetrics metrics)
{
    /// <summary>Settles one group.</summary>
    public ShardGroup Run(ShardGroup group)
    {
        if (group.Outcome is { } outcome) TakeOutcome(group, outcome);
        else TakeFailure(group, group.Failure ?? "The shard gave no answer.");
        foreach (ref readonly var run in group.Runs)
        {
            run.Flight.Outstanding -= run.Count;
            if (run.Flight.Outstanding == 0) Finish(run.Flight);
        }
        return group;
    }

    /// <summary>Completes a flight that has nothing outstanding.</summary>
    public void Finish(Flight flight)
    {
        if (!flight.TryFinish()) return;
        try
        {
            Complete(flight);
        }
        catch (Exception)
        {
            metrics.CompletionFailed();
        }
        metrics.Settled(flight.Chunk is null ? 0 : flight.MessageCount, WallTime.Now(clock) - flight.Arrival);
        gate.Leave(flight);
        flight.ReleaseSamples();
        flight.ReleaseFates();
    }

    /// <summary>Answers Unavailable to a flight the stream has lost; leaves its arrays to the collector, since a stage may still hold them.</summary>
    public void Abandon(Flight flight, string why)
    {
        if (!flight.TryFinish()) return;
        gate.Leave(flight);
        try
        {
            if (flight.Chunk is { } chunk)
            {
                var fates = new MessageFate[chunk.Messages.Length];
                Array.Fill(fates, new MessageFate(false, SampleFate.Unavailable, why));
                chunk.Complete(fates);
                metrics.CountSamples(SampleFate.Unavailable, fates.Length);
            }
            else
            {
                flight.Direct!.TrySetResult(AllUnavailable(flight.Given.Count, why));
                metrics.CountSamples(SampleFate.Unavailable, flight.Given.Count);
            }
        }
        catch (Exception)
        {
            metrics.CompletionFailed();
        }
    }

    private static IngestOutcome AllUnavailable(int count, string why)
    {
        var counts = new int[IngestOutcome.FateCount];
        counts[(int)SampleFate.Unavailable] = count;
        var refusals = new SampleRefusal[Math.Min(count, 100)];
        for (var i = 0; i < refusals.Length; i++) refusals[i] = new SampleRefusal(i, SampleFate.Unavailable, why);
        return new IngestOutcome(counts, refusals, 0);
    }

    private static void Complete(Flight flight)
    {
        if (flight.Chunk is { } chunk) chunk.Complete(flight.Fates);
        else flight.Direct!.TrySetResult(new IngestOutcome(flight.Counts, flight.Refusals?.ToArray() ?? [], flight.Sequence));
    }

    private void TakeFailure(ShardGroup group, string why)
    {
        metrics.CountSamples(SampleFate.Unavailable, group.Count);
        MarkFrom(group, 0, SampleFate.Unavailable, why);
        if (!group.IsExclusive) return;
        var flight = group.Runs[0].Flight;
        flight.Counts[(int)SampleFate.Unavailable] += group.Count;
        foreach (var origin in group.Origins) flight.Refuse(origin, SampleFate.Unavailable, why);
    }

    private void TakeOutcome(ShardGroup group, IngestOutcome outcome)
    {
        for (var fate = 0; fate < IngestOutcome.FateCount; fate++) metrics.CountSamples((SampleFate)fate, outcome.Counts[fate]);
        if (group.IsExclusive) TakeDirect(group, outcome);
        if (outcome.Counts[(int)SampleFate.Applied] == group.Count) return;
        MarkAccepted(group, outcome);
        if (outcome.Counts.AsSpan((int)SampleFate.Future).ContainsAnyExcept(0)) MarkRefused(group, outcome);
    }

    private static void TakeDirect(ShardGroup group, IngestOutcome outcome)
    {
        var flight = group.Runs[0].Flight;
        for (var fate = 0; fate < IngestOutcome.FateCount; fate++) flight.Counts[fate] += outcome.Counts[fate];
        foreach (var refusal in outcome.Refusals)
        {
            if ((uint)refusal.Index < (uint)group.Count) flight.Refuse(group.Origins[refusal.Index], refusal.Fate, refusal.Detail);
        }
        flight.Sequence = Math.Max(flight.Sequence, outcome.Sequence);
    }

    private static void MarkAccepted(ShardGroup group, IngestOutcome outcome)
    {
        var isOneMessage = group.Runs.Length == 1 && group.Origins.IndexOfAnyExcept(group.Origins[0]) < 0;
        for (var fate = SampleFate.Late; fate >= SampleFate.Duplicate; fate--)
        {
            var count = outcome.Counts[(int)fate];
            if (count == 0 || (count < group.Count && !isOneMessage)) continue;
            MarkFrom(group, 0, fate, null);
            return;
        }
    }

    private static void MarkRefused(ShardGroup group, IngestOutcome outcome)
    {
        Span<int> unnamed = stackalloc int[IngestOutcome.FateCount];
        outcome.Counts.AsSpan(0, IngestOutcome.FateCount).CopyTo(unnamed);
        var last = -1;
        foreach (var refusal in outcome.Refusals)
        {
            if ((uint)refusal.Index >= (uint)group.Count) continue;
            Mark(group, refusal.Index, refusal.Fate, refusal.Detail);
            unnamed[(int)refusal.Fate]--;
            last = Math.Max(last, refusal.Index);
        }
        for (var fate = SampleFate.Unavailable; fate >= SampleFate.Future; fate--)
        {
            if (unnamed[(int)fate] <= 0) continue;
            MarkFrom(group, fate == SampleFate.Unavailable ? 0 : last + 1, fate, $"One of {unnamed[(int)fate]} samples refused together and not named one by one.");
            break;
        }
    }

    private static void Mark(ShardGroup group, int index, SampleFate fate, string? detail)
    {
        foreach (ref readonly var run in group.Runs)
        {
            if (index < run.Start || index >= run.Start + run.Count) continue;
            run.Flight.Mark(run.Flight.Chunk is null ? 0 : group.Origins[index], fate, detail);
            return;
        }
    }

    private static void MarkFrom(ShardGroup group, int first, SampleFate fate, string? detail)
    {
        var origins = group.Origins;
        foreach (ref readonly var run in group.Runs)
        {
            var isDirect = run.Flight.Chunk is null;
            for (var i = Math.Max(first, run.Start); i < run.Start + run.Count; i++) run.Flight.Mark(isDirect ? 0 : origins[i], fate, detail);
        }
    }
}
