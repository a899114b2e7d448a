namespace Twin.Simulation.Tests;

public class ProcessTests
{
    [Fact]
    public void The_mean_wait_of_an_M_M_1_queue_is_that_of_the_formula()
    {
        var world = new ProcessWorld();
        var server = new Resource(world, "server", 1);
        var (arrivals, services) = (new RandomStream(5, 0, 0, 0), new RandomStream(5, 0, 0, 1));
        var (sum, count) = (0.0, 0);
        world.Start("source", async _ =>
        {
            while (true)
            {
                await world.Delay(arrivals.NextExponential(2));
                world.Start("customer", async _ =>
                {
                    var came = world.Now;
                    var lease = await server.Request();
                    (sum, count) = (sum + world.Now - came, count + 1);
                    await world.Delay(services.NextExponential(1));
                    server.Release(lease);
                });
            }
        });
        world.Run(1_000_000);
        Assert.InRange(count, 497_000, 503_000);
        Assert.InRange(sum / count, 0.97, 1.03); // rho / (mu - lambda) = 0.5 / 0.5
    }

    [Fact]
    public void Who_asked_with_the_lower_priority_value_goes_first_and_who_preempts_takes_the_server()
    {
        var world = new ProcessWorld();
        var machine = new Resource(world, "machine", 1);
        var log = new List<string>();
        Job("a", 0, 5, false);
        Job("b", 1, 5, false);
        Job("c", 2, 3, false);
        Job("urgent", 4, -1, true);
        world.Run(100);
        Assert.Equal(["0 a holds", "4 a lost it", "4 urgent holds", "14 urgent done", "14 c holds", "24 c done", "24 b holds", "34 b done"], log);
        Assert.Equal((0, 0), (machine.Held, machine.Waiting));

        void Job(string name, double at, int priority, bool preempts) => world.Start(name, async _ =>
        {
            await world.Delay(at);
            var lease = await machine.Request(priority, preempts);
            log.Add($"{world.Now} {name} holds");
            try
            {
                await world.Delay(10);
                log.Add($"{world.Now} {name} done");
            }
            catch (ProcessInterruptedException interrupted) when (interrupted.Cause == machine) { log.Add($"{world.Now} {name} lost it"); }
            machine.Release(lease);
        });
    }

    [Fact]
    public void Any_all_timeouts_and_interrupts_come_at_their_times()
    {
        var world = new ProcessWorld();
        var log = new List<string>();
        var sleeper = world.Start("sleeper", async me =>
        {
            try { await world.Delay(50); }
            catch (ProcessInterruptedException e) { log.Add($"{world.Now} {e.Cause}"); }
            await world.Delay(1);
            log.Add($"{world.Now} awake");
        });
        world.Start("waiter", async _ =>
        {
            var (two, five) = (Occasion.After(world, 2), Occasion.After(world, 5));
            await Occasion.Any(world, two, five).Wait();
            log.Add($"{world.Now} any");
            sleeper.Interrupt("knock");
            await Occasion.All(world, two, five).Wait();
            log.Add($"{world.Now} all");
        });
        world.Run(100);
        Assert.Equal(["2 any", "2 knock", "3 awake", "5 all"], log);
        Assert.False(sleeper.Interrupt());
    }

    [Fact]
    public void Bad_input_names_the_process_or_the_resource()
    {
        var world = new ProcessWorld();
        Assert.Contains("press", Assert.Throws<ArgumentOutOfRangeException>(() => new Resource(world, "press", 0)).Message, StringComparison.Ordinal);
        world.Start("bad", async _ => await world.Delay(-1));
        Assert.Contains("bad", Assert.Throws<InvalidOperationException>(() => world.Run(1)).Message, StringComparison.Ordinal);
    }
}
