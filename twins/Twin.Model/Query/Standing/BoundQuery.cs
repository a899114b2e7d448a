using Twin.Model.Policies;

namespace Twin.Model.Query.Standing;

/// <summary>Asks for rows with what is bound in them.</summary>
/// <param name="Text">A query that selects values; without parameters, order, limit or groups.</param>
/// <param name="Names">Members of a row, by the first selected values; what is selected after them are keys. Empty makes the first value the whole row.</param>
/// <param name="MostRows">Refused when there are more.</param>
public sealed record BoundQuery(string Text, IReadOnlyList<string> Names, int MostRows)
{
    /// <summary>The text as it was read; null reads it again.</summary>
    public TwinQuery? Parsed { get; init; }

    /// <summary>Only rows in which <see cref="Twins"/> stand for this source of the query; -1 gives all rows.</summary>
    public int Source { get; init; } = -1;

    /// <summary>See <see cref="Source"/>.</summary>
    public IReadOnlyList<string> Twins { get; init; } = [];

    /// <summary>Who asks; null sees everything.</summary>
    public PolicySubject? Subject { get; init; }
}

/// <summary>A row with what is bound in it.</summary>
/// <param name="Id">Names the binding: the ids of its twins and relationships in order of the sources, the same however the row was found.</param>
/// <param name="Twins">Twin by source; null for sources of relationships.</param>
/// <param name="Row">The row, UTF-8 JSON.</param>
/// <param name="Keys">Values selected after the row's own.</param>
public sealed record BoundRow(string Id, IReadOnlyList<string?> Twins, ReadOnlyMemory<byte> Row, PropertyValue[] Keys);

/// <summary>Rows asked for, or why they cannot be given.</summary>
public sealed record BoundRows(TwinStatus Status, IReadOnlyList<BoundRow> Rows, Problem? Problem = null);
