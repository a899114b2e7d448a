namespace Twin.Model.Query;

/// <summary>Bounds of the language itself. Execution bounds (rows, time) belong to the executor.</summary>
public static class QueryLimits
{
    /// <summary>Longest text, in UTF-8 bytes.</summary>
    public const int TextBytes = 32 * 1024;

    /// <summary>Deepest nesting of parentheses and NOT.</summary>
    public const int Depth = 64;

    /// <summary>Longest IN list.</summary>
    public const int ListLength = 1_000;

    /// <summary>Most segments in a property path.</summary>
    public const int PathSegments = 16;

    /// <summary>Most items after SELECT, and most terms after ORDER BY.</summary>
    public const int Items = 64;

    /// <summary>Largest TOP.</summary>
    public const int Top = 1_000_000;

    /// <summary>Most JOINs in one query, and most links in a MATCH chain.</summary>
    public const int Hops = 5;

    /// <summary>Most relationships a link of a MATCH chain may follow.</summary>
    public const int HopRange = 10;

    /// <summary>Most names in a link of a MATCH chain.</summary>
    public const int Names = 64;

    /// <summary>Most corners of a polygon, over all its rings.</summary>
    public const int Corners = 1_000;

    /// <summary>Most groups of a GROUP BY.</summary>
    public const int Groups = 100_000;
}
