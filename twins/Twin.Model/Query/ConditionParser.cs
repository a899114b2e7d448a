namespace Twin.Model.Query;

/// <summary>
/// Reads conditions. Binding, loosest first: OR, AND, NOT, comparison. AND and OR chains are flat, so only parentheses
/// and NOT nest, at most <see cref="QueryLimits.Depth"/> deep.
/// <code>
/// condition  = conjunction {OR conjunction}        conjunction = negation {AND negation}
/// negation   = NOT negation | '(' condition ')' | IS_OF_MODEL(...) | FUNCTION(operand, ...) | operand [op operand | ([NOT] IN | NIN) '[' ... ']']
///            | GEO_WITHIN(place, POLYGON((lon lat, lon lat, lon lat ...) {, (hole)}))
/// operand    = literal | $parameter | path | GEO_DISTANCE(place, place)
/// place      = path | alias | POINT(operand [,] operand)
/// </code>
/// </summary>
internal sealed class ConditionParser(TokenCursor cursor, IReadOnlyList<QuerySource> sources, List<string> parameters)
{
    private static readonly HashSet<string> SystemNames =
    [
        "$dtId", "$etag", "$metadata", "$relationshipId", "$sourceId", "$targetId", "$relationshipName",
    ];

    private int _depth;

    /// <summary>Parameters met so far, without <c>$</c>.</summary>
    public List<string> Parameters => parameters;

    public Expression ParseCondition()
    {
        if (++_depth > QueryLimits.Depth) cursor.Fail($"The condition nests deeper than {QueryLimits.Depth}.");
        var first = ParseConjunction();
        if (cursor.PeekWord("OR"))
        {
            var position = cursor.Peek().Position;
            var terms = new List<Expression> { first };
            while (cursor.TakeWord("OR")) terms.Add(ParseConjunction());
            first = new OrExpression(terms, position);
        }
        _depth--;
        return first;
    }

    private Expression ParseConjunction()
    {
        var first = ParseNegation();
        if (!cursor.PeekWord("AND")) return first;
        var position = cursor.Peek().Position;
        var terms = new List<Expression> { first };
        while (cursor.TakeWord("AND")) terms.Add(ParseNegation());
        return new AndExpression(terms, position);
    }

    private Expression ParseNegation()
    {
        var token = cursor.Peek();
        if (cursor.TakeWord("NOT"))
        {
            if (++_depth > QueryLimits.Depth) cursor.Fail($"The condition nests deeper than {QueryLimits.Depth}.");
            var term = ParseNegation();
            _depth--;
            return new NotExpression(term, token.Position);
        }
        if (cursor.TakeKind(TokenKind.Open))
        {
            var inner = ParseCondition();
            cursor.Expect(TokenKind.Close, "AND, OR or )");
            return inner;
        }
        if (token.Kind == TokenKind.Name && cursor.PeekKind(1) == TokenKind.Open && !token.Is("GEO_DISTANCE")) return ParseFunction();
        return ParseComparison();
    }

    private Expression ParseComparison()
    {
        var left = ParseOperand();
        var token = cursor.Peek();
        Comparison? comparison = token.Kind switch
        {
            TokenKind.Equal => Comparison.Equal,
            TokenKind.NotEqual => Comparison.NotEqual,
            TokenKind.Less => Comparison.Less,
            TokenKind.LessOrEqual => Comparison.LessOrEqual,
            TokenKind.Greater => Comparison.Greater,
            TokenKind.GreaterOrEqual => Comparison.GreaterOrEqual,
            _ => null,
        };
        if (comparison is { } op)
        {
            cursor.Take();
            return new ComparisonExpression(op, left, ParseOperand(), token.Position);
        }
        if (cursor.TakeWord("IN")) return ParseIn(left, isNegated: false, token.Position);
        if (cursor.TakeWord("NIN")) return ParseIn(left, isNegated: true, token.Position);
        if (token.Is("NOT") && cursor.PeekWord(1, "IN"))
        {
            cursor.Take();
            cursor.Take();
            return ParseIn(left, isNegated: true, token.Position);
        }
        return left is LiteralExpression { Value.Kind: not ValueKind.Boolean } or GeoDistanceExpression
            ? throw cursor.Error(token, "=, !=, <, <=, >, >=, IN, NIN or NOT IN")
            : left; // a boolean property, parameter or literal is a condition by itself
    }

