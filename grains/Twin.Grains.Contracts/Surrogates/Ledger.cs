using System.Buffers;
using Orleans;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;

namespace Twin.Grains.Surrogates;

[GenerateSerializer]
internal struct AmountForm
{
    [Id(0)] public ulong High;
    [Id(1)] public ulong Low;
    [Id(2)] public byte Scale;
}

[RegisterConverter]
internal sealed class AmountConverter : IConverter<LedgerAmount, AmountForm>
{
    public LedgerAmount ConvertFromSurrogate(in AmountForm form) => new((Int128)new UInt128(form.High, form.Low), form.Scale);

    public AmountForm ConvertToSurrogate(in LedgerAmount value) => new() { High = (ulong)((UInt128)value.Units >> 64), Low = (ulong)(UInt128)value.Units, Scale = value.Scale };
}

[GenerateSerializer]
internal struct KeyForm
{
    [Id(0)] public string Text;
    [Id(1)] public long At;
}

[RegisterConverter]
internal sealed class KeyConverter : IConverter<LedgerKey, KeyForm>
{
    public LedgerKey ConvertFromSurrogate(in KeyForm form) => LedgerKey.TryMake(form.Text, new WallTime(form.At), out var key, out var problem) ? key : throw new InvalidDataException(problem.Detail);

    public KeyForm ConvertToSurrogate(in LedgerKey value) => new() { Text = value.Text, At = value.At.UtcTicks };
}

[GenerateSerializer]
internal struct WallTimeForm
{
    [Id(0)] public long Ticks;
}

[RegisterConverter]
internal sealed class WallTimeConverter : IConverter<WallTime, WallTimeForm>
{
    public WallTime ConvertFromSurrogate(in WallTimeForm form) => new(form.Ticks);

    public WallTimeForm ConvertToSurrogate(in WallTime value) => new() { Ticks = value.UtcTicks };
}

[GenerateSerializer]
internal struct AdmissionForm
{
    [Id(0)] public LedgerKey Key;
    [Id(1)] public string Asset;
    [Id(2)] public string Item;
    [Id(3)] public string Gate;
    [Id(4)] public string Holder;
}

[RegisterConverter]
internal sealed class AdmissionConverter : IConverter<AdmitTicket, AdmissionForm>
{
    public AdmitTicket ConvertFromSurrogate(in AdmissionForm form) => new(form.Key, form.Asset, form.Item, form.Gate, form.Holder);

    public AdmissionForm ConvertToSurrogate(in AdmitTicket value) => new() { Key = value.Key, Asset = value.Asset, Item = value.Item, Gate = value.Gate, Holder = value.Holder };
}

[GenerateSerializer]
internal struct LedgerReadForm
{
    [Id(0)] public byte View;
    [Id(1)] public string Id;
    [Id(2)] public string? Item;
    [Id(3)] public string? After;
    [Id(4)] public int Top;
}

[RegisterConverter]
internal sealed class LedgerReadConverter : IConverter<LedgerRead, LedgerReadForm>
{
    public LedgerRead ConvertFromSurrogate(in LedgerReadForm form) => new((LedgerView)form.View, form.Id, form.Item, form.After, form.Top);

    public LedgerReadForm ConvertToSurrogate(in LedgerRead value) => new() { View = (byte)value.View, Id = value.Id, Item = value.Item, After = value.After, Top = value.Top };
}

[GenerateSerializer]
internal struct LedgerCallForm
{
    [Id(0)] public byte[] Commands;
    [Id(1)] public PolicySubject? Subject;
    [Id(2)] public long PolicyVersion;
}

[RegisterConverter]
internal sealed class LedgerCallConverter : IConverter<LedgerCall, LedgerCallForm>
{
    public LedgerCall ConvertFromSurrogate(in LedgerCallForm form) => new(LedgerCodec.ReadMany(form.Commands), form.Subject, form.PolicyVersion);

    public LedgerCallForm ConvertToSurrogate(in LedgerCall call)
    {
        var bytes = new ArrayBufferWriter<byte>(128 * call.Commands.Length);
        LedgerCodec.WriteMany(bytes, call.Commands);
        return new LedgerCallForm { Commands = bytes.WrittenSpan.ToArray(), Subject = call.Subject, PolicyVersion = call.PolicyVersion };
    }
}

[GenerateSerializer]
internal struct LedgerResultForm
{
    [Id(0)] public byte Status;
    [Id(1)] public long Number;
    [Id(2)] public long Time;
    [Id(3)] public Problem? Problem;
    [Id(4)] public bool IsRepeat;
    [Id(5)] public bool IsIssue;
}

[RegisterConverter]
internal sealed class LedgerResultConverter : IConverter<LedgerResult, LedgerResultForm>
{
    public LedgerResult ConvertFromSurrogate(in LedgerResultForm form) => new((TwinStatus)form.Status, form.Number, new WallTime(form.Time), form.Problem, form.IsRepeat) { IsIssue = form.IsIssue };

    public LedgerResultForm ConvertToSurrogate(in LedgerResult value) => new() { Status = (byte)value.Status, Number = value.Number, Time = value.Time.UtcTicks, Problem = value.Problem, IsRepeat = value.IsRepeat, IsIssue = value.IsIssue };
}

[GenerateSerializer]
internal struct LedgerReplyForm
{
    [Id(0)] public LedgerResult[] Results;
}

[RegisterConverter]
internal sealed class LedgerReplyConverter : IConverter<LedgerReply, LedgerReplyForm>
{
    public LedgerReply ConvertFromSurrogate(in LedgerReplyForm form) => new(form.Results);

    public LedgerReplyForm ConvertToSurrogate(in LedgerReply value) => new() { Results = value.Results };
}
