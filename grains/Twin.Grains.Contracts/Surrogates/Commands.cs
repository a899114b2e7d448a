using Orleans;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Grains.Surrogates;

[GenerateSerializer]
internal struct AssignmentForm
{
    [Id(0)] public string Path;
    [Id(1)] public PropertyValue Value;
    [Id(2)] public byte Verb;
}

internal enum CommandKind : byte
{
    PutTwin, PatchTwin, DeleteTwin, PutRelationship, PatchRelationship, DeleteRelationship, LinkIncoming, UnlinkIncoming, PublishTelemetry,
}

[GenerateSerializer]
internal struct SubjectForm
{
    [Id(0)] public string Name;
    [Id(1)] public string[] Roles;
    [Id(2)] public byte Rights;
}

[RegisterConverter]
internal sealed class SubjectConverter : IConverter<PolicySubject, SubjectForm>
{
    public PolicySubject ConvertFromSurrogate(in SubjectForm form) => new(form.Name, form.Roles, (Permissions)form.Rights);

    public SubjectForm ConvertToSurrogate(in PolicySubject value) => new() { Name = value.Name, Roles = [.. value.Roles], Rights = (byte)value.Rights };
}

/// <summary>Any command, flat.</summary>
[GenerateSerializer]
internal sealed class CommandForm
{
    [Id(0)] public CommandKind Kind;
    [Id(1)] public string TwinId = "";
    [Id(2)] public long? IfMatch;
    [Id(3)] public long SourceTicks;
    [Id(4)] public string? ModelId;
    [Id(5)] public string? RelationshipId;
    [Id(6)] public string? Name;
    [Id(7)] public string? OtherId;
    [Id(8)] public bool Flag;
    [Id(9)] public AssignmentForm[]? Values;
    [Id(10)] public PropertyValue Payload;
    [Id(11)] public PolicySubject? Subject;

    public static CommandForm Of(TwinCommand command)
    {
        var form = new CommandForm { TwinId = command.TwinId, IfMatch = command.IfMatch, SourceTicks = command.SourceTime.UtcTicks, Subject = command.Subject };
        switch (command)
        {
            case PutTwin c: (form.Kind, form.ModelId, form.Values, form.Flag) = (CommandKind.PutTwin, c.ModelId, Of(c.Values), c.OnlyIfAbsent); break;
            case PatchTwin c: (form.Kind, form.Values) = (CommandKind.PatchTwin, Of(c.Operations)); break;
            case DeleteTwin c: (form.Kind, form.Flag) = (CommandKind.DeleteTwin, c.Cascade); break;
            case PutRelationship c:
                (form.Kind, form.RelationshipId, form.Name, form.OtherId, form.Values, form.Flag) = (CommandKind.PutRelationship, c.RelationshipId, c.Name, c.TargetId, Of(c.Values), c.OnlyIfAbsent);
                break;
            case PatchRelationship c: (form.Kind, form.RelationshipId, form.Values) = (CommandKind.PatchRelationship, c.RelationshipId, Of(c.Operations)); break;
            case DeleteRelationship c: (form.Kind, form.RelationshipId) = (CommandKind.DeleteRelationship, c.RelationshipId); break;
            case LinkIncoming c: (form.Kind, form.OtherId, form.RelationshipId, form.Name, form.ModelId) = (CommandKind.LinkIncoming, c.SourceId, c.RelationshipId, c.Name, c.TargetModel); break;
            case UnlinkIncoming c: (form.Kind, form.OtherId, form.RelationshipId) = (CommandKind.UnlinkIncoming, c.SourceId, c.RelationshipId); break;
            case PublishTelemetry c: (form.Kind, form.Name, form.Payload) = (CommandKind.PublishTelemetry, c.Component, c.Payload); break;
            default: throw new ArgumentException($"{command.GetType().Name} has no form on the wire.", nameof(command));
        }

        return form;
    }

    public TwinCommand ToCommand()
    {
        TwinCommand command = Kind switch
        {
            CommandKind.PutTwin => new PutTwin(TwinId, ModelId!, Assignments()) { OnlyIfAbsent = Flag },
            CommandKind.PatchTwin => new PatchTwin(TwinId, Operations()),
            CommandKind.DeleteTwin => new DeleteTwin(TwinId) { Cascade = Flag },
            CommandKind.PutRelationship => new PutRelationship(TwinId, RelationshipId!, Name!, OtherId!, Assignments()) { OnlyIfAbsent = Flag },
            CommandKind.PatchRelationship => new PatchRelationship(TwinId, RelationshipId!, Operations()),
            CommandKind.DeleteRelationship => new DeleteRelationship(TwinId, RelationshipId!),
            CommandKind.LinkIncoming => new LinkIncoming(TwinId, OtherId!, RelationshipId!, Name!) { TargetModel = ModelId },
            CommandKind.UnlinkIncoming => new UnlinkIncoming(TwinId, OtherId!, RelationshipId!),
            CommandKind.PublishTelemetry => new PublishTelemetry(TwinId, Name!, Payload),
            _ => throw new InvalidDataException($"Command kind {Kind} is not known here; the sender is newer."),
        };
        return command with { IfMatch = IfMatch, SourceTime = new WallTime(SourceTicks), Subject = Subject };
    }

    private static AssignmentForm[] Of(Assignment[] values) => Array.ConvertAll(values, v => new AssignmentForm { Path = v.Path, Value = v.Value });

