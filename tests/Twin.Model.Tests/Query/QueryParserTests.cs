using CsCheck;
using Twin.Model.Query;

namespace Twin.Model.Tests.Query;

public class QueryParserTests
{
    private static readonly string[] Good =
    [
        "SELECT * FROM DIGITALTWINS",
        "select top(5) * from digitaltwins t where t.temperature >= 21.5 and not t.off",
        "SELECT T FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:x:Room;1', exact) OR IS_OF_MODEL('dtmi:x:Hall;1')",
        "SELECT T.name AS n, T.thermostat.target, T.$dtId FROM DIGITALTWINS T ORDER BY T.name DESC, T.$dtId ASC",
        "SELECT COUNT() FROM DIGITALTWINS WHERE STARTSWITH($dtId, 'room-') AND $metadata.$model != 'dtmi:x:Hall;1'",
        "SELECT T, C, R.distance FROM DIGITALTWINS T JOIN C RELATED T.contains R WHERE T.$dtId = 'x' AND C.level IN [1, 2, 3] AND R.distance < $far",
        "SELECT * FROM RELATIONSHIPS R WHERE R.$sourceId = 'a' AND R.$relationshipName NOT IN ['near', 'in']",
        "EXPLAIN SELECT * FROM DIGITALTWINS WHERE a = -1e-3 OR b = 'it''s' OR c = 'a\\'b\\u0041' OR d = null OR e <> true",
        "SELECT T.[[order]], T.order.by FROM DIGITALTWINS T WHERE T.[[select]] = 1 AND CONTAINS(T.name, ']]')",
        "SELECT A, E FROM DIGITALTWINS A JOIN B RELATED A.x JOIN C RELATED B.y R JOIN D RELATED A.z JOIN E RELATED D.w JOIN F RELATED E.v WHERE A.n = F.n",
        "SELECT a, c FROM DIGITALTWINS MATCH (a)-[r:feeds|contains]->(b)<-[:servedBy*1..3]-(c) WHERE a.$dtId = 'x' AND r.load > 1",
        "SELECT a FROM DIGITALTWINS MATCH (a)-[*..3]-()-[]->(b)-->()--(a)<--(c) WHERE IS_OF_MODEL(b, 'dtmi:x:Room;1')",
        "SELECT a.[[match]] AS m FROM DIGITALTWINS MATCH (a) WHERE a.map['key with \\'quotes\\''].list[0] = 1 AND a.mode NIN ['x', $p] AND ARRAY_CONTAINS(a.tags, 'red')",
        "SELECT T.floor, COUNT() AS n, AVG(T.temperature) AS mean, MIN(T.temperature), MAX(T.temperature) FROM DIGITALTWINS T WHERE T.on GROUP BY T.floor ORDER BY n DESC, T.floor",
        "SELECT SUM(power), COUNT(power) FROM DIGITALTWINS",
        "SELECT TOP(5) T.$dtId, GEO_DISTANCE(T.location, POINT(4.9 52.4)) AS d FROM DIGITALTWINS T WHERE GEO_WITHIN(T, POLYGON((4 52, 5 52, 5 53), (4.1 52.1, 4.2 52.1, 4.2 52.2))) AND GEO_DISTANCE(POINT(T.lon, T.lat), POINT($x, $y)) < 500 ORDER BY GEO_DISTANCE(T.location, POINT(4.9 52.4))",
        "EXPLAIN ANALYZE SELECT * FROM DIGITALTWINS AS T AS OF '2026-01-31T12:00:00Z' IN BRANCH 'plan' WHERE T.x = 1",
        "SELECT * FROM DIGITALTWINS T WHERE T.x IN [] AND IS_PRIMITIVE(T.y) AND ((((T.z = 1))))",
    ];

    [Fact]
    public void The_language_s_sentences_are_read()
    {
        foreach (var text in Good) Assert.True(QueryParser.TryParse(text, out _, out var problem), $"{text}: {problem}");
    }

