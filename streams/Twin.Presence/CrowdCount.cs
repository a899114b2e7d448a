using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>Counts a space's avatars by tile for those who are too far to be told of one by one. One thread at a time.</summary>
public sealed class CrowdCount
{
    private const int MostTiles = 64;
    private readonly int _tileSteps;
    private readonly int[] _counts;
    private readonly float[] _sines;
    private readonly float[] _cosines;
    private readonly CrowdTile[] _tiles;
    private readonly byte[] _body;

    /// <summary>For one space.</summary>
    /// <param name="widthSteps">Along X.</param>
    /// <param name="depthSteps">Along Z.</param>
    /// <param name="tileMetres">A tile's side, 1 to 255; made larger when more than 64 tiles would lie along a side.</param>
    public CrowdCount(int widthSteps, int depthSteps, int tileMetres)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tileMetres, 1);
        var least = (Math.Max(widthSteps, depthSteps) + (MostTiles * AvatarPose.StepsPerMetre) - 1) / (MostTiles * AvatarPose.StepsPerMetre);
        TileMetres = Math.Min(255, Math.Max(tileMetres, least));
        _tileSteps = TileMetres * AvatarPose.StepsPerMetre;
        (Columns, Rows) = (Math.Min(256, (widthSteps / _tileSteps) + 1), Math.Min(256, (depthSteps / _tileSteps) + 1));
        var tiles = Columns * Rows;
        (_counts, _sines, _cosines, _tiles, _body) = (new int[tiles], new float[tiles], new float[tiles], new CrowdTile[tiles], new byte[CrowdTiles.MostBytes(tiles)]);
    }

    /// <summary>A tile's side.</summary>
    public int TileMetres { get; }

    /// <summary>Tiles along X.</summary>
    public int Columns { get; }

    /// <summary>Tiles along Z.</summary>
    public int Rows { get; }

    /// <summary>Counts and encodes.</summary>
    /// <returns>The crowd's body, good until the next call.</returns>
    public ReadOnlySpan<byte> Write(Mirror mirror)
    {
        ArgumentNullException.ThrowIfNull(mirror);
        Array.Clear(_counts);
        Array.Clear(_sines);
        Array.Clear(_cosines);
        for (var i = 0; i < mirror.End; i++)
        {
            if (!mirror.IsHere(i)) continue;
            ref readonly var pose = ref mirror.StateAt(i).Pose;
            var tile = (Math.Min(Rows - 1, pose.Z / _tileSteps) * Columns) + Math.Min(Columns - 1, pose.X / _tileSteps);
            var q = RotationCode.ToQuaternion(pose.Rotation);
            _counts[tile]++;
            _sines[tile] += 2 * ((q.X * q.Z) + (q.W * q.Y)); // the turned +Z axis, along X
            _cosines[tile] += 1 - (2 * ((q.X * q.X) + (q.Y * q.Y))); // and along Z
        }

        var count = 0;
        for (var t = 0; t < _counts.Length; t++)
        {
            if (_counts[t] == 0) continue;
            var turn = MathF.Atan2(_sines[t], _cosines[t]) / (2 * MathF.PI);
            _tiles[count++] = new CrowdTile(t, _counts[t], (byte)((int)MathF.Round(turn * 16) & 15));
        }

        return _body.AsSpan(0, CrowdTiles.Write(_body, (ushort)mirror.Tick, Columns, Rows, TileMetres, _tiles.AsSpan(0, count)));
    }
}
