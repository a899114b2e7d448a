namespace Twin.Model.Query;

/// <summary>What a piece of query text is.</summary>
internal enum TokenKind : byte
{
    End,
    Name,
    QuotedName,
    SystemName,
    Text,
    Number,
    Star,
    Comma,
    Dot,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Dash,
    Colon,
    Bar,
}

/// <summary>A piece of query text.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Position">1-based position of its first character.</param>
/// <param name="Length">Characters it takes in the text.</param>
/// <param name="Value">The number or unescaped text; None for other kinds.</param>
/// <param name="Name">The name, with <c>$</c> for system names; empty for other kinds.</param>
internal readonly record struct QueryToken(TokenKind Kind, int Position, int Length, PropertyValue Value, string Name)
{
    /// <summary>True when it is that word, in any case, unquoted.</summary>
    public bool Is(string keyword) => Kind == TokenKind.Name && Name.Equals(keyword, StringComparison.OrdinalIgnoreCase);
}

/// <summary>A query that cannot be read; caught at the parser's door and told as a <see cref="Problem"/>.</summary>
internal sealed class QuerySyntaxException(int position, string detail) : Exception(detail)
{
    /// <summary>1-based position.</summary>
    public int Position { get; } = position;

    /// <summary>As the caller sees it.</summary>
    public Problem ToProblem() =>
        new("QuerySyntax", Message, Position.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