    private InExpression ParseIn(Expression left, bool isNegated, int position)
    {
        cursor.Expect(TokenKind.OpenBracket, "[");
        var list = new List<Expression>();
        if (cursor.TakeKind(TokenKind.CloseBracket)) return new InExpression(left, list, isNegated, position);
        do
        {
            if (list.Count == QueryLimits.ListLength) cursor.Fail($"An IN list holds at most {QueryLimits.ListLength} values.");
            var start = cursor.Peek();
            var value = ParseOperand();
            if (value is PathExpression) throw cursor.Error(start, "a value or a parameter");
            list.Add(value);
        }
        while (cursor.TakeKind(TokenKind.Comma));
        cursor.Expect(TokenKind.CloseBracket, ", or ]");
        return new InExpression(left, list, isNegated, position);
    }

    private Expression ParseOperand()
    {
        var token = cursor.Peek();
        switch (token.Kind)
        {
            case TokenKind.Number or TokenKind.Text:
                cursor.Take();
                return new LiteralExpression(token.Value, token.Position);
            case TokenKind.SystemName when !SystemNames.Contains(token.Name):
                cursor.Take();
                if (cursor.Peek().Kind == TokenKind.Dot) cursor.Fail($"Found '.' after the parameter {token.Name}; a parameter is a single value.");
                return Parameter(token);
            case TokenKind.Name when token.Is("GEO_DISTANCE") && cursor.PeekKind(1) == TokenKind.Open:
                return ParseDistance();
            case TokenKind.Name when token.Is("TRUE") || token.Is("FALSE"):
                cursor.Take();
                return new LiteralExpression(PropertyValue.From(token.Is("TRUE")), token.Position);
            case TokenKind.Name when token.Is("NULL"):
                cursor.Take();
                return new LiteralExpression(default, token.Position);
            default:
                var path = Resolve(cursor.ParsePath("a property, a value or a parameter"));
                return path.Segments.Count > 0 ? path
                    : throw new QuerySyntaxException(token.Position, $"{token.Name} is a whole twin or relationship; a property of it was expected, as in {token.Name}.temperature.");
        }
    }

    private ParameterExpression Parameter(QueryToken token)
    {
        var name = token.Name[1..];
        var slot = parameters.IndexOf(name);
        if (slot < 0)
        {
            slot = parameters.Count;
            parameters.Add(name);
        }
        return new ParameterExpression(name, slot, token.Position);
    }

    private Expression ParseFunction()
    {
        var name = cursor.Take();
        cursor.Take();
        var function = name.Name.ToUpperInvariant() switch
        {
            "IS_OF_MODEL" or "GEO_WITHIN" => (QueryFunction?)null,
            "STARTSWITH" => QueryFunction.StartsWith,
            "ENDSWITH" => QueryFunction.EndsWith,
            "CONTAINS" => QueryFunction.Contains,
            "IS_DEFINED" => QueryFunction.IsDefined,
            "IS_NULL" => QueryFunction.IsNull,
            "IS_NUMBER" => QueryFunction.IsNumber,
            "IS_STRING" => QueryFunction.IsString,
            "IS_BOOL" => QueryFunction.IsBool,
            "IS_PRIMITIVE" => QueryFunction.IsPrimitive,
            "IS_OBJECT" => QueryFunction.IsObject,
            "ARRAY_CONTAINS" => QueryFunction.ArrayContains,
            _ => throw cursor.Error(
                name, "IS_OF_MODEL, STARTSWITH, ENDSWITH, CONTAINS, ARRAY_CONTAINS, IS_DEFINED, IS_NULL, IS_NUMBER, IS_STRING, IS_BOOL, IS_PRIMITIVE, IS_OBJECT, GEO_WITHIN or GEO_DISTANCE"),
        };
        if (function is null) return name.Is("GEO_WITHIN") ? ParseWithin(name.Position) : ParseOfModel(name.Position);
        var first = ParseOperand();
        if (function is > QueryFunction.Contains and not QueryFunction.ArrayContains)
        {
            cursor.Expect(TokenKind.Close, ")");
            return new FunctionExpression(function.Value, [first], name.Position);
        }
        cursor.Expect(TokenKind.Comma, function == QueryFunction.ArrayContains ? ", and the value to look for" : ", and the text to look for");
        var second = ParseOperand();
        cursor.Expect(TokenKind.Close, ")");
        return new FunctionExpression(function.Value, [first, second], name.Position);
    }

    /// <summary>Reads <c>GEO_DISTANCE(place, place)</c>.</summary>
    public GeoDistanceExpression ParseDistance()
    {
        var name = cursor.Take();
        cursor.Expect(TokenKind.Open, "(");
        var from = ParsePlace();
        cursor.Expect(TokenKind.Comma, ", and the other place");
        var to = ParsePlace();
        cursor.Expect(TokenKind.Close, ")");
        return new GeoDistanceExpression(from, to, name.Position);
    }

