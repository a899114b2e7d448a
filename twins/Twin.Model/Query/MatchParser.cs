namespace Twin.Model.Query;

/// <summary>
/// Reads <c>MATCH (a)-[r:feeds|contains]-&gt;(b)&lt;-[:servedBy*1..3]-(c)</c> into sources and hops:
/// <code>
/// match  = MATCH node {link node}                node = '(' [alias] ')'
/// link   = ['&lt;'] '-' ['[' [alias] [':' name {'|' name}] ['*' range] ']'] '-' ['&gt;']
/// range  = n | n '..' m | '..' m
/// </code>
/// An alias that stands for two nodes makes them the same twin. Only a link of exactly one relationship may have an alias.
/// </summary>
internal sealed class MatchParser(TokenCursor cursor, List<QuerySource> sources, List<QueryHop> hops)
{
    private readonly List<Expression> _same = [];

    /// <summary>Reads the chain after MATCH; what comes back must hold beside WHERE: nodes that are the same twin.</summary>
    public List<Expression> Parse()
    {
        var left = ParseNode();
        while (cursor.Peek().Kind is TokenKind.Dash or TokenKind.Less)
        {
            if (hops.Count == QueryLimits.Hops) cursor.Fail($"At most {QueryLimits.Hops} links are taken in a MATCH chain.");
            var isIn = cursor.TakeKind(TokenKind.Less);
            cursor.Expect(TokenKind.Dash, "-");
            var link = cursor.TakeKind(TokenKind.OpenBracket) ? ParseLink() : new Link(null, [], 1, 1);
            cursor.Expect(TokenKind.Dash, "-");
            var at = cursor.Peek();
            var isOut = cursor.TakeKind(TokenKind.Greater);
            if (isIn && isOut) throw cursor.Error(at, "( : a link points one way, or with - on both sides either way");
            var direction = isIn ? HopDirection.In : isOut ? HopDirection.Out : HopDirection.Either;
            sources.Add(new QuerySource(link.Alias, SourceKind.Relationships));
            var linkSource = sources.Count - 1;
            var right = ParseNode();
            hops.Add(new QueryHop(left, linkSource, right, link.Names, direction, link.Least, link.Most));
            left = right;
        }
        return _same;
    }

    private int ParseNode()
    {
        cursor.Expect(TokenKind.Open, hops.Count == 0 && sources.Count == 0 ? "( and an alias" : "( and the alias of the next twin");
        var at = cursor.Peek();
        var alias = cursor.PeekAlias() ? cursor.Take().Name : null;
        cursor.Expect(TokenKind.Close, alias is null ? "an alias or )" : ")");
        var known = alias is null ? -1 : sources.FindIndex(s => s.Alias == alias);
        if (known >= 0 && sources[known].Kind != SourceKind.Twins) throw new QuerySyntaxException(at.Position, $"The alias {alias} stands for a relationship already.");
        sources.Add(new QuerySource(known >= 0 ? null : alias, SourceKind.Twins));
        var source = sources.Count - 1;
        if (known >= 0) _same.Add(new ComparisonExpression(Comparison.Equal, Id(known, at), Id(source, at), at.Position));
        return source;
    }

    private static PathExpression Id(int source, QueryToken at) => new(source, ["$dtId"], at.Position);

    // After '['.
    private Link ParseLink()
    {
        var start = cursor.Peek();
        var alias = cursor.PeekAlias() ? cursor.Take().Name : null;
        if (alias is not null && sources.Exists(s => s.Alias == alias)) throw new QuerySyntaxException(start.Position, $"The alias {alias} is declared twice.");
        var names = new List<string>();
        if (cursor.TakeKind(TokenKind.Colon))
        {
            do
            {
                if (names.Count == QueryLimits.Names) cursor.Fail($"At most {QueryLimits.Names} names are taken in a link.");
                if (cursor.Peek().Kind is not (TokenKind.Name or TokenKind.QuotedName)) throw cursor.Error(cursor.Peek(), "the name of a relationship");
                names.Add(cursor.Take().Name);
            }
            while (cursor.TakeKind(TokenKind.Bar));
        }
        var (least, most) = cursor.TakeKind(TokenKind.Star) ? ParseRange() : (1, 1);
        cursor.Expect(TokenKind.CloseBracket, names.Count > 0 ? "|, * or ]" : ":, * or ]");
        return alias is null || (least == 1 && most == 1)
            ? new Link(alias, names, least, most)
            : throw new QuerySyntaxException(start.Position, $"{alias} would name several relationships at once; only a link of exactly one relationship takes an alias.");
    }

    private (int Least, int Most) ParseRange()
    {
        var least = cursor.Peek().Kind == TokenKind.Number ? ParseCount(1) : 1;
        var isExact = cursor.Peek().Kind != TokenKind.Dot;
        if (isExact && cursor.PeekKind(-1) == TokenKind.Star) throw cursor.Error(cursor.Peek(), "a number of relationships, as in *2, *1..3 or *..3");
        if (isExact) return (least, least);
        cursor.Expect(TokenKind.Dot, "..");
        cursor.Expect(TokenKind.Dot, "..");
        return (least, ParseCount(least));
    }

    private int ParseCount(int least)
    {
        var number = cursor.Take();
        return number.Kind == TokenKind.Number && number.Value.Kind == ValueKind.Integer && number.Value.AsInteger >= least && number.Value.AsInteger <= QueryLimits.HopRange
            ? (int)number.Value.AsInteger
            : throw cursor.Error(number, $"a whole number from {least} to {QueryLimits.HopRange}");
    }

    private readonly record struct Link(string? Alias, IReadOnlyList<string> Names, int Least, int Most);
}
