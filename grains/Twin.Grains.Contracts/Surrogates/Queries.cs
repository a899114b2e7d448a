using Orleans;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Surrogates;

[GenerateSerializer]
internal sealed class PlaceForm
{
    [Id(0)] public PropertyValue[] Keys = [];
    [Id(1)] public string TwinId = "";
    [Id(2)] public string LinkId = "";

    public static PlaceForm Of(OrderKey key) => new() { Keys = key.Keys, TwinId = key.TwinId, LinkId = key.LinkId };

    public OrderKey ToKey() => new(Keys, TwinId, LinkId);
}

[GenerateSerializer]
internal sealed class PositionForm
{
    [Id(0)] public long Epoch;
    [Id(1)] public int Table;
    [Id(2)] public int Row;
    [Id(3)] public string? LinkId;

    public static PositionForm? Of(ShardPosition? p) => p is null ? null : new() { Epoch = p.Epoch, Table = p.Table, Row = p.Row, LinkId = p.LinkId };

    public ShardPosition ToPosition() => new(Epoch, Table, Row, LinkId);
}

[GenerateSerializer]
internal struct JoinForm
{
    [Id(0)] public string TargetId;
    [Id(1)] public PropertyValue[] Bindings;
    [Id(2)] public PlaceForm Place;
    [Id(3)] public byte[] Fragment;
    [Id(4)] public PositionForm Position;

    public static JoinForm Of(JoinRow row) =>
        new() { TargetId = row.TargetId, Bindings = row.Bindings, Place = PlaceForm.Of(row.Place), Fragment = row.Fragment.ToArray(), Position = PositionForm.Of(row.Position)! };

    public readonly JoinRow ToRow() => new(TargetId, Bindings, Place.ToKey(), Position.ToPosition(), Fragment);
}

[GenerateSerializer]
internal struct ShardQueryForm
{
    [Id(0)] public string Text;
    [Id(1)] public PropertyValue[] Parameters;
    [Id(2)] public int Limit;
    [Id(3)] public long RowBudget;
    [Id(4)] public TimeSpan TimeBudget;
    [Id(5)] public PositionForm? Position;
    [Id(6)] public PlaceForm? After;
    [Id(7)] public JoinForm[]? Targets;
}

[RegisterConverter]
internal sealed class ShardQueryConverter : IConverter<ShardQuery, ShardQueryForm>
{
    public ShardQuery ConvertFromSurrogate(in ShardQueryForm form) => new(form.Text, form.Parameters, form.Limit, form.RowBudget, form.TimeBudget)
    {
        Position = form.Position?.ToPosition(), After = form.After?.ToKey(), Targets = form.Targets is null ? null : Array.ConvertAll(form.Targets, t => t.ToRow()),
    };

    public ShardQueryForm ConvertToSurrogate(in ShardQuery value) => new()
    {
        Text = value.Text, Parameters = value.Parameters, Limit = value.Limit, RowBudget = value.RowBudget, TimeBudget = value.TimeBudget,
        Position = PositionForm.Of(value.Position), After = value.After is null ? null : PlaceForm.Of(value.After),
        Targets = value.Targets is null ? null : Array.ConvertAll(value.Targets, JoinForm.Of),
    };
}

[GenerateSerializer]
internal struct ShardRowsForm
{
    [Id(0)] public byte Status;
    [Id(1)] public byte[][] Rows;
    [Id(2)] public long Examined;
    [Id(3)] public Problem? Problem;
    [Id(4)] public PositionForm? Next;
    [Id(5)] public long Count;
    [Id(6)] public PlaceForm[] Places;
    [Id(7)] public JoinForm[] Halves;
    [Id(8)] public byte[] Plan;
}

[RegisterConverter]
internal sealed class ShardRowsConverter : IConverter<ShardRows, ShardRowsForm>
{
    public ShardRows ConvertFromSurrogate(in ShardRowsForm form) =>
        new((TwinStatus)form.Status, Array.ConvertAll(form.Rows, r => (ReadOnlyMemory<byte>)r), form.Examined, form.Problem)
        {
            Next = form.Next?.ToPosition(), Count = form.Count, Places = Array.ConvertAll(form.Places, p => p.ToKey()),
            Halves = Array.ConvertAll(form.Halves, h => h.ToRow()), Plan = form.Plan,
        };

    public ShardRowsForm ConvertToSurrogate(in ShardRows value) => new()
    {
        Status = (byte)value.Status, Rows = Array.ConvertAll(value.Rows, r => r.ToArray()), Examined = value.Examined, Problem = value.Problem, Next = PositionForm.Of(value.Next),
        Count = value.Count, Places = Array.ConvertAll(value.Places, PlaceForm.Of), Halves = Array.ConvertAll(value.Halves, JoinForm.Of), Plan = value.Plan.ToArray(),
    };
}
