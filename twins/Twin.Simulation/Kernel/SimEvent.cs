namespace Twin.Simulation;

/// <summary>
/// One event: something happens to <see cref="Target"/> at <see cref="Time"/>. Events are totally ordered by time, priority, source and the source's own sequence;
/// none of these depends on when the event was put into a queue or on how many partitions there are. Hot: 32 bytes, no references.
/// </summary>
/// <param name="Time">Simulated time in the model's unit; finite, never negative.</param>
/// <param name="Source">The entity that scheduled it.</param>
/// <param name="Sequence">Its number among all that its source scheduled.</param>
/// <param name="Target">The entity it happens to.</param>
/// <param name="Priority">At equal times the lower comes first.</param>
/// <param name="Kind">The model's own name for it.</param>
/// <param name="Payload">Eight bytes of the model's own.</param>
public readonly record struct SimEvent(double Time, int Source, uint Sequence, int Target, short Priority, ushort Kind, long Payload)
{
    /// <summary>True when this event happens before the other.</summary>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
    public bool IsBefore(in SimEvent other) => Time < other.Time || (Time == other.Time && BreaksTie(other));

    private bool BreaksTie(in SimEvent other) =>
        Priority != other.Priority ? Priority < other.Priority : Source != other.Source ? Source < other.Source : Sequence < other.Sequence;
}