    private GeoWithinExpression ParseWithin(int position)
    {
        var place = ParsePlace();
        cursor.Expect(TokenKind.Comma, ", and POLYGON((longitude latitude, ...))");
        var start = cursor.Peek();
        if (!cursor.TakeWord("POLYGON")) throw cursor.Error(start, "POLYGON((longitude latitude, ...))");
        cursor.Expect(TokenKind.Open, "(");
        var rings = new List<double[]>();
        var corners = 0;
        do
        {
            cursor.Expect(TokenKind.Open, "( and a ring of corners");
            var ring = new List<double>();
            do
            {
                if (++corners > QueryLimits.Corners) cursor.Fail($"A polygon has at most {QueryLimits.Corners} corners.");
                ring.Add(Degrees(180, "a longitude from -180 to 180"));
                ring.Add(Degrees(90, "a latitude from -90 to 90"));
            }
            while (cursor.TakeKind(TokenKind.Comma));
            if (ring.Count < 6) throw cursor.Error(cursor.Peek(), ", and another corner: a ring has three or more");
            cursor.Expect(TokenKind.Close, ", or )");
            rings.Add([.. ring]);
        }
        while (cursor.TakeKind(TokenKind.Comma));
        cursor.Expect(TokenKind.Close, ", or )");
        cursor.Expect(TokenKind.Close, ")");
        return new GeoWithinExpression(place, new GeoPolygon(rings), position);
    }

    private double Degrees(double most, string what)
    {
        var number = cursor.Peek();
        if (number.Kind != TokenKind.Number || Math.Abs(number.Value.AsNumber) > most) throw cursor.Error(number, what);
        cursor.Take();
        return number.Value.AsNumber;
    }

    private Expression ParsePlace()
    {
        var start = cursor.Peek();
        if (start.Is("POINT") && cursor.PeekKind(1) == TokenKind.Open)
        {
            cursor.Take();
            cursor.Take();
            var longitude = ParseOperand();
            cursor.TakeKind(TokenKind.Comma);
            var latitude = ParseOperand();
            cursor.Expect(TokenKind.Close, ")");
            return new PointExpression(longitude, latitude, start.Position);
        }
        var path = Resolve(cursor.ParsePath("a property, an alias or POINT(longitude latitude)"));
        if (path.Segments.Count > 0) return path;
        return new PointExpression(path with { Segments = ["longitude"] }, path with { Segments = ["latitude"] }, path.Position);
    }

    private OfModelExpression ParseOfModel(int position)
    {
        var source = 0;
        if (cursor.PeekAlias())
        {
            var alias = cursor.Take();
            source = FindAlias(alias.Name);
            if (source < 0) throw cursor.Error(alias, "a declared alias or a model id in quotes");
            cursor.Expect(TokenKind.Comma, ", and a model id");
        }
        if (sources[source].Kind != SourceKind.Twins) throw new QuerySyntaxException(position, "IS_OF_MODEL asks about twins; relationships have no model.");
        var token = cursor.Peek();
        var model = ParseOperand();
        if (model is not (ParameterExpression or LiteralExpression { Value.Kind: ValueKind.Text })) throw cursor.Error(token, "a model id in quotes or a parameter");
        var isExact = false;
        if (cursor.TakeKind(TokenKind.Comma))
        {
            if (!cursor.TakeWord("EXACT")) throw cursor.Error(cursor.Peek(), "exact");
            isExact = true;
        }
        cursor.Expect(TokenKind.Close, isExact ? ")" : ", exact or )");
        return new OfModelExpression(source, model, isExact, position);
    }

    /// <summary>Finds the source a path starts from: its first name when that is an alias, else the only source.</summary>
    public PathExpression Resolve(PathExpression raw)
    {
        var source = FindAlias(raw.Segments[0]);
        if (source >= 0) return new PathExpression(source, [.. raw.Segments.Skip(1)], raw.Position);
        if (sources.Count > 1)
            throw new QuerySyntaxException(raw.Position, $"{raw.Segments[0]} is no alias of this query; with JOIN or MATCH every property needs one of {Aliases()} before it.");
        if (raw.Segments[0][0] == '$' && !SystemNames.Contains(raw.Segments[0]))
            throw new QuerySyntaxException(raw.Position, $"{raw.Segments[0]} is no system property; known are {string.Join(", ", SystemNames)}.");
        return raw;
    }

    private int FindAlias(string name)
    {
        for (var i = 0; i < sources.Count; i++)
            if (sources[i].Alias == name) return i;
        return -1;
    }

    private string Aliases() => string.Join(", ", sources.Where(s => s.Alias is not null).Select(s => s.Alias));
}
