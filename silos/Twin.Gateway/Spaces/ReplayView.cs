using Microsoft.Extensions.Logging;
using Twin.Gateway.Spaces.Sockets;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>One client that watches a recording over the ordinary wire, on a task of its own. Its inputs move its eye, its seek messages move the time.</summary>
internal sealed class ReplayView : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SpaceReplay _replay;
    private readonly SpaceSpectator _eye;
    private readonly SpaceDoor _door;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly HashSet<int> _told = [];
    private readonly byte[] _frame = new byte[FrameEnvelope.HeaderBytes + Viewer.MostFrameBytes];
    private SocketId _socket;
    private double _speed;
    private long? _seek;
    private bool _isStarted;

    /// <summary>A view that waits for its socket.</summary>
    public ReplayView(string id, SpaceReplay replay, SpaceDoor door, TimeProvider clock, ILogger log)
    {
        (Id, _replay, _door, _clock, _log) = (id, replay, door, clock, log);
        _eye = new SpaceSpectator(replay) { X = replay.Stage.Rules.Movement.WidthSteps / 2, Z = replay.Stage.Rules.Movement.DepthSteps / 2 };
        (Made, Space) = (clock.GetUtcNow(), replay.Space);
    }

    /// <summary>Its name.</summary>
    public string Id { get; }

    /// <summary>Of which space: rights to another one's recordings are none to this.</summary>
    public string Space { get; }

    /// <summary>Since when.</summary>
    public DateTimeOffset Made { get; }

    /// <summary>Whether a client has it open.</summary>
    public bool IsStarted => _isStarted;

    /// <summary>The first tick that it can go to.</summary>
    public long FirstTick => _replay.FirstTick;

    /// <summary>The last.</summary>
    public long LastTick => _replay.LastTick;

    /// <summary>Ticks a second.</summary>
    public int TickHz => _replay.Stage.Rules.Movement.TickHz;

    /// <summary>Goes to a tick and on at a speed. Any thread.</summary>
    /// <param name="tick">Null stays.</param>
    /// <param name="speed">0 stands still; at most <see cref="SpaceLimits.ReplaySpeed"/>.</param>
    public void Seek(long? tick, double speed)
    {
        lock (_gate) (_seek, _speed) = (tick ?? _seek, Math.Clamp(speed, 0, SpaceLimits.ReplaySpeed));
    }

    /// <summary>Goes where an avatar goes; null stays. Before it starts.</summary>
    public void Follow(int? avatar) => _eye.Follows = avatar;

    /// <summary>Its client is there and has said hello. Of the loop's thread.</summary>
    public void Start(SocketId socket)
    {
        if (_isStarted) return;
        (_isStarted, _socket) = (true, socket);
        _ = Task.Run(RunAsync);
    }

    /// <summary>Takes a message of its client. Of the loop's thread.</summary>
    /// <exception cref="SpaceWireException">It breaks the specification.</exception>
    public void Hear(ReadOnlySpan<byte> message)
    {
        var isInput = InputEnvelope.TryRead(message, out var input);
        if (isInput || SpaceMessage.ReadFromClient(message) is not { } said) said = new InputMessage(input);
        switch (said)
        {
            case InputMessage moved when isInput || moved.Input.Sequence != 0:
                lock (_gate) (_eye.X, _eye.Z, _eye.Follows) = (moved.Input.Pose.X, moved.Input.Pose.Z, null);
                break;
            case SeekMessage seek:
                Seek(seek.Tick, seek.Speed);
                break;
            case TimeSyncMessage time:
                Send(new TimeMessage(time.ClientMicroseconds, (long)(_clock.GetTimestamp() * (1_000_000.0 / _clock.TimestampFrequency)), _replay.Tick).ToBytes());
                break;
            case LeaveMessage:
                _door.Loop.Close(_socket, 4000, "left");
                break;
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        if (!_end.IsCancellationRequested) _end.Cancel();
    }

    private async Task RunAsync()
    {
        try
        {
            Welcome();
            var owed = 0.0;
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / TickHz), _clock);
            for (var turn = 0; await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false); turn++)
            {
                double speed;
                long? seek;
                lock (_gate) (speed, seek, _seek) = (_speed, _seek, null);
                if (seek is { } tick)
                {
                    _replay.Seek(tick);
                    owed = 0;
                    Show();
                }

                owed += speed;
                var isAtEnd = false;
                for (; owed >= 1 && !isAtEnd; owed--)
                {
                    isAtEnd = !_replay.Step();
                    if (!isAtEnd) Show();
                }

                if (isAtEnd) lock (_gate) (_speed, owed) = (0, 0);
                if (turn % TickHz != 0 && !isAtEnd && seek is null) continue;
                Send(new ReplayMessage(Math.Max(0, FirstTick), LastTick, _replay.Tick, speed).ToBytes());
                Send(new CrowdMessage(_replay.Stage.Crowd().ToArray()).ToBytes());
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // Its client has gone.
        }
        catch (Exception fault)
        {
            _log.LogWarning("The view {View} of a recording has ended: {Fault}", Id, fault.Message);
            _door.Loop.Post((loop, _) => loop.Close(_socket, 4503, "the recording cannot be played further"), null);
        }
    }

    private void Welcome()
    {
        var (movement, interest) = (_replay.Stage.Rules.Movement, _replay.Stage.Rules.Interest);
        var rules = new SpaceRules((double)movement.WidthSteps / AvatarPose.StepsPerMetre, (double)movement.DepthSteps / AvatarPose.StepsPerMetre, interest.NearRadiusMetres, interest.NearLimit, interest.MiddleRadiusMetres, interest.MiddleLimit,
            MaxSpeedMetresPerSecond: 100, IsFrozen: false, SlowChatSeconds: 0);
        var place = AvatarPose.From(new System.Numerics.Vector3(_eye.X, 0, _eye.Z) / AvatarPose.StepsPerMetre, System.Numerics.Quaternion.Identity);
        Send(new WelcomeMessage(SpaceLimits.Version, _replay.Space, SpaceLimits.Avatar, Math.Max(0, _replay.Tick), TickHz, _clock.GetUtcNow().ToUnixTimeMilliseconds(), false, place, rules, 0).ToBytes());
        Show();
    }

    /// <summary>The frame of the replay's tick, who is new in it and what was said.</summary>
    private void Show()
    {
        int length;
        lock (_gate) length = _eye.Write(_frame.AsSpan(FrameEnvelope.HeaderBytes));
        if (_eye.HasBegunAnew) _told.Clear();
        if (length > 0 && !Send(_frame.AsSpan(0, FrameEnvelope.Write(_frame, length)).ToArray())) _eye.Reset();
        foreach (var number in _eye.Newcomers) if (_told.Add(number) && _replay.People.TryGetValue(number, out var person)) Send(person);
        foreach (var saying in _replay.Sayings)
        {
            if (saying.Kind == SpaceSayingKind.Person ? _told.Contains(saying.From) : saying.Kind != SpaceSayingKind.ChatToNear || IsNear(saying.From)) Send(saying.Payload);
        }
    }

    private bool IsNear(int avatar)
    {
        if (_replay.Stage.Mirror.IndexOf(avatar) is not (>= 0 and var index)) return false;
        ref readonly var pose = ref _replay.Stage.Mirror.StateAt(index).Pose;
        var reach = Math.Max(_replay.Stage.Rules.Interest.NearRadiusMetres, _replay.Stage.Rules.Interest.MiddleRadiusMetres) * AvatarPose.StepsPerMetre;
        double dx = pose.X - _eye.X, dz = pose.Z - _eye.Z;
        return (dx * dx) + (dz * dz) <= reach * reach;
    }

    private bool Send(ReadOnlyMemory<byte> message) => _door.Loop.Post((loop, state) =>
    {
        if (loop.Send(_socket, ((ReadOnlyMemory<byte>)state!).Span) == SendResult.Full) lock (_gate) _eye.Reset();
    }, message);
}
