using Twin.Model.Spaces;

namespace Twin.Model.Tests.Spaces;

public class WaitingLineTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 20, 0, 0, TimeSpan.Zero);

    /// <summary>Random people ask, stay, leave and forget to ask. Seeded.</summary>
    [Fact]
    public void Nobody_comes_in_beyond_the_capacity_nor_before_one_who_waits_longer()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var capacity = random.Next(1, 8);
            var line = new WaitingLine(20, TimeSpan.FromSeconds(45));
            var (seated, waiting, now) = (new HashSet<string>(), new List<string>(), Start);
            for (var step = 0; step < 400; step++)
            {
                now += TimeSpan.FromMilliseconds(random.Next(400));
                var user = "u" + random.Next(25);
                if (random.Next(6) == 0)
                {
                    line.Leave(user, now);
                    seated.Remove(user);
                    waiting.Remove(user);
                }
                else
                {
                    var place = line.Ask(user, capacity, now);
                    if (place == 0)
                    {
                        Assert.True(seated.Contains(user) || waiting.IndexOf(user) is var at && (at >= 0 ? at < capacity - seated.Count : seated.Count + waiting.Count < capacity), $"seed {seed}, step {step}: {user} went before others");
                        seated.Add(user);
                        waiting.Remove(user);
                    }
                    else if (place > 0)
                    {
                        if (!waiting.Contains(user)) waiting.Add(user);
                        Assert.Equal(waiting.IndexOf(user) + 1, place);
                    }
                }

                foreach (var one in seated) line.Keep(one, now);
                foreach (var one in waiting.ToArray()) if (line.Ask(one, capacity, now) == 0) Move(one);
                Assert.True(seated.Count <= capacity);
                Assert.Equal((seated.Count, waiting.Count), (line.Seated, line.Waiting));
            }

            void Move(string one)
            {
                seated.Add(one);
                waiting.Remove(one);
            }
        }
    }

    /// <summary>Against a plain list, far beyond the numbers a line has before it numbers anew. Seeds 0 to 19.</summary>
    [Fact]
    public void A_position_is_one_more_than_how_many_came_before_and_wait_still()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            var most = random.Next(1, 60);
            var line = new WaitingLine(most, TimeSpan.FromSeconds(45));
            var plain = new List<string>();
            Assert.Equal(0, line.Ask("sits", 1, Start));
            for (var step = 0; step < 3_000; step++)
            {
                var user = "u" + random.Next(90);
                if (random.Next(3) == 0)
                {
                    line.Leave(user, Start);
                    plain.Remove(user);
                    continue;
                }

                if (!plain.Contains(user) && plain.Count < most) plain.Add(user);
                Assert.Equal(plain.IndexOf(user) is >= 0 and var at ? at + 1 : -1, line.Ask(user, 1, Start));
                Assert.Equal(plain.Count, line.Waiting);
            }
        }
    }

    [Fact]
    public void A_seat_and_a_place_without_a_word_are_given_on()
    {
        var line = new WaitingLine(2, TimeSpan.FromSeconds(45));
        Assert.Equal([0, 1, 2, -1], new[] { "a", "b", "c", "d" }.Select(u => line.Ask(u, 1, Start)));
        var later = Start + TimeSpan.FromSeconds(30);
        Assert.Equal(2, line.Ask("c", 1, later)); // b said nothing more
        Assert.Equal(0, line.Ask("c", 1, Start + TimeSpan.FromSeconds(50)));
        Assert.Equal((1, 0), (line.Seated, line.Waiting));
    }

    [Fact]
    public void A_late_word_of_a_silo_does_not_seat_one_who_was_sent_out_and_after_a_restart_all_who_are_here_keep_their_seats()
    {
        var line = new WaitingLine(10, TimeSpan.FromSeconds(45));
        line.Ask("a", 1, Start);
        line.Ask("b", 1, Start);
        line.Leave("a", Start);
        line.Keep("a", Start + TimeSpan.FromSeconds(1));
        Assert.Equal(0, line.Ask("b", 1, Start + TimeSpan.FromSeconds(2)));
        var anew = new WaitingLine(10, TimeSpan.FromSeconds(45));
        anew.Keep("x", Start);
        anew.Keep("y", Start);
        Assert.Equal(1, anew.Ask("z", 2, Start + TimeSpan.FromSeconds(1)));
    }
}
