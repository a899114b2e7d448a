using CsCheck;
using Twin.Model;
using Twin.Pipelines.Ingest;

namespace Twin.Pipelines.Tests.Ingest;

public sealed class IngestHostTests
{
    private static readonly WallTime Noon = WallTime.From(ManualTime.Start.AddHours(12));

    private static IngestHost Host(TestShards shards, IngestOptions? options = null, int count = 4, TimeProvider? clock = null) =>
        new(options ?? new IngestOptions(), count, shards.ApplyAsync, clock ?? TimeProvider.System);

    [Fact]
    public async Task A_reading_reaches_its_owner_with_id_path_value_and_arrival_time()
    {
        var shards = new TestShards(4);
        await using var host = Host(shards);
        var chunk = TestChunk.Json(Noon, ("lamp-1", """{"power":31.5,"on":true,"mode":"dim"}"""));
        await host.OfferAsync(chunk, default);
        Assert.Equal(new MessageFate(true, SampleFate.Applied, null), Assert.Single(await chunk.Fates));
        Assert.Equal(
            [
                new Sample("lamp-1", "power", PropertyValue.From(31.5), Noon),
                new Sample("lamp-1", "on", PropertyValue.From(true), Noon),
                new Sample("lamp-1", "mode", PropertyValue.From("dim"), Noon),
            ],
            shards.Kept);
        Assert.Equal(1, chunk.Completions);
    }

    [Fact]
    public async Task A_message_that_cannot_be_read_is_invalid_with_its_position_and_its_neighbours_are_kept()
    {
        var shards = new TestShards(4);
        await using var host = Host(shards);
        var chunk = TestChunk.Json(Noon, ("a", """{"x":1}"""), ("b", """{"x":1,"y":}"""), ("c", """{"x":3}"""));
        await host.OfferAsync(chunk, default);
        var fates = await chunk.Fates;
        Assert.Equal([SampleFate.Applied, SampleFate.Invalid, SampleFate.Applied], fates.Select(f => f.Worst));
        Assert.All(fates, f => Assert.True(f.Acknowledge));
        Assert.Contains("byte 12", fates[1].Detail);
        Assert.DoesNotContain(shards.Kept, s => s.TwinId == "b");
        Assert.Equal(1, host.Rates.Fates["Invalid"]);
    }

    [Fact]
    public async Task A_sample_that_the_owner_refuses_marks_its_own_message_only()
    {
        var shards = new TestShards(1)
        {
            Decide = (_, batch, _) => new ValueTask<IngestOutcome>(
                TestShards.Outcome(batch.Samples.Count, SampleFate.Applied, new SampleRefusal(2, SampleFate.UnknownProperty, "no colour"))),
        };
        await using var host = Host(shards, count: 1);
        var chunk = TestChunk.Json(Noon, ("a", """{"x":1,"y":2}"""), ("b", """{"colour":1,"x":2}"""), ("c", """{"x":3}"""));
        await host.OfferAsync(chunk, default);
        var fates = await chunk.Fates;
        Assert.Equal([SampleFate.Applied, SampleFate.UnknownProperty, SampleFate.Applied], fates.Select(f => f.Worst));
        Assert.Equal("no colour", fates[1].Detail);
    }

    [Fact]
    public async Task A_chunk_is_completed_only_when_every_shard_has_its_samples_and_then_once()
    {
        var release = new TaskCompletionSource<IngestOutcome>();
        var ids = Enumerable.Range(0, 200).Select(i => $"twin-{i}").ToArray();
        var shards = new TestShards(4);
        shards.Decide = (shard, batch, _) => shard == 3 ? new ValueTask<IngestOutcome>(release.Task) : null;
        await using var host = Host(shards);
        var chunk = TestChunk.Json(Noon, [.. ids.Select(id => (id, """{"x":1}"""))]);
        await host.OfferAsync(chunk, default);
        var elsewhere = ids.Count(id => ShardMap.ShardOf(id, 4) != 3);
        await Eventually.True(() => shards.Kept.Count == elsewhere, "the other shards have theirs");
        Assert.Equal(0, chunk.Completions);
        release.SetResult(TestShards.Outcome(ids.Length - elsewhere, SampleFate.Applied));
        await chunk.Fates;
        Assert.Equal(1, chunk.Completions);
    }

