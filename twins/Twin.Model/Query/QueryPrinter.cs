using System.Globalization;
using System.Text;

namespace Twin.Model.Query;

/// <summary>
/// Writes a query as text again, parameters as the values given for them. Every source gets a name of its own, <c>_0</c> by its
/// place, so queries that differ in their aliases alone are written alike; what is written is read back to the same meaning.
/// </summary>
internal sealed class QueryPrinter(TwinQuery query, PropertyValue[] parameters)
{
    private readonly StringBuilder _text = new();

    /// <summary>SELECT some values, each under a name without meaning, FROM the query's sources WHERE all of some terms hold.</summary>
    public static string Print(TwinQuery query, PropertyValue[] parameters, IReadOnlyList<Expression> values, IReadOnlyList<Expression> terms)
    {
        var printer = new QueryPrinter(query, parameters);
        printer._text.Append("SELECT ");
        for (var i = 0; i < values.Count; i++)
        {
            printer.Write(values[i], i == 0 ? "" : ", ");
            printer._text.Append(CultureInfo.InvariantCulture, $" AS _v{i}");
        }

        printer.WriteSources();
        for (var i = 0; i < terms.Count; i++) printer.WriteTerm(terms[i], i == 0 ? " WHERE " : " AND ");
        return printer._text.ToString();
    }

    private void WriteSources()
    {
        if (query.Hops.Count == 0)
        {
            // Relationships are the links of all twins.
            _text.Append(query.Sources[0].Kind == SourceKind.Twins ? " FROM DIGITALTWINS _0" : " FROM DIGITALTWINS MATCH (_s)-[_0]->(_t)");
            return;
        }

        var areJoins = query.Hops[0].Link > query.Hops[0].To; // a JOIN names the twin before the link, a chain the link before the twin
        _text.Append(areJoins ? $" FROM DIGITALTWINS _{query.Hops[0].From}" : $" FROM DIGITALTWINS MATCH (_{query.Hops[0].From})");
        foreach (var hop in query.Hops)
        {
            if (areJoins) _text.Append(CultureInfo.InvariantCulture, $" JOIN _{hop.To} RELATED _{hop.From}.[[{hop.Names[0]}]] _{hop.Link}");
            else WriteLink(hop);
        }
    }

    private void WriteLink(QueryHop hop)
    {
        _text.Append(hop.Direction == HopDirection.In ? "<-[" : "-[");
        if (hop.IsSingle) _text.Append(CultureInfo.InvariantCulture, $"_{hop.Link}");
        for (var i = 0; i < hop.Names.Count; i++) _text.Append(i == 0 ? ":" : "|").Append("[[").Append(hop.Names[i]).Append("]]");
        if (!hop.IsSingle) _text.Append(CultureInfo.InvariantCulture, $"*{hop.Least}..{hop.Most}");
        _text.Append(hop.Direction == HopDirection.Out ? "]->(" : "]-(").Append(CultureInfo.InvariantCulture, $"_{hop.To})");
    }

    private void WriteTerm(Expression term, string before)
    {
        _text.Append(before);
        switch (term)
        {
            case AndExpression and: WriteChain(and.Terms, " AND "); break;
            case OrExpression or: WriteChain(or.Terms, " OR "); break;
            case NotExpression not: WriteTerm(not.Term, "NOT "); break;
            case ComparisonExpression comparison:
                Write(comparison.Left, "");
                Write(comparison.Right, comparison.Operator switch
                {
                    Comparison.Equal => " = ",
                    Comparison.NotEqual => " != ",
                    Comparison.Less => " < ",
                    Comparison.LessOrEqual => " <= ",
                    Comparison.Greater => " > ",
                    _ => " >= ",
                });
                break;
            case InExpression among:
                Write(among.Value, "");
                _text.Append(among.IsNegated ? " NOT IN " : " IN ");
                WriteList(among.List, "[", "]");
                break;
            case OfModelExpression ofModel:
                _text.Append(CultureInfo.InvariantCulture, $"IS_OF_MODEL(_{ofModel.Source}, ");
                Write(ofModel.Model, "");
                _text.Append(ofModel.IsExact ? ", exact)" : ")");
                break;
            case FunctionExpression function: WriteList(function.Arguments, NameOf(function.Function) + "(", ")"); break;
            case GeoWithinExpression within:
                Write(within.Place, "GEO_WITHIN(");
                WriteArea(within.Area);
                break;
            default: Write(term, ""); break;
        }
    }

