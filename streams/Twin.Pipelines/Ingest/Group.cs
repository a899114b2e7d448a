using System.Buffers;
using Akka.Streams;
using Akka.Streams.Stage;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Stage: samples gather by shard. A shard has at most one group under way, so a twin's samples keep their order; while it
/// is busy its samples gather into larger groups (natural batching). Settled groups come back on the second inlet and free
/// their shard. Holds at most <see cref="IngestOptions.MaxSamplesInFlight"/> samples, then takes no more intakes.
/// </summary>
internal sealed class Group(IngestOptions options, int shardCount, IngestMetrics metrics, Action<Flight> settleEmpty)
    : GraphStageWithMaterializedValue<FanInShape<ArraySegment<Flight>, ShardGroup, ShardGroup>, Task>
{
    public override FanInShape<ArraySegment<Flight>, ShardGroup, ShardGroup> Shape { get; } =
        new(new Outlet<ShardGroup>("group.out"), new Inlet<ArraySegment<Flight>>("group.in"), new Inlet<ShardGroup>("group.settled"));

    public override ILogicAndMaterializedValue<Task> CreateLogicAndMaterializedValue(Attributes inheritedAttributes)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return new LogicAndMaterializedValue<Task>(new Logic(this, options, shardCount, metrics, settleEmpty, done), done.Task);
    }

    private sealed class Logic : GraphStageLogic
    {
        private readonly Inlet<ArraySegment<Flight>> _in;
        private readonly Inlet<ShardGroup> _settled;
        private readonly Outlet<ShardGroup> _out;
        private readonly IngestOptions _options;
        private readonly IngestMetrics _metrics;
        private readonly Action<Flight> _settleEmpty;
        private readonly TaskCompletionSource _done;
        private readonly Queue<ShardGroup>[] _waiting;
        private readonly ShardGroup?[] _open; // the last group waiting for a shard, while it may still take samples
        private readonly bool[] _busy;
        private readonly Queue<int> _ready = new(); // shards that wait and are not busy, each once
        private Exception? _cause;
        private int _samples;

        public Logic(Group stage, IngestOptions options, int shardCount, IngestMetrics metrics, Action<Flight> settleEmpty, TaskCompletionSource done)
            : base(stage.Shape)
        {
            (_in, _settled, _out) = (stage.Shape.In0, stage.Shape.In1, stage.Shape.Out);
            (_options, _metrics, _settleEmpty, _done) = (options, metrics, settleEmpty, done);
            _waiting = new Queue<ShardGroup>[shardCount];
            for (var i = 0; i < shardCount; i++) _waiting[i] = new Queue<ShardGroup>();
            _open = new ShardGroup?[shardCount];
            _busy = new bool[shardCount];
            SetHandler(_in, OnIntake, OnIntakeFinished, Fail);
            SetHandler(_settled, OnSettled, DoNothing, Fail);
            SetHandler(_out, Emit);
        }

        public override void PreStart()
        {
            Pull(_in);
            Pull(_settled);
        }

        public override void PostStop()
        {
            _metrics.SamplesInFlight = 0;
            if (_cause is null) _done.TrySetResult();
            else _done.TrySetException(_cause);
        }

        private void Fail(Exception cause)
        {
            _cause = cause;
            FailStage(cause);
        }

        private void OnIntake()
        {
            var intake = Grab(_in);
            foreach (var flight in intake.AsSpan()) Scatter(flight);
            ArrayPool<Flight>.Shared.Return(intake.Array!, clearArray: true);
            _metrics.SamplesInFlight = _samples;
            Emit();
            PullWhenRoom();
        }

        private void OnIntakeFinished()
        {
            if (_samples == 0) CompleteStage();
        }

        private void OnSettled()
        {
            var group = Grab(_settled);
            _samples -= group.Count;
            _metrics.SamplesInFlight = _samples;
            group.Release();
            _busy[group.Shard] = false;
            if (_waiting[group.Shard].Count > 0) _ready.Enqueue(group.Shard);
            Pull(_settled);
            Emit();
            if (IsClosed(_in))
            {
                if (_samples == 0) CompleteStage();
            }
            else
            {
                PullWhenRoom();
            }
        }

        private void PullWhenRoom()
        {
            if (_samples < _options.MaxSamplesInFlight && !IsClosed(_in) && !HasBeenPulled(_in)) Pull(_in);
        }

        private void Emit()
        {
            if (!IsAvailable(_out) || !_ready.TryDequeue(out var shard)) return;
            var group = _waiting[shard].Dequeue();
            if (ReferenceEquals(_open[shard], group)) _open[shard] = null;
            _busy[shard] = true;
            Push(_out, group);
        }

        private void Scatter(Flight flight)
        {
            if (flight.Outstanding == 0)
            {
                _settleEmpty(flight);
                return;
            }
            var samples = flight.Samples;
            var origins = flight.Origins;
            var isExclusive = flight.Chunk is null;
            if (isExclusive) Seal();
            string? lastId = null;
            var shard = 0;
            for (var i = 0; i < samples.Length; i++)
            {
                ref readonly var sample = ref samples[i];
                if (!ReferenceEquals(sample.TwinId, lastId))
                {
                    lastId = sample.TwinId;
                    shard = ShardMap.ShardOf(lastId, _waiting.Length);
                }
                OpenGroup(shard, isExclusive).Add(flight, sample, origins[i]);
            }
            if (isExclusive) Seal();
            _samples += samples.Length;
            flight.ReleaseSamples();
        }

        private ShardGroup OpenGroup(int shard, bool isExclusive)
        {
            var open = _open[shard];
            if (open is not null && open.Count < _options.MaxSamplesPerGroup) return open;
            open = new ShardGroup(shard, isExclusive);
            _open[shard] = open;
            if (_waiting[shard].Count == 0 && !_busy[shard]) _ready.Enqueue(shard);
            _waiting[shard].Enqueue(open);
            return open;
        }

        // A direct batch shares no group, so that the owner's counts are its own.
        private void Seal() => Array.Clear(_open);
    }
}
