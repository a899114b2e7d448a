using System.Numerics;
using System.Text.Json.Nodes;
using Twin.Wire.Spaces;

namespace Twin.Wire.Tests.Spaces;

/// <summary>What the known answers mean, and how they were made once. The file is law: with TWIN_WRITE_VECTORS set a test writes it anew, and the difference must be explained.</summary>
internal static class SpaceVectors
{
    public static JsonObject Make()
    {
        var messages = new JsonArray();
        foreach (var message in SpaceMessageTests.FromClient.Concat(SpaceMessageTests.FromServer))
        {
            var bytes = message.ToBytes();
            if (bytes.Length < 200) messages.Add(new JsonObject { ["type"] = message.Type.ToString(), ["hex"] = Hex(bytes) });
        }

        var rotations = new JsonArray();
        foreach (var (x, y, z, w) in new[] { (0d, 0d, 0d, 1d), (0.3, -0.2, 0.1, 0.9), (-0.7, 0.1, 0.6, -0.2), (0, 1, 0, 0), (0.25, 0.5, -0.75, 0.125) })
            rotations.Add(new JsonObject { ["xyzw"] = new JsonArray(x, y, z, w), ["code"] = RotationCode.From(new Quaternion((float)x, (float)y, (float)z, (float)w)) });

        var inputs = new JsonArray();
        foreach (var input in new[] { new AvatarInput(513, new(256, -16384, 4194303, 0xDEADBEEF, (AvatarFlags)0xA5)), new AvatarInput(65535, new(1, 49151, 2, 3, 0), -4096, 1023, 4095) })
        {
            var body = new byte[AvatarInput.MostBytes + 8];
            inputs.Add(new JsonObject
            {
                ["hex"] = Hex(body.AsSpan(0, input.Write(body))), ["sequence"] = input.Sequence, ["pose"] = Numbers(input.Pose), ["velocity"] = new JsonArray((int)input.VelocityX, (int)input.VelocityY, (int)input.VelocityZ),
            });
        }

        CrowdTile[] tiles = [new(0, 1, 15), new(7, 300, 0), new(39, 1 << 20, 8)];
        var crowd = new byte[CrowdTiles.MostBytes(3)];
        var length = CrowdTiles.Write(crowd, 500, 8, 5, 16, tiles);
        return new JsonObject
        {
            ["rotations"] = rotations, ["inputs"] = inputs, ["messages"] = messages, ["frames"] = Frames(),
            ["crowd"] = new JsonObject { ["hex"] = Hex(crowd.AsSpan(0, length)), ["tick"] = 500, ["columns"] = 8, ["rows"] = 5, ["tileMetres"] = 16, ["tiles"] = new JsonArray([.. tiles.Select(tile => new JsonArray(tile.Index, tile.Count, (int)tile.Heading))]) },
        };
    }

    /// <summary>One viewer through everything: entering, small and great steps, turns, a teleport, pauses, a refresh, skipped ticks across 2^16, leaving, a correction, half pace, a reset.</summary>
    private static JsonArray Frames()
    {
        var frames = new JsonArray();
        var writer = new PlainFrameWriter();
        AvatarPose[] poses = [new(1000, 0, 1000, RotationCode.Identity, 0), new(2000, 10, 2000, 77, AvatarFlags.Speaking), new(3000, 20, 4_194_303, 1 << 20, 0)];
        for (var tick = 65_500L; tick < 65_575; tick++)
        {
            var at = (int)(tick - 65_500);
            poses[0] = poses[0] with { X = poses[0].X + (at % 9 == 0 ? 200 : 5), Z = poses[0].Z - 3, Y = at % 11 == 0 ? 4 : 0, Rotation = poses[0].Rotation + (at % 4 == 0 ? 4u : at % 7 == 0 ? 0x404004u : 0) };
            poses[1] = poses[1] with { X = at == 20 ? 4_000_000 : poses[1].X + 30, Flags = (AvatarFlags)(at / 10) };
            poses[2] = poses[2] with { Z = Math.Min(AvatarPose.MostAcross, poses[2].Z - 8 + (at % 3 * 9)), Rotation = at % 16 == 0 ? (uint)(at * 99_999) : poses[2].Rotation };
            if (at is > 34 and < 60 && at % 5 != 0)
            {
                writer.Skip(tick);
                continue;
            }

            (int, ViewRing, AvatarPose)[] enters = at switch { 0 => [(10, ViewRing.Near, poses[0]), (11, ViewRing.Middle, poses[1])], 3 or 70 => [(16_777_215, ViewRing.Near, poses[2])], _ => [] };
            int[] leaves = at == 66 ? [0] : [];
            var body = writer.Frame(tick, at is > 25 and < 33 ? FramePace.NearHalf | FramePace.MiddleHalf : 0, at is 0 or 70, at == 15 ? new Correction(CorrectionCause.Border, 4_194_303, -16_384, 1) : null,
                leaves, at == 8 ? [0] : [], at switch { 12 => [(0, false)], 14 => [(0, true)], _ => [] }, enters, number => poses[number == 10 ? 0 : number == 11 ? 1 : 2]);
            var slots = new JsonArray();
            for (var slot = 0; slot < 4; slot++)
            {
                if (writer.Slots[slot] is not { } told) continue;
                var shadow = told.Shadow;
                slots.Add(new JsonObject { ["slot"] = slot, ["number"] = told.Number, ["ring"] = (int)told.Ring, ["isPaused"] = told.IsPaused, ["pose"] = Numbers(shadow.Pose), ["velocity"] = new JsonArray(shadow.VelocityX, shadow.VelocityY, shadow.VelocityZ) });
            }

            frames.Add(new JsonObject { ["hex"] = Hex(body), ["tick"] = tick, ["slots"] = slots });
        }

        return frames;
    }

    private static JsonArray Numbers(AvatarPose pose) => new(pose.X, pose.Y, pose.Z, (long)pose.Rotation, (int)pose.Flags);

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
