using System.Diagnostics;
using System.Globalization;
using Twin.Model.Query;
using Twin.Model.Query.Standing;

namespace Twin.Model.Tests.Query;

/// <summary>Whatever the text, the query parser answers: no crash, no hang, no memory without bound; and what stands is written back to the same meaning. TWIN_FUZZ_SECONDS makes it longer, TWIN_FUZZ_SEED gives the seed.</summary>
public class QueryFuzzTests
{
    private const long MostBytesOneParse = 16 << 20;

    private static readonly string[] Seeds =
    [
        "SELECT TOP(5) a.power AS p, b FROM DIGITALTWINS MATCH (a)-[r:feeds|contains]->(b)<-[:servedBy*1..3]-(c) WHERE a.$dtId = 'x' AND r.load > 3.5e-2",
        "SELECT * FROM DIGITALTWINS T JOIN C RELATED T.contains R JOIN D RELATED C.contains WHERE T.$dtId IN ['a', 'b''c'] AND NOT (C.[[order]] = $p OR IS_OF_MODEL(D, 'dtmi:a:B;1', exact))",
        "SELECT T.$metadata.$model, GEO_DISTANCE(T, POINT(1.5 2)) FROM DIGITALTWINS T WHERE GEO_WITHIN(T.place, POLYGON((0 0, 1 0, 1 1), (0.2 0.2, 0.4 0.2, 0.3 0.4))) AND STARTSWITH(T.map['a key'], '\\u0041')",
        "SELECT R.$targetId FROM RELATIONSHIPS R WHERE R.$relationshipName = 'feeds' AND R.length != null AND R.on",
        "EXPLAIN ANALYZE SELECT T.floor, AVG(T.power) AS m FROM DIGITALTWINS T GROUP BY T.floor ORDER BY m DESC, T.floor",
        "SELECT * FROM DIGITALTWINS T WHERE T.list[0] <= -7 AND ARRAY_CONTAINS(T.tags, 'x') AND T.a NOT IN [] AND CONTAINS(T.b, T.c)",
    ];

    private static readonly string[] Pieces =
    [
        "SELECT", "FROM", "DIGITALTWINS", "RELATIONSHIPS", "WHERE", "AND", "OR", "NOT", "IN", "NIN", "MATCH", "JOIN", "RELATED", "TOP(", "COUNT()", "ORDER BY", "GROUP BY", "AS OF '2026-01-01T00:00:00Z'", "IN BRANCH 'b'",
        "(", ")", "[", "]", "[[", "]]", "'", "''", "\\", "*", "..", ".", ",", "-", "->", "<-", "=", "!=", "<>", "<=", ">", "$", "$p", "$dtId", "T", "T.x", "1", "-2.5e308", "99999999999999999999", "1e400", "null", "true", "é", "\0", "\t", "|", ":", "*1..3", "IS_DEFINED(", "POINT(",
    ];

    private static int Setting(string name, int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var set) ? set : standard;

    [Fact]
    public void Any_text_gets_an_answer_within_bounds_and_what_stands_reads_the_same_again()
    {
        var random = new Random(Setting("TWIN_FUZZ_SEED", 11));
        var seconds = Setting("TWIN_FUZZ_SECONDS", 0);
        var watch = Stopwatch.StartNew();
        var (parsed, stood) = (0, 0);
        for (var i = 0; i < 20_000 || watch.Elapsed.TotalSeconds < seconds; i++)
        {
            var text = Next(random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var isRead = QueryParser.TryParse(text, out var query, out var problem);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MostBytesOneParse, text);
            if (!isRead)
            {
                Assert.False(string.IsNullOrWhiteSpace(problem!.Detail), text);
                continue;
            }

            parsed++;
            var values = query!.Parameters.ToDictionary(p => p, p => p.Length % 2 == 0 ? PropertyValue.From(2.5) : PropertyValue.From("it's"));
            if (!StandingForm.TryRead(text, values, out var form, out problem))
            {
                Assert.True(problem.Code is "StandingQueryInvalid", $"{text}: {problem}");
                continue;
            }

            stood++;
            var once = Reprint(form.FullText);
            Assert.Equal(once, Reprint(once));
        }

        Assert.True(parsed > 1_000 && stood > 200, $"{parsed} parsed, {stood} stood");
    }

    private static string Reprint(string text)
    {
        Assert.True(QueryParser.TryParse(text, out var query, out var problem), $"{text}: {problem}");
        return QueryPrinter.Print(query, [], [.. query.Items.Select(item => item.Value)], ConditionPaths.Conjuncts(query.Where));
    }

    private static string Next(Random random)
    {
        if (random.Next(4) == 0) return string.Join(' ', Enumerable.Range(0, random.Next(1, 30)).Select(_ => Pieces[random.Next(Pieces.Length)]));
        var text = Seeds[random.Next(Seeds.Length)];
        for (var damage = random.Next(4); damage > 0 && text.Length > 2; damage--)
        {
            var (at, length) = (random.Next(text.Length), random.Next(1, 12));
            var rest = text[Math.Min(text.Length, at + length)..];
            text = random.Next(5) switch
            {
                0 => text[..at] + rest,
                1 => text[..at] + Pieces[random.Next(Pieces.Length)] + text[at..],
                2 => text[..at] + Pieces[random.Next(Pieces.Length)] + rest,
                3 => text[..at] + (char)random.Next(1, 0x2000) + rest,
                _ => text[..at] + Seeds[random.Next(Seeds.Length)] + rest,
            };
        }

        return text;
    }
}
