using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <content>What one says.</content>
public sealed partial class SpaceClient
{
    private readonly Lock _moveTurn = new();
    private readonly byte[] _moveBytes = new byte[InputEnvelope.BufferBytes];
    private AvatarInput _move;
    private bool _hasMove;
    private TaskCompletionSource<bool>? _moveSent;
    private AvatarPose _place;
    private int _gesture;
    private ushort _sequence;
    private long _nextMoveAt;
    private long _movesDropped;
    private long _messagesRefused;

    /// <summary>Where one is as far as is known here: as last said, or where the server has put one.</summary>
    public AvatarPose Place
    {
        get
        {
            lock (_moveTurn) return _place;
        }
    }

    /// <summary>Says where one is. Never waits: the newest pose is sent at the space's tick rate and takes the place of one not sent yet. Allocates nothing.</summary>
    /// <param name="pose">Within the space; flags with a gesture of 0 take the one that <see cref="Gesture"/> set.</param>
    /// <param name="velocityX">Steps a tick that the server goes on with until the next move, -4,096 to 4,095; all 0: one stays.</param>
    /// <param name="velocityY">-1,024 to 1,023.</param>
    /// <param name="velocityZ">-4,096 to 4,095.</param>
    /// <returns>False when there is no connection at present: nothing is kept.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The wire cannot carry it.</exception>
    public bool Move(in AvatarPose pose, int velocityX = 0, int velocityY = 0, int velocityZ = 0) => Put(pose, velocityX, velocityY, velocityZ, null);

    /// <summary>The same, and waits until it was handed to the connection: a loop of it says where one is at the tick rate.</summary>
    /// <returns>False when a newer move took its place or the connection was lost before.</returns>
    /// <exception cref="TwinException">The session has ended.</exception>
    public async Task<bool> MoveAsync(AvatarPose pose, int velocityX = 0, int velocityY = 0, int velocityZ = 0, CancellationToken cancellationToken = default)
    {
        if (_ended.Task.IsCompleted)
        {
            await _ended.Task.ConfigureAwait(false);
            throw HasLeft();
        }

        var sent = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        return Put(pose, velocityX, velocityY, velocityZ, sent) && await sent.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Shows a gesture from now on, with each move and at once.</summary>
    /// <param name="number">1 to 15; 0 ends it.</param>
    public bool Gesture(int number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)number, (uint)SpaceLimits.Gesture, nameof(number));
        AvatarPose place;
        lock (_moveTurn)
        {
            _gesture = number;
            place = _hasMove ? _move.Pose : _place;
        }

