using System.Buffers;
using System.Collections.Concurrent;
using Akka.Streams;
using Akka.Streams.Stage;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Admitted flights on their way into the stream. Bounded by the gate in front of it. Many writers, one running stage.
/// </summary>
internal sealed class Inlet
{
    private readonly ConcurrentQueue<Flight> _queue = new();
    private Action? _wake;
    private int _sleeping;
    private volatile bool _completed;

    /// <summary>Puts a flight in and wakes the stage when it sleeps.</summary>
    public void Add(Flight flight)
    {
        _queue.Enqueue(flight);
        Wake();
    }

    /// <summary>No more flights will come; the stage completes when the queue is empty.</summary>
    public void Complete()
    {
        _completed = true;
        Wake();
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _sleeping, 0) == 1) _wake!();
    }

    /// <summary>
    /// The source of the stream. It takes the flights that wait (up to 256, or 256 KiB of payload) as one element, so the stream's cost an element
    /// is shared under load and a lone flight goes at once. The array belongs to the receiver, which returns it to the pool.
    /// </summary>
    internal sealed class Stage(Inlet inlet) : GraphStage<SourceShape<ArraySegment<Flight>>>
    {
        private const int MostAtOnce = 256;
        private const long MostWeightAtOnce = 256 << 10; // what is decoded together stays within the pools and the cache
        private readonly Outlet<ArraySegment<Flight>> _out = new("inlet.out");

        public override SourceShape<ArraySegment<Flight>> Shape => new(_out);

        protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(inlet, this);

        private sealed class Logic : OutGraphStageLogic
        {
            private readonly Inlet _inlet;
            private readonly Stage _stage;

            public Logic(Inlet inlet, Stage stage)
                : base(stage.Shape)
            {
                (_inlet, _stage) = (inlet, stage);
                SetHandler(stage._out, this);
            }

            public override void PreStart() => _inlet._wake = GetAsyncCallback(OnPull);

            public override void OnPull()
            {
                if (!IsAvailable(_stage._out)) return;
                do
                {
                    if (TryTake()) return;
                    if (_inlet._completed && _inlet._queue.IsEmpty)
                    {
                        CompleteStage();
                        return;
                    }
                    Interlocked.Exchange(ref _inlet._sleeping, 1);
                    // A writer may have come between the look and the mark; whoever takes the mark back does the work.
                }
                while ((_inlet._completed || !_inlet._queue.IsEmpty) && Interlocked.Exchange(ref _inlet._sleeping, 0) == 1);
            }

            private bool TryTake()
            {
                if (!_inlet._queue.TryDequeue(out var flight)) return false;
                var batch = ArrayPool<Flight>.Shared.Rent(Math.Clamp(_inlet._queue.Count + 1, 1, MostAtOnce));
                var count = 0;
                var weight = 0L;
                do
                {
                    batch[count++] = flight;
                    weight += flight.Weight;
                }
                while (count < Math.Min(batch.Length, MostAtOnce) && weight < MostWeightAtOnce && _inlet._queue.TryDequeue(out flight));
                Push(_stage._out, new ArraySegment<Flight>(batch, 0, count));
                return true;
            }
        }
    }
}