    [Fact]
    public async Task Offers_wait_while_the_bytes_in_flight_are_at_their_bound()
    {
        var release = new TaskCompletionSource();
        var shards = new TestShards(1);
        shards.Decide = (_, batch, _) => Held(batch);
        ValueTask<IngestOutcome>? Held(SampleBatch batch) => new ValueTask<IngestOutcome>(release.Task.ContinueWith(_ => TestShards.Outcome(batch.Samples.Count, SampleFate.Applied)));
        await using var host = Host(shards, new IngestOptions { MaxBytesInFlight = 64 << 10 }, count: 1);
        var large = "{\"text\":\"" + new string('a', 30_000) + "\"}";
        var first = TestChunk.Json(Noon, ("a", large));
        var second = TestChunk.Json(Noon, ("a", large));
        var third = TestChunk.Json(Noon, ("a", large));
        await host.OfferAsync(first, default);
        await host.OfferAsync(second, default);
        var offer = host.OfferAsync(third, default).AsTask();
        Assert.False(offer.IsCompleted);
        Assert.Equal(1, host.Rates.WaitingOffers);
        Assert.InRange(host.Rates.BytesInFlight, 1, 64 << 10);
        release.SetResult();
        await offer.WaitAsync(TimeSpan.FromSeconds(20));
        await third.Fates;
    }

    [Fact]
    public async Task Samples_of_one_twin_keep_their_order_over_many_chunks_and_doors()
    {
        await Gen.Select(Gen.Int[1, 6], Gen.Int[1, 5], Gen.Int[20, 120], Gen.Int[1, 40]).SampleAsync(
            async (shardCount, doors, chunks, maxGroup) =>
            {
                var shards = new TestShards(shardCount);
                shards.Decide = (_, batch, _) =>
                {
                    Thread.Yield();
                    return null;
                };
                await using var host = Host(shards, new IngestOptions { MaxSamplesPerGroup = maxGroup, Parallelism = 3 }, shardCount);
                var all = new System.Collections.Concurrent.ConcurrentBag<TestChunk>();
                await Task.WhenAll(Enumerable.Range(0, doors).Select(door => Task.Run(async () =>
                {
                    for (var i = 0; i < chunks; i++)
                    {
                        var n = i * 3;
                        var chunk = TestChunk.Json(Noon, ($"d{door}-a", $$"""{"n":{{n}}}"""), ($"d{door}-b", $$"""[{"n":{{n}}},{"n":{{n + 1}}}]"""), ($"d{door}-a", $$"""{"n":{{n + 1}}}"""));
                        await host.OfferAsync(chunk, default);
                        all.Add(chunk);
                    }
                })));
                foreach (var chunk in all) await chunk.Fates;
                Assert.False(shards.Overlapped);
                Assert.Equal(doors * chunks * 4, shards.Kept.Count);
                Assert.True(shards.LargestGroup <= maxGroup);
                foreach (var twin in shards.Kept.GroupBy(s => s.TwinId))
                {
                    var numbers = twin.Select(s => s.Value.AsInteger).ToArray();
                    Assert.Equal(numbers.Order(), numbers);
                }
            },
            iter: 12, threads: 1);
    }

    [Fact]
    public async Task While_a_shard_is_busy_its_samples_gather_into_one_call()
    {
        var gate = new TaskCompletionSource();
        var shards = new TestShards(1);
        var first = true;
        shards.Decide = (_, batch, _) =>
        {
            if (!first) return null;
            first = false;
            return new ValueTask<IngestOutcome>(gate.Task.ContinueWith(_ => TestShards.Outcome(batch.Samples.Count, SampleFate.Applied)));
        };
        await using var host = Host(shards, count: 1);
        var chunks = Enumerable.Range(0, 500).Select(i => TestChunk.Json(Noon, ("a", $$"""{"n":{{i}}}"""))).ToArray();
        await host.OfferAsync(chunks[0], default);
        await Eventually.True(() => shards.Calls == 1, "the first call is under way");
        foreach (var chunk in chunks[1..]) await host.OfferAsync(chunk, default);
        await Eventually.True(() => host.Rates.SamplesInFlight == 500, "all are decoded");
        gate.SetResult();
        foreach (var chunk in chunks) await chunk.Fates;
        Assert.Equal(2, shards.Calls);
        Assert.Equal(499, shards.LargestGroup);
    }

