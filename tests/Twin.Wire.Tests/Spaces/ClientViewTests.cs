using Twin.Wire.Spaces;

namespace Twin.Wire.Tests.Spaces;

public sealed class ClientViewTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_viewer_never_diverges_whatever_enters_leaves_pauses_or_is_skipped(int seed)
    {
        var random = new Random(seed);
        var poses = Enumerable.Range(0, 400).Select(_ => new AvatarPose(random.Next(1 << 22), 0, random.Next(1 << 22), RotationCode.Identity, 0)).ToArray();
        var (server, view, tick) = (new PlainFrameWriter(), new ClientView(), 65_400L);
        for (var frame = 0; frame < 1500; frame++)
        {
            var (isReset, ahead) = (random.Next(150) == 0, random.Next(8) == 0 ? random.Next(1, 201) : 1);
            for (; ahead > 0; ahead--)
            {
                Walk(random, poses);
                tick++;
                if (ahead > 1) server.Skip(tick);
            }

            var taken = isReset ? [] : Enumerable.Range(0, 256).Where(slot => server.Slots[slot] is not null).ToArray();
            var some = random.GetItems(taken.Length == 0 ? [-1] : taken, 6).Distinct().Where(slot => slot >= 0).ToArray();
            var leaves = random.Next(4) == 0 ? some.Take(2).ToArray() : [];
            var pauses = random.Next(4) == 0 ? some.Skip(2).Take(2).ToArray() : [];
            var refreshes = random.Next(4) == 0 ? some.Skip(3).Select(slot => (slot, random.Next(2) == 0)).ToArray() : [];
            var known = server.Slots.Where(slot => slot is not null && !isReset).Select(slot => slot!.Number).ToHashSet();
            var free = 256 - taken.Length + leaves.Length;
            var enters = Enumerable.Range(0, Math.Min(free, random.Next(6))).Select(_ => random.Next(400)).Distinct().Where(number => !known.Contains(number))
                .Select(number => (number, (ViewRing)random.Next(2), poses[number])).ToArray();
            Correction? correction = random.Next(10) == 0 ? new Correction(CorrectionCause.Speed, 5, -6, 7) : null;
            view.Apply(server.Frame(tick, (FramePace)random.Next(4), isReset, correction, leaves, pauses, refreshes, enters, number => poses[number]));
            Assert.Equal(correction, view.Corrected);
            if (!view.Tick.Equals(tick)) Assert.Equal(tick & 0xFFFF, view.Tick & 0xFFFF);
            Same(server, view);
        }
    }

    [Fact]
    public void Frames_of_any_bytes_give_SpaceWireException_or_a_view()
    {
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var (server, view) = (new PlainFrameWriter(), new ClientView());
            var enters = new[] { (5, ViewRing.Near, new AvatarPose(1, 2, 3, 4, 0)), (6, ViewRing.Middle, new AvatarPose(9, 2, 3, 4, 0)) };
            view.Apply(server.Frame(1, 0, true, null, [], [], [], enters, _ => default));
            var body = server.Frame(2, 0, false, null, [0], [1], [], [], _ => default);
            if (i % 2 == 0) random.NextBytes(body = new byte[random.Next(60)]);
            else body[random.Next(body.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                view.Apply(body);
            }
            catch (SpaceWireException)
            {
            }
        }
    }

    private static void Walk(Random random, AvatarPose[] poses)
    {
        for (var i = 0; i < poses.Length; i++)
        {
            if (random.Next(3) == 0) continue;
            var reach = random.Next(100) == 0 ? 100_000 : 30;
            var pose = poses[i];
            poses[i] = new(Math.Clamp(pose.X + random.Next(-reach, reach), 0, AvatarPose.MostAcross), Math.Clamp(pose.Y + random.Next(-2, 3), AvatarPose.LeastUp, AvatarPose.MostUp),
                Math.Clamp(pose.Z + random.Next(-reach, reach), 0, AvatarPose.MostAcross), random.Next(5) == 0 ? (uint)random.Next() : pose.Rotation, (AvatarFlags)random.Next(2));
        }
    }

    private static void Same(PlainFrameWriter server, ClientView view)
    {
        for (var slot = 0; slot < server.Slots.Length; slot++)
        {
            if (server.Slots[slot] is not { } told)
            {
                Assert.Equal(-1, view.NumberAt(slot));
                continue;
            }

            Assert.Equal((told.Number, told.Ring, told.IsPaused), (view.NumberAt(slot), view.RingAt(slot), view.IsPausedAt(slot)));
            Assert.True(told.Shadow == view.ShadowAt(slot), $"slot {slot}");
        }
    }
}
