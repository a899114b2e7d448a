using System.Globalization;
using System.Text;

namespace Twin.Model.Query;

/// <summary>Cuts query text into tokens. The whole text is cut first, so the parser may look ahead freely.</summary>
internal static class QueryTokenizer
{
    /// <summary>All tokens, the last of kind End.</summary>
    /// <exception cref="QuerySyntaxException">A character or literal cannot be read, or the text is too long.</exception>
    public static List<QueryToken> Cut(string text)
    {
        if (text.Length > QueryLimits.TextBytes || Encoding.UTF8.GetByteCount(text) > QueryLimits.TextBytes)
            throw new QuerySyntaxException(1, $"The query is longer than {QueryLimits.TextBytes} bytes.");
        var tokens = new List<QueryToken>(32);
        var at = 0;
        while (true)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            if (at == text.Length)
            {
                tokens.Add(new QueryToken(TokenKind.End, at + 1, 0, default, ""));
                return tokens;
            }
            var token = Next(text, at);
            tokens.Add(token);
            at += token.Length;
        }
    }

    private static QueryToken Next(string text, int at)
    {
        var c = text[at];
        var next = at + 1 < text.Length ? text[at + 1] : '\0';
        switch (c)
        {
            case '*': return Sign(TokenKind.Star, at, 1);
            case ',': return Sign(TokenKind.Comma, at, 1);
            case '.': return Sign(TokenKind.Dot, at, 1);
            case '(': return Sign(TokenKind.Open, at, 1);
            case ')': return Sign(TokenKind.Close, at, 1);
            case '[': return next == '[' ? QuotedName(text, at) : Sign(TokenKind.OpenBracket, at, 1);
            case ']': return Sign(TokenKind.CloseBracket, at, 1);
            case '=': return Sign(TokenKind.Equal, at, 1);
            case '!' when next == '=': return Sign(TokenKind.NotEqual, at, 2);
            case '<' when next == '>': return Sign(TokenKind.NotEqual, at, 2);
            case '<' when next == '=': return Sign(TokenKind.LessOrEqual, at, 2);
            case '<': return Sign(TokenKind.Less, at, 1);
            case '>' when next == '=': return Sign(TokenKind.GreaterOrEqual, at, 2);
            case '>': return Sign(TokenKind.Greater, at, 1);
            case '\'': return Text(text, at);
            case '$' when IsNameStart(next): return Name(text, at, TokenKind.SystemName);
            case '-' when char.IsAsciiDigit(next): return Number(text, at);
            case '-': return Sign(TokenKind.Dash, at, 1);
            case ':': return Sign(TokenKind.Colon, at, 1);
            case '|': return Sign(TokenKind.Bar, at, 1);
            default:
                if (char.IsAsciiDigit(c)) return Number(text, at);
                if (IsNameStart(c)) return Name(text, at, TokenKind.Name);
                throw new QuerySyntaxException(at + 1, Unreadable(c));
        }
    }

    private static string Unreadable(char c) => c switch
    {
        '"' => "A double quote was found; text is written in single quotes: 'text'.",
        '!' => "'!' was found; write != for inequality or NOT for negation.",
        '$' => "'$' was found without a name after it, as in $dtId or $parameter.",
        _ => $"The character '{c}' (U+{(int)c:X4}) was found, which starts nothing in the query language.",
    };

    private static QueryToken Sign(TokenKind kind, int at, int length) => new(kind, at + 1, length, default, "");

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_';

    private static QueryToken Name(string text, int at, TokenKind kind)
    {
        var end = at + 1;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_')) end++;
        return new QueryToken(kind, at + 1, end - at, default, text[at..end]);
    }

    /// <summary><c>[[order]]</c>: a name that would otherwise be a keyword.</summary>
    private static QueryToken QuotedName(string text, int at)
    {
        var end = text.IndexOf("]]", at + 2, StringComparison.Ordinal);
        if (end < 0) throw new QuerySyntaxException(at + 1, "A name in [[ ]] was begun here; its ]] was not found.");
        if (end == at + 2) throw new QuerySyntaxException(at + 1, "[[ ]] holds no name.");
        return new QueryToken(TokenKind.QuotedName, at + 1, end + 2 - at, default, text[(at + 2)..end]);
    }

    private static QueryToken Number(string text, int at)
    {
        var end = at + 1;
        var isInteger = true;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        if (end + 1 < text.Length && text[end] == '.' && char.IsAsciiDigit(text[end + 1]))
        {
            isInteger = false;
            end++;
            while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        }
        if (end < text.Length && text[end] is 'e' or 'E')
        {
            var digits = end + 1;
            if (digits < text.Length && text[digits] is '+' or '-') digits++;
            if (digits >= text.Length || !char.IsAsciiDigit(text[digits]))
                throw new QuerySyntaxException(end + 1, "An exponent was begun; digits were expected after it.");
            isInteger = false;
            end = digits;
            while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        }
        if (end < text.Length && IsNameStart(text[end]))
            throw new QuerySyntaxException(end + 1, $"'{text[end]}' was found inside a number; a space or an operator was expected.");
        var span = text.AsSpan(at, end - at);
        if (isInteger && long.TryParse(span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            return new QueryToken(TokenKind.Number, at + 1, end - at, PropertyValue.From(integer), "");
        var number = double.Parse(span, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (!double.IsFinite(number)) throw new QuerySyntaxException(at + 1, "The number is outside the range of a 64-bit float.");
        return new QueryToken(TokenKind.Number, at + 1, end - at, PropertyValue.From(number), "");
    }

    private static QueryToken Text(string text, int at)
    {
        var unescaped = new StringBuilder();
        var i = at + 1;
        while (i < text.Length)
        {
            var c = text[i];
            if (c == '\'')
            {
                if (i + 1 >= text.Length || text[i + 1] != '\'')
                    return new QueryToken(TokenKind.Text, at + 1, i + 1 - at, PropertyValue.From(unescaped.ToString()), "");
                unescaped.Append('\'');
                i += 2;
            }
            else if (c == '\\') i = Escape(text, i, unescaped);
            else
            {
                unescaped.Append(c);
                i++;
            }
        }
        throw new QuerySyntaxException(at + 1, "Text was begun here; its closing ' was not found.");
    }

    private static int Escape(string text, int at, StringBuilder into)
    {
        var c = at + 1 < text.Length ? text[at + 1] : '\0';
        switch (c)
        {
            case '\'' or '\\' or '"' or '/': into.Append(c); return at + 2;
            case 'n': into.Append('\n'); return at + 2;
            case 'r': into.Append('\r'); return at + 2;
            case 't': into.Append('\t'); return at + 2;
            case 'b': into.Append('\b'); return at + 2;
            case 'f': into.Append('\f'); return at + 2;
            case 'u' when at + 6 <= text.Length
                && ushort.TryParse(text.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit):
                into.Append((char)unit);
                return at + 6;
            default:
                throw new QuerySyntaxException(at + 1, @"An escape was begun; one of \' \\ \"" \/ \n \r \t \b \f \uXXXX was expected.");
        }
    }
}
