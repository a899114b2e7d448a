namespace Twin.Simulation;

/// <summary>A running process. Not thread-safe: used from the processes of its own world only.</summary>
public sealed class Process
{
    private readonly ProcessWorld _world;

    internal Process(ProcessWorld world, string name) => (_world, Name) = (world, name);

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>True once its body has ended.</summary>
    public bool IsEnded { get; internal set; }

    internal Wait? Waiting { get; set; }

    internal ProcessInterruptedException? Deferred { get; set; }

    /// <summary>Ends the process's present wait with a <see cref="ProcessInterruptedException"/>; if what it waited for has just come, the next wait. False when it has ended.</summary>
    public bool Interrupt(object? cause = null)
    {
        if (IsEnded) return false;
        var interruption = new ProcessInterruptedException(this, cause);
        if (Waiting is { IsFired: false } wait) _world.Fire(wait, 0, interruption);
        else Deferred = interruption;
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
