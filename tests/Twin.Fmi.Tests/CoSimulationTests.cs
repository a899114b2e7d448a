using System.Diagnostics;
using Twin.Fmi;

namespace Twin.Fmi.Tests;

/// <summary>Models of our own, compiled here, run in children.</summary>
public sealed class CoSimulationTests(ModelFactory factory) : IClassFixture<ModelFactory>
{
    private static readonly CancellationToken Never = CancellationToken.None;

    private static CoSimulationOptions Options(double until, double step, CouplingOrder order = CouplingOrder.Jacobi, params (FmuPort, FmuValue)[] starts) => new(until, step, order, starts);

    private static FmuPort Port(FmuArchive archive, string name, int model = 0) => new(model, archive.Description.Find(name)!);

    private static async Task<double> ReadAsync(FmuProcess model, string name) => (await model.GetAsync([model.Description.Find(name)!], Never))[0] is var v && model.Description.Find(name)!.Type == FmuType.Float64 ? v.Number : v.Whole;

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Decay_follows_the_exponential_at_every_step(int version)
    {
        using var archive = FmuArchive.Open(factory.Make(version, ModelKind.Decay));
        await using var model = await FmuProcess.StartAsync("decay", archive, ModelFactory.Host(), TimeProvider.System, Never);
        var rows = 0;
        var ended = await new CoSimulation([model], [], Options(2, 0.1, CouplingOrder.Jacobi, (Port(archive, "k"), FmuValue.Of(3.0)))).RunAsync(async time =>
        {
            rows++;
            Assert.Equal(Math.Exp(-3 * time), await ReadAsync(model, "x"), 1e-12);
        }, Never);
        Assert.Equal((2.0, 20L, 21), (ended.Time, ended.Steps, rows));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_ball_bounces_as_the_textbook_says_and_comes_to_rest(int version)
    {
        using var archive = FmuArchive.Open(factory.Make(version, ModelKind.Ball));
        await using var model = await FmuProcess.StartAsync("ball", archive, ModelFactory.Host(), TimeProvider.System, Never);
        // From 1 m: first contact after sqrt(2/g); then a bounce of 0.7 of the speed; the top of it is 0.49 m high.
        var (first, top, last) = (Math.Sqrt(2 / 9.81), 0.0, (Height: 1.0, IsDown: 0.0));
        await new CoSimulation([model], [], Options(5, 0.01)).RunAsync(async time =>
        {
            var height = await ReadAsync(model, "x");
            if (time < first) Assert.Equal(1 - (9.81 * time * time / 2), height, 1e-9);
            if (time > first && time < first * 2.4) top = Math.Max(top, height);
            last = (height, await ReadAsync(model, "isDown"));
        }, Never);
        Assert.Equal(0.49, top, 1e-3);
        Assert.Equal((0.0, 1.0), last);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task All_kinds_of_values_go_both_ways(int version)
    {
        using var archive = FmuArchive.Open(factory.Make(version, ModelKind.Decay));
        await using var model = await FmuProcess.StartAsync("decay", archive, ModelFactory.Host(), TimeProvider.System, Never);
        await model.EnterInitializationAsync(0, null, Never);
        FmuVariable[] variables = [.. new[] { "label", "k", "steps", "isDown", "u" }.Select(n => archive.Description.Find(n)!)];
        FmuValue[] values = [new(0, 0, "Kühlung ✓"), FmuValue.Of(0.1), FmuValue.Of(-7L), FmuValue.Of(1L), FmuValue.Of(double.MaxValue)];
        Assert.Equal("unnamed", (await model.GetAsync(variables, Never))[0].Text);
        await model.SetAsync(variables, values, Never);
        Assert.Equal(values, await model.GetAsync(variables, Never));
    }

    [Theory]
    [InlineData(CouplingOrder.Jacobi)]
    [InlineData(CouplingOrder.GaussSeidel)]
    public async Task Coupled_models_follow_the_scheme_computed_by_hand_over_both_versions(CouplingOrder order)
    {
        // a' = -a, b' = a - b; b's input is a at the step's beginning (Jacobi) or end (Gauss-Seidel), held over the step.
        using var one = FmuArchive.Open(factory.Make(2, ModelKind.Decay, $"a{order}"));
        using var two = FmuArchive.Open(factory.Make(3, ModelKind.Decay, $"b{order}"));
        await using var a = await FmuProcess.StartAsync("a", one, ModelFactory.Host(), TimeProvider.System, Never);
        await using var b = await FmuProcess.StartAsync("b", two, ModelFactory.Host(), TimeProvider.System, Never);
        var connection = new FmuConnection(Port(one, "x", 0), Port(two, "u", 1));
        var (x, y, decay) = (1.0, 1.0, Math.Exp(-0.1));
        await new CoSimulation([a, b], [connection], Options(1, 0.1, order)).RunAsync(async time =>
        {
            Assert.Equal(x, await ReadAsync(a, "x"), 1e-12);
            Assert.Equal(y, await ReadAsync(b, "x"), 1e-12);
            var next = x * decay;
            y = (y * decay) + ((order == CouplingOrder.Jacobi ? x : next) * (1 - decay));
            x = next;
        }, Never);
    }

    [Fact]
    public async Task A_discarded_step_is_undone_for_all_and_halved_until_it_is_taken()
    {
        using var one = FmuArchive.Open(factory.Make(2, ModelKind.Picky, "p2"));
        using var two = FmuArchive.Open(factory.Make(3, ModelKind.Decay, "d3"));
        await using var picky = await FmuProcess.StartAsync("picky", one, ModelFactory.Host(), TimeProvider.System, Never);
        await using var plain = await FmuProcess.StartAsync("plain", two, ModelFactory.Host(), TimeProvider.System, Never);
        var steps = (0.0, 0.0);
        var ended = await new CoSimulation([plain, picky], [], Options(1, 0.1)).RunAsync(async time =>
        {
            Assert.Equal(Math.Exp(-time), await ReadAsync(plain, "x"), 1e-12);
            steps = (await ReadAsync(plain, "steps"), await ReadAsync(picky, "steps"));
        }, Never);
        // 0.1 and 0.05 are discarded, 0.025 is taken four times: 40 steps of both models, 20 undone.
        Assert.Equal((20L, (40.0, 40.0)), (ended.Rollbacks, steps));
    }

    [Fact]
    public async Task A_discarded_step_that_cannot_be_undone_ends_the_run_with_the_reason()
    {
        using var one = FmuArchive.Open(factory.Make(3, ModelKind.Picky, "stubborn", canGoBack: false));
        await using var picky = await FmuProcess.StartAsync("picky", one, ModelFactory.Host(), TimeProvider.System, Never);
        var fault = await Assert.ThrowsAsync<FmuException>(() => new CoSimulation([picky], [], Options(1, 0.1)).RunAsync(_ => Task.CompletedTask, Never));
        Assert.Equal(FmuFault.Refused, fault.Fault);
        Assert.Contains("picky discarded the step from 0 s by 0.1 s; it cannot be halved", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_model_that_crashes_costs_its_child_only_and_the_error_says_where(int version)
    {
        using var bad = FmuArchive.Open(factory.Make(version, ModelKind.Crasher));
        using var good = FmuArchive.Open(factory.Make(version, ModelKind.Decay, $"witness{version}"));
        await using var witness = await FmuProcess.StartAsync("witness", good, ModelFactory.Host(), TimeProvider.System, Never);
        await using var model = await FmuProcess.StartAsync("crasher", bad, ModelFactory.Host(), TimeProvider.System, Never);
        var fault = await Assert.ThrowsAsync<FmuException>(() => new CoSimulation([model], [], Options(1, 0.1)).RunAsync(_ => Task.CompletedTask, Never));
        Assert.Equal(FmuFault.Crashed, fault.Fault);
        Assert.Contains("crasher: its process ended during step from 0.4 s by 0.1 s (signal SIG", fault.Message, StringComparison.Ordinal);
        Assert.Contains("is gone", (await Assert.ThrowsAsync<FmuException>(() => model.StepAsync(0.5, 0.1, false, Never))).Message, StringComparison.Ordinal);
        await witness.EnterInitializationAsync(0, null, Never);
        Assert.Equal(1, await ReadAsync(witness, "x"));
    }

    [Fact]
    public async Task A_model_that_hangs_is_ended_in_time_and_its_process_is_gone()
    {
        using var archive = FmuArchive.Open(factory.Make(2, ModelKind.Hanger, canGoBack: false)); // so that the step is the next request
        var clock = new JumpingClock();
        await using var model = await FmuProcess.StartAsync("hanger", archive, ModelFactory.Host(60), clock, Never);
        using var child = Process.GetProcessById(model.ProcessId);
        var running = new CoSimulation([model], [], Options(1, 0.1)).RunAsync(time =>
        {
            // The next step hangs: the minute passes at once.
            if (time > 0.35) clock.JumpAtNextTimer();
            return Task.CompletedTask;
        }, Never);
        var fault = await Assert.ThrowsAsync<FmuException>(() => running);
        Assert.Equal(FmuFault.Hung, fault.Fault);
        Assert.Contains("hanger: step from 0.4 s by 0.1 s did not end within 60 s", fault.Message, StringComparison.Ordinal);
        await child.WaitForExitAsync(Never);
        Assert.True(child.HasExited);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task What_a_model_logs_stands_in_the_error_and_what_it_prints_breaks_nothing(int version)
    {
        using var refusing = FmuArchive.Open(factory.Make(version, ModelKind.Refuser));
        using var talking = FmuArchive.Open(factory.Make(version, ModelKind.Talker));
        await using var refuser = await FmuProcess.StartAsync("refuser", refusing, ModelFactory.Host(), TimeProvider.System, Never);
        await using var talker = await FmuProcess.StartAsync("talker", talking, ModelFactory.Host(), TimeProvider.System, Never);
        var ended = await new CoSimulation([talker], [], Options(10, 0.01)).RunAsync(_ => Task.CompletedTask, Never);
        Assert.Equal(1_000, ended.Steps);
        var fault = await Assert.ThrowsAsync<FmuException>(() => new CoSimulation([refuser], [], Options(1, 0.1)).RunAsync(_ => Task.CompletedTask, Never));
        Assert.Contains($"fmi{version}DoStep answered error", fault.Message, StringComparison.Ordinal);
        Assert.Contains("[logStatusError] the gearbox is on fire", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_model_may_ask_to_end(int version)
    {
        using var archive = FmuArchive.Open(factory.Make(version, ModelKind.Ender));
        await using var model = await FmuProcess.StartAsync("ender", archive, ModelFactory.Host(), TimeProvider.System, Never);
        var ended = await new CoSimulation([model], [], Options(1, 0.1)).RunAsync(_ => Task.CompletedTask, Never);
        Assert.Equal(5, ended.Steps);
        Assert.Equal(0.5, ended.Time, 1e-12);
    }

    [Fact]
    public async Task Units_are_converted_between_like_and_refused_between_unlike()
    {
        using var source = FmuArchive.Open(factory.Make(2, ModelKind.Decay, "metres"));
        using var far = FmuArchive.Open(factory.Make(3, ModelKind.Decay, "kilometres", inputUnit: "km"));
        using var heavy = FmuArchive.Open(factory.Make(3, ModelKind.Decay, "kilograms", inputUnit: "kg"));
        await using var a = await FmuProcess.StartAsync("a", source, ModelFactory.Host(), TimeProvider.System, Never);
        await using var b = await FmuProcess.StartAsync("b", far, ModelFactory.Host(), TimeProvider.System, Never);
        var (k, into) = (Port(source, "k", 0), Port(far, "u", 1));
        await new CoSimulation([a, b], [new(Port(source, "x", 0), into)], Options(0.1, 0.1, CouplingOrder.Jacobi, (k, FmuValue.Of(0.0)))).RunAsync(async _ => Assert.Equal(0.001, await ReadAsync(b, "u"), 1e-15), Never);
        var fault = Assert.Throws<FmuException>(() => new CoSimulation([a, b], [new(Port(source, "x", 0), Port(heavy, "u", 1))], Options(1, 0.1)));
        Assert.Contains("in m, the second in kg", fault.Message, StringComparison.Ordinal);
        fault = Assert.Throws<FmuException>(() => new CoSimulation([a, b], [new(into, Port(source, "x", 0))], Options(1, 0.1)));
        Assert.Contains("must be an output", fault.Message, StringComparison.Ordinal);
        fault = Assert.Throws<FmuException>(() => new CoSimulation([a, b], [new(Port(source, "x", 0), into), new(Port(source, "x", 0), into)], Options(1, 0.1)));
        Assert.Contains("b.u is fed more than once", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inputs_are_interpolated_between_the_rows_of_a_table()
    {
        using var archive = FmuArchive.Open(factory.Make(2, ModelKind.Decay, "fed"));
        await using var model = await FmuProcess.StartAsync("fed", archive, ModelFactory.Host(), TimeProvider.System, Never);
        var table = InputTable.Read(new StringReader("time,u\n0,2\n0.5,4\n"), n => archive.Description.Find(n) is { } v ? new FmuPort(0, v) : null);
        var x = 1.0;
        await new CoSimulation([model], [], Options(1, 0.25), table).RunAsync(async time =>
        {
            Assert.Equal(x, await ReadAsync(model, "x"), 1e-12);
            var u = Math.Min(4, 2 + (4 * time)); // held over the step that begins now
            x = (x * Math.Exp(-0.25)) + (u * (1 - Math.Exp(-0.25)));
        }, Never);
    }

    [Fact]
    public async Task A_binary_that_does_not_belong_to_its_description_is_refused()
    {
        using var archive = FmuArchive.Open(factory.Make(2, ModelKind.Decay, "wrongtoken", token: "{other}"));
        var fault = await Assert.ThrowsAsync<FmuException>(() => FmuProcess.StartAsync("other", archive, ModelFactory.Host(), TimeProvider.System, Never));
        Assert.Contains("fmi2Instantiate", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>The system's clock, but one timer, when asked, fires at once.</summary>
    private sealed class JumpingClock : TimeProvider
    {
        private int _jumps;

        public void JumpAtNextTimer() => Interlocked.Exchange(ref _jumps, 1);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime > TimeSpan.FromSeconds(10) && Interlocked.Exchange(ref _jumps, 0) == 1 ? TimeSpan.FromMilliseconds(50) : dueTime, period);
    }
}
