namespace Twin.Presence;

/// <summary>How a space is run. Immutable.</summary>
public sealed record StageRules
{
    /// <summary>What avatars may do.</summary>
    public required MovementRules Movement { get; init; }

    /// <summary>Whom viewers are told of.</summary>
    public InterestRules Interest { get; init; } = new();

    /// <summary>Cells along each side, 1 to 16.</summary>
    public int CellsAcross { get; init; } = 1;

    /// <summary>Most avatars in a cell.</summary>
    public int CellCapacity { get; init; } = 20_000;

    /// <summary>A tile of the crowd, in metres.</summary>
    public int CrowdTileMetres { get; init; } = 8;

    /// <summary>Error that the near ring leaves as it is, in steps, for the whole space; 0 is exact.</summary>
    public int NearBoundSteps { get; init; }

    /// <summary>The same for the middle ring.</summary>
    public int MiddleBoundSteps { get; init; } = 8;

    /// <summary>The square of a cell.</summary>
    /// <param name="cell">Row * <see cref="CellsAcross"/> + column.</param>
    public CellBounds BoundsOf(int cell)
    {
        if (CellsAcross == 1) return CellBounds.Whole;
        var (column, row) = (cell % CellsAcross, cell / CellsAcross);
        return new CellBounds(
            (int)((long)Movement.WidthSteps * column / CellsAcross), (int)((long)Movement.DepthSteps * row / CellsAcross),
            column == CellsAcross - 1 ? 1 << 24 : (int)((long)Movement.WidthSteps * (column + 1) / CellsAcross), row == CellsAcross - 1 ? 1 << 24 : (int)((long)Movement.DepthSteps * (row + 1) / CellsAcross));
    }

    /// <summary>The cell that a place belongs to.</summary>
    public int CellOf(int x, int z) =>
        (Math.Clamp((int)((long)z * CellsAcross / Movement.DepthSteps), 0, CellsAcross - 1) * CellsAcross) + Math.Clamp((int)((long)x * CellsAcross / Movement.WidthSteps), 0, CellsAcross - 1);
}
