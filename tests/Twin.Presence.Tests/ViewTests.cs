using Twin.Wire.Spaces;

namespace Twin.Presence.Tests;

/// <summary>What clients know from their frames against brute force over the cells.</summary>
public class ViewTests
{
    [Theory]
    [InlineData(1, 120, 100.0, 1, 0)]
    [InlineData(2, 200, 60.0, 4, 0)]
    [InlineData(3, 60, 300.0, 2, 0)]
    [InlineData(4, 150, 90.0, 3, 12)]
    public void Each_client_knows_those_around_it_and_none_else(int seed, int count, double side, int cells, int bound)
    {
        var interest = new InterestRules { NearRadiusMetres = 10, NearLimit = 24, MiddleRadiusMetres = 25, MiddleLimit = 30 };
        var world = new Worlds(seed, Worlds.Rules(side, interest, cells, bound));
        var random = new Random(seed);
        for (var i = 0; i < count; i++) world.Join(isAdaptive: i % 3 == 0);
        for (var tick = 0; tick < 200; tick++)
        {
            if (random.Next(5) == 0) world.Join(random.Next(2) == 0);
            if (random.Next(5) == 0) world.Leave(world.Walkers[random.Next(world.Walkers.Count)]);
            world.IsSent = _ => random.Next(50) != 0; // a full socket now and then
            world.Stage.Pace = (FramePace)((tick / 40) & 3);
            world.Step();
            if (tick < 10) continue;
            world.IsSent = _ => true;
            CheckWhatIsKnown(world, bound);
            CheckWho(world, interest);
        }

        Assert.True(cells == 1 || world.Stage.Crossings > 0);
        Assert.Equal(world.Walkers.Count, world.Stage.Cells.Sum(c => c.Count));
        Assert.Equal(world.Walkers.Count, world.Stage.Mirror.Count);
    }

    [Fact]
    public void Under_a_byte_budget_all_in_view_are_told_in_turn_and_frames_keep_to_it()
    {
        const int Budget = 60;
        var world = new Worlds(7, Worlds.Rules(20, new InterestRules { NearRadiusMetres = 30, NearLimit = 128, MiddleLimit = 0, MiddleRadiusMetres = 0 }));
        for (var i = 0; i < 100; i++) world.Join();
        foreach (var session in world.Views.Keys) world.Stage.ViewerOf(session)!.BudgetBytes = Budget;
        for (var tick = 0; tick < 100; tick++) world.Step(); // everyone has entered
        var (frames, bytes) = (world.Frames, world.Bytes);
        var told = new Dictionary<int, int>();
        var view = world.Views[world.Walkers[0].Session];
        for (var tick = 0; tick < 300; tick++)
        {
            var before = Enumerable.Range(0, view.SlotEnd).Select(s => view.ShadowAt(s)).ToArray();
            world.Step();
            for (var s = 0; s < before.Length; s++) if (before[s] != view.ShadowAt(s)) told[s] = told.GetValueOrDefault(s) + 1;
        }

        Assert.True(view.SlotEnd > 90);
        Assert.True((world.Bytes - bytes) / (double)(world.Frames - frames) <= Budget * 1.05);
        Assert.True(told.Count(t => t.Value > 0) > 90, $"{told.Count} of {view.SlotEnd} were told of");
        Assert.True(world.Stage.ViewerOf(world.Walkers[0].Session)!.Paused > 0);
    }

    [Fact]
    public void A_tick_of_many_walkers_allocates_nothing()
    {
        var world = new Worlds(9, Worlds.Rules(80));
        for (var i = 0; i < 300; i++) world.Join();
        for (var tick = 0; tick < 100; tick++) world.Step();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var tick = 0; tick < 50; tick++) world.Step();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void One_who_blocks_another_is_not_told_of_it()
    {
        var world = new Worlds(5, Worlds.Rules(10));
        var (a, b) = (world.Join(), world.Join());
        for (var i = 0; i < 8; i++) world.Step();
        Assert.Equal(b.Number, world.Views[a.Session].NumberAt(0));
        world.Stage.ViewerOf(a.Session)!.Hide(b.Number, true);
        for (var i = 0; i < 8; i++) world.Step();
        Assert.Equal(0, world.Views[a.Session].SlotEnd);
        Assert.Equal(a.Number, world.Views[b.Session].NumberAt(0));
    }