    [Fact]
    public async Task An_unavailable_shard_is_tried_again_while_its_owner_may_be_moving()
    {
        var clock = new ManualTime();
        var shards = new TestShards(1);
        var attempts = 0;
        shards.Decide = (_, batch, _) => ++attempts < 4 ? new ValueTask<IngestOutcome>(TestShards.Outcome(batch.Samples.Count, SampleFate.Unavailable)) : null;
        await using var host = Host(shards, count: 1, clock: clock);
        var chunk = TestChunk.Json(Noon, ("a", """{"x":1}"""));
        await host.OfferAsync(chunk, default);
        while (!chunk.Fates.IsCompleted)
        {
            if (clock.Pending > 0) clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }
        Assert.Equal(SampleFate.Applied, (await chunk.Fates)[0].Worst);
        Assert.Equal(4, attempts);
        Assert.Single(shards.Kept);
    }

    [Fact]
    public async Task After_the_retry_window_a_message_is_not_acknowledged_and_later_groups_fail_at_once()
    {
        var clock = new ManualTime();
        var shards = new TestShards(1) { Decide = (_, _, _) => throw new IOException("disk full") };
        await using var host = Host(shards, count: 1, clock: clock);
        var chunk = TestChunk.Json(Noon, ("a", """{"x":1}"""));
        await host.OfferAsync(chunk, default);
        var moved = TimeSpan.Zero;
        while (!chunk.Fates.IsCompleted)
        {
            if (clock.Pending > 0)
            {
                clock.Advance(TimeSpan.FromMilliseconds(50));
                moved += TimeSpan.FromMilliseconds(50);
            }
            await Task.Yield();
        }
        var fate = (await chunk.Fates)[0];
        Assert.False(fate.Acknowledge);
        Assert.Equal(SampleFate.Unavailable, fate.Worst);
        Assert.Contains("disk full", fate.Detail);
        Assert.InRange(moved.TotalSeconds, 4, 6);
        clock.Advance(TimeSpan.FromSeconds(1));
        var before = shards.Calls;
        var next = TestChunk.Json(Noon, ("a", """{"x":2}"""));
        await host.OfferAsync(next, default);
        Assert.Equal(SampleFate.Unavailable, (await next.Fates)[0].Worst);
        Assert.Equal(before + 1, shards.Calls);
        shards.Decide = null;
        var last = TestChunk.Json(Noon, ("a", """{"x":3}"""));
        await host.OfferAsync(last, default);
        Assert.Equal(SampleFate.Applied, (await last.Fates)[0].Worst);
    }

