using System.Numerics;
using CsCheck;
using Twin.Wire.Spaces;

namespace Twin.Wire.Tests.Spaces;

public sealed class SpaceCodecTests
{
    private const string Seed = "0000KeWZ3tN3";

    [Fact]
    public void Bits_read_as_they_were_written()
    {
        Gen.Select(Gen.ULong, Gen.Int[0, 57]).Array[0, 60].Sample(parts =>
        {
            var buffer = new byte[(60 * 8) + 8];
            var writer = new BitWriter(buffer);
            foreach (var (value, bits) in parts) writer.Write(value & ((1UL << bits) - 1), bits);
            var reader = new BitReader(buffer.AsSpan(0, writer.Finish()));
            foreach (var (value, bits) in parts) Assert.Equal(value & ((1UL << bits) - 1), reader.Read(bits));
            Assert.InRange(reader.Remaining, 0, 7);
        }, seed: Seed);
        Assert.Throws<SpaceWireException>(() => new BitReader([1]).Read(9));
    }

    [Fact]
    public void A_rotation_is_off_by_less_than_a_quarter_of_a_degree()
    {
        var part = Gen.Double[-1, 1];
        Gen.Select(part, part, part, part).Where(q => Math.Abs(q.Item1) + Math.Abs(q.Item2) + Math.Abs(q.Item3) + Math.Abs(q.Item4) > 0.01).Sample((x, y, z, w) => Near(x, y, z, w), seed: Seed, iter: 100_000);
        // The worst place for smallest three: four parts nearly equal, where rounding part by part errs by 0.27 degrees.
        var half = Gen.Double[0.495, 0.505];
        Gen.Select(half, half, half, half).Sample((x, y, z, w) => Near(x, y, z, w), seed: Seed, iter: 100_000);
        Assert.Equal(Quaternion.Identity, RotationCode.ToQuaternion(RotationCode.From(Quaternion.Identity)));
        Assert.Equal(RotationCode.Identity, RotationCode.From(new Quaternion(float.NaN, 0, 0, 1)));
    }

    [Fact]
    public void A_shadow_goes_on_alike_on_both_ends()
    {
        var step = Gen.OneOf(Gen.Const(0), Gen.Int[-20, 20], Gen.Int[-300, 300], Gen.Int[-5000, 5000], Gen.Int[-5_000_000, 5_000_000]);
        var move = Gen.Select(step, step, step, Gen.OneOf(Gen.Const(0u), Gen.UInt[0, 40], Gen.UInt), Gen.Byte, Gen.Int[0, 13]);
        move.Array[1, 60].Sample(moves =>
        {
            var pose = new AvatarPose(1000, 0, 4_194_000, RotationCode.Identity, 0);
            var (server, viewer) = (new AvatarShadow(pose), new AvatarShadow(pose));
            foreach (var (dx, dy, dz, turn, flags, bound) in moves)
            {
                pose = new(Math.Clamp(pose.X + dx, 0, AvatarPose.MostAcross), Math.Clamp(pose.Y + dy, AvatarPose.LeastUp, AvatarPose.MostUp), Math.Clamp(pose.Z + dz, 0, AvatarPose.MostAcross), pose.Rotation ^ (turn << 2), (AvatarFlags)(flags & 1));
                var record = server.Advance(pose, bound);
                var buffer = new byte[32];
                var writer = new BitWriter(buffer);
                record.Splice(ref writer);
                var reader = new BitReader(buffer.AsSpan(0, writer.Finish()));
                viewer.Advance(ref reader);
                Assert.InRange(reader.Remaining, 0, 7);
                Assert.InRange(record.Bits, 1, 106);
                Assert.True(server == viewer);
                Assert.True(Math.Abs(server.X - pose.X) <= bound && Math.Abs(server.Y - pose.Y) <= bound && Math.Abs(server.Z - pose.Z) <= bound && server.Flags == pose.Flags);
                if (bound == 0) Assert.Equal(pose, server.Pose);
                var whole = new BitWriter(buffer);
                server.WriteWhole(ref whole);
                var back = new BitReader(buffer.AsSpan(0, whole.Finish()));
                Assert.True(AvatarShadow.ReadWhole(ref back) == server);
            }
        }, seed: Seed, iter: 3_000);
    }

    [Fact]
    public void A_crowd_reads_as_it_was_written()
    {
        Gen.Select(Gen.Int[1, 256], Gen.Int[1, 256], Gen.Select(Gen.Int[0, 65535], Gen.Int[1, 1 << 20], Gen.Int[0, 15]).Array[0, 50]).Sample((columns, rows, raw) =>
        {
            var tiles = raw.Where(tile => tile.Item1 < columns * rows).DistinctBy(tile => tile.Item1).OrderBy(tile => tile.Item1).Select(tile => new CrowdTile(tile.Item1, tile.Item2, (byte)tile.Item3)).ToArray();
            var body = new byte[CrowdTiles.MostBytes(tiles.Length)];
            var read = CrowdTiles.Read(body.AsSpan(0, CrowdTiles.Write(body, 7, columns, rows, 4, tiles)));
            Assert.Equal((7, columns, rows, 4), (read.Tick, read.Columns, read.Rows, read.TileMetres));
            Assert.Equal(tiles, read.Tiles);
        }, seed: Seed);
    }

    private static void Near(double x, double y, double z, double w)
    {
        var length = Math.Sqrt((x * x) + (y * y) + (z * z) + (w * w));
        var code = RotationCode.ToQuaternion(RotationCode.From(new Quaternion((float)x, (float)y, (float)z, (float)w)));
        // The angle from the difference, not from the dot product: near 1 that one has no digits left.
        var sign = (x * code.X) + (y * code.Y) + (z * code.Z) + (w * code.W) < 0 ? -1 : 1;
        var (dx, dy, dz, dw) = ((x / length) - (sign * code.X), (y / length) - (sign * code.Y), (z / length) - (sign * code.Z), (w / length) - (sign * code.W));
        var degrees = 4 * Math.Asin(Math.Sqrt((dx * dx) + (dy * dy) + (dz * dz) + (dw * dw)) / 2) * 180 / Math.PI;
        Assert.True(degrees < 0.25, $"{degrees} degrees at {x}, {y}, {z}, {w}");
    }
}
