using Twin.Model;
using Twin.Simulation.JobShop;

namespace Twin.Simulation.Tests.JobShop;

public class JobShopPartsTests
{
    [Fact]
    public void Heads_and_tails_after_moves_are_those_of_the_order_measured_anew()
    {
        var shop = TaillardGenerator.Generate("t", 12, 6, 99, 77);
        var (graph, fresh) = (new DisjunctiveGraph(shop), new DisjunctiveGraph(shop));
        Assert.True(graph.Load(RuleScheduler.Build(shop, DispatchRule.Spt).ToSequence()));
        var moves = new CriticalMoves(graph);
        var random = new SeededRandom(4, 4);
        for (var i = 0; i < 2_000; i++)
        {
            var found = moves.Find(ref random);
            if (found.Length == 0) break;
            var move = found[random.NextInt(found.Length)];
            var estimate = moves.Estimate(move);
            var areNeighbours = Math.Abs(graph.Slot[move.Moved] - graph.Slot[move.Past]) == 1;
            if (move.IsBehind) graph.MoveBehind(move.Moved, move.Past);
            else graph.MoveBefore(move.Moved, move.Past);
            Assert.True(fresh.Load(graph.Sequence));
            Assert.Equal(fresh.Head, graph.Head);
            Assert.Equal(fresh.Tail, graph.Tail);
            Assert.Equal(fresh.Makespan, graph.Makespan);
            // Taillard's lemma: for neighbours the estimate is the longest path through them, never more than the makespan.
            if (areNeighbours) Assert.True(estimate <= graph.Makespan);
        }
    }