    /// <summary>Each shadow that a client has is the mirror's, and within the bound of the truth.</summary>
    private static void CheckWhatIsKnown(Worlds world, int bound)
    {
        foreach (var (session, view) in world.Views)
        {
            if (view.Tick != world.Stage.Tick) continue; // left out or not sent
            for (var slot = 0; slot < view.SlotEnd; slot++)
            {
                if (view.NumberAt(slot) < 0 || view.IsPausedAt(slot)) continue;
                var index = world.Stage.Mirror.IndexOf(view.NumberAt(slot));
                if (index < 0) continue; // left less than a look ago
                ref readonly var truth = ref world.Stage.Mirror.StateAt(index).Pose;
                var known = view.ShadowAt(slot).Pose;
                if (view.RingAt(slot) != ViewRing.Near || (world.Stage.Pace & FramePace.NearHalf) != 0) continue;
                Assert.True(Math.Abs(truth.X - known.X) <= bound && Math.Abs(truth.Y - known.Y) <= bound && Math.Abs(truth.Z - known.Z) <= bound, $"session {session}, slot {slot}: {known} for {truth}");
                if (bound == 0) Assert.Equal(truth, known);
            }
        }
    }

    /// <summary>Near ones are known as near, far ones not at all; between lies the hysteresis and what moves between two looks.</summary>
    private static void CheckWho(Worlds world, InterestRules rules)
    {
        const double Moved = 8 * 2 * 0.05 * 5; // both run, five ticks
        foreach (var walker in world.Walkers)
        {
            var view = world.Views[walker.Session];
            if (view.Tick < world.Stage.Tick || world.Stage.Tick < 20) continue;
            var others = world.Walkers.Where(o => o != walker).Select(o => (o.Number, Metres: Ground(world, o.Number, walker.Number))).OrderBy(o => o.Metres).ToList();
            var known = Enumerable.Range(0, view.SlotEnd).Where(s => view.NumberAt(s) >= 0).ToDictionary(view.NumberAt, s => s);
            Assert.True(known.Values.Count(s => view.RingAt(s) == ViewRing.Near) <= rules.NearLimit);
            foreach (var (number, slot) in known)
            {
                var far = others.FirstOrDefault(o => o.Number == number);
                if (far.Number == 0) continue; // just left
                var most = (view.RingAt(slot) == ViewRing.Near ? rules.NearRadiusMetres : rules.MiddleRadiusMetres) * rules.Hysteresis;
                Assert.True(far.Metres <= most + Moved, $"{number} is {far.Metres} m away and known");
            }

            if (others.Count(o => o.Metres <= (rules.NearRadiusMetres * rules.Hysteresis) + Moved) > rules.NearLimit) continue; // who is nearest is tested apart
            foreach (var (number, metres) in others.Where(o => o.Metres < rules.NearRadiusMetres - Moved))
            {
                if (world.Stage.Mirror.StateAt(world.Stage.Mirror.IndexOf(number)).Sequence < 12 || world.Stage.Mirror.StateAt(world.Stage.Mirror.IndexOf(walker.Number)).Sequence < 12) continue; // newly come
                Assert.True(known.TryGetValue(number, out var slot) && view.RingAt(slot) == ViewRing.Near, $"{number} is {metres} m away and not told of at full rate");
            }
        }
    }

    private static double Ground(Worlds world, int a, int b)
    {
        var (p, q) = (world.Stage.Mirror.StateAt(world.Stage.Mirror.IndexOf(a)).Pose, world.Stage.Mirror.StateAt(world.Stage.Mirror.IndexOf(b)).Pose);
        return Math.Sqrt(Math.Pow(p.X - q.X, 2) + Math.Pow(p.Z - q.Z, 2)) / AvatarPose.StepsPerMetre;
    }
}
