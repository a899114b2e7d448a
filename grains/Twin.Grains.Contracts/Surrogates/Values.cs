using Orleans;
using Twin.Model;

namespace Twin.Grains.Surrogates;

// The model knows no Orleans, so each of its types that travels between silos has a form here. Field numbers are wire: never reuse one.

[GenerateSerializer]
internal struct ValueForm
{
    [Id(0)] public byte Kind;
    [Id(1)] public long Bits;
    [Id(2)] public string? Text;
    [Id(3)] public byte[]? Json;
}

[RegisterConverter]
internal sealed class ValueConverter : IConverter<PropertyValue, ValueForm>
{
    public PropertyValue ConvertFromSurrogate(in ValueForm form) => (ValueKind)form.Kind switch
    {
        ValueKind.Text => PropertyValue.From(form.Text!),
        ValueKind.Json => PropertyValue.FromJson(form.Json!),
        var kind => PropertyValue.FromBits(kind, form.Bits),
    };

    public ValueForm ConvertToSurrogate(in PropertyValue value) => new()
    {
        Kind = (byte)value.Kind, Bits = value.Bits, Text = value.AsText, Json = value.Kind == ValueKind.Json ? value.AsJson.ToArray() : null,
    };
}

[GenerateSerializer]
internal struct SampleForm
{
    [Id(0)] public string TwinId;
    [Id(1)] public string Path;
    [Id(2)] public PropertyValue Value;
    [Id(3)] public long SourceTicks;
}

[GenerateSerializer]
internal struct IngestCallForm
{
    [Id(0)] public SampleForm[] Samples;
    [Id(1)] public long ArrivalTicks;
    [Id(2)] public long ModelVersion;
    [Id(3)] public long PolicyVersion;
    [Id(4)] public Twin.Model.Policies.PolicySubject? Subject;
}

[RegisterConverter]
internal sealed class IngestCallConverter : IConverter<IngestCall, IngestCallForm>
{
    public IngestCall ConvertFromSurrogate(in IngestCallForm form)
    {
        var samples = new Sample[form.Samples.Length];
        for (var i = 0; i < samples.Length; i++)
            samples[i] = new Sample(form.Samples[i].TwinId, form.Samples[i].Path, form.Samples[i].Value, new WallTime(form.Samples[i].SourceTicks));
        return new IngestCall(new SampleBatch(samples, new WallTime(form.ArrivalTicks)), form.ModelVersion) { PolicyVersion = form.PolicyVersion, Subject = form.Subject };
    }

    public IngestCallForm ConvertToSurrogate(in IngestCall call)
    {
        var from = call.Batch.Samples.AsSpan();
        var samples = new SampleForm[from.Length];
        for (var i = 0; i < samples.Length; i++)
            samples[i] = new SampleForm { TwinId = from[i].TwinId, Path = from[i].Path, Value = from[i].Value, SourceTicks = from[i].SourceTime.UtcTicks };
        return new IngestCallForm { Samples = samples, ArrivalTicks = call.Batch.ArrivalTime.UtcTicks, ModelVersion = call.ModelVersion, PolicyVersion = call.PolicyVersion, Subject = call.Subject };
    }
}

[GenerateSerializer]
internal struct ChangeForm
{
    [Id(0)] public long Sequence;
    [Id(1)] public byte Kind;
    [Id(2)] public string TwinId;
    [Id(3)] public string ModelId;
    [Id(4)] public string Path;
    [Id(5)] public PropertyValue Value;
    [Id(6)] public long SourceTicks;
    [Id(7)] public long CommitTicks;
}

[GenerateSerializer]
internal struct FeedPageForm
{
    [Id(0)] public int Shard;
    [Id(1)] public ChangeForm[] Changes;
    [Id(2)] public long Next;
    [Id(3)] public bool Reset;
}

[RegisterConverter]
internal sealed class FeedPageConverter : IConverter<FeedPage, FeedPageForm>
{
    public FeedPage ConvertFromSurrogate(in FeedPageForm form)
    {
        var changes = new Change[form.Changes.Length];
        for (var i = 0; i < changes.Length; i++)
        {
            ref readonly var c = ref form.Changes[i];
            changes[i] = new Change(c.Sequence, (ChangeKind)c.Kind, c.TwinId, c.ModelId, c.Path, c.Value, new WallTime(c.SourceTicks), new WallTime(c.CommitTicks));
        }

        return new FeedPage(form.Shard, changes, form.Next, form.Reset);
    }

    public FeedPageForm ConvertToSurrogate(in FeedPage page)
    {
        var from = page.Changes.AsSpan();
        var changes = new ChangeForm[from.Length];
        for (var i = 0; i < changes.Length; i++)
        {
            ref readonly var c = ref from[i];
            changes[i] = new ChangeForm
            {
                Sequence = c.Sequence, Kind = (byte)c.Kind, TwinId = c.TwinId, ModelId = c.ModelId, Path = c.Path, Value = c.Value,
                SourceTicks = c.SourceTime.UtcTicks, CommitTicks = c.CommitTime.UtcTicks,
            };
        }

        return new FeedPageForm { Shard = page.Shard, Changes = changes, Next = page.Next, Reset = page.Reset };
    }
}

[GenerateSerializer]
internal struct ProblemForm
{
    [Id(0)] public string Code;
    [Id(1)] public string Detail;
    [Id(2)] public string? Where;
}

[RegisterConverter]
internal sealed class ProblemConverter : IConverter<Problem, ProblemForm>
{
    public Problem ConvertFromSurrogate(in ProblemForm form) => new(form.Code, form.Detail, form.Where);

    public ProblemForm ConvertToSurrogate(in Problem value) => new() { Code = value.Code, Detail = value.Detail, Where = value.Where };
}

[GenerateSerializer]
internal struct ResultForm
{
    [Id(0)] public byte Status;
    [Id(1)] public long Version;
    [Id(2)] public Problem? Problem;
}

[RegisterConverter]
internal sealed class ResultConverter : IConverter<CommandResult, ResultForm>
{
    public CommandResult ConvertFromSurrogate(in ResultForm form) => new((TwinStatus)form.Status, form.Version, form.Problem);

    public ResultForm ConvertToSurrogate(in CommandResult value) => new() { Status = (byte)value.Status, Version = value.Version, Problem = value.Problem };
}

[GenerateSerializer]
internal struct OutcomeForm
{
    [Id(0)] public int[] Counts;
    [Id(1)] public int[] Indexes;
    [Id(2)] public byte[] Fates;
    [Id(3)] public string[] Details;
    [Id(4)] public long Sequence;
}

[RegisterConverter]
internal sealed class OutcomeConverter : IConverter<IngestOutcome, OutcomeForm>
{
    public IngestOutcome ConvertFromSurrogate(in OutcomeForm form)
    {
        var refusals = new SampleRefusal[form.Indexes.Length];
        for (var i = 0; i < refusals.Length; i++) refusals[i] = new SampleRefusal(form.Indexes[i], (SampleFate)form.Fates[i], form.Details[i]);
        return new IngestOutcome(form.Counts, refusals, form.Sequence);
    }

    public OutcomeForm ConvertToSurrogate(in IngestOutcome value) => new()
    {
        Counts = value.Counts, Indexes = [.. value.Refusals.Select(r => r.Index)], Fates = [.. value.Refusals.Select(r => (byte)r.Fate)],
        Details = [.. value.Refusals.Select(r => r.Detail)], Sequence = value.Sequence,
    };
}
