namespace Twin.Model.Query.Standing;

/// <summary>How a row of a standing query changed.</summary>
public enum RowChangeKind : byte
{
    /// <summary>It is new in the answer.</summary>
    Added,
    /// <summary>It reads differently.</summary>
    Changed,
    /// <summary>It is no longer in the answer.</summary>
    Removed,
}

/// <summary>One row's change. One instance for all queries that share the row, so what is made of it once serves them all.</summary>
/// <param name="Kind">How.</param>
/// <param name="Id">Names the row, see <see cref="BoundRow.Id"/>.</param>
/// <param name="Row">The row now, UTF-8 JSON; empty when it is gone.</param>
public sealed record RowChange(RowChangeKind Kind, string Id, ReadOnlyMemory<byte> Row);

/// <summary>One standing query. Its set's, not thread-safe.</summary>
public sealed class StandingMember
{
    internal StandingMember(int number, StandingForm form, StandingGroup group) => (Number, Form, Group) = (number, form, group);

    /// <summary>The query.</summary>
    public StandingForm Form { get; }

    /// <summary>Rows in its answer now.</summary>
    public int RowCount => Rows.Count;

    /// <summary>The rows of its answer, each as an addition.</summary>
    public IEnumerable<RowChange> Answer => Rows.Select(r => new RowChange(RowChangeKind.Added, r.Id, r.Row));

    /// <summary>True once its rows were taken in; see <see cref="StandingSet.Load"/>.</summary>
    public bool IsLoaded { get; internal set; }

    /// <summary>Changes not taken yet; whoever publishes them empties it.</summary>
    public List<RowChange> Changes { get; } = [];

    /// <summary>Room for its owner.</summary>
    public object? Tag { get; set; }

    internal int Number { get; }

    /// <summary>Where in what its group missed the reading of its answer began; -1 while it is not read.</summary>
    internal int LoadsFrom { get; set; } = -1;

    internal HashSet<StandingRow> Rows { get; } = [];

    internal StandingGroup Group { get; }
}
