namespace Twin.Model.Query;

/// <summary>A node of a query's condition. Immutable. New kinds of predicate are new subtypes; the planner refuses those it does not know.</summary>
/// <param name="Position">1-based position in the text, for errors.</param>
public abstract record Expression(int Position);

/// <summary>A value written in the text. None stands for <c>null</c>.</summary>
public sealed record LiteralExpression(PropertyValue Value, int Position) : Expression(Position);

/// <summary>A value given with the request. <paramref name="Name"/> is without <c>$</c>; <paramref name="Slot"/> its place in <see cref="TwinQuery.Parameters"/>.</summary>
public sealed record ParameterExpression(string Name, int Slot, int Position) : Expression(Position);

/// <summary>A property, a system property (<c>$dtId</c>, <c>$metadata.$model</c>) or, without segments, a whole twin or relationship.</summary>
/// <param name="Source">Index in <see cref="TwinQuery.Sources"/>.</param>
/// <param name="Segments">Names after the alias.</param>
/// <param name="Position">Where it stands.</param>
public sealed record PathExpression(int Source, IReadOnlyList<string> Segments, int Position) : Expression(Position)
{
    /// <summary>True for <c>$...</c> properties, which are not in the model.</summary>
    public bool IsSystem => Segments.Count > 0 && Segments[0][0] == '$';

    /// <summary>True for exactly this one-segment system name, e.g. <c>$dtId</c>.</summary>
    public bool IsName(string name) => Segments.Count == 1 && Segments[0] == name;

    /// <summary>True for <c>$metadata.$model</c>.</summary>
    public bool IsModel => Segments.Count == 2 && Segments[0] == "$metadata" && Segments[1] == "$model";

    /// <summary>As the state addresses it: <c>component/property/field</c>.</summary>
    public string StatePath => string.Join('/', Segments);
}

/// <summary>Comparison operators.</summary>
public enum Comparison : byte
{
    /// <summary>=</summary>
    Equal,
    /// <summary>!= (or &lt;&gt;)</summary>
    NotEqual,
    /// <summary>&lt;</summary>
    Less,
    /// <summary>&lt;=</summary>
    LessOrEqual,
    /// <summary>&gt;</summary>
    Greater,
    /// <summary>&gt;=</summary>
    GreaterOrEqual,
}

/// <summary>Two values compared; see <see cref="QueryValues"/> for the rules.</summary>
public sealed record ComparisonExpression(Comparison Operator, Expression Left, Expression Right, int Position) : Expression(Position);

/// <summary>All of two or more.</summary>
public sealed record AndExpression(IReadOnlyList<Expression> Terms, int Position) : Expression(Position);

/// <summary>Any of two or more.</summary>
public sealed record OrExpression(IReadOnlyList<Expression> Terms, int Position) : Expression(Position);

/// <summary>True when the term is false.</summary>
public sealed record NotExpression(Expression Term, int Position) : Expression(Position);

/// <summary>
/// A value among others. <c>x IN [a, b]</c> is <c>x = a OR x = b</c>; <c>x NOT IN [a, b]</c> is <c>x != a AND x != b</c>,
/// so both are false when x is missing.
/// </summary>
public sealed record InExpression(Expression Value, IReadOnlyList<Expression> List, bool IsNegated, int Position) : Expression(Position);

/// <summary><c>IS_OF_MODEL([T,] 'dtmi' [, exact])</c>.</summary>
public sealed record OfModelExpression(int Source, Expression Model, bool IsExact, int Position) : Expression(Position);

/// <summary>Functions that answer true or false.</summary>
public enum QueryFunction : byte
{
    /// <summary>Text begins with other text, ordinally.</summary>
    StartsWith,
    /// <summary>Text ends with other text, ordinally.</summary>
    EndsWith,
    /// <summary>Text contains other text, ordinally.</summary>
    Contains,
    /// <summary>The property has a value (null included).</summary>
    IsDefined,
    /// <summary>The value is JSON null.</summary>
    IsNull,
    /// <summary>The value is a number.</summary>
    IsNumber,
    /// <summary>The value is text (times and durations are text in JSON).</summary>
    IsString,
    /// <summary>The value is true or false.</summary>
    IsBool,
    /// <summary>The value is text, a number, a boolean or null.</summary>
    IsPrimitive,
    /// <summary>The value is a JSON object.</summary>
    IsObject,
    /// <summary>The value is an array with an element equal to another value.</summary>
    ArrayContains,
}

/// <summary>A function over one or two values.</summary>
public sealed record FunctionExpression(QueryFunction Function, IReadOnlyList<Expression> Arguments, int Position) : Expression(Position);

/// <summary>A place made of two numbers, degrees on WGS 84: <c>POINT(longitude latitude)</c>.</summary>
public sealed record PointExpression(Expression Longitude, Expression Latitude, int Position) : Expression(Position);

/// <summary>
/// <c>GEO_DISTANCE(a, b)</c>: metres between two places along the WGS 84 ellipsoid; missing when either is no place. A place is
/// a <see cref="PointExpression"/> or a path to a GeoJSON point or an object with <c>longitude</c> and <c>latitude</c>.
/// </summary>
public sealed record GeoDistanceExpression(Expression From, Expression To, int Position) : Expression(Position);

/// <summary><c>GEO_WITHIN(place, POLYGON(...))</c>.</summary>
public sealed record GeoWithinExpression(Expression Place, GeoPolygon Area, int Position) : Expression(Position);

/// <summary>What is worked out over a group.</summary>
public enum AggregateFunction : byte
{
    /// <summary>Rows, or with an argument the rows that have it.</summary>
    Count,
    /// <summary>Sum of the numbers.</summary>
    Sum,
    /// <summary>Mean of the numbers; missing when there are none.</summary>
    Avg,
    /// <summary>Least value in the order of ORDER BY; missing when there is none.</summary>
    Min,
    /// <summary>Greatest value in the order of ORDER BY; missing when there is none.</summary>
    Max,
}

/// <summary>An aggregate over the rows of a group.</summary>
/// <param name="Function">What.</param>
/// <param name="Argument">Of what; null for COUNT().</param>
/// <param name="Position">Where it stands.</param>
public sealed record AggregateExpression(AggregateFunction Function, PathExpression? Argument, int Position) : Expression(Position);
