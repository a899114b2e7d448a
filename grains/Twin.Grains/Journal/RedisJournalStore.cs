using StackExchange.Redis;
using Twin.Graph.Journal;

namespace Twin.Grains.Journal;

/// <summary>
/// Journals in Redis 7 or Garnet (with Lua): one list of frames a shard under <c>{prefix}{branch/shard}:</c>. Every write is one
/// script that first checks the epoch, so that a silo that lost a shard cannot write to it. How durable an append is, is the
/// server's <c>appendfsync</c>. Thread-safe. The connection stays the caller's.
/// </summary>
public sealed class RedisJournalStore(IConnectionMultiplexer redis, TimeProvider clock, string prefix = "twin:") : IJournalStore
{
    /// <summary>Longest an append waits for a store that is gone before it fails.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public async Task KeepShardCountAsync(string branch, int shardCount, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shardCount, 1);
        var database = redis.GetDatabase();
        RedisKey key = $"{prefix}{{{branch}}}:shards";
        try
        {
            var isNew = !await database.KeyExistsAsync(key).WaitAsync(cancellationToken).ConfigureAwait(false);
            // Journals from before the number was kept: a shard beyond it proves that there were more.
            if (isNew && await database.KeyExistsAsync($"{prefix}{{{branch}/{shardCount}}}:epoch").WaitAsync(cancellationToken).ConfigureAwait(false))
                throw new InvalidDataException(Refusal(key, $"at least {shardCount + 1}", shardCount));
            if (isNew) await database.StringSetAsync(key, shardCount, when: When.NotExists).WaitAsync(cancellationToken).ConfigureAwait(false);
            var kept = await database.StringGetAsync(key).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (kept != shardCount) throw new InvalidDataException(Refusal(key, kept.ToString(), shardCount));
        }
        catch (Exception fault) when (fault is RedisException or TimeoutException)
        {
            throw new IOException($"Redis did not tell the number of shards ('{key}'): {fault.Message}", fault);
        }
    }

    private static string Refusal(RedisKey key, string kept, int asked) =>
        $"The journals under '{key}' were written with {kept} shards and cannot be opened with {asked}: twins would be looked for in the wrong shard. Start with {kept}, or with an empty store.";

    /// <inheritdoc/>
    public async Task<IShardJournal> OpenAsync(string branch, int shard, CancellationToken cancellationToken)
    {
        if (branch.Length is 0 or > 64 || branch.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") >= 0)
            throw new ArgumentException($"Branch '{branch}' must be 1 to 64 of A-Z a-z 0-9 - _.", nameof(branch));
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        var journal = new RedisShardJournal(redis.GetDatabase(), clock, Patience, $"{prefix}{{{branch}/{shard}}}:");
        await journal.ClaimAsync(cancellationToken).ConfigureAwait(false);
        return journal;
    }

    /// <inheritdoc/>
    public async Task<bool> HasSnapshotAsync(string branch, int shard, CancellationToken cancellationToken) =>
        await redis.GetDatabase().KeyExistsAsync($"{prefix}{{{branch}/{shard}}}:snapshot").WaitAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task DropAsync(string branch, int shardCount, CancellationToken cancellationToken)
    {
        var database = redis.GetDatabase();
        for (var shard = 0; shard < shardCount; shard++)
            await RedisShardJournal.DropAsync(database, $"{prefix}{{{branch}/{shard}}}:").WaitAsync(cancellationToken).ConfigureAwait(false);
        await database.KeyDeleteAsync($"{prefix}{{{branch}}}:shards").WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
