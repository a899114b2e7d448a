using System.Numerics;

namespace Twin.Wire.Spaces;

/// <summary>
/// How many are where in the whole space, and which way they look: what one sees of those beyond the rings (SPEC-spaces, clause 7). One encoding serves all viewers.
/// </summary>
/// <param name="Tick">Low 16 bits of the tick.</param>
/// <param name="Columns">Tiles along X, 1 to 256.</param>
/// <param name="Rows">Tiles along Z, 1 to 256.</param>
/// <param name="TileMetres">A tile's side, 1 to 255 m.</param>
/// <param name="Tiles">The tiles that are not empty, by rising index (row * columns + column).</param>
public sealed record CrowdTiles(ushort Tick, int Columns, int Rows, int TileMetres, IReadOnlyList<CrowdTile> Tiles)
{
    /// <summary>The most bytes that so many tiles that are not empty take.</summary>
    public static int MostBytes(int tiles) => 8 + (tiles * 10) + 8;

    /// <summary>Writes the body.</summary>
    /// <param name="body">At least <see cref="MostBytes"/>.</param>
    /// <param name="tick">Low 16 bits of the tick.</param>
    /// <param name="columns">Tiles along X.</param>
    /// <param name="rows">Tiles along Z.</param>
    /// <param name="tileMetres">A tile's side.</param>
    /// <param name="tiles">Those that are not empty, by rising index; counts of at least 1.</param>
    /// <returns>The body's length.</returns>
    public static int Write(Span<byte> body, ushort tick, int columns, int rows, int tileMetres, ReadOnlySpan<CrowdTile> tiles)
    {
        var bits = new BitWriter(body);
        bits.Write(tick, 16);
        bits.Write((uint)(columns - 1), 8);
        bits.Write((uint)(rows - 1), 8);
        bits.Write((uint)tileMetres, 8);
        bits.Write((uint)tiles.Length, 17);
        var before = -1;
        foreach (var tile in tiles)
        {
            WriteGamma(ref bits, (uint)(tile.Index - before));
            WriteGamma(ref bits, (uint)tile.Count);
            bits.Write(tile.Heading, 4);
            before = tile.Index;
        }

        return bits.Finish();
    }

    /// <summary>Reads a body.</summary>
    /// <exception cref="SpaceWireException">It breaks the specification.</exception>
    public static CrowdTiles Read(ReadOnlySpan<byte> body)
    {
        var bits = new BitReader(body);
        var (tick, columns, rows, metres, count) = ((ushort)bits.Read(16), (int)bits.Read(8) + 1, (int)bits.Read(8) + 1, (int)bits.Read(8), (int)bits.Read(17));
        if (count > columns * rows) throw new SpaceWireException($"{count} tiles where {columns} x {rows} are");
        if (metres == 0) throw new SpaceWireException("a tile's side is 0 m; 1 to 255 are allowed");
        if (count > bits.Remaining / 6) throw new SpaceWireException($"{count} tiles do not fit into {bits.Remaining} bits");
        var tiles = new CrowdTile[count];
        var index = -1;
        for (var i = 0; i < count; i++)
        {
            var gap = ReadGamma(ref bits);
            if (gap >= columns * rows - index) throw new SpaceWireException("a tile lies outside the space");
            tiles[i] = new CrowdTile(index += gap, ReadGamma(ref bits), (byte)bits.Read(4));
        }

        return new CrowdTiles(tick, columns, rows, metres, tiles);
    }

    /// <summary>Elias gamma: as many zeros as bits follow the first one, then the number from its lowest bit up without its first one.</summary>
    private static void WriteGamma(ref BitWriter bits, uint value)
    {
        var length = BitOperations.Log2(value);
        bits.Write(1UL << length, length + 1);
        bits.Write(value & ((1u << length) - 1), length);
    }

    private static int ReadGamma(ref BitReader bits)
    {
        var length = 0;
        while (!bits.ReadBit()) if (++length > 20) throw new SpaceWireException("a number of the crowd has more than 20 bits");
        return (1 << length) | (int)bits.Read(length);
    }
}

/// <summary>One tile of the crowd.</summary>
/// <param name="Index">Row * columns + column.</param>
/// <param name="Count">How many avatars, 1 to 2^20.</param>
/// <param name="Heading">Their mean heading in sixteenths of a turn, 0 along +Z, rising towards +X.</param>
public readonly record struct CrowdTile(int Index, int Count, byte Heading);
