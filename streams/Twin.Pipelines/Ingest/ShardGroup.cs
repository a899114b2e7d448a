using System.Buffers;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>Samples of one shard on their way to its owner as one call, and where each came from. Hot.</summary>
internal sealed class ShardGroup(int shard, bool isExclusive)
{
    private readonly List<Run> _runs = [];
    private Sample[] _samples = [];
    private int[] _origins = [];

    /// <summary>The shard.</summary>
    public int Shard { get; } = shard;

    /// <summary>True when it holds one direct batch only, whose caller wants exact counts.</summary>
    public bool IsExclusive { get; } = isExclusive;

    /// <summary>Number of samples.</summary>
    public int Count { get; private set; }

    /// <summary>Latest arrival among its flights.</summary>
    public WallTime Arrival { get; private set; }

    /// <summary>The owner's answer; null when it gave none.</summary>
    public IngestOutcome? Outcome { get; set; }

    /// <summary>Why there is no answer.</summary>
    public string? Failure { get; set; }

    /// <summary>True when a timed-out call may still read the array, so that it must not be reused.</summary>
    public bool IsAbandoned { get; set; }

    /// <summary>Stretches of samples that came from one flight, in order.</summary>
    public ReadOnlySpan<Run> Runs => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_runs);

    /// <summary>For each sample its origin within its flight.</summary>
    public ReadOnlySpan<int> Origins => _origins.AsSpan(0, Count);

    /// <summary>The samples as the owner takes them.</summary>
    public SampleBatch ToBatch() => new(new ArraySegment<Sample>(_samples, 0, Count), Arrival);

    /// <summary>Appends one sample.</summary>
    public void Add(Flight flight, in Sample sample, int origin)
    {
        if (Count == _samples.Length || Count == _origins.Length) Grow();
        _samples[Count] = sample;
        _origins[Count] = origin;
        var runs = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_runs);
        if (runs.Length > 0 && ReferenceEquals(runs[^1].Flight, flight)) runs[^1].Count++;
        else _runs.Add(new Run { Flight = flight, Start = Count, Count = 1 });
        Count++;
        if (Arrival < flight.Arrival) Arrival = flight.Arrival;
    }

    /// <summary>Gives the arrays back to the pool unless an abandoned call may still read them.</summary>
    public void Release()
    {
        if (_samples.Length > 0 && !IsAbandoned)
        {
            _samples.AsSpan(0, Count).Clear();
            ArrayPool<Sample>.Shared.Return(_samples);
        }
        if (_origins.Length > 0) ArrayPool<int>.Shared.Return(_origins);
        (_samples, _origins, Count) = ([], [], 0);
        _runs.Clear();
    }

    private void Grow()
    {
        var samples = ArrayPool<Sample>.Shared.Rent(Math.Max(16, Count * 2));
        var origins = ArrayPool<int>.Shared.Rent(Math.Max(16, Count * 2));
        _samples.AsSpan(0, Count).CopyTo(samples);
        Origins.CopyTo(origins);
        if (_samples.Length > 0)
        {
            _samples.AsSpan(0, Count).Clear();
            ArrayPool<Sample>.Shared.Return(_samples);
            ArrayPool<int>.Shared.Return(_origins);
        }
        (_samples, _origins) = (samples, origins);
    }

    /// <summary>Samples <see cref="Start"/> to <see cref="Start"/> + <see cref="Count"/> - 1 came from <see cref="Flight"/>.</summary>
    internal struct Run
    {
        public Flight Flight;
        public int Start;
        public int Count;
    }
}
