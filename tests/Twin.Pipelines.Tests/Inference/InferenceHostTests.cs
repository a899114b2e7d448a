using System.Collections.Concurrent;
using Twin.Model;
using Twin.Pipelines.Inference;

namespace Twin.Pipelines.Tests.Inference;

public sealed class InferenceHostTests
{
    private static readonly WallTime Noon = WallTime.From(ManualTime.Start.AddHours(12));
    private readonly ConcurrentQueue<Sample> _written = [];

    /// <summary>A network that gives the sum of its window; faults on demand.</summary>
    private sealed class SumSession(int window) : IModelSession
    {
        public Action<int>? Before { get; set; }

        public ConcurrentQueue<int> Batches { get; } = [];

        public void Score(float[] windows, int count, Span<float> scores, CancellationToken cancellationToken)
        {
            Batches.Enqueue(count);
            Before?.Invoke(count);
            for (var i = 0; i < count; i++)
            {
                scores[i] = 0;
                foreach (var value in windows.AsSpan(i * window, window)) scores[i] += value;
            }
        }

        public void Dispose()
        {
        }
    }

    private static (InferenceRegistry Registry, SumSession Session) Load(int window, TimeProvider clock, double boundMs = 5_000, int maxBatch = 16)
    {
        var folder = Directory.CreateTempSubdirectory("twin-pipelines-").FullName;
        Cards.Write(folder, Cards.For([1], "sum", window, boundMs, maxBatch), [1]);
        var session = new SumSession(window);
        return (InferenceRegistry.Load(folder, clock, (_, _) => session), session);
    }

    private InferenceHost Host(InferenceRegistry registry, InferenceOptions? options = null) =>
        new(registry, options ?? InferenceOptions.Default, (samples, _) =>
        {
            foreach (var sample in samples) _written.Enqueue(sample);
            return default;
        });

    private static FeedPage Page(params (string Id, double Value, int Second)[] values) => new(
        0, values.Select((v, i) => new Change(i + 1, ChangeKind.PropertyChanged, v.Id, "dtmi:m;1", "temperature", PropertyValue.From(v.Value), Noon + TimeSpan.FromSeconds(v.Second), Noon)).ToArray(), values.Length, false);

    [Fact]
    public async Task Each_twin_has_its_own_sliding_window_and_the_score_carries_the_newest_time()
    {
        var (registry, _) = Load(3, TimeProvider.System);
        await using (var host = Host(registry))
            await host.OfferAsync(Page(("a", 1, 0), ("b", 10, 0), ("a", 2, 1), ("b", 20, 1), ("a", 3, 2), ("a", 4, 3), ("b", 30, 2)), default);
        Assert.Equal(
            [("a", 6.0, 2L), ("a", 9.0, 3L), ("b", 60.0, 2L)],
            _written.Select(s => (s.TwinId, s.Value.AsNumber, (long)(s.SourceTime - Noon).TotalSeconds)).OrderBy(x => x.TwinId).ThenBy(x => x.Item3));
        Assert.All(_written, s => Assert.Equal("score", s.Path));
    }

    [Fact]
    public async Task Devices_are_scored_together_in_runs_of_at_most_the_models_batch()
    {
        var (registry, session) = Load(1, TimeProvider.System);
        session.Batches.Clear();
        await using (var host = Host(registry))
            await host.OfferAsync(Page([.. Enumerable.Range(0, 40).Select(i => ($"t{i}", (double)i, 0))]), default);
        Assert.Equal(40, _written.Count);
        Assert.Equal([16, 16, 8], session.Batches);
    }

    [Fact]
    public async Task A_pause_longer_than_the_cards_gap_or_a_deleted_twin_starts_the_window_anew()
    {
        var (registry, _) = Load(2, TimeProvider.System);
        await using (var host = Host(registry))
        {
            await host.OfferAsync(Page(("a", 1, 0), ("a", 2, 5_000), ("a", 3, 5_001)), default);
            await host.OfferAsync(new FeedPage(0, new Change[] { new(9, ChangeKind.TwinDeleted, "a", "", "", default, Noon, Noon) }, 9, false), default);
            await host.OfferAsync(Page(("a", 4, 5_002), ("a", 5, 5_003)), default);
        }
        Assert.Equal([5.0, 9.0], _written.Select(s => s.Value.AsNumber));
    }

    [Fact]
    public async Task A_failing_model_is_disabled_after_three_failures_and_one_run_brings_it_back()
    {
        var clock = new ManualTime();
        var (registry, session) = Load(1, clock, maxBatch: 1);
        session.Before = _ => throw new InvalidOperationException("corrupt");
        var model = Assert.Single(registry.Models);
        await using var host = Host(registry);
        for (var i = 0; i < 5; i++) await host.OfferAsync(Page(("a", 1, i)), default);
        await Eventually.True(() => model.Skipped == 5, "five windows are skipped");
        Assert.Equal((ModelState.Disabled, 3L), (model.State, model.Failures));
        Assert.Equal("corrupt", model.LastError);
        session.Before = null;
        clock.Advance(ServedModel.Pause);
        await host.OfferAsync(Page(("a", 7, 10)), default);
        await Eventually.True(() => model.State == ModelState.Ready && _written.Count == 1, "one good run brings it back");
        Assert.Equal(7.0, _written.Single().Value.AsNumber);
    }

