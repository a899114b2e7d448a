using System.Collections.Frozen;

namespace Twin.Model.Query;

/// <summary>A place in the tokens of one query, with the small steps every rule of the grammar is made of.</summary>
internal sealed class TokenCursor(string text)
{
    private static readonly FrozenSet<string> Reserved = FrozenSet.ToFrozenSet(
        ["SELECT", "FROM", "WHERE", "JOIN", "RELATED", "ORDER", "BY", "ASC", "DESC", "AND", "OR", "NOT", "IN", "AS", "MATCH", "GROUP", "NIN", "TRUE", "FALSE", "NULL"],
        StringComparer.OrdinalIgnoreCase);

    private readonly List<QueryToken> _tokens = QueryTokenizer.Cut(text);
    private int _at;

    /// <summary>The place of the present token; <see cref="Return"/> goes back to it.</summary>
    public int Mark() => _at;

    public void Return(int mark) => _at = mark;

    /// <summary>Goes to the next such word that is no part of a path; stays and answers false when there is none.</summary>
    public bool SkipTo(string keyword)
    {
        for (var at = _at; at < _tokens.Count; at++)
        {
            if (!_tokens[at].Is(keyword) || _tokens[at - 1].Kind == TokenKind.Dot) continue;
            _at = at;
            return true;
        }
        return false;
    }

    public QueryToken Peek() => _tokens[_at];

    public TokenKind PeekKind(int ahead) => _tokens[Math.Clamp(_at + ahead, 0, _tokens.Count - 1)].Kind;

    public bool PeekWord(string keyword) => _tokens[_at].Is(keyword);

    public bool PeekWord(int ahead, string keyword) => _tokens[Math.Min(_at + ahead, _tokens.Count - 1)].Is(keyword);

    /// <summary>True when a name stands here that is no keyword.</summary>
    public bool PeekAlias() => IsPlainName(_tokens[_at]);

    public QueryToken Take()
    {
        var token = _tokens[_at];
        if (token.Kind != TokenKind.End) _at++;
        return token;
    }

    public bool TakeWord(string keyword)
    {
        if (!PeekWord(keyword)) return false;
        _at++;
        return true;
    }

    public bool TakeKind(TokenKind kind)
    {
        if (_tokens[_at].Kind != kind) return false;
        _at++;
        return true;
    }

    public void Expect(TokenKind kind, string what)
    {
        if (!TakeKind(kind)) throw Error(Peek(), what);
    }

    public void ExpectWord(string keyword)
    {
        if (!TakeWord(keyword)) throw Error(Peek(), keyword);
    }

    public QueryToken ExpectName(string what) => IsPlainName(Peek()) ? Take() : throw Error(Peek(), what);

    public void ExpectEnd(string alternatives)
    {
        if (Peek().Kind != TokenKind.End) throw Error(Peek(), alternatives + " or the end of the query");
    }

    /// <summary>Names joined by dots, keys and indexes in brackets, not yet resolved to a source. After a dot any name may stand, keywords too.</summary>
    public PathExpression ParsePath(string what)
    {
        var first = Peek();
        if (!IsPlainName(first) && first.Kind != TokenKind.SystemName) throw Error(first, what);
        var segments = new List<string> { Take().Name };
        while (true)
        {
            if (TakeKind(TokenKind.Dot))
            {
                if (Peek().Kind is not (TokenKind.Name or TokenKind.QuotedName or TokenKind.SystemName)) throw Error(Peek(), "a name after the dot");
                segments.Add(Take().Name);
            }
            else if (TakeKind(TokenKind.OpenBracket)) segments.Add(ParseKey());
            else break;
            if (segments.Count > QueryLimits.PathSegments + 1) throw new QuerySyntaxException(first.Position, $"A path has at most {QueryLimits.PathSegments} names after its alias.");
        }
        return new PathExpression(0, segments, first.Position);
    }

    // ['key'] of a map or [0] of an array; the bracket is taken.
    private string ParseKey()
    {
        var key = Peek();
        var isKey = key.Kind == TokenKind.Text || (key.Kind == TokenKind.Number && key.Value.Kind == ValueKind.Integer && key.Value.AsInteger is >= 0 and <= int.MaxValue);
        if (!isKey || key.Value.AsText is "") throw Error(key, "a key in quotes or an index");
        Take();
        Expect(TokenKind.CloseBracket, "]");
        return key.Value.ToString();
    }

    /// <summary>Throws, at the present token.</summary>
    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    public void Fail(string detail) => throw new QuerySyntaxException(Peek().Position, detail);

    public QuerySyntaxException Error(QueryToken found, string expected)
    {
        var shown = found.Kind == TokenKind.End ? "the end of the query" : "'" + Shown(found) + "'";
        return new QuerySyntaxException(found.Position, $"Found {shown}; expected {expected}.");
    }

    private string Shown(QueryToken token) =>
        token.Length <= 40 ? text.Substring(token.Position - 1, token.Length) : string.Concat(text.AsSpan(token.Position - 1, 40), "...");

    private static bool IsPlainName(QueryToken token) =>
        token.Kind == TokenKind.QuotedName || (token.Kind == TokenKind.Name && !Reserved.Contains(token.Name));
}
