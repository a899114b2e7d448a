namespace Twin.Model.Query;

/// <summary>
/// Reads conditions. Binding, loosest first: OR, AND, NOT, comparison. AND and OR chains are flat, so only parentheses
/// and NOT nest, at most <see cref="QueryLimits.Depth"/> deep.
/// <code>
/// condition  = conjunction {OR conjunction}        conjunction = negation {AND negation}
/// negation   = NOT negation | '(' condition ')' | IS_OF_MODEL(...) | FUNCTION(operand, ...) | operand [op operand | [NOT] IN '[' ... ']']
/// operand    = literal | $parameter | path
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
        if (token.Kind == TokenKind.Name && cursor.PeekKind(1) == TokenKind.Open) return ParseFunction();
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
        if (token.Is("NOT") && cursor.PeekWord(1, "IN"))
        {
            cursor.Take();
            cursor.Take();
            return ParseIn(left, isNegated: true, token.Position);
        }
        return left is LiteralExpression { Value.Kind: not ValueKind.Boolean }
            ? throw cursor.Error(token, "=, !=, <, <=, >, >=, IN or NOT IN")
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
            "IS_OF_MODEL" => (QueryFunction?)null,
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
            _ => throw cursor.Error(
                name, "IS_OF_MODEL, STARTSWITH, ENDSWITH, CONTAINS, IS_DEFINED, IS_NULL, IS_NUMBER, IS_STRING, IS_BOOL, IS_PRIMITIVE or IS_OBJECT"),
        };
        if (function is null) return ParseOfModel(name.Position);
        var first = ParseOperand();
        if (function > QueryFunction.Contains)
        {
            cursor.Expect(TokenKind.Close, ")");
            return new FunctionExpression(function.Value, [first], name.Position);
        }
        cursor.Expect(TokenKind.Comma, ", and the text to look for");
        var second = ParseOperand();
        cursor.Expect(TokenKind.Close, ")");
        return new FunctionExpression(function.Value, [first, second], name.Position);
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
            throw new QuerySyntaxException(raw.Position, $"{raw.Segments[0]} is no alias of this query; with JOIN every property needs one of {Aliases()} before it.");
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
