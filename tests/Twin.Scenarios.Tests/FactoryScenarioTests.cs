using Twin.Model;
using Twin.Scenarios.Factory;

namespace Twin.Scenarios.Tests;

public class FactoryScenarioTests
{
    private static readonly Scenario Factory = FactoryScenario.Create(1);
    private static readonly WallTime Start = new(new DateTime(2026, 3, 4, 9, 0, 0, DateTimeKind.Utc).Ticks);

    [Fact]
    public void The_factory_is_consistent_with_its_own_models() => ScenarioChecks.IsConsistent(Factory);

    [Fact]
    public void Two_lines_lead_from_first_to_last_station()
    {
        var next = Factory.Relationships.Cast<PutRelationship>().Where(r => r.Name == "feeds").ToLookup(r => r.TwinId, r => r.TargetId);
        for (var line = 1; line <= 2; line++)
        {
            var at = $"station-{line}-01";
            var stations = 1;
            while (next[at].SingleOrDefault() is { } further)
            {
                at = further;
                if (at.StartsWith("station", StringComparison.Ordinal)) stations++;
            }

            Assert.Equal(($"station-{line}-10", 10), (at, stations));
        }
    }

    [Fact]
    public void Devices_report_only_what_their_models_accept()
    {
        var models = ScenarioChecks.Models(Factory.Models);
        var modelOf = Factory.Twins.Cast<PutTwin>().ToDictionary(t => t.TwinId, t => models.Find(t.ModelId)!);
        var seen = new HashSet<(string, string)>();
        ScenarioChecks.Run(Factory.Devices, Start, TimeSpan.FromMinutes(5), (device, _, readings) =>
        {
            foreach (var reading in readings)
            {
                ScenarioChecks.Fits(modelOf[device.TwinId], reading);
                seen.Add((modelOf[device.TwinId].Id, reading.Path));
            }
        });
        Assert.Contains(("dtmi:twin:factory:Station;1", "oee"), seen);
        Assert.Contains(("dtmi:twin:factory:GuidedVehicle;1", "battery"), seen);
    }

    private static LineFlow Flow(StationPlan[] plans, int capacity = 8) => new(1, 1, plans, capacity);

    [Fact]
    public void A_line_keeps_every_part()
    {
        StationPlan[] plans = [.. Enumerable.Range(0, 6).Select(i => new StationPlan(28 + i, 0.3, 2, 0.02))];
        var flow = Flow(plans);
        flow.AdvanceTo(Start);
        var first = Enumerable.Range(0, 5).Select(flow.Buffer).ToArray();
        for (var second = 1; second < 3_600; second++)
        {
            flow.AdvanceTo(Start + TimeSpan.FromSeconds(second));
            for (var s = 1; s < 6; s++)
            {
                ref readonly var before = ref flow[s - 1];
                ref readonly var here = ref flow[s];
                var waiting = before.State == StationState.Blocked ? 1 : 0;
                var inWork = here.HasPart ? 1 : 0;
                Assert.Equal(before.Good - waiting + first[s - 1], here.Good + here.Scrap + inWork + flow.Buffer(s - 1));
                Assert.InRange(flow.Buffer(s - 1), 0, 8);
            }
        }
    }

    [Fact]
    public void The_slowest_station_sets_the_pace_starves_those_after_and_blocks_those_before()
    {
        StationPlan[] plans = [new(10, 1e9, 1, 0), new(40, 1e9, 1, 0), new(10, 1e9, 1, 0)];
        var flow = Flow(plans, 2);
        flow.AdvanceTo(Start + TimeSpan.FromSeconds(3_599));
        Assert.InRange(flow[2].Good, 3_600 / 44 - 3, (3_600 / 38) + 3);
        Assert.True(flow[0].BlockedSeconds > 2_000);
        Assert.True(flow[2].RunSeconds < 1_200);
    }

    [Fact]
    public void The_state_depends_on_the_time_alone_not_on_how_it_was_reached()
    {
        StationPlan[] plans = [.. Enumerable.Range(0, 6).Select(i => new StationPlan(28 + i, 0.3, 2, 0.02))];
        var (jumping, walking) = (Flow(plans), Flow(plans));
        jumping.AdvanceTo(Start + TimeSpan.FromMinutes(200)); // another hour first
        var at = Start + TimeSpan.FromSeconds(1_234);
        jumping.AdvanceTo(at);
        for (var t = Start; t <= at; t += TimeSpan.FromSeconds(0.7)) walking.AdvanceTo(t);
        walking.AdvanceTo(at);
        for (var s = 0; s < 6; s++) Assert.Equal((jumping[s].State, jumping[s].Good, jumping[s].Left), (walking[s].State, walking[s].Good, walking[s].Left));
    }

    [Fact]
    public void Every_state_a_station_can_have_is_seen_in_a_shift()
    {
        var states = new HashSet<string>();
        ScenarioChecks.Run(Factory.Devices.Where(d => d.TwinId.StartsWith("station-1", StringComparison.Ordinal)), Start, TimeSpan.FromHours(3),
            (_, _, readings) => states.UnionWith(readings.Where(r => r.Path == "state").Select(r => r.Value.AsText!)));
        Assert.Equal(["blocked", "down", "running", "starved"], states.Order());
    }

    [Fact]
    public void Vehicles_stay_on_their_aisle_and_keep_their_battery_alive()
    {
        ScenarioChecks.Run(Factory.Devices.Where(d => d.TwinId.StartsWith("agv", StringComparison.Ordinal)), Start, TimeSpan.FromHours(6), (_, _, readings) =>
        {
            Assert.InRange(readings.Single(r => r.Path == "x").Value.AsNumber, -67, 63);
            Assert.InRange(Math.Abs(readings.Single(r => r.Path == "y").Value.AsNumber), 6.9, 24.1);
            foreach (var battery in readings.Where(r => r.Path == "battery")) Assert.InRange(battery.Value.AsNumber, 15, 100);
        });
    }
}
