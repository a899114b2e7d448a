using CsCheck;
using Twin.Model.Query;

namespace Twin.Model.Tests.Query;

public class StandingRowsTests
{
    private static readonly long Cases = long.TryParse(Environment.GetEnvironmentVariable("TWIN_STANDING_CASES"), out var cases) ? cases : 300;

    // An edit sets a value of one of five twins, or turns the link between two of them on or off. A row is a link whose ends add up to at least 6.
    private static readonly Gen<(int From, int To, int Value)[]> Edits = Gen.Select(Gen.Int[0, 4], Gen.Int[0, 4], Gen.Int[-1, 6]).Array[1, 60];

    [Fact]
    public void The_sum_of_deltas_is_the_answer_asked_anew() => Edits.Sample(edits =>
    {
        var values = new int[5];
        var links = new HashSet<(int From, int To)>();
        var rows = new StandingRows(100);
        var seen = new Dictionary<string, string>();
        foreach (var (from, to, value) in edits)
        {
            string[] touched = value >= 0 ? [$"t{from}"] : [$"t{from}", $"t{to}"];
            if (value >= 0) values[from] = value;
            else if (!links.Remove((from, to))) links.Add((from, to));
            var all = links.Where(l => values[l.From] + values[l.To] >= 6).Select(l => Row($"t{l.From}", $"t{l.To}", $"{values[l.From]},{values[l.To]}")).ToList();
            var binding = all.Where(r => r.Twins.Any(touched.Contains)).ToList();
            var delta = rows.Exchange(touched, binding)!;
            foreach (var (key, row) in delta.Added) seen.Add(key, row);
            foreach (var (key, row) in delta.Changed)
            {
                Assert.NotEqual(seen[key], row);
                seen[key] = row;
            }

            foreach (var key in delta.Removed) Assert.True(seen.Remove(key));
            Assert.Equal(all.ToDictionary(r => StandingRows.KeyOf(r.Bound), r => r.Row).OrderBy(r => r.Key, StringComparer.Ordinal), seen.OrderBy(r => r.Key, StringComparer.Ordinal));
            Assert.True(rows.Exchange(touched, binding)!.IsEmpty);
        }
    }, iter: Cases);

    [Fact]
    public void Past_its_bound_nothing_is_taken()
    {
        var rows = new StandingRows(1);
        Assert.Single(rows.Exchange(["a"], [Row("a", "b", "1")])!.Added);
        Assert.Null(rows.Exchange(["c"], [Row("c", "d", "2")]));
        Assert.Equal(1, rows.Count);
        Assert.Single(rows.Exchange(["a"], [])!.Removed);
    }

    [Fact]
    public void Bindings_never_share_a_key() => Assert.NotEqual(StandingRows.KeyOf(["1:a", "b"]), StandingRows.KeyOf(["1", "a1:b"]));

    [Theory]
    [InlineData("SELECT TOP(3) * FROM DIGITALTWINS", "TOP")]
    [InlineData("SELECT COUNT() FROM DIGITALTWINS", "COUNT")]
    [InlineData("SELECT * FROM DIGITALTWINS T ORDER BY T.a", "ORDER BY")]
    [InlineData("SELECT * FROM DIGITALTWINS T WHERE T.a > 3", null)]
    public void What_depends_on_other_rows_is_refused(string text, string? part)
    {
        Assert.True(QueryParser.TryParse(text, out var query, out var problem), problem?.Detail);
        var refusal = StandingRefusal.Of(query!);
        if (part is null) Assert.Null(refusal);
        else Assert.Contains($" {part};", refusal!.Detail, StringComparison.Ordinal);
    }

    private static StandingRow Row(string from, string to, string row) => new([from, "link", to], [from, to], row);
}