    [Fact]
    public async Task A_call_that_never_answers_counts_as_unavailable()
    {
        var clock = new ManualTime();
        var shards = new TestShards(1) { Decide = (_, _, _) => new ValueTask<IngestOutcome>(new TaskCompletionSource<IngestOutcome>().Task) };
        await using var host = Host(shards, new IngestOptions { RetryWindow = TimeSpan.Zero, DrainTimeout = TimeSpan.Zero }, 1, clock);
        var chunk = TestChunk.Json(Noon, ("a", """{"x":1}"""));
        await host.OfferAsync(chunk, default);
        while (!chunk.Fates.IsCompleted)
        {
            if (clock.Pending > 0) clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        var fate = (await chunk.Fates)[0];
        Assert.False(fate.Acknowledge);
        Assert.Contains("15 s", fate.Detail);
    }

    [Fact]
    public async Task A_poisoned_chunk_or_a_door_that_throws_does_not_stop_the_flow()
    {
        var shards = new TestShards(2);
        await using var host = Host(shards, count: 2);
        await host.OfferAsync(new PoisonedChunk(throwsOnRead: true), default);
        await host.OfferAsync(new PoisonedChunk(throwsOnRead: false), default);
        var chunk = TestChunk.Json(Noon, ("a", """{"x":1}"""));
        await host.OfferAsync(chunk, default);
        Assert.Equal(SampleFate.Applied, (await chunk.Fates)[0].Worst);
        await Eventually.True(() => host.Rates.ChunksInFlight == 0, "nothing is left in flight");
        Assert.Equal(0, host.Rates.BytesInFlight);
    }

    [Fact]
    public async Task A_direct_batch_gets_exact_counts_and_refusals_by_its_own_index()
    {
        var shards = new TestShards(3);
        shards.Decide = (_, batch, _) =>
        {
            var refusals = batch.Samples.Select((s, i) => (s, i)).Where(x => x.s.Path == "bad").Select(x => new SampleRefusal(x.i, SampleFate.UnknownProperty, x.s.TwinId)).ToArray();
            return new ValueTask<IngestOutcome>(TestShards.Outcome(batch.Samples.Count, SampleFate.Applied, refusals));
        };
        await using var host = Host(shards, count: 3);
        var samples = Enumerable.Range(0, 3_000).Select(i => new Sample($"t{i % 70}", i % 100 == 7 ? "bad" : i == 5 ? "//" : "x", PropertyValue.From((long)i), default)).ToArray();
        var noise = Enumerable.Range(0, 20).Select(i => TestChunk.Json(Noon, ($"t{i}", """{"bad":1}"""))).ToArray();
        foreach (var chunk in noise) await host.OfferAsync(chunk, default);
        var outcome = await host.IngestAsync(samples, Noon, default);
        Assert.Equal(2_969, outcome.Counts[(int)SampleFate.Applied]);
        Assert.Equal(30, outcome.Counts[(int)SampleFate.UnknownProperty]);
        Assert.Equal(1, outcome.Counts[(int)SampleFate.Invalid]);
        Assert.Equal(31, outcome.Refusals.Length);
        Assert.All(outcome.Refusals, r => Assert.True(r.Index == 5 ? r.Fate == SampleFate.Invalid : r.Index % 100 == 7 && r.Detail == samples[r.Index].TwinId));
    }

    [Fact]
    public async Task Disposal_drains_what_was_offered_and_answers_unavailable_to_later_offers()
    {
        var shards = new TestShards(4);
        var host = Host(shards);
        var chunks = Enumerable.Range(0, 300).Select(i => TestChunk.Json(Noon, ($"t{i}", """{"x":1}"""))).ToArray();
        foreach (var chunk in chunks) await host.OfferAsync(chunk, default);
        await host.DisposeAsync();
        foreach (var chunk in chunks) Assert.Equal(SampleFate.Applied, (await chunk.Fates)[0].Worst);
        var late = TestChunk.Json(Noon, ("a", """{"x":1}"""));
        await host.OfferAsync(late, default);
        Assert.False((await late.Fates)[0].Acknowledge);
    }

    [Fact]
    public async Task Stamps_of_readings_without_a_time_grow_even_when_the_clock_is_stepped_back()
    {
        var shards = new TestShards(1);
        await using var host = Host(shards, count: 1);
        foreach (var hours in new[] { 12, 11, 11, 13 })
        {
            var chunk = TestChunk.Json(WallTime.From(ManualTime.Start.AddHours(hours)), ("a", """{"x":1}"""), ("a", """{"x":2}"""));
            await host.OfferAsync(chunk, default);
            await chunk.Fates;
        }
        var times = shards.Kept.Select(s => s.SourceTime.UtcTicks).ToArray();
        Assert.Equal(8, times.Distinct().Count());
        Assert.Equal(times.Order(), times);
        Assert.Equal(ManualTime.Start.AddHours(13).UtcTicks, times[6]);
    }

    [Theory]
    [InlineData(1, "MaxBytesInFlight")]
    [InlineData(2, "Parallelism")]
    [InlineData(3, "RetryWindow")]
    public void An_option_outside_its_range_is_refused_by_name_with_the_range(int which, string name)
    {
        var options = which switch
        {
            1 => new IngestOptions { MaxBytesInFlight = 10 },
            2 => new IngestOptions { Parallelism = 0 },
            _ => new IngestOptions { RetryWindow = TimeSpan.FromMinutes(2) },
        };
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new IngestHost(options, 1, (_, _, _) => throw new IOException(), TimeProvider.System));
        Assert.Equal(name, error.ParamName);
        Assert.Contains("must be from", error.Message);
    }

    private sealed class PoisonedChunk(bool throwsOnRead) : IngestChunk
    {
        private int _reads;

        public override ReadOnlySpan<IngestMessage> Messages =>
            throwsOnRead && Interlocked.Increment(ref _reads) > 1 ? throw new InvalidOperationException("poison") : new[] { new IngestMessage("a", PayloadFormat.Json, "{\"x\":1}"u8.ToArray(), 0) };

        public override WallTime ArrivalTime => Noon;

        public override void Complete(ReadOnlySpan<MessageFate> fates) => throw new InvalidOperationException("broken door");
    }
}