    [Theory]
    [InlineData("", 1, "SELECT")]
    [InlineData("SELEC * FROM DIGITALTWINS", 1, "SELECT")]
    [InlineData("SELECT * FORM DIGITALTWINS", 10, "FROM")]
    [InlineData("SELECT * FROM TWINS", 15, "DIGITALTWINS or RELATIONSHIPS")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE", 33, "a property, a value or a parameter")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = ", 38, "a property, a value or a parameter")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = 'x", 38, "closing '")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a == 1", 37, "a property, a value or a parameter")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = \"x\"", 38, "single quotes")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE (a = 1", 40, ")")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a IN 1", 39, "[")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a IN [1 2]", 42, "]")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = 1 b", 40, "AND, OR, GROUP BY, ORDER BY or the end")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = 12x", 40, "inside a number")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE LIKE(a, 'x')", 34, "STARTSWITH")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE 'a'", 37, "=, !=")]
    [InlineData("SELECT * FROM DIGITALTWINS T WHERE T = 1", 36, "a property of it")]
    [InlineData("SELECT TOP(0) * FROM DIGITALTWINS", 12, "a whole number from 1 to")]
    [InlineData("SELECT A.x FROM DIGITALTWINS T JOIN C RELATED T.has", 8, "no alias")]
    [InlineData("SELECT T FROM DIGITALTWINS T JOIN T RELATED T.has", 35, "declared twice")]
    [InlineData("SELECT T FROM DIGITALTWINS T JOIN C RELATED X.has", 45, "An alias declared before")]
    [InlineData("SELECT T FROM DIGITALTWINS T JOIN A RELATED T.a JOIN B RELATED T.a JOIN C RELATED T.a JOIN D RELATED T.a JOIN E RELATED T.a JOIN F RELATED T.a", 130, "At most 5 JOIN")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH a-[]->(b)", 34, "( and an alias")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[]>(b)", 40, "expected -")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)<-[]->(b)", 42, "points one way")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[r*2]->(b)", 39, "exactly one relationship")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[*]->(b)", 40, "*1..3")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[*3..2]->(b)", 43, "from 3 to 10")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[*11]->(b)", 40, "from 1 to 10")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[:x|]->(b)", 42, "the name of a relationship")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[a:x]->(b)", 39, "declared twice")]
    [InlineData("SELECT a FROM DIGITALTWINS MATCH (a)-[r]->(r)", 44, "stands for a relationship")]
    [InlineData("SELECT x FROM DIGITALTWINS MATCH (a)-[r]->(b)", 8, "no alias")]
    [InlineData("SELECT T.a, COUNT() FROM DIGITALTWINS T", 8, "neither grouped by")]
    [InlineData("SELECT * FROM DIGITALTWINS T GROUP BY T.a", 39, "no meaning")]
    [InlineData("SELECT COUNT() AS n FROM DIGITALTWINS T GROUP BY T.a ORDER BY T.a", 63, "only what is selected")]
    [InlineData("SELECT MEDIAN(T.a) FROM DIGITALTWINS T", 8, "COUNT, SUM")]
    [InlineData("SELECT T.a T.b FROM DIGITALTWINS T", 12, ", or FROM")]
    [InlineData("SELECT * FROM DIGITALTWINS T WHERE GEO_WITHIN(T, POLYGON((1 2, 3 4)))", 67, "three or more")]
    [InlineData("SELECT * FROM DIGITALTWINS T WHERE GEO_WITHIN(T, POLYGON((1 91, 3 4, 5 6)))", 61, "latitude")]
    [InlineData("SELECT * FROM DIGITALTWINS T WHERE GEO_DISTANCE(T, T.b)", 56, "=, !=")]
    [InlineData("SELECT * FROM DIGITALTWINS T AS OF 'soon'", 36, "an instant")]
    [InlineData("SELECT * FROM DIGITALTWINS T IN BRANCH x", 40, "name of a branch")]
    [InlineData("SELECT T.a['b' FROM DIGITALTWINS T", 16, "expected ]")]
    [InlineData("SELECT T.a, T.b.a FROM DIGITALTWINS T", 13, "named a")]
    [InlineData("SELECT COUNT() FROM DIGITALTWINS ORDER BY a", 34, "no meaning")]
    [InlineData("SELECT * FROM RELATIONSHIPS R WHERE IS_OF_MODEL(R, 'x')", 37, "no model")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = 1e999", 38, "range")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = 'x\\q'", 40, "escape")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE [[a = 1", 34, "]]")]
    [InlineData("SELECT $nonsense FROM DIGITALTWINS", 8, "no system property")]
    [InlineData("SELECT * FROM DIGITALTWINS WHERE a = $p.q", 40, "single value")]
    public void What_is_wrong_is_told_with_its_position_and_what_was_expected(string text, int position, string expected)
    {
        Assert.False(QueryParser.TryParse(text, out _, out var problem));
        Assert.Equal(("QuerySyntax", position.ToString()), (problem!.Code, problem.Where));
        Assert.Contains(expected, problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Literals_mean_what_they_say()
    {
        foreach (var (text, value) in new (string, PropertyValue)[]
        {
            ("1", PropertyValue.From(1L)), ("-7", PropertyValue.From(-7L)), ("1.0", PropertyValue.From(1.0)), ("2e3", PropertyValue.From(2000.0)),
            ("9223372036854775807", PropertyValue.From(long.MaxValue)), ("9223372036854775808", PropertyValue.From(9223372036854775808.0)),
            ("'it''s'", PropertyValue.From("it's")), (@"'\u00e9\n\\'", PropertyValue.From("é\n\\")), ("TRUE", PropertyValue.From(true)), ("null", default),
        })
        {
            Assert.True(QueryParser.TryParseCondition($"a = {text}", out var condition, out _));
            Assert.Equal(value, Assert.IsType<LiteralExpression>(Assert.IsType<ComparisonExpression>(condition).Right).Value);
        }
    }

    [Fact]
    public void And_binds_closer_than_or_and_not_closer_than_and()
    {
        Assert.True(QueryParser.TryParseCondition("a OR NOT b AND c", out var condition, out _));
        var or = Assert.IsType<OrExpression>(condition);
        var and = Assert.IsType<AndExpression>(or.Terms[1]);
        Assert.IsType<NotExpression>(and.Terms[0]);
    }

    [Fact]
    public void Bounds_on_length_depth_and_lists_hold()
    {
        string Where(string condition) => "SELECT * FROM DIGITALTWINS WHERE " + condition;
        string Nested(int depth) => Where(new string('(', depth) + "a = 1" + new string(')', depth));
        string In(int count) => Where("a IN [" + string.Join(',', Enumerable.Repeat("1", count)) + "]");
        Assert.True(QueryParser.TryParse(Nested(63), out _, out _));
        Assert.False(QueryParser.TryParse(Nested(64), out _, out _));
        Assert.False(QueryParser.TryParse(Where(string.Concat(Enumerable.Repeat("NOT ", 8_000)) + "a"), out _, out _));
        Assert.True(QueryParser.TryParse(In(1_000), out _, out _));
        Assert.False(QueryParser.TryParse(In(1_001), out _, out _));
        var room = QueryLimits.TextBytes - Where("a = ''").Length;
        Assert.True(QueryParser.TryParse(Where($"a = '{new string('x', room)}'"), out _, out _));
        Assert.False(QueryParser.TryParse(Where($"a = '{new string('x', room + 1)}'"), out _, out _));
        Assert.False(QueryParser.TryParse(Where($"a = '{new string('é', (room / 2) + 1)}'"), out _, out _));
    }

    [Fact]
    public void No_soup_of_tokens_and_no_mutation_of_a_query_makes_the_parser_throw()
    {
        string[] words =
        [
            "SELECT", "FROM", "WHERE", "DIGITALTWINS", "RELATIONSHIPS", "T", "T.x", "$dtId", "$p", "JOIN", "RELATED", "AND", "OR", "NOT", "IN", "[", "]", "(", ")", ",", "=", "!=", "<",
            "'x'", "'", "1", "-", "1.5", "1e", ".", "*", "TOP", "COUNT", "()", "ORDER", "BY", "DESC", "IS_OF_MODEL", "STARTSWITH", "IS_NULL", "null", "true", "[[", "]]", "é", "\0", "EXPLAIN", "AS",
            "MATCH", "(a)", "-[", "]->", "]-", "<-[", ":x", "*1..3", "|", "GROUP", "SUM", "GEO_WITHIN", "GEO_DISTANCE", "POLYGON((1 2,3 4,5 1))", "POINT(1 2)", "OF", "BRANCH", "ANALYZE", "NIN", "['k']",
        ];
        var soup = Pick(words).Array[0, 40].Select(w => string.Join(' ', w));
        var mutated = Gen.Select(Pick(Good), Gen.Int[0, 200], Pick(words), Gen.Int[0, 10], (text, at, word, cut) =>
        {
            at = Math.Min(at, text.Length);
            return text[..at] + word + text[Math.Min(text.Length, at + cut)..];
        });
        var read = 0;
        Gen.OneOf(soup, soup.Select(s => "SELECT * FROM DIGITALTWINS T WHERE " + s), mutated).Sample(text =>
        {
            if (QueryParser.TryParse(text, out var query, out var problem))
            {
                Interlocked.Increment(ref read);
                return query.Text == text && problem is null;
            }
            return problem!.Code == "QuerySyntax" && int.Parse(problem.Where!) >= 1 && int.Parse(problem.Where!) <= text.Length + 1 && problem.Detail.Length > 0;
        }, iter: 30_000);
        Assert.True(read > 100); // the generator reaches good queries too
    }

    private static Gen<string> Pick(string[] items) => Gen.Int[0, items.Length - 1].Select(i => items[i]);
}
