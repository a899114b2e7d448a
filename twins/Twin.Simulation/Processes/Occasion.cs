namespace Twin.Simulation;

/// <summary>Something that happens once: processes wait for it alone, for any of several, or for all; a timeout is one too. Not thread-safe.</summary>
public sealed class Occasion(ProcessWorld world)
{
    private readonly List<(Wait Wait, uint Generation)> _waits = [];
    private readonly List<Action> _then = [];

    /// <summary>True once it has happened.</summary>
    public bool HasHappened { get; private set; }

    /// <summary>It happens now; false when it already had.</summary>
    public bool Happen()
    {
        if (HasHappened) return false;
        HasHappened = true;
        foreach (var (wait, generation) in _waits)
            if (wait.Generation == generation) world.Fire(wait, 0, null);
        foreach (var then in _then) then();
        _waits.Clear();
        _then.Clear();
        return true;
    }

    /// <summary>Waits for it; goes on at once, at the present time, when it has happened.</summary>
    public Pause Wait()
    {
        var wait = world.Ask();
        if (!wait.IsFired && HasHappened) world.Fire(wait, 0, null);
        else if (!wait.IsFired) _waits.Add((wait, wait.Generation));
        return new Pause(world, wait);
    }

    /// <summary>Happens after a time span.</summary>
    public static Occasion After(ProcessWorld world, double delay)
    {
        ArgumentNullException.ThrowIfNull(world);
        if (!(delay >= 0) || !double.IsFinite(world.Now + delay)) throw new ArgumentOutOfRangeException(nameof(delay), delay, "Allowed are finite spans of 0 or more.");
        var occasion = new Occasion(world);
        world.Start("timeout", async _ =>
        {
            await world.Delay(delay);
            occasion.Happen();
        });
        return occasion;
    }

    /// <summary>Happens with the first of them.</summary>
    public static Occasion Any(ProcessWorld world, params ReadOnlySpan<Occasion> of) => Of(world, 1, of);

    /// <summary>Happens with the last of them.</summary>
    public static Occasion All(ProcessWorld world, params ReadOnlySpan<Occasion> of) => Of(world, of.Length, of);

    private static Occasion Of(ProcessWorld world, int needed, ReadOnlySpan<Occasion> of)
    {
        if (of.IsEmpty) throw new ArgumentException("At least one occasion is needed.", nameof(of));
        var (occasion, left) = (new Occasion(world), needed);
        foreach (var one in of)
        {
            if (!one.HasHappened) one._then.Add(() => Count());
            else Count();
        }

        return occasion;

        void Count()
        {
            if (--left == 0) occasion.Happen();
        }
    }
}
