using System.Buffers;
using System.Text.Json;
using Twin.Graph;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Grains.Twins;

/// <content>Who may do what: subjects are decided about here, where the state is, by the policies this process knows at that moment.</content>
internal sealed partial class ShardOwner
{
    /// <summary>Null for callers no policy concerns.</summary>
    private SubjectRules? RulesFor(PolicySubject? subject) => subject is null ? null : _policies.Current.For(subject);

    /// <summary>Runs a read as a subject sees the state.</summary>
    private TResult Seeing<TArgument, TResult>(PolicySubject? subject, TArgument argument, Func<TArgument, TResult> read)
    {
        if (RulesFor(subject) is not { ReadsAllTwins: false } rules) return read(argument);
        _state.LookAs(rules);
        try
        {
            return read(argument);
        }
        finally
        {
            _state.LookAs(null);
        }
    }

    private CommandResult Execute(TwinCommand command, WallTime now)
    {
        if (RulesFor(command.Subject) is not { } rules) return _state.Execute(command, now, _pending);
        return CommandGuard.TryAllow(_state, rules, ref command, out var refusal) ? CommandGuard.Show(_state, rules, command, _state.Execute(command, now, _pending)) : refusal;
    }

    private void ExecuteAtomic(TwinCommand[] batch, WallTime now, CommandResult[] results)
    {
        _state.ExecuteAtomic(batch, now, _pending, results);
        for (var i = 0; i < batch.Length; i++)
            if (RulesFor(batch[i].Subject) is { } rules) results[i] = CommandGuard.Show(_state, rules, batch[i], results[i]);
    }

    /// <summary>True, with results, when one command of an all-or-nothing batch may not run. Checked preconditions are taken out of the batch, which must be the caller's own.</summary>
    private bool TryRefuse(TwinCommand[] batch, CommandResult[] results, int from)
    {
        for (var i = from; i < batch.Length; i++)
        {
            if (RulesFor(batch[i].Subject) is not { } rules || CommandGuard.TryAllow(_state, rules, ref batch[i], out var refusal)) continue;
            Array.Fill(results, new CommandResult(TwinStatus.NotDone, 0, new Problem("BatchRefused", $"Another command of the batch was refused ({refusal.Problem?.Code}).", refusal.Problem?.Where)));
            results[i] = refusal;
            return true;
        }

        return false;
    }

    /// <summary>The samples the subject may write, and the places of those it may not.</summary>
    private (SampleBatch Batch, List<SampleRefusal>? Forbidden) Permitted(IngestCall call)
    {
        if (RulesFor(call.Subject) is not { WritesAllTwins: false } rules) return (call.Batch, null);
        var kept = new List<Sample>(call.Batch.Samples.Count);
        var forbidden = new List<SampleRefusal>();
        for (var i = 0; i < call.Batch.Samples.Count; i++)
        {
            var sample = call.Batch.Samples[i];
            var isKnown = _state.TryLocate(sample.TwinId, out var table, out _);
            if (!isKnown || rules.ViewsOf(table!.Model).ViewOf(sample.TwinId).MayAll(Permissions.Write, sample.Path)) kept.Add(sample);
            else forbidden.Add(new SampleRefusal(i, SampleFate.Invalid, $"This needs the permission 'write' on twin:{sample.TwinId}/{sample.Path}."));
        }

        return (call.Batch with { Samples = kept.ToArray() }, forbidden);
    }

    private static IngestOutcome Sum(IngestOutcome outcome, List<SampleRefusal>? forbidden)
    {
        if (forbidden is not { Count: > 0 }) return outcome;
        int[] counts = [.. outcome.Counts];
        counts[(int)SampleFate.Invalid] += forbidden.Count;
        return outcome with { Counts = counts, Refusals = [.. forbidden.Take(100)] }; // places of the others are those of the kept samples, so they are left out
    }

    private ShardAnswer Rights(string twinId, PolicySubject? subject)
    {
        if (!_state.TryLocate(twinId, out var table, out var row)) return new(NoTwin(twinId));
        var policies = _policies.Current;
        var model = table.Model;
        var view = subject is null ? null : policies.For(subject).ViewsOf(model).ViewOf(twinId);
        var bytes = new ArrayBufferWriter<byte>(1_024);
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("twin", twinId);
            writer.WriteString("model", model.Id);
            writer.WriteString("subject", subject?.Name);
            writer.WriteNumber("policyVersion", policies.Version);
            writer.WriteBoolean("exists", view?.Exists ?? true);
            writer.WriteStartArray("paths");
            WritePath(writer, view, "", null);
            foreach (var property in model.Properties) WritePath(writer, view, property.Path, view?.Hides(property.Ordinal));
            foreach (var name in model.Relationships.Keys.Order(StringComparer.Ordinal)) WritePath(writer, view, $"{PolicyResource.Relationships}/{name}", null);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return new(new CommandResult(TwinStatus.Ok, policies.Version), bytes.WrittenMemory);
    }

    private static void WritePath(Utf8JsonWriter writer, TwinView? view, string path, bool? isHidden)
    {
        writer.WriteStartObject();
        writer.WriteString("path", path);
        foreach (var permission in PermissionNames.Each)
        {
            var decision = view?.Decide(permission, path) ?? new PolicyDecision(true, null);
            writer.WriteStartObject(permission.ToText());
            writer.WriteBoolean("allowed", decision.IsAllowed && !(permission == Permissions.Read && isHidden == true));
            writer.WriteString("by", decision.By is { } by ? $"{by.Origin} {by.Rule.Resource}" : view is null ? "administrator" : "credential");
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }
}
