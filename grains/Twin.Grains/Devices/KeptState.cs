using Orleans.Runtime;

namespace Twin.Grains.Devices;

/// <summary>
/// A value in the store with one writer. Changes are made one after the other and are seen only once stored; after a failed write the
/// store is asked what it has before the next change, because the write may have arrived. One thread at a time (a grain's).
/// </summary>
internal sealed class KeptState<T>(IPersistentState<T> store) where T : class
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private T? _value;
    private bool _isInDoubt;
    private int _waiting;

    /// <summary>What is stored.</summary>
    public T Value => _value ??= store.State;

    /// <summary>Are so many changes waiting that another should be refused?</summary>
    public bool IsCrowded => _waiting >= DeviceBounds.WaitingChanges;

    /// <summary>Makes and stores a change; a transition that returns its argument stores nothing. Returns what is stored after it.</summary>
    /// <param name="transition">Pure; it sees what the change before it left.</param>
    public async Task<T> ChangeAsync(Func<T, T> transition)
    {
        _waiting++;
        await _turn.WaitAsync();
        try
        {
            if (_isInDoubt) await AskStoreAsync();
            var before = Value;
            var after = transition(before);
            if (ReferenceEquals(before, after)) return before;
            await WriteAsync(before, after);
            return after;
        }
        finally
        {
            _waiting--;
            _turn.Release();
        }
    }

    private async Task AskStoreAsync()
    {
        await store.ReadStateAsync();
        (_value, _isInDoubt) = (store.State, false);
    }

    private async Task WriteAsync(T before, T after)
    {
        _value = before;
        store.State = after;
        try
        {
            await store.WriteStateAsync();
            _value = after;
        }
        catch
        {
            store.State = before;
            _isInDoubt = true;
            throw;
        }
    }
}
