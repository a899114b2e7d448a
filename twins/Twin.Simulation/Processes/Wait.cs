using System.Runtime.CompilerServices;

namespace Twin.Simulation;

/// <summary>One process waiting for one thing; reused by the world once the process has gone on.</summary>
internal sealed class Wait(int index)
{
    public int Index { get; } = index;

    public uint Generation { get; set; }

    public Action? Continuation { get; set; }

    public Process? Owner { get; set; }

    public Exception? Fault { get; set; }

    public bool IsFired { get; set; }

    public long Number { get; set; }
}

/// <summary>What a process awaits: `await world.Delay(3)`. Await it once, at once, in the process that asked for it.</summary>
public readonly struct Pause : ICriticalNotifyCompletion
{
    private readonly ProcessWorld _world;

    internal Pause(ProcessWorld world, Wait wait) => (_world, Wait) = (world, wait);

    internal Wait Wait { get; }

    /// <summary>Always false: the world goes on before the process does.</summary>
    public bool IsCompleted => false;

    /// <summary>For the compiler.</summary>
    public Pause GetAwaiter() => this;

    /// <summary>For the compiler.</summary>
    public void OnCompleted(Action continuation) => Wait.Continuation = continuation;

    /// <summary>For the compiler.</summary>
    public void UnsafeOnCompleted(Action continuation) => Wait.Continuation = continuation;

    /// <summary>For the compiler.</summary>
    /// <exception cref="ProcessInterruptedException">Another process interrupted the wait.</exception>
    public long GetResult() => _world.Finish(Wait);
}

/// <summary>Thrown in a process that was interrupted while it waited.</summary>
/// <param name="process">Which.</param>
/// <param name="cause">As the interrupter gave it.</param>
public sealed class ProcessInterruptedException(Process process, object? cause) : Exception($"Process {process} was interrupted: {cause ?? "no cause given"}.")
{
    /// <summary>As the interrupter gave it.</summary>
    public object? Cause { get; } = cause;
}
