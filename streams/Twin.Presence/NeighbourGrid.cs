using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// Who is near a place: avatars sorted by square (counting sort, rebuilt each tick: two passes over the arrays). Hot; allocates nothing once grown. One thread at a time.
/// Distances are over the ground (X, Z).
/// </summary>
public sealed class NeighbourGrid
{
    private const int MostSide = 256;
    private readonly int _columns;
    private readonly int _rows;
    private readonly float _perSquare;
    private readonly int[] _starts;
    private readonly int[] _cursors;
    private int[] _squares = [];
    private Entry[] _entries = [];

    /// <summary>A grid over a space.</summary>
    /// <param name="widthSteps">Along X.</param>
    /// <param name="depthSteps">Along Z.</param>
    /// <param name="squareMetres">A square's side; made larger when more than 256 squares would lie along a side.</param>
    public NeighbourGrid(int widthSteps, int depthSteps, double squareMetres)
    {
        var side = Math.Max(squareMetres * AvatarPose.StepsPerMetre, (double)Math.Max(widthSteps, depthSteps) / MostSide);
        _perSquare = (float)(1 / side);
        _columns = Math.Clamp((int)Math.Ceiling(widthSteps / side), 1, MostSide);
        _rows = Math.Clamp((int)Math.Ceiling(depthSteps / side), 1, MostSide);
        _starts = new int[(_columns * _rows) + 1];
        _cursors = new int[_columns * _rows];
    }

    /// <summary>Sorts the mirror's avatars.</summary>
    public void Build(Mirror mirror)
    {
        ArgumentNullException.ThrowIfNull(mirror);
        if (_squares.Length < mirror.End)
        {
            _squares = new int[mirror.End * 2];
            _entries = new Entry[mirror.End * 2];
        }

        Array.Clear(_starts);
        for (var i = 0; i < mirror.End; i++)
        {
            if (!mirror.IsHere(i)) continue;
            ref readonly var pose = ref mirror.StateAt(i).Pose;
            var square = (Row(pose.Z) * _columns) + Column(pose.X);
            _squares[i] = square;
            _starts[square + 1]++;
        }

        for (var s = 1; s < _starts.Length; s++) _starts[s] += _starts[s - 1];
        _starts.AsSpan(0, _cursors.Length).CopyTo(_cursors);
        for (var i = 0; i < mirror.End; i++)
        {
            if (!mirror.IsHere(i)) continue;
            ref readonly var pose = ref mirror.StateAt(i).Pose;
            _entries[_cursors[_squares[i]]++] = new Entry(i, pose.X, pose.Z);
        }
    }

    /// <summary>Collects who is within a radius, in no particular but a repeatable order.</summary>
    /// <param name="x">Steps.</param>
    /// <param name="z">Steps.</param>
    /// <param name="radiusSteps">Within it, the border included.</param>
    /// <param name="found">Gets index and squared distance in steps; what does not fit is not told.</param>
    /// <returns>How many were found, also those that did not fit.</returns>
    public int Within(int x, int z, float radiusSteps, Span<Neighbour> found)
    {
        int left = Column(x - (int)radiusSteps), right = Column(x + (int)radiusSteps), bottom = Row(z - (int)radiusSteps), top = Row(z + (int)radiusSteps);
        var (limit, count) = (radiusSteps * radiusSteps, 0);
        for (var row = bottom; row <= top; row++)
        {
            // Squares of one row lie side by side.
            var end = _starts[(row * _columns) + right + 1];
            for (var e = _starts[(row * _columns) + left]; e < end; e++)
            {
                ref readonly var entry = ref _entries[e];
                float dx = entry.X - x, dz = entry.Z - z;
                var square = (dx * dx) + (dz * dz);
                if (square > limit) continue;
                if (count < found.Length) found[count] = new Neighbour(entry.Index, square);
                count++;
            }
        }

        return count;
    }

    private int Column(int x) => Math.Clamp((int)(x * _perSquare), 0, _columns - 1);

    private int Row(int z) => Math.Clamp((int)(z * _perSquare), 0, _rows - 1);

    private readonly record struct Entry(int Index, int X, int Z);
}

/// <summary>An avatar near a place.</summary>
/// <param name="Index">In the mirror.</param>
/// <param name="SquaredSteps">Its distance over the ground, squared, in steps.</param>
public readonly record struct Neighbour(int Index, float SquaredSteps);