    private void WriteChain(IReadOnlyList<Expression> terms, string between)
    {
        for (var i = 0; i < terms.Count; i++) WriteTerm(terms[i], i == 0 ? "(" : between);
        _text.Append(')');
    }

    private void WriteList(IReadOnlyList<Expression> list, string before, string after)
    {
        _text.Append(before);
        for (var i = 0; i < list.Count; i++) Write(list[i], i == 0 ? "" : ", ");
        _text.Append(after);
    }

    private void Write(Expression value, string before)
    {
        _text.Append(before);
        switch (value)
        {
            case PathExpression path:
                _text.Append(CultureInfo.InvariantCulture, $"_{path.Source}");
                foreach (var segment in path.Segments) WriteSegment(segment);
                break;
            case LiteralExpression literal: WriteValue(literal.Value); break;
            case ParameterExpression parameter: WriteValue(parameters[parameter.Slot]); break;
            case PointExpression point:
                Write(point.Longitude, "POINT(");
                Write(point.Latitude, ", ");
                _text.Append(')');
                break;
            case GeoDistanceExpression distance:
                Write(distance.From, "GEO_DISTANCE(");
                Write(distance.To, ", ");
                _text.Append(')');
                break;
            default: throw new NotSupportedException($"{value.GetType().Name} is no value.");
        }
    }

    private void WriteSegment(string segment)
    {
        if (IsName(segment.AsSpan(segment[0] == '$' ? 1 : 0))) _text.Append('.').Append(segment);
        else
        {
            _text.Append('[');
            WriteText(segment);
            _text.Append(']');
        }
    }

    private static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || !(char.IsAsciiLetter(name[0]) || name[0] == '_')) return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        return true;
    }

    private void WriteValue(in PropertyValue value)
    {
        switch (value.Kind)
        {
            case ValueKind.Boolean: _text.Append(value.AsBoolean ? "true" : "false"); break;
            case ValueKind.Integer: _text.Append(CultureInfo.InvariantCulture, $"{value.AsInteger}"); break;
            case ValueKind.Double: _text.Append(CultureInfo.InvariantCulture, $"{value.AsNumber:R}"); break;
            case ValueKind.None: _text.Append("null"); break;
            default:
                if (QueryValues.IsNull(value)) _text.Append("null");
                else WriteText(QueryValues.TextOf(value) ?? throw new NotSupportedException("An object or array is no value of a condition."));
                break;
        }
    }

    private void WriteText(string text)
    {
        _text.Append('\'');
        foreach (var c in text)
        {
            if (c is '\'' or '\\') _text.Append('\\');
            _text.Append(c);
        }

        _text.Append('\'');
    }

    private void WriteArea(GeoPolygon area)
    {
        _text.Append(", POLYGON");
        for (var ring = 0; ring < area.Rings.Count; ring++)
        {
            _text.Append(ring == 0 ? "((" : ", (");
            var corners = area.Rings[ring];
            for (var i = 0; i < corners.Length; i++) _text.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : i % 2 == 0 ? ", " : " ")}{corners[i]:R}");
            _text.Append(')');
        }

        _text.Append("))");
    }

    private static string NameOf(QueryFunction function) => function switch
    {
        QueryFunction.StartsWith => "STARTSWITH",
        QueryFunction.EndsWith => "ENDSWITH",
        QueryFunction.Contains => "CONTAINS",
        QueryFunction.IsDefined => "IS_DEFINED",
        QueryFunction.IsNull => "IS_NULL",
        QueryFunction.IsNumber => "IS_NUMBER",
        QueryFunction.IsString => "IS_STRING",
        QueryFunction.IsBool => "IS_BOOL",
        QueryFunction.IsPrimitive => "IS_PRIMITIVE",
        QueryFunction.IsObject => "IS_OBJECT",
        _ => "ARRAY_CONTAINS",
    };
}
