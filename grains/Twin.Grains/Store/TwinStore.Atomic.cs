using Orleans.Concurrency;
using Twin.Grains.Twins;
using Twin.Model;

namespace Twin.Grains.Store;

/// <content>All-or-nothing over shards: two phases, driven from here, decided at the coordinator. See grains/decisions.</content>
internal sealed partial class TwinStore
{
    private const int MostAtomic = 1_000;
    private const int MostMany = 100_000;
    private const int ManyChunk = 4_000;

    public async ValueTask<CommandResult[]> ExecuteAtomicAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default)
    {
        if (commands.Count is 0 or > MostAtomic)
            throw new ArgumentOutOfRangeException(nameof(commands), commands.Count, $"An atomic batch has 1 to {MostAtomic} commands.");
        var shards = commands.Select(c => ShardOf(c.TwinId)).Distinct().ToArray();
        if (shards.Length == 1 && !commands.Any(NeedsTransaction))
        {
            var answer = await _lanes[shards[0]].RunAsync(new ShardOperation(ShardAction.ExecuteAtomic, commands[0].TwinId, Batch: [.. commands])).ConfigureAwait(false);
            return answer.Results ?? [.. Enumerable.Repeat(answer.Result, commands.Count)];
        }

        var learned = new HashSet<TwinCommand>();
        for (var started = _clock.GetTimestamp(); ;)
        {
            var (results, again) = await new Transaction(this, commands, learned).RunAsync().ConfigureAwait(false);
            if (again == Again.No || _clock.GetElapsedTime(started) > Patience) return results;
            if (again == Again.Later) await Task.Delay(TimeSpan.FromMilliseconds(5 + Random.Shared.Next(20)), _clock, cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask<CommandResult[]> ExecuteManyAsync(IReadOnlyList<TwinCommand> commands, CancellationToken cancellationToken = default)
    {
        if (commands.Count > MostMany) throw new ArgumentOutOfRangeException(nameof(commands), commands.Count, $"At most {MostMany} commands at once.");
        var results = new CommandResult[commands.Count];
        // A relationship's target learns of it first; where it cannot, the source is not asked.
        var links = Indexes(commands, i => commands[i] is PutRelationship put && ShardOf(put.TargetId) != ShardOf(put.TwinId));
        await SendManyAsync(links, i => Link((PutRelationship)commands[i]), results).ConfigureAwait(false);
        var refused = links.Where(i => !results[i].IsDone).ToHashSet();
        await SendManyAsync(Indexes(commands, i => !refused.Contains(i)), i => commands[i], results).ConfigureAwait(false);
        var orphans = links.Where(i => !refused.Contains(i) && !results[i].IsDone).ToArray();
        await SendManyAsync(orphans, i => Unlink((PutRelationship)commands[i]), new CommandResult[commands.Count]).ConfigureAwait(false);
        return results;
    }

    private static LinkIncoming Link(PutRelationship put) => new(put.TargetId, put.TwinId, put.RelationshipId, put.Name);

    private static UnlinkIncoming Unlink(PutRelationship put) => new(put.TargetId, put.TwinId, put.RelationshipId);

    private static int[] Indexes(IReadOnlyList<TwinCommand> commands, Predicate<int> take)
    {
        var indexes = new List<int>();
        for (var i = 0; i < commands.Count; i++)
            if (take(i)) indexes.Add(i);
        return [.. indexes];
    }

    private async Task SendManyAsync(int[] indexes, Func<int, TwinCommand> commandAt, CommandResult[] results) =>
        await Task.WhenAll(indexes.GroupBy(i => ShardOf(commandAt(i).TwinId)).Select(async group =>
        {
            foreach (var chunk in group.Chunk(ManyChunk))
            {
                var operations = Array.ConvertAll(chunk, i => commandAt(i) is var command ? new ShardOperation(ShardAction.Execute, command.TwinId, command) : default);
                var reply = await SendChunkAsync(group.Key, operations).ConfigureAwait(false);
                for (var i = 0; i < chunk.Length; i++) results[chunk[i]] = reply[i].Result;
            }
        })).ConfigureAwait(false);

    private async Task<ShardAnswer[]> SendChunkAsync(int shard, ShardOperation[] operations)
    {
        try
        {
            var reply = await _grains[shard].ExecuteAsync(new Immutable<ShardCall>(new ShardCall(operations, _models.Current.Version) { PolicyVersion = _policies.Current.Version })).ConfigureAwait(false);
            return reply.Value.Answers;
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            var unknown = new CommandResult(TwinStatus.Unavailable, 0, new Problem("OutcomeUnknown", $"The owner of shard {shard} did not answer ({fault.GetType().Name})."));
            return [.. Enumerable.Repeat(new ShardAnswer(unknown), operations.Length)];
        }
    }

    private enum Again
    {
        No,

        /// <summary>At once: a shard that had promised already has more to do; the next try tells it everything at first.</summary>
        Now,

        /// <summary>In a moment: another transaction holds a twin.</summary>
        Later,
    }

    /// <summary>One try at one transaction. Each shard is asked once; parts for others that earlier tries found are in <paramref name="learned"/>.</summary>
    private sealed class Transaction(TwinStore store, IReadOnlyList<TwinCommand> commands, HashSet<TwinCommand> learned)
    {
        private readonly string _id = TransactionId.New(store.ShardOf(commands[0].TwinId));
        private readonly int _coordinator = store.ShardOf(commands[0].TwinId);
        private readonly bool _isTaught = learned.Count > 0;
        private readonly List<(int Shard, string Part)> _prepared = [];
        private readonly CommandResult[] _results = new CommandResult[commands.Count];
        private readonly HashSet<string> _vanishing = [.. commands.OfType<DeleteTwin>().Where(d => d.Cascade).Select(d => d.TwinId)];
        private readonly HashSet<(string, string)> _unlinked = [.. commands.OfType<DeleteRelationship>().Select(d => (d.TwinId, d.RelationshipId))];

        /// <summary>Results by command, and whether another try may do it.</summary>
        public async Task<(CommandResult[] Results, Again Again)> RunAsync()
        {
            var work = Group();
            var order = new Queue<int>(work.Keys.OrderBy(s => s != _coordinator).ThenBy(s => s));
            var indexes = commands.Select((c, i) => (Shard: store.ShardOf(c.TwinId), i)).GroupBy(c => c.Shard).ToDictionary(g => g.Key, g => g.Select(c => c.i).ToArray());
            while (order.TryDequeue(out var shard))
            {
                var part = TransactionId.Part(_id, _prepared.Count);
                var list = work[shard].ToArray();
                work.Remove(shard);
                var vote = await PrepareAsync(shard, part, list).ConfigureAwait(false);
                if (!vote.IsPrepared) return await AbortAsync(vote, indexes.GetValueOrDefault(shard, []), shard, part).ConfigureAwait(false);
                _prepared.Add((shard, part));
                var isLate = false;
                foreach (var more in vote.RemoteParts)
                {
                    if (GoesAnyway(more) || !learned.Add(more)) continue;
                    var target = store.ShardOf(more.TwinId);
                    if (!work.TryGetValue(target, out var waiting))
                    {
                        work[target] = waiting = [];
                        order.Enqueue(target);
                    }

                    if (_prepared.Exists(p => p.Shard == target)) isLate = true;
                    waiting.Add(more);
                }

                if (!isLate) continue;
                await ReleaseAsync().ConfigureAwait(false);
                return (_results, Again.Now);
            }

            return await CommitAsync(indexes).ConfigureAwait(false);
        }

        // A twin deleted with its relationships takes both ends along, and a cascade may meet a relationship that the batch itself
        // deletes: asked again from the other end, the transaction would stand in its own way.
        private bool GoesAnyway(TwinCommand part) => part switch
        {
            UnlinkIncoming => _vanishing.Contains(part.TwinId),
            DeleteRelationship delete => _vanishing.Contains(part.TwinId) || _unlinked.Contains((delete.TwinId, delete.RelationshipId)),
            _ => false,
        };

        private Dictionary<int, List<TwinCommand>> Group()
        {
            var work = new Dictionary<int, List<TwinCommand>>();
            foreach (var command in commands.Concat(learned))
            {
                var shard = store.ShardOf(command.TwinId);
                if (!work.TryGetValue(shard, out var list)) work[shard] = list = [];
                list.Add(command);
            }

            return work;
        }

        private async Task<PreparedPart> PrepareAsync(int shard, string part, TwinCommand[] list)
        {
            try
            {
                var vote = await store._grains[shard].PrepareAsync(part, new Immutable<TwinCommandList>(new TwinCommandList(list)), true, store._models.Current.Version).ConfigureAwait(false);
                return vote.Value;
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                // It may have promised after all: the abort below releases it, or it asks the coordinator by itself.
                _prepared.Add((shard, part));
                var why = new CommandResult(TwinStatus.Unavailable, 0, new Problem("OwnerUnavailable", $"The owner of shard {shard} did not answer ({fault.GetType().Name}); nothing was done."));
                return new PreparedPart(false, [.. Enumerable.Repeat(why, list.Length)], []);
            }
        }

        private async Task ReleaseAsync()
        {
            foreach (var (prepared, id) in _prepared) await DecideAsync(prepared, id, false).ConfigureAwait(false);
        }

        private async Task<(CommandResult[] Results, Again Again)> AbortAsync(PreparedPart vote, int[] ownIndexes, int shard, string part)
        {
            await ReleaseAsync().ConfigureAwait(false);
            var refused = Array.FindIndex(vote.Results, r => !r.IsDone && r.Status != TwinStatus.NotDone);
            var why = refused >= 0 ? vote.Results[refused] : new CommandResult(TwinStatus.Conflict, 0, new Problem("TransactionRefused", $"Shard {shard} refused part {part}."));
            var isOwn = refused >= 0 && refused < ownIndexes.Length;
            Array.Fill(_results, new CommandResult(TwinStatus.NotDone, 0, new Problem("BatchRefused", $"Another command of the batch was refused ({why.Problem?.Code}).", why.Problem?.Where)));
            _results[isOwn ? ownIndexes[refused] : 0] = why;
            if (why.Problem?.Code == "TwinReserved") return (_results, Again.Later);
            if (isOwn || !_isTaught) return (_results, Again.No);
            learned.Clear(); // what an earlier try found may be gone by now
            return (_results, Again.Later);
        }

        private async Task<(CommandResult[] Results, Again Again)> CommitAsync(Dictionary<int, int[]> indexes)
        {
            foreach (var (shard, part) in _prepared) // the coordinator's is first: its journal entry is the commit
            {
                var results = await DecideAsync(shard, part, true).ConfigureAwait(false);
                if (TransactionId.IsCommitPoint(part) && (results is null || results.Length == 0 || !results[0].IsDone))
                {
                    Array.Fill(_results, new CommandResult(TwinStatus.Unavailable, 0, new Problem("OutcomeUnknown", "The coordinator did not confirm; the batch is done whole or not at all. Read before trying again.")));
                    return (_results, Again.No);
                }

                var own = indexes.GetValueOrDefault(shard, []);
                for (var i = 0; results is not null && i < own.Length && i < results.Length; i++) _results[own[i]] = results[i];
            }

            return (_results, Again.No);
        }

        private async Task<CommandResult[]?> DecideAsync(int shard, string part, bool commit)
        {
            try
            {
                return await store.PatientlyAsync(async () =>
                {
                    var results = (await store._grains[shard].DecideAsync(part, commit).ConfigureAwait(false)).Value.Results;
                    // Its journal did not take the decision; the promise stands, so the same decision is told again.
                    return commit && results is [{ Status: TwinStatus.Unavailable } refused, ..] ? throw new IOException(refused.Problem?.Detail) : results;
                }, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                return null; // the participant asks the coordinator when it is back
            }
        }
    }
}
