using Twin.Model;
using Twin.Scenarios.Event;

namespace Twin.Scenarios.Tests;

public class EventScenarioTests
{
    [Fact]
    public void The_same_seed_gives_the_same_venue_and_each_device_reports_what_its_model_has()
    {
        var (a, b) = (EventScenario.Create(3), EventScenario.Create(3));
        Assert.Equal(a.Models, b.Models);
        Assert.Equal(a.Twins.Select(t => t.TwinId), b.Twins.Select(t => t.TwinId));
        Assert.True(a.Twins.Count > 25);
        ScenarioChecks.IsConsistent(a);
        var models = ScenarioChecks.Models(a.Models);
        var modelOf = a.Twins.Cast<PutTwin>().ToDictionary(t => t.TwinId, t => models.Find(t.ModelId)!);
        var reports = 0;
        ScenarioChecks.Run(a.Devices, new WallTime(new DateTime(2026, 7, 4, 19, 0, 0, DateTimeKind.Utc).Ticks), TimeSpan.FromMinutes(6), (device, _, readings) =>
        {
            foreach (var reading in readings) ScenarioChecks.Fits(modelOf[device.TwinId], reading);
            reports += readings.Count;
        });
        Assert.True(reports > 1_000);
    }

    [Theory]
    [InlineData(1, 500)]
    [InlineData(2, 2_000)]
    public void Guests_walk_at_a_human_pace_stay_out_of_what_is_closed_and_do_not_stand_in_one_another(int seed, int count)
    {
        var crowd = new ConcertCrowd((ulong)seed, count);
        var before = new (double X, double Z)?[count];
        var (intents, close, pairs) = (new HashSet<GuestIntent>(), 0, 0);
        for (var step = 0; step < 20 * 240; step++)
        {
            crowd.Step(0.05);
            for (var i = 0; i < count; i++)
            {
                var intent = crowd.IntentOf(i);
                intents.Add(intent);
                var (x, z, _) = crowd.PlaceOf(i);
                if (intent == GuestIntent.Away)
                {
                    before[i] = null;
                    continue;
                }

                Assert.True(x is >= 0 and <= ConcertPlan.Width && z is >= 0 and <= ConcertPlan.Depth);
                Assert.DoesNotContain(ConcertPlan.Closed, c => c.Holds(x, z, 0.2));
                if (before[i] is var (oldX, oldZ)) Assert.True(Math.Sqrt(Math.Pow(x - oldX, 2) + Math.Pow(z - oldZ, 2)) < 0.05 * 4, $"guest {i} ran");
                before[i] = (x, z);
            }

            if (step % 600 != 599) continue;
            for (var i = 0; i < count; i++)
            {
                if (before[i] is not var (x, z)) continue;
                pairs++;
                if (Enumerable.Range(0, count).Any(o => o != i && before[o] is var (ox, oz) && Math.Abs(ox - x) < 0.2 && Math.Abs(oz - z) < 0.2)) close++;
            }
        }

        Assert.Superset(new HashSet<GuestIntent> { GuestIntent.Away, GuestIntent.Arriving, GuestIntent.Listening, GuestIntent.Thirsty, GuestIntent.Served }, intents);
        Assert.True(close < pairs / 20, $"{close} of {pairs} stand in somebody");
    }

    [Fact]
    public void The_same_seed_and_steps_give_the_same_paths_and_another_seed_others()
    {
        Assert.Equal(Walk(7), Walk(7));
        Assert.NotEqual(Walk(7), Walk(8));

        static List<(double, double, double)> Walk(ulong seed)
        {
            var crowd = new ConcertCrowd(seed, 200);
            for (var i = 0; i < 400; i++) crowd.Step(0.05);
            return [.. Enumerable.Range(0, 200).Select(crowd.PlaceOf)];
        }
    }
}
