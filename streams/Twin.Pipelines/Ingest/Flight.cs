using System.Buffers;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// One chunk, or one direct batch of samples, on its way from offer to settlement. Touched by one stage at a time (the
/// stream hands it on), except <see cref="TryFinish"/>, which decides who completes it.
/// </summary>
internal sealed class Flight
{
    private Sample[] _samples = [];
    private int[] _origins = [];
    private MessageFate[] _fates = [];
    private int[]? _counts;
    private int _finished;

    /// <summary>The door's chunk; null for a direct batch.</summary>
    public IngestChunk? Chunk { get; init; }

    /// <summary>Who waits for a direct batch; null for a chunk.</summary>
    public TaskCompletionSource<IngestOutcome>? Direct { get; init; }

    /// <summary>A direct batch's samples until stamped; the caller's array, only read.</summary>
    public ArraySegment<Sample> Given { get; init; }

    /// <summary>When the door learned it.</summary>
    public WallTime Arrival { get; init; }

    /// <summary>Bytes it holds of the gate.</summary>
    public long Weight { get; init; }

    /// <summary>Messages in the chunk; 1 for a direct batch.</summary>
    public int MessageCount { get; private set; }

    /// <summary>Decoded samples, in order of arrival.</summary>
    public int Count { get; private set; }

    /// <summary>Samples not yet settled.</summary>
    public int Outstanding { get; set; }

    /// <summary>Counts by fate of a direct batch.</summary>
    public int[] Counts => _counts ??= new int[IngestOutcome.FateCount];

    /// <summary>Refusals of a direct batch, at most 100.</summary>
    public List<SampleRefusal>? Refusals { get; private set; }

    /// <summary>Highest journal sequence of a direct batch.</summary>
    public long Sequence { get; set; }

    /// <summary>The stream it was put into; null until then.</summary>
    public Inlet? Home { get; set; }

    /// <summary>Neighbours in the gate's list of flights.</summary>
    internal Flight? Previous { get; set; }

    /// <inheritdoc cref="Previous"/>
    internal Flight? Next { get; set; }

    /// <summary>The decoded samples.</summary>
    public Span<Sample> Samples => _samples.AsSpan(0, Count);

    /// <summary>For each sample its message's index (chunk) or its own index in the batch (direct).</summary>
    public Span<int> Origins => _origins.AsSpan(0, Count);

    /// <summary>One fate a message.</summary>
    public Span<MessageFate> Fates => _fates.AsSpan(0, MessageCount);

    /// <summary>Makes room for the fates.</summary>
    public void Begin(int messages, int expectedSamples)
    {
        MessageCount = messages;
        _fates = ArrayPool<MessageFate>.Shared.Rent(Math.Max(1, messages));
        _fates.AsSpan(0, messages).Fill(new MessageFate(true, SampleFate.Applied, null));
        Reserve(expectedSamples);
    }

    /// <summary>Adds a sample of message <paramref name="origin"/>.</summary>
    public void Add(in Sample sample, int origin)
    {
        if (Count == _samples.Length || Count == _origins.Length) Reserve(Math.Max(16, Count * 2));
        _samples[Count] = sample;
        _origins[Count++] = origin;
    }

    /// <summary>Forgets samples from <paramref name="count"/> on.</summary>
    public void Truncate(int count) => Count = count;

    /// <summary>Marks a message with a fate, when it is worse than the one it has. Keeps the first problem told.</summary>
    public void Mark(int message, SampleFate fate, string? detail)
    {
        ref var present = ref _fates[message];
        var worst = fate > present.Worst ? fate : present.Worst;
        present = new MessageFate(worst != SampleFate.Unavailable, worst, present.Detail ?? detail);
    }

    /// <summary>Notes a refused sample of a direct batch.</summary>
    public void Refuse(int index, SampleFate fate, string detail)
    {
        Refusals ??= [];
        if (Refusals.Count < 100) Refusals.Add(new SampleRefusal(index, fate, detail));
    }

    /// <summary>Gives the sample arrays back; the fates stay until <see cref="ReleaseFates"/>.</summary>
    public void ReleaseSamples()
    {
        if (_samples.Length > 0)
        {
            Samples.Clear();
            ArrayPool<Sample>.Shared.Return(_samples);
            ArrayPool<int>.Shared.Return(_origins);
        }
        (_samples, _origins, Count) = ([], [], 0);
    }

    /// <summary>Gives the fates back.</summary>
    public void ReleaseFates()
    {
        Fates.Clear();
        if (_fates.Length > 0) ArrayPool<MessageFate>.Shared.Return(_fates);
        (_fates, MessageCount) = ([], 0);
    }

    /// <summary>True for exactly one caller: the one that must complete the chunk.</summary>
    public bool TryFinish() => Interlocked.Exchange(ref _finished, 1) == 0;

    private void Reserve(int capacity)
    {
        if (capacity <= Math.Min(_samples.Length, _origins.Length)) return;
        var samples = ArrayPool<Sample>.Shared.Rent(capacity);
        var origins = ArrayPool<int>.Shared.Rent(capacity);
        Samples.CopyTo(samples);
        Origins.CopyTo(origins);
        var count = Count;
        ReleaseSamples();
        (_samples, _origins, Count) = (samples, origins, count);
    }
}