    private static AssignmentForm[] Of(PatchOperation[] values) => Array.ConvertAll(values, v => new AssignmentForm { Path = v.Path, Value = v.Value, Verb = (byte)v.Verb });

    private Assignment[] Assignments() => Array.ConvertAll(Values!, v => new Assignment(v.Path, v.Value));

    private PatchOperation[] Operations() => Array.ConvertAll(Values!, v => new PatchOperation((PatchVerb)v.Verb, v.Path, v.Value));
}

[GenerateSerializer]
internal struct CommandListForm
{
    [Id(0)] public CommandForm[] Commands;
}

[RegisterConverter]
internal sealed class CommandListConverter : IConverter<TwinCommandList, CommandListForm>
{
    public TwinCommandList ConvertFromSurrogate(in CommandListForm form) => new(Array.ConvertAll(form.Commands, c => c.ToCommand()));

    public CommandListForm ConvertToSurrogate(in TwinCommandList value) => new() { Commands = Array.ConvertAll(value.Commands, CommandForm.Of) };
}

[GenerateSerializer]
internal struct ResultListForm
{
    [Id(0)] public CommandResult[] Results;
}

[RegisterConverter]
internal sealed class ResultListConverter : IConverter<TwinResultList, ResultListForm>
{
    public TwinResultList ConvertFromSurrogate(in ResultListForm form) => new(form.Results);

    public ResultListForm ConvertToSurrogate(in TwinResultList value) => new() { Results = value.Results };
}

[GenerateSerializer]
internal struct PreparedPartForm
{
    [Id(0)] public bool IsPrepared;
    [Id(1)] public CommandResult[] Results;
    [Id(2)] public CommandForm[] RemoteParts;
}

[RegisterConverter]
internal sealed class PreparedPartConverter : IConverter<PreparedPart, PreparedPartForm>
{
    public PreparedPart ConvertFromSurrogate(in PreparedPartForm form) => new(form.IsPrepared, form.Results, Array.ConvertAll(form.RemoteParts, c => c.ToCommand()));

    public PreparedPartForm ConvertToSurrogate(in PreparedPart value) =>
        new() { IsPrepared = value.IsPrepared, Results = value.Results, RemoteParts = Array.ConvertAll(value.RemoteParts, CommandForm.Of) };
}

[GenerateSerializer]
internal struct OperationForm
{
    [Id(0)] public ShardAction Action;
    [Id(1)] public string TwinId;
    [Id(2)] public CommandForm? Command;
    [Id(3)] public CommandForm[]? Batch;
    [Id(4)] public string? Name;
    [Id(5)] public int PageSize;
    [Id(6)] public string? Continuation;
    [Id(7)] public PolicySubject? Subject;
}

[GenerateSerializer]
internal struct ShardCallForm
{
    [Id(0)] public OperationForm[] Operations;
    [Id(1)] public long ModelVersion;
    [Id(2)] public long PolicyVersion;
}

[RegisterConverter]
internal sealed class ShardCallConverter : IConverter<ShardCall, ShardCallForm>
{
    public ShardCall ConvertFromSurrogate(in ShardCallForm form) => new(
        Array.ConvertAll(form.Operations, o => new ShardOperation(
            o.Action, o.TwinId, o.Command?.ToCommand(), o.Batch is null ? null : Array.ConvertAll(o.Batch, c => c.ToCommand()), o.Name, o.PageSize, o.Continuation) { Subject = o.Subject }),
        form.ModelVersion) { PolicyVersion = form.PolicyVersion };

    public ShardCallForm ConvertToSurrogate(in ShardCall call) => new()
    {
        Operations = Array.ConvertAll(call.Operations.ToArray(), o => new OperationForm
        {
            Action = o.Action, TwinId = o.TwinId, Command = o.Command is null ? null : CommandForm.Of(o.Command),
            Batch = o.Batch is null ? null : Array.ConvertAll(o.Batch, CommandForm.Of), Name = o.Name, PageSize = o.PageSize, Continuation = o.Continuation, Subject = o.Subject,
        }),
        ModelVersion = call.ModelVersion,
        PolicyVersion = call.PolicyVersion,
    };
}

[GenerateSerializer]
internal struct AnswerForm
{
    [Id(0)] public CommandResult Result;
    [Id(1)] public byte[]? Json;
    [Id(2)] public byte[][]? Rows;
    [Id(3)] public string? Next;
    [Id(4)] public CommandResult[]? Results;
}

[GenerateSerializer]
internal struct ShardReplyForm
{
    [Id(0)] public AnswerForm[] Answers;
}

[RegisterConverter]
internal sealed class ShardReplyConverter : IConverter<ShardReply, ShardReplyForm>
{
    public ShardReply ConvertFromSurrogate(in ShardReplyForm form) => new(Array.ConvertAll(form.Answers, a => new ShardAnswer(
        a.Result, a.Json, a.Rows is null ? null : Array.ConvertAll(a.Rows, r => (ReadOnlyMemory<byte>)r), a.Next, a.Results)));

    public ShardReplyForm ConvertToSurrogate(in ShardReply value) => new()
    {
        Answers = Array.ConvertAll(value.Answers, a => new AnswerForm
        {
            Result = a.Result, Json = a.Json.IsEmpty ? null : a.Json.ToArray(), Rows = a.Rows?.Select(r => r.ToArray()).ToArray(), Next = a.Next, Results = a.Results,
        }),
    };
}
