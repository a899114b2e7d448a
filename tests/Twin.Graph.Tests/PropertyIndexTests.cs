namespace Twin.Graph.Tests;

public class PropertyIndexTests
{
    private static readonly WallTime Now = TestModels.At(0);

    /// <summary>Enough rows and writes between questions that some are answered from the fresh rows and some after a merge.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Ranges_hold_while_samples_pour_in(int seed)
    {
        var random = new Random(seed);
        var state = TestModels.NewState();
        var changes = new ChangeBuffer();
        for (var i = 0; i < 3_000; i++) state.Execute(new PutTwin($"t{i}", TestModels.Room, []), Now, changes);
        var table = state.FindTable(TestModels.Room)!;
        var column = table.Column(0);
        for (var round = 1; round <= 60; round++)
        {
            var arrival = TestModels.At(round);
            var samples = Enumerable.Range(0, random.Next(1, 1_500)).Select(_ => new Sample($"t{random.Next(3_000)}", "temperature", PropertyValue.From(Math.Round(random.NextDouble() * 40 - 20, 1)), default)).ToArray();
            changes.Clear();
            state.Ingest(new SampleBatch(samples, arrival), SampleRules.Default, arrival, changes);
            if (random.Next(4) == 0) state.Execute(new DeleteTwin($"t{random.Next(3_000)}"), arrival, changes);
            double low = random.Next(-25, 25), high = low + random.Next(0, 20);
            var rows = new List<int>();
            column.Index!.CollectRange(PropertyValue.From(low), true, PropertyValue.From(high), false, rows);
            Assert.Equal(Enumerable.Range(0, table.RowCount).Where(r => column.TryGet(r, out var v) && v.AsNumber >= low && v.AsNumber < high), rows.Order());
            Assert.True(column.Index.EstimateRange(PropertyValue.From(low), true, PropertyValue.From(high), false) >= rows.Count);
            if (round % 7 != 0) continue;
            var ordered = column.Index.RowsInOrder().ToArray();
            Assert.Equal(Enumerable.Range(0, table.RowCount).Where(column.Has).OrderBy(r => column.Get(r).AsNumber).ThenBy(r => r), ordered);
        }
    }

    [Fact]
    public void Zero_and_minus_zero_are_one_value_in_order_and_infinity_has_no_place()
    {
        var state = TestModels.NewState();
        var changes = new ChangeBuffer();
        foreach (var (id, value) in new[] { ("a", -0.0), ("b", 0.0), ("c", double.MinValue), ("d", double.MaxValue), ("e", double.Epsilon), ("f", -double.Epsilon) })
            Assert.True(state.Execute(new PutTwin(id, TestModels.Room, [new("temperature", PropertyValue.From(value))]), Now, changes).IsDone);
        var table = state.FindTable(TestModels.Room)!;
        var rows = new List<int>();
        table.Column(0).Index!.CollectEqual(PropertyValue.From(0.0), rows);
        Assert.Equal(["a", "b"], rows.Select(table.IdOf).Order());
        Assert.Equal(["c", "f", "a", "b", "e", "d"], table.Column(0).Index!.RowsInOrder().ToArray().Select(table.IdOf));
    }

    [Fact]
    public void An_index_declared_late_covers_what_was_there_and_models_that_come()
    {
        var state = TestModels.NewState();
        var changes = new ChangeBuffer();
        state.Execute(new PutTwin("a", TestModels.Lamp, [new("label", PropertyValue.From("x")), new("on", PropertyValue.From(true))]), Now, changes);
        state.DeclareIndex("label");
        state.DeclareIndex("on");
        state.DeclareIndex("nonsense");
        state.Execute(new PutTwin("b", TestModels.Lamp, [new("label", PropertyValue.From("x"))]), Now, changes);
        state.Execute(new PutTwin("c", TestModels.SmartLamp, [new("on", PropertyValue.From(true))]), Now, changes);
        var lamps = state.FindTable(TestModels.Lamp)!;
        var rows = new List<int>();
        lamps.Column(lamps.Model.FindProperty("label")!.Ordinal).Index!.CollectEqual(PropertyValue.From("x"), rows);
        Assert.Equal(["a", "b"], rows.Select(lamps.IdOf).Order());
        IndexClaims.Hold(state);
        Assert.NotNull(state.FindTable(TestModels.SmartLamp)!.Column(2).Index);
        Assert.Throws<InvalidOperationException>(() => lamps.Column(2).Index!.RowsInOrder().Length);
    }
}
