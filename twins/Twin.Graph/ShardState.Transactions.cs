using System.Diagnostics.CodeAnalysis;

namespace Twin.Graph;

/// <summary>A transaction between shards that this shard has promised to be able to commit.</summary>
/// <param name="Id">The coordinator's id.</param>
/// <param name="Commands">This shard's part, in order.</param>
/// <param name="Reserved">The twins that wait for it.</param>
/// <param name="PreparedAt">When it was promised, by the owner's clock.</param>
public sealed record PreparedTransaction(string Id, IReadOnlyList<TwinCommand> Commands, IReadOnlyList<string> Reserved, WallTime PreparedAt);

/// <content>All-or-nothing over several commands, here at once or in two phases with other shards.</content>
public sealed partial class ShardState
{
    private const string CommitWord = "commit";
    private const string AbortWord = "abort";

    private bool _isPromised; // commands of a decided transaction run: what was checked at the promise holds
    private readonly Dictionary<string, string> _reserved = new(StringComparer.Ordinal); // twin -> transaction
    private readonly Dictionary<string, PreparedTransaction> _prepared = new(StringComparer.Ordinal);

    /// <summary>Transactions prepared here and not yet decided; after recovery the grain asks their coordinators.</summary>
    public IReadOnlyCollection<PreparedTransaction> InDoubt => _prepared.Values;

    /// <summary>
    /// Runs commands in order, all or none; each sees the ones before it. Fills one result a command: when one is refused, it has
    /// its refusal and the others <see cref="TwinStatus.NotDone"/>. True when done.
    /// </summary>
    public bool ExecuteAtomic(ReadOnlySpan<TwinCommand> commands, WallTime now, ChangeBuffer changes, Span<CommandResult> results)
    {
        var mark = changes.Count;
        var before = LastSequence;
        _undo.Start();
        for (var i = 0; i < commands.Length; i++)
        {
            results[i] = Execute(commands[i], now, changes);
            if (results[i].IsDone) continue;
            RollBack(before);
            changes.Truncate(mark);
            TellNotDone(results, i);
            return false;
        }
        _undo.Stop();
        return true;
    }

    private static void TellNotDone(Span<CommandResult> results, int refused)
    {
        var why = new Problem("BatchRefused", $"Command {refused} of the batch was refused ({results[refused].Problem?.Code}).", results[refused].Problem?.Where);
        for (var other = 0; other < results.Length; other++)
            if (other != refused) results[other] = new CommandResult(TwinStatus.NotDone, 0, why);
    }

    /// <summary>
    /// First phase: checks that the commands can be done, and reserves every twin they touch here until <see cref="Decide"/>.
    /// Adds TransactionPrepared; must be journaled before the coordinator is told yes. Preparing an id again answers as before.
    /// </summary>
    public bool TryPrepare(string transactionId, TwinCommand[] commands, WallTime now, ChangeBuffer changes, out CommandResult[] results)
    {
        results = new CommandResult[commands.Length];
        if (_prepared.ContainsKey(transactionId)) return true; // results stay empty: default is Ok
        var trial = new ChangeBuffer();
        var before = LastSequence;
        var refused = -1;
        _undo.Start();
        for (var i = 0; i < commands.Length && refused < 0; i++)
        {
            results[i] = Execute(commands[i], now, trial);
            if (!results[i].IsDone) refused = i;
        }
        RollBack(before);
        if (refused >= 0)
        {
            TellNotDone(results, refused);
            return false;
        }
        var value = PropertyValue.FromJson(CommandCodec.Encode(commands, TwinsOf(commands, trial)));
        var change = new Change(LastSequence + 1, ChangeKind.TransactionPrepared, transactionId, "", "", value, now, now);
        changes.Add(change);
        ApplyNext(change);
        return true;
    }

