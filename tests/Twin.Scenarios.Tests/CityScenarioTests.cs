using Twin.Model;
using Twin.Scenarios.City;

namespace Twin.Scenarios.Tests;

public class CityScenarioTests(ITestOutputHelper output)
{
    private static readonly Lazy<Scenario> City = new(() => CityScenario.Create(1));
    private static readonly WallTime WorkingMorning = new(new DateTime(2026, 3, 4, 7, 0, 0, DateTimeKind.Utc).Ticks); // 8 h local, a Wednesday

    [Fact]
    public void The_city_is_consistent_with_its_own_models() => ScenarioChecks.IsConsistent(City.Value);

    [Theory]
    [InlineData(1, 2_000)]
    [InlineData(2, 2_001)]
    [InlineData(3, 7_777)]
    [InlineData(4, 20_000)]
    [InlineData(5, 60_000)]
    public void The_city_has_exactly_the_twins_asked_for(ulong seed, int count)
    {
        var city = CityScenario.Create(seed, count);
        Assert.Equal(count, city.Twins.Count);
        Assert.Equal(count, city.Twins.Select(t => t.TwinId).Distinct().Count());
    }

    [Fact]
    public void Counts_out_of_range_are_refused_with_the_range()
    {
        Assert.Contains("2000 to 1000000", Assert.Throws<ArgumentOutOfRangeException>(() => CityScenario.Create(1, 10)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => CityScenario.Create(1, 2_000_000));
    }

    [Fact]
    public void The_same_seed_gives_the_same_city_and_another_another()
    {
        static IEnumerable<string> Print(Scenario s) => s.Twins.Cast<PutTwin>().Select(t => t.TwinId + string.Join(';', t.Values.Select(v => v.Value.ToString())));
        var again = CityScenario.Create(1);
        Assert.Equal(Print(City.Value), Print(again));
        Assert.NotEqual(Print(City.Value).Take(100), Print(CityScenario.Create(2)).Take(100));
    }

    [Fact]
    public void Every_kind_of_device_stands_in_the_city()
    {
        var counts = City.Value.Twins.Cast<PutTwin>().CountBy(t => t.ModelId).ToDictionary(p => p.Key, p => p.Value);
        foreach (var (model, count) in counts) output.WriteLine($"{model} {count}");
        output.WriteLine($"buildings {City.Value.Scene.Buildings.Count}, roads {City.Value.Scene.Roads.Count}, areas {City.Value.Scene.Areas.Count}, relationships {City.Value.Relationships.Count}, groups {City.Value.Devices.Select(d => d.Group).Distinct().Count()}");
        Assert.Equal(10_000, counts["dtmi:twin:city:Streetlight;1"]);
        Assert.InRange(counts["dtmi:twin:city:ParkingBay;1"], 2_000, 7_000);
        Assert.InRange(counts["dtmi:twin:city:Bus;1"], 200, 300);
        Assert.Equal(900, counts["dtmi:twin:city:TrafficCounter;1"]);
        Assert.Equal(500, counts["dtmi:twin:city:Charger;1"]);
        Assert.Equal(28, counts["dtmi:twin:city:District;1"]);
    }

    [Fact]
    public void Nothing_but_bridges_stands_in_the_river()
    {
        var plan = new CityPlan(1, 2_450);
        Assert.All(City.Value.Scene.Buildings, b => Assert.All(b.Footprint, p => Assert.True(plan.DistanceToRiver(p) > 5, b.Id)));
        var wet = City.Value.Scene.Roads.Where(r => r.Line.Any(p => plan.DistanceToRiver(p) < 0)).ToList();
        Assert.NotEmpty(wet);
        Assert.All(wet, r => Assert.True(r.Width > 12, "only rings and radials have bridges"));
    }

    [Fact]
    public void Streets_run_in_many_directions()
    {
        var headings = City.Value.Twins.Cast<PutTwin>().Where(t => t.ModelId == "dtmi:twin:city:Street;1")
            .Select(t => (int)(t.Values.Single(v => v.Path == "heading").Value.AsNumber % 90 / 10)).CountBy(h => h).ToList();
        Assert.Equal(9, headings.Count); // every 10 degrees of a quarter turn
        Assert.True(headings.Max(h => h.Value) < City.Value.Scene.Roads.Count / 3);
    }

    [Fact]
    public void Buildings_are_higher_in_the_middle_than_at_the_edge()
    {
        static double MeanHeight(Func<double, bool> at) => City.Value.Scene.Buildings.Where(b => at(b.Footprint[0].DistanceTo(default))).Average(b => b.Height);
        Assert.True(MeanHeight(r => r < 900) > 1.5 * MeanHeight(r => r > 1_800));
    }

    [Fact]
    public void Devices_report_only_what_their_models_accept_at_two_to_four_thousand_values_a_second()
    {
        var models = ScenarioChecks.Models(City.Value.Models);
        var modelOf = City.Value.Twins.Cast<PutTwin>().ToDictionary(t => t.TwinId, t => models.Find(t.ModelId)!);
        var checkedDevices = City.Value.Devices.Where((_, i) => i % 10 == 0).ToList();
        long values = 0;
        ScenarioChecks.Run(checkedDevices, WorkingMorning, TimeSpan.FromMinutes(2), (device, _, readings) =>
        {
            values += readings.Count;
            foreach (var reading in readings) ScenarioChecks.Fits(modelOf[device.TwinId], reading);
        });
        var rate = values * 10 / 120.0;
        output.WriteLine($"{rate:F0} values/s");
        Assert.InRange(rate, 2_000, 4_000);
    }

    [Fact]
    public void Devices_repeat_exactly()
    {
        static List<string> Trace()
        {
            var trace = new List<string>();
            ScenarioChecks.Run(City.Value.Devices.Where((_, i) => i % 400 == 0), WorkingMorning, TimeSpan.FromMinutes(5),
                (d, t, readings) => trace.AddRange(readings.Select(r => $"{d.TwinId} {t} {r.Path} {r.Value}")));
            return trace;
        }

        Assert.Equal(Trace(), Trace());
    }

    private static Dictionary<int, double> MeanByHour(string prefix, string path, int devices, TimeSpan length, Func<PropertyValue, double> value)
    {
        var sums = new Dictionary<int, (double Sum, int Count)>();
        ScenarioChecks.Run(City.Value.Devices.Where(d => d.TwinId.StartsWith(prefix, StringComparison.Ordinal)).Take(devices), new(WorkingMorning.UtcTicks - (8 * TimeSpan.TicksPerHour)), length, (_, at, readings) =>
        {
            foreach (var reading in readings.Where(r => r.Path == path))
            {
                var hour = (at.ToDateTime().Hour + 1) % 24;
                var (sum, count) = sums.GetValueOrDefault(hour);
                sums[hour] = (sum + value(reading.Value), count + 1);
            }
        });
        return sums.ToDictionary(p => p.Key, p => p.Value.Sum / p.Value.Count);
    }

    [Fact]
    public void Traffic_has_two_rush_hours_and_a_quiet_night()
    {
        var flow = MeanByHour("counter-", "flow", 10, TimeSpan.FromHours(24), v => v.AsNumber);
        Assert.True(flow[8] > 3 * flow[3]);
        Assert.True(flow[17] > 3 * flow[3]);
        Assert.True(flow[17] > flow[13] && flow[8] > flow[10]);
        var speed = MeanByHour("counter-", "speed", 10, TimeSpan.FromHours(24), v => v.AsNumber);
        Assert.True(speed[3] > speed[17]);
    }

    [Fact]
    public void Lights_burn_at_night_and_dim_in_the_small_hours()
    {
        var power = MeanByHour("lamp-", "power", 10, TimeSpan.FromHours(24), v => v.AsNumber);
        Assert.True(power[12] < 1);
        Assert.True(power[21] > 50);
        Assert.InRange(power[2] / power[21], 0.45, 0.55);
    }

    [Fact]
    public void A_light_never_burns_brighter_than_its_twin_says_nor_by_day_because_of_it()
    {
        var lamp = City.Value.Devices.First(d => d.TwinId.StartsWith("lamp-", StringComparison.Ordinal));
        Assert.Equal(new DeviceSetting("dimTo", 100), lamp.Setting);
        var night = new DateTimeOffset(2026, 3, 3, 21, 0, 0, TimeSpan.Zero);
        var full = LevelAndPower(lamp, night, 100);
        Assert.Equal(100, full.Level);
        var (level, power) = LevelAndPower(lamp, night, 30);
        Assert.Equal(30, level);
        Assert.InRange(power / full.Power, 0.27, 0.33);
        Assert.Equal(100, LevelAndPower(lamp, night, 250).Level);
        Assert.Equal(0, LevelAndPower(lamp, night, -5).Level);
        Assert.Equal(0, LevelAndPower(lamp, night.AddHours(-8), 80).Level);
        Assert.Equal(50, LevelAndPower(lamp, night.AddHours(5), 80).Level); // The small hours dim below it.
    }

    [Fact]
    public void A_light_that_is_set_while_it_burns_follows_at_its_next_report_and_comes_back()
    {
        var lamp = City.Value.Devices.First(d => d.TwinId.StartsWith("lamp-", StringComparison.Ordinal));
        var behaviour = Assert.IsAssignableFrom<ISettableBehaviour>(lamp.Start());
        var random = lamp.CreateRandom();
        var output = new List<Assignment>();
        var now = WallTime.From(new DateTimeOffset(2026, 3, 3, 21, 0, 0, TimeSpan.Zero));
        var levels = new List<double>();
        foreach (var setting in (double?[])[null, 40, null, 100])
        {
            if (setting is { } value) behaviour.Set(value);
            output.Clear();
            behaviour.Step(now, levels.Count == 0 ? TimeSpan.Zero : lamp.Period, ref random, output);
            now += lamp.Period;
            levels.Add(output.Where(o => o.Path == "level").Select(o => o.Value.AsNumber).DefaultIfEmpty(levels.LastOrDefault()).Single());
        }

        Assert.Equal([100, 40, 40, 100], levels);
    }

    private static (double Level, double Power) LevelAndPower(DeviceProfile lamp, DateTimeOffset at, double setting)
    {
        var behaviour = (ISettableBehaviour)lamp.Start();
        var random = lamp.CreateRandom();
        var output = new List<Assignment>();
        behaviour.Set(setting);
        behaviour.Step(WallTime.From(at), TimeSpan.Zero, ref random, output);
        return (output.Single(o => o.Path == "level").Value.AsNumber, output.Single(o => o.Path == "power").Value.AsNumber);
    }

    [Fact]
    public void Bays_fill_and_empty_without_all_doing_the_same()
    {
        var occupied = MeanByHour("bay-", "occupied", 150, TimeSpan.FromHours(12), v => v.AsBoolean ? 1 : 0);
        Assert.All(occupied.Values, share => Assert.InRange(share, 0.1, 0.95));
    }

    [Fact]
    public void Buses_keep_to_their_route_stop_at_stops_and_never_jump()
    {
        var roads = City.Value.Scene.Roads.Where(r => r.Width > 12).SelectMany(r => r.Line).ToList();
        var stops = 0;
        var last = new Dictionary<string, PlanPoint>();
        var travelled = 0.0;
        ScenarioChecks.Run(City.Value.Devices.Where(d => d.TwinId.StartsWith("bus-", StringComparison.Ordinal)).Where((_, i) => i % 25 == 0), WorkingMorning, TimeSpan.FromMinutes(20), (bus, at, readings) =>
        {
            var place = new PlanPoint(readings.Single(r => r.Path == "x").Value.AsNumber, readings.Single(r => r.Path == "y").Value.AsNumber);
            if (last.TryGetValue(bus.TwinId, out var before))
            {
                var step = place.DistanceTo(before);
                travelled += step;
                Assert.True(step < 22, $"{bus.TwinId} jumped {step:F1} m at {at}");
            }

            last[bus.TwinId] = place;
            if (at.UtcTicks % (60 * TimeSpan.TicksPerSecond) == 0) Assert.True(roads.Min(p => p.DistanceTo(place)) < 60, bus.TwinId);
            stops += readings.Count(r => r.Path == "state" && r.Value.AsText == "atStop");
        });
        Assert.InRange(travelled / last.Count / (20 * 60), 3.0, 9.0); // metres a second over all
        Assert.InRange(stops / (double)last.Count, 8, 30);
    }

    [Fact]
    public void Chargers_go_through_their_states_in_order()
    {
        var allowed = new Dictionary<string, string[]>
        {
            ["available"] = ["preparing", "faulted"], ["preparing"] = ["charging"], ["charging"] = ["finishing"], ["finishing"] = ["available", "faulted"], ["faulted"] = ["available"],
        };
        var state = new Dictionary<string, string>();
        var moves = 0;
        ScenarioChecks.Run(City.Value.Devices.Where(d => d.TwinId.StartsWith("charger-", StringComparison.Ordinal)).Take(12), WorkingMorning, TimeSpan.FromHours(24), (charger, _, readings) =>
        {
            foreach (var reading in readings.Where(r => r.Path == "state"))
            {
                var next = reading.Value.AsText!;
                if (state.TryGetValue(charger.TwinId, out var was))
                {
                    moves++;
                    Assert.Contains(next, allowed[was]);
                }

                state[charger.TwinId] = next;
            }

            foreach (var power in readings.Where(r => r.Path == "power")) Assert.InRange(power.Value.AsNumber, 0, 55);
        });
        Assert.True(moves > 100, $"{moves} moves");
    }
}
