using System.Text;
using Twin.Model;
using Twin.Pipelines.Ingest;

namespace Twin.Pipelines.Tests.Ingest;

/// <summary>A door's chunk that remembers its fates and counts its completions.</summary>
public sealed class TestChunk(IngestMessage[] messages, WallTime arrival) : IngestChunk
{
    private readonly TaskCompletionSource<MessageFate[]> _fates = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _completions;

    public override ReadOnlySpan<IngestMessage> Messages => messages;

    public override WallTime ArrivalTime => arrival;

    public int Completions => Volatile.Read(ref _completions);

    public Task<MessageFate[]> Fates => _fates.Task.WaitAsync(TimeSpan.FromSeconds(20));

    public override void Complete(ReadOnlySpan<MessageFate> fates)
    {
        Interlocked.Increment(ref _completions);
        _fates.TrySetResult(fates.ToArray());
    }

    public static TestChunk Json(WallTime arrival, params (string Id, string Json)[] messages) => new(
        [.. messages.Select((m, i) => new IngestMessage(m.Id, m.Id.Length == 0 ? PayloadFormat.JsonMany : PayloadFormat.Json, Encoding.UTF8.GetBytes(m.Json), i))], arrival);

    public static TestChunk Packed(WallTime arrival, params (string Id, byte[] Bytes)[] messages) => new(
        [.. messages.Select((m, i) => new IngestMessage(m.Id, m.Id.Length == 0 ? PayloadFormat.MessagePackMany : PayloadFormat.MessagePack, m.Bytes, i))], arrival);
}

/// <summary>Owners that keep everything in order of application; an oracle that knows nothing of streams.</summary>
public sealed class TestShards(int count)
{
    private readonly Lock _lock = new();
    private readonly int[] _inside = new int[count];
    private readonly List<Sample> _kept = [];

    /// <summary>Decides a call; null lets the samples be applied.</summary>
    public Func<int, SampleBatch, CancellationToken, ValueTask<IngestOutcome>?>? Decide { get; set; }

    public List<Sample> Kept
    {
        get
        {
            lock (_lock) return [.. _kept];
        }
    }

    public int Calls { get; private set; }

    public int LargestGroup { get; private set; }

    public bool Overlapped { get; private set; }

    public async ValueTask<IngestOutcome> ApplyAsync(int shard, SampleBatch batch, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Calls++;
            LargestGroup = Math.Max(LargestGroup, batch.Samples.Count);
            if (++_inside[shard] > 1) Overlapped = true;
        }
        try
        {
            foreach (var sample in batch.Samples)
            {
                if (ShardMap.ShardOf(sample.TwinId, count) != shard) throw new InvalidOperationException($"{sample.TwinId} does not belong to shard {shard}.");
            }
            if (Decide?.Invoke(shard, batch, cancellationToken) is { } decided) return await decided;
            lock (_lock) _kept.AddRange(batch.Samples);
            return Outcome(batch.Samples.Count, SampleFate.Applied);
        }
        finally
        {
            lock (_lock) _inside[shard]--;
        }
    }

    public static IngestOutcome Outcome(int samples, SampleFate fate, params SampleRefusal[] refusals)
    {
        var counts = new int[IngestOutcome.FateCount];
        counts[(int)fate] = samples - refusals.Length;
        foreach (var refusal in refusals) counts[(int)refusal.Fate]++;
        return new IngestOutcome(counts, refusals, 1);
    }
}
