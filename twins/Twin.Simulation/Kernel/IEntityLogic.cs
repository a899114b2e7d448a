namespace Twin.Simulation;

/// <summary>
/// What the entities of a model do. A struct, so that the kernel calls it without indirection. It must be a pure function of state and event: no clock, no shared
/// randomness (keep a <see cref="RandomStream"/> in the state), nothing static.
/// </summary>
/// <typeparam name="TState">An entity's state: unmanaged and without padding, since its bytes are hashed and saved.</typeparam>
public interface IEntityLogic<TState> where TState : unmanaged
{
    /// <summary>One event happens to one entity. Called on the thread that advances the partition.</summary>
    void Handle(ref TState state, in SimEvent e, ref Turn turn);
}
