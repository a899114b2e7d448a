using Twin.Model.Query;

namespace Twin.Model.Tests.Query;

public class ConditionTests
{
    [Theory]
    [InlineData("missing = 1", false)]
    [InlineData("missing != 1", false)]
    [InlineData("NOT missing = 1", true)]
    [InlineData("missing NOT IN [1]", false)]
    [InlineData("NOT missing IN [1]", true)]
    [InlineData("IS_DEFINED(missing)", false)]
    [InlineData("IS_NULL(missing)", false)]
    [InlineData("missing = null", false)]
    [InlineData("nothing = null", true)]
    [InlineData("nothing != null", false)]
    [InlineData("IS_NULL(nothing)", true)]
    [InlineData("IS_DEFINED(nothing)", true)]
    [InlineData("IS_PRIMITIVE(nothing)", true)]
    [InlineData("nothing < 1", false)]
    [InlineData("seven = 7.0", true)]
    [InlineData("seven = '7'", false)]
    [InlineData("seven != '7'", true)]
    [InlineData("seven < '8'", false)]
    [InlineData("big = 9007199254740993", true)]
    [InlineData("big = 9007199254740992.0", false)]
    [InlineData("big > 9007199254740992.0", true)]
    [InlineData("on", true)]
    [InlineData("seven", false)]
    [InlineData("when = '2026-01-01T01:00:00+01:00'", true)]
    [InlineData("when >= '2026-01-01'", true)]
    [InlineData("when < '2026-01-02'", true)]
    [InlineData("when = 'soon'", false)]
    [InlineData("when != 'soon'", true)]
    [InlineData("STARTSWITH(when, '2026-')", true)]
    [InlineData("IS_STRING(when)", true)]
    [InlineData("address.street = 'x'", true)]
    [InlineData("address.none = 'x'", false)]
    [InlineData("IS_OBJECT(address)", true)]
    [InlineData("address.street.deeper = 1", false)]
    [InlineData("STARTSWITH(seven, '7')", false)]
    public void Missing_null_and_unlike_values_compare_as_documented(string text, bool expected)
    {
        Assert.True(QueryParser.TryParseCondition(text, out var condition, out var problem), problem?.Detail);
        Assert.Equal(expected, ConditionEvaluator.Holds(condition, new Row(), []));
    }

    private readonly struct Row : IPathReader
    {
        public PropertyValue Read(PathExpression path) => path.Segments[0] switch
        {
            "seven" => PropertyValue.From(7L),
            "big" => PropertyValue.From(9007199254740993L),
            "on" => PropertyValue.From(true),
            "nothing" => QueryValues.Null,
            "when" => PropertyValue.From(new WallTime(new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks)),
            "address" when path.Segments.Count == 1 => PropertyValue.FromJson("{\"street\":\"x\"}"u8.ToArray()),
            "address" => QueryValues.Find("{\"street\":\"x\"}"u8, path.Segments, 1),
            _ => default,
        };

        public bool IsOfModel(OfModelExpression asked, string dtmi) => false;
    }
}