    [Fact]
    public async Task A_run_past_its_latency_bound_is_skipped_and_the_flow_goes_on()
    {
        var clock = new ManualTime();
        var (registry, session) = Load(1, clock, boundMs: 50);
        using var release = new ManualResetEventSlim();
        var slow = 1;
        session.Before = _ =>
        {
            if (Interlocked.Exchange(ref slow, 0) == 1) release.Wait();
        };
        var model = Assert.Single(registry.Models);
        await using var host = Host(registry);
        await host.OfferAsync(Page(("a", 1, 0)), default);
        await Eventually.True(() => clock.Pending > 0, "the run is under way");
        clock.Advance(TimeSpan.FromMilliseconds(60));
        await Eventually.True(() => model.Timeouts == 1, "the run is given up");
        release.Set();
        await Eventually.True(() => !model.HasLateRun, "the late run has ended");
        await host.OfferAsync(Page(("a", 2, 1)), default);
        await Eventually.True(() => _written.Count == 1, "the next is scored");
        Assert.Equal(2.0, _written.Single().Value.AsNumber);
    }

    [Fact]
    public async Task Scores_that_cannot_be_written_or_are_not_finite_do_not_stop_the_flow()
    {
        var (registry, _) = Load(1, TimeProvider.System);
        var calls = 0;
        await using (var host = new InferenceHost(registry, InferenceOptions.Default with { MaxBatch = 1 }, (samples, _) =>
        {
            if (calls++ == 0) throw new IOException("store gone");
            foreach (var sample in samples) _written.Enqueue(sample);
            return default;
        }))
        {
            await host.OfferAsync(Page(("a", 1, 0), ("a", double.MaxValue, 1), ("a", 3, 2)), default);
        }
        Assert.Equal(3.0, Assert.Single(_written).Value.AsNumber);
        Assert.Equal(1, registry.Models[0].Failures);
    }

    [Fact]
    public async Task At_the_bound_on_twins_further_twins_are_passed_over()
    {
        var (registry, _) = Load(1, TimeProvider.System);
        await using (var host = Host(registry, InferenceOptions.Default with { MaxTwins = 2 }))
            await host.OfferAsync(Page(("a", 1, 0), ("b", 2, 0), ("c", 3, 0), ("a", 4, 1)), default);
        Assert.Equal(["a", "b", "a"], _written.Select(s => s.TwinId));
    }

    [Theory]
    [InlineData("hash", "SHA-256")]
    [InlineData("file", "no ONNX network")]
    [InlineData("shape", "float[batch, 5]")]
    [InlineData("card", "latencyBoundMs 0 is not 1 to 60000")]
    [InlineData("json", "broken.json")]
    [InlineData("loop", "a score would feed itself")]
    public void A_model_that_cannot_be_trusted_is_refused_with_the_reason_and_the_others_serve(string fault, string reason)
    {
        var source = Path.Combine(Repository.Root, "streams", "Twin.Pipelines", "Models");
        var good = File.ReadAllBytes(Path.Combine(source, "machine-temperature.onnx"));
        var folder = Directory.CreateTempSubdirectory("twin-pipelines-").FullName;
        Cards.Write(folder, Cards.For(good, "good", 32), good);
        var file = fault == "file" ? [.. good.Take(good.Length / 2)] : good;
        var card = Cards.For(file, "broken", fault == "shape" ? 5 : 32, fault == "card" ? 0 : 50);
        if (fault == "hash") card = card with { Sha256 = new string('0', 64) };
        if (fault == "loop") card = card with { Output = new OutputBinding { Path = "temperature" } };
        Cards.Write(folder, card, file);
        if (fault == "json") File.WriteAllText(Path.Combine(folder, "broken.json"), "{");
        using var registry = InferenceRegistry.Load(folder, TimeProvider.System);
        Assert.Equal([ModelState.Refused, ModelState.Ready], registry.Models.Select(m => m.State));
        Assert.Contains(reason, registry.Models[0].LastError);
    }

    [Fact]
    public async Task The_shipped_model_raises_its_score_when_the_machine_behaves_as_never_before()
    {
        using var registry = InferenceRegistry.Load(Path.Combine(Repository.Root, "streams", "Twin.Pipelines", "Models"), TimeProvider.System);
        Assert.Equal(ModelState.Ready, Assert.Single(registry.Models).State);
        await using (var host = Host(registry))
        {
            var values = Enumerable.Range(0, 120).Select(i => ("machine", i < 80 ? 85 + (2 * Math.Sin(i / 9.0)) : i % 2 == 0 ? 20.0 : 110.0, i * 300));
            await host.OfferAsync(Page([.. values]), default);
        }
        var scores = _written.Select(s => s.Value.AsNumber).ToArray();
        Assert.Equal(120 - 31, scores.Length);
        Assert.All(scores[..49], s => Assert.InRange(s, 0, 1));
        Assert.True(scores[^1] > 10, $"the last score is {scores[^1]}");
    }
}
