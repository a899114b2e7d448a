namespace Twin.Grains.Twins;

/// <summary>Shards of one silo grow alike and come due together: they write their snapshots one after another, so that only one's bytes are held at a time. Thread-safe.</summary>
internal sealed class SnapshotTurn : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Waits for the turn; <see cref="Release"/> gives it on.</summary>
    public Task WaitAsync() => _turn.WaitAsync();

    /// <summary>The next may.</summary>
    public void Release() => _turn.Release();

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();
}