    [Fact]
    public void Proofs_refute_one_below_the_optimum_and_find_the_optimum()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var shop = Shops.Small(seed);
            var best = (int)Shops.Best(shop).Makespan;
            var budget = new SearchBudget(TimeProvider.System, null, default);
            var proof = new MakespanProof(shop);
            Assert.InRange(proof.Bound(0, best, isProbing: true, 1_000_000, budget), 0, best);
            Assert.Equal(ProofEnd.Refuted, proof.Search(best - 1, 1_000_000, budget));
            Assert.Equal(ProofEnd.Found, proof.Search(best, 1_000_000, budget));
        }
    }

    [Fact]
    public void Every_rule_keeps_every_rule_of_the_shop()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var shop = Shops.Small(seed, isDown: seed % 2 == 1);
            foreach (var rule in Enum.GetValues<DispatchRule>())
                foreach (var kind in Enum.GetValues<ScheduleKind>()) Assert.Empty(ScheduleChecker.Check(RuleScheduler.Build(shop, rule, kind)));
        }
    }

    [Fact]
    public void In_a_nondelay_schedule_no_machine_waits_while_work_is_there()
    {
        var shop = TaillardGenerator.Generate("t", 10, 5, 4321, 1234);
        foreach (var rule in Enum.GetValues<DispatchRule>())
        {
            var schedule = RuleScheduler.Build(shop, rule, ScheduleKind.NonDelay);
            for (var o = 0; o < shop.Operations; o++)
            {
                var ready = o == shop.FirstOperationOf[shop.JobOf[o]] ? 0 : schedule.Starts[o - 1] + shop.DurationOf[o - 1];
                for (var t = ready; t < schedule.Starts[o]; t++)
                    Assert.Contains(Enumerable.Range(0, shop.Operations), x => shop.MachineOf[x] == shop.MachineOf[o] && schedule.Starts[x] <= t && t < schedule.Starts[x] + shop.DurationOf[x]);
            }
        }
    }

    [Fact]
    public void On_one_machine_the_rules_put_jobs_in_the_order_they_name()
    {
        // One machine, so the order of starts is the rule's. Durations 5, 2, 9; due 20, 9, 16; weights 1, 1, 8.
        var shop = new JobShopInstance("one", 1, [new([new(0, 5)], 0, 20, 1), new([new(0, 2)], 0, 9, 1), new([new(0, 9)], 0, 16, 8)]);
        string OrderBy(DispatchRule rule)
        {
            var starts = RuleScheduler.Build(shop, rule, ScheduleKind.NonDelay).Starts.ToArray();
            return string.Concat(Enumerable.Range(0, 3).OrderBy(j => starts[j]));
        }

        Assert.Equal("102", OrderBy(DispatchRule.Spt));
        Assert.Equal("201", OrderBy(DispatchRule.Lpt));
        Assert.Equal("201", OrderBy(DispatchRule.Mwkr));
        Assert.Equal("102", OrderBy(DispatchRule.Lwkr));
        Assert.Equal("012", OrderBy(DispatchRule.Fifo));
        Assert.Equal("120", OrderBy(DispatchRule.Edd));
        Assert.Equal("210", OrderBy(DispatchRule.Cr)); // 16/9 first; at 9 then 0/2 before 11/5
        Assert.Equal("210", OrderBy(DispatchRule.Atc)); // mean 16/3: 8/9 e^(-7/10.7) = 0.46, 1/2 e^(-7/10.7) = 0.26, 1/5 e^(-15/10.7) = 0.05
        Assert.Equal("120", OrderBy(DispatchRule.Slack)); // 15, 7, 7: the lower job of the tie; at 2: 13, 5
    }

    [Fact]
    public void The_checker_sees_a_start_that_is_moved_into_another()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var shop = Shops.Small(seed * 3 + 1, isDown: true);
            var starts = RuleScheduler.Build(shop, DispatchRule.Fifo, ScheduleKind.NonDelay).Starts.ToArray();
            var caught = 0;
            for (var o = 0; o < starts.Length; o++)
            {
                var moved = (int[])starts.Clone();
                moved[o] -= 1; // a schedule built forward leaves no operation room to the left but beside a longer gap
                var isFree = Enumerable.Range(0, starts.Length).All(x => x == o || shop.MachineOf[x] != shop.MachineOf[o] || starts[x] + shop.DurationOf[x] <= moved[o] || starts[x] >= moved[o] + shop.DurationOf[o])
                    && moved[o] >= (o == shop.FirstOperationOf[shop.JobOf[o]] ? shop.Jobs[shop.JobOf[o]].Release : starts[o - 1] + shop.DurationOf[o - 1])
                    && shop.DowntimesOf(shop.MachineOf[o]).All(d => moved[o] + shop.DurationOf[o] <= d.From || moved[o] >= d.Until);
                var wrong = ScheduleChecker.Check(new JobShopSchedule(shop, moved));
                Assert.Equal(isFree, wrong.Count == 0);
                caught += wrong.Count > 0 ? 1 : 0;
            }

            Assert.True(caught > 0);
        }
    }

    [Fact]
    public void The_gantt_chart_tells_every_operation_once_and_when_each_job_ends()
    {
        var shop = Shops.Small(2, isDown: true);
        var schedule = RuleScheduler.Build(shop, DispatchRule.Edd);
        var gantt = schedule.ToGantt();
        var bars = gantt["machines"]!.AsArray().SelectMany(m => m!["bars"]!.AsArray().Select(b => (Machine: (int)m["machine"]!, Job: (int)b!["job"]!, Step: (int)b["step"]!, Start: (int)b["start"]!, End: (int)b["end"]!))).ToArray();
        Assert.Equal(shop.Operations, bars.Select(b => (b.Job, b.Step)).Distinct().Count());
        Assert.All(bars, b => Assert.Equal(shop.Jobs[b.Job].Steps[b.Step], new JobShopStep(b.Machine, b.End - b.Start)));
        Assert.Equal(bars.Max(b => b.End), (int)gantt["makespan"]!);
        Assert.Equal(schedule.WeightedTardiness, gantt["jobs"]!.AsArray().Sum(j => (int)j!["tardiness"]! * shop.Jobs[(int)j["job"]!].Weight));
    }
}
