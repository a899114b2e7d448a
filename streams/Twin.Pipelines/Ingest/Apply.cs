using System.Collections.Concurrent;
using Akka.Streams;
using Akka.Streams.Stage;
using Twin.Model;

namespace Twin.Pipelines.Ingest;

/// <summary>
/// Stage: groups go to the owners of their shards, a bounded number of calls at once. A group that waits for its shard to
/// come back holds no place among them. Failures become outcomes; the stage never fails.
/// </summary>
internal sealed class Apply(ShardCaller caller, int parallelism) : GraphStage<FlowShape<ShardGroup, ShardGroup>>
{
    private readonly Inlet<ShardGroup> _in = new("apply.in");
    private readonly Outlet<ShardGroup> _out = new("apply.out");

    public override FlowShape<ShardGroup, ShardGroup> Shape => new(_in, _out);

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(this, caller, parallelism);

    private sealed class Logic : InAndOutGraphStageLogic
    {
        private readonly Apply _stage;
        private readonly ShardCaller _caller;
        private readonly int _parallelism;
        private readonly ConcurrentQueue<ShardGroup> _done = new(); // at most one a shard
        private Action? _wake;
        private int _woken;
        private int _waitingShards; // groups in their retry pause
        private int _underWay;

        public Logic(Apply stage, ShardCaller caller, int parallelism)
            : base(stage.Shape)
        {
            (_stage, _caller, _parallelism) = (stage, caller, parallelism);
            SetHandlers(stage._in, stage._out, this);
        }

        public override void PreStart()
        {
            _wake = GetAsyncCallback(OnWake);
            Pull(_stage._in);
        }

        public override void OnPush()
        {
            var group = Grab(_stage._in);
            _underWay++;
            var call = _caller.CallAsync(group, OnPause);
            if (call.IsCompletedSuccessfully) _done.Enqueue(group);
            else _ = FinishAsync(group, call);
            Advance();
        }

        public override void OnPull() => Advance();

        public override void OnUpstreamFinish()
        {
            if (_underWay == 0) CompleteStage();
        }

        // Owned by the stage: it is counted in _underWay until its group has been pushed.
        private async Task FinishAsync(ShardGroup group, ValueTask call)
        {
            await call.ConfigureAwait(false);
            _done.Enqueue(group);
            Wake();
        }

        private void OnPause(bool begins)
        {
            if (begins) Interlocked.Increment(ref _waitingShards);
            else Interlocked.Decrement(ref _waitingShards);
            if (begins) Wake();
        }

        private void Wake()
        {
            if (Interlocked.Exchange(ref _woken, 1) == 0) _wake!();
        }

        private void OnWake()
        {
            Interlocked.Exchange(ref _woken, 0);
            Advance();
        }

        private void Advance()
        {
            if (IsAvailable(_stage._out) && _done.TryDequeue(out var group))
            {
                _underWay--;
                Push(_stage._out, group);
            }
            if (IsClosed(_stage._in))
            {
                if (_underWay == 0) CompleteStage();
            }
            else if (!HasBeenPulled(_stage._in) && _underWay - Volatile.Read(ref _waitingShards) < _parallelism)
            {
                Pull(_stage._in);
            }
        }
    }
}
