namespace Twin.Model.Query;

/// <summary>
/// Reads the query language: a recursive-descent parser over <see cref="QueryTokenizer"/>'s tokens. Grammar:
/// <code>
/// query  = [EXPLAIN [ANALYZE]] SELECT [TOP(n)] (* | item {, item}) FROM source [AS OF 'instant'] [IN BRANCH 'name']
///          [WHERE condition] [GROUP BY path {, path}] [ORDER BY term [ASC|DESC] {, ...}]
/// source = (DIGITALTWINS | RELATIONSHIPS) [[AS] alias] {JOIN alias RELATED alias.relationship [alias]} | DIGITALTWINS MATCH chain
/// item   = (path | aggregate | GEO_DISTANCE(place, place)) [AS name]      aggregate = COUNT() | (COUNT | SUM | AVG | MIN | MAX)(path)
/// term   = path | GEO_DISTANCE(place, place); with GROUP BY an item or its name
/// </code>
/// Keywords in any case; names exactly as written. <c>[[name]]</c> writes a name that is a keyword.
/// Errors have code <c>QuerySyntax</c>, the 1-based position, what was found and what was expected.
/// </summary>
public static class QueryParser
{
    /// <summary>Reads a query; false and a problem when it cannot be read. Never throws on bad text.</summary>
    public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TwinQuery? query, out Problem? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            query = new StatementParser(text).Parse();
            problem = null;
            return true;
        }
        catch (QuerySyntaxException error)
        {
            query = null;
            problem = error.ToProblem();
            return false;
        }
    }

    /// <summary>Reads a condition on its own, over one source of twins without alias; subscription filters use it. Parameters are refused.</summary>
    public static bool TryParseCondition(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Expression? condition, out Problem? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            var cursor = new TokenCursor(text);
            var parser = new ConditionParser(cursor, [new QuerySource(null, SourceKind.Twins)], []);
            condition = parser.ParseCondition();
            cursor.ExpectEnd("AND, OR");
            if (parser.Parameters.Count > 0)
                throw new QuerySyntaxException(1, $"A condition on its own takes no parameters; ${parser.Parameters[0]} was found.");
            problem = null;
            return true;
        }
        catch (QuerySyntaxException error)
        {
            condition = null;
            problem = error.ToProblem();
            return false;
        }
    }
}