    /// <summary>Every local twin that the commands name or their trial changed: what must hold still until the decision.</summary>
    private string[] TwinsOf(TwinCommand[] commands, ChangeBuffer trial)
    {
        var twins = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var command in commands)
        {
            twins.Add(command.TwinId);
            if (command is PutRelationship put && Owns(put.TargetId)) twins.Add(put.TargetId);
        }
        foreach (ref readonly var change in trial.Span) twins.Add(change.TwinId);
        return [.. twins];
    }

    /// <summary>
    /// Second phase: releases the twins and, to commit, does the commands. An id that is not prepared here has been decided
    /// already: an empty result. Commands cannot be refused now, since nothing they depend on could change meanwhile.
    /// </summary>
    /// <exception cref="InvalidOperationException">A promised command was refused: the invariant is broken and the owner must stop.</exception>
    public CommandResult[] Decide(string transactionId, bool commit, WallTime now, ChangeBuffer changes)
    {
        if (!_prepared.TryGetValue(transactionId, out var transaction)) return [];
        if (now < transaction.PreparedAt) now = transaction.PreparedAt; // a clock stepped back must not break the promise
        var decision = new Change(LastSequence + 1, ChangeKind.TransactionDecided, transactionId, "", commit ? CommitWord : AbortWord, default, now, now);
        changes.Add(decision);
        ApplyNext(decision);
        if (!commit) return [];
        _isPromised = true;
        try
        {
            return Redeem(transaction, now, changes);
        }
        finally
        {
            _isPromised = false;
        }
    }

    private CommandResult[] Redeem(PreparedTransaction transaction, WallTime now, ChangeBuffer changes)
    {
        var results = new CommandResult[transaction.Commands.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = Execute(transaction.Commands[i], now, changes);
            if (!results[i].IsDone)
                throw new InvalidOperationException($"Transaction '{transaction.Id}' was promised, but command {i} ({transaction.Commands[i].GetType().Name} of '{transaction.Commands[i].TwinId}') is refused: {results[i].Problem?.Detail}");
        }
        return results;
    }

    /// <summary>
    /// The commands that other shards must do together with these: links to and from twins they own. Ask after the commands
    /// were prepared (or in the same turn), so that what it reads still holds.
    /// </summary>
    public void CollectRemoteParts(IReadOnlyList<TwinCommand> commands, List<TwinCommand> parts)
    {
        for (var i = 0; i < commands.Count; i++)
        {
            switch (commands[i])
            {
                case PutRelationship put: PutParts(put, commands, i, parts); break;
                case DeleteRelationship delete when FindRelationship(delete.TwinId, delete.RelationshipId) is { } gone && !Owns(gone.TargetId):
                    parts.Add(new UnlinkIncoming(gone.TargetId, delete.TwinId, gone.Id));
                    break;
                case DeleteTwin { Cascade: true } delete when TryLocate(delete.TwinId, out var table, out var row):
                    foreach (var relationship in table.OutgoingOf(row))
                        if (!Owns(relationship.TargetId)) parts.Add(new UnlinkIncoming(relationship.TargetId, delete.TwinId, relationship.Id));
                    foreach (var link in table.IncomingOf(row))
                        if (!Owns(link.SourceId)) parts.Add(new DeleteRelationship(link.SourceId, link.RelationshipId));
                    break;
                default: break;
            }
        }
    }

    private void PutParts(PutRelationship put, IReadOnlyList<TwinCommand> commands, int at, List<TwinCommand> parts)
    {
        var old = FindRelationship(put.TwinId, put.RelationshipId);
        if (old is not null && old.TargetId != put.TargetId && !Owns(old.TargetId)) parts.Add(new UnlinkIncoming(old.TargetId, put.TwinId, old.Id));
        if (Owns(put.TargetId)) return;
        var model = TryLocate(put.TwinId, out var table, out _) ? table.Model : null;
        for (var before = at - 1; before >= 0 && model is null; before--)
            if (commands[before] is PutTwin created && created.TwinId == put.TwinId) model = FindModel(created.ModelId);
        var target = model?.Relationships.GetValueOrDefault(put.Name)?.Target;
        parts.Add(new LinkIncoming(put.TargetId, put.TwinId, put.RelationshipId, put.Name) { TargetModel = target, Subject = put.Subject });
    }

    /// <summary>A relationship at its source, or null.</summary>
    public Relationship? FindRelationship(ReadOnlySpan<char> twinId, string relationshipId) =>
        TryLocate(twinId, out var table, out var row) ? table.OutgoingOf(row).Find(Relationship.Key(relationshipId)) : null;

    private bool IsReserved(string twinId, out CommandResult result)
    {
        result = default;
        if (_reserved.Count == 0 || !_reserved.TryGetValue(twinId, out var transaction)) return false;
        Refusals.Reserved(twinId, transaction, out result);
        return true;
    }

    private void Promise(in Change change)
    {
        if (!CommandCodec.TryDecode(change.Value.AsJson, out var commands, out var reserved)) throw Misfit(change, "its value is not a list of commands");
        _prepared[change.TwinId] = new PreparedTransaction(change.TwinId, commands, reserved, change.CommitTime);
        foreach (var twin in reserved) _reserved[twin] = change.TwinId;
    }

    private void ApplyDecided(in Change change)
    {
        if (!_prepared.Remove(change.TwinId, out var transaction)) throw Misfit(change, "no such transaction is prepared");
        foreach (var twin in transaction.Reserved) _reserved.Remove(twin);
    }
}