        return Move(place with { Flags = (AvatarFlags)((byte)place.Flags & 0x0F) });
    }

    /// <summary>Says something.</summary>
    /// <param name="scope">To whom.</param>
    /// <param name="text">1 to 500 UTF-16 units.</param>
    /// <param name="to">The avatar of a whisper.</param>
    /// <returns>False when too much waits or there is no connection. A refusal by the server comes as an event.</returns>
    public bool Chat(ChatScope scope, string text, int to = 0)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > SpaceLimits.ChatCharacters) throw new ArgumentOutOfRangeException(nameof(text), text.Length, $"Allowed: 1 to {SpaceLimits.ChatCharacters} UTF-16 units.");
        return Say(new ClientChatMessage(scope, text, to));
    }

    /// <summary>Sets a channel of one's own state; those who see one are told its last value.</summary>
    /// <param name="channel">0 to 255; at most eight are kept.</param>
    /// <param name="payload">At most 1,024 bytes; empty removes it.</param>
    public bool SetState(int channel, ReadOnlyMemory<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)channel, (uint)SpaceLimits.Channel, nameof(channel));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, SpaceLimits.StateBytes, nameof(payload));
        return Say(new ClientStateMessage(channel, payload));
    }

    /// <summary>Reports an avatar to the moderators.</summary>
    /// <param name="avatar">Whom.</param>
    /// <param name="reason">At most 500 UTF-16 units.</param>
    public bool Report(int avatar, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)avatar, (uint)SpaceLimits.Avatar, nameof(avatar));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(reason.Length, SpaceLimits.ReasonCharacters, nameof(reason));
        return Say(new ReportMessage(avatar, reason));
    }

    /// <summary>Asks for another byte budget; it is kept when one comes back.</summary>
    /// <param name="bytesPerSecond">500 to 1,000,000.</param>
    public bool SetBudget(int bytesPerSecond)
    {
        if (bytesPerSecond is < SpaceLimits.LeastByteBudget or > SpaceLimits.MostByteBudget) throw new ArgumentOutOfRangeException(nameof(bytesPerSecond), bytesPerSecond, $"Allowed: {SpaceLimits.LeastByteBudget} to {SpaceLimits.MostByteBudget}.");
        Volatile.Write(ref _budget, bytesPerSecond);
        return Say(new ClientQualityMessage(bytesPerSecond));
    }

    private bool Say(SpaceMessage message)
    {
        if (Standing != SpaceStanding.Here || !_waiting.Writer.TryWrite(message.ToBytes()))
        {
            Drop(ref _messagesRefused, "message");
            return false;
        }

        _wake.Writer.TryWrite(true);
        return true;
    }

    private bool Put(in AvatarPose pose, int velocityX, int velocityY, int velocityZ, TaskCompletionSource<bool>? sent)
    {
        if (!pose.IsWithinRange) throw new ArgumentOutOfRangeException(nameof(pose), pose, "Allowed: X and Z 0 to 16,384 m, Y -64 to 192 m.");
        if (velocityX is < -4096 or > 4095) throw new ArgumentOutOfRangeException(nameof(velocityX), velocityX, "Allowed: -4,096 to 4,095 steps a tick.");
        if (velocityY is < -1024 or > 1023) throw new ArgumentOutOfRangeException(nameof(velocityY), velocityY, "Allowed: -1,024 to 1,023 steps a tick.");
        if (velocityZ is < -4096 or > 4095) throw new ArgumentOutOfRangeException(nameof(velocityZ), velocityZ, "Allowed: -4,096 to 4,095 steps a tick.");
        if (Standing != SpaceStanding.Here)
        {
            Drop(ref _movesDropped, "move");
            return false;
        }

        lock (_moveTurn)
        {
            if (_hasMove) Forget();
            var flags = (byte)pose.Flags > 0x0F ? pose.Flags : (AvatarFlags)((byte)pose.Flags | (_gesture << 4));
            _move = new AvatarInput(0, pose with { Flags = flags }, (short)velocityX, (short)velocityY, (short)velocityZ);
            (_hasMove, _moveSent) = (true, sent);
        }

        _wake.Writer.TryWrite(true);
        return true;
    }

    private void Forget()
    {
        _moveSent?.TrySetResult(false);
        (_hasMove, _moveSent) = (false, null);
        Drop(ref _movesDropped, "move");
    }

    /// <summary>Sends what waits until the connection ends: messages at once, moves at the tick rate.</summary>
    private async Task SendAllAsync(SpaceSocket socket, int tickHz, CancellationToken cancellationToken)
    {
        var period = _clock.TimestampFrequency / tickHz;
        while (await _wake.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            _wake.Reader.TryRead(out _);
            while (_waiting.Reader.TryRead(out var message)) await socket.SendAsync(message, cancellationToken).ConfigureAwait(false);
            if (!Volatile.Read(ref _hasMove)) continue;
            var now = _clock.GetTimestamp();
            if (_nextMoveAt > now)
            {
                await Task.Delay(_clock.GetElapsedTime(now, _nextMoveAt), _clock, cancellationToken).ConfigureAwait(false); // a chat waits with it, for less than a tick
                now = _clock.GetTimestamp();
            }

            _nextMoveAt = Math.Max(_nextMoveAt + period, now + (period / 2)); // keeps the rate on the whole though each delay ends late
            var (length, sent) = TakeMove();
            if (length == 0) continue;
            await socket.SendAsync(_moveBytes.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            sent?.TrySetResult(true);
            if (_waiting.Reader.Count > 0) _wake.Writer.TryWrite(true);
        }
    }

    private (int Length, TaskCompletionSource<bool>? Sent) TakeMove()
    {
        lock (_moveTurn)
        {
            if (!_hasMove) return (0, null);
            var length = InputEnvelope.Write(_moveBytes, _move with { Sequence = ++_sequence });
            (_place, _hasMove, var sent) = (_move.Pose, false, _moveSent);
            _moveSent = null;
            return (length, sent);
        }
    }
}
