using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>
/// Records a stage: attach it, and call <see cref="EndTick"/> after each tick's frames. The newest seconds stay in memory; finished chunks also go to a taker. Of the stage's thread. A tick allocates nothing in steady state; a chunk's end copies it.
/// </summary>
public sealed class SpaceRecorder : IDisposable
{
    /// <summary>Most bytes that stay in memory; of more, the oldest go.</summary>
    public const int MostKeptBytes = 64 * 1024 * 1024;

    private readonly SpaceStage _stage;
    private readonly TimeProvider _clock;
    private readonly TapeWriter _writer = new();
    private readonly SpaceTape _tape;
    private readonly Queue<(byte[] Chunk, long LastTick)> _kept = new();
    private readonly Dictionary<int, ReadOnlyMemory<byte>> _people = [];
    private readonly string _space;
    private readonly int _chunkTicks;
    private readonly int _keptTicks;
    private long _first;
    private int _ticks;
    private long _keptBytes;
    private DateTimeOffset _at;

    /// <summary>Starts recording.</summary>
    /// <param name="stage">What; as it is now.</param>
    /// <param name="space">Its name, for the recording's head.</param>
    /// <param name="clock">The time of day.</param>
    /// <param name="chunkSeconds">Between two points that a replay can start from.</param>
    /// <param name="keptSeconds">Stay in memory.</param>
    public SpaceRecorder(SpaceStage stage, string space, TimeProvider clock, int chunkSeconds = 10, int keptSeconds = 30)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkSeconds, 1);
        (_stage, _space, _clock) = (stage, space, clock);
        (_chunkTicks, _keptTicks) = (chunkSeconds * stage.Rules.Movement.TickHz, keptSeconds * stage.Rules.Movement.TickHz);
        _tape = new SpaceTape(_writer);
        Begin();
        stage.Tape = _tape;
    }

    /// <summary>Gets each chunk when it is finished, raw; must not block. The bytes are its own.</summary>
    public Action<byte[]>? Finished { get; set; }

    /// <summary>Bytes in memory.</summary>
    public long KeptBytes => _keptBytes + _writer.Length;

    /// <summary>Bytes noted so far in the chunk under way, its keyframe included.</summary>
    public int ChunkBytes => _writer.Length;

    /// <summary>The tick's frames are out.</summary>
    public void EndTick()
    {
        _tape.EndTick();
        _ticks++;
        if (_ticks < _chunkTicks && _writer.Length < SpaceChunk.MostBodyBytes / 2) return;
        Cut();
    }

    /// <summary>Ends the chunk under way, as when the space closes.</summary>
    public void Cut()
    {
        if (_ticks == 0) return;
        var chunk = SpaceChunk.ToBytes(_writer.Written, _first, _ticks, _stage.Rules.Movement.TickHz, _at, false);
        Finished?.Invoke(chunk);
        _kept.Enqueue((chunk, _stage.Tick));
        _keptBytes += chunk.Length;
        while (_kept.Count > 0 && (_kept.Peek().LastTick < _stage.Tick - _keptTicks || _keptBytes > MostKeptBytes)) _keptBytes -= _kept.Dequeue().Chunk.Length;
        Begin();
    }

    /// <summary>Names, chat and states, as clients are told.</summary>
    public void Say(in SpaceSaying saying)
    {
        if (saying.Payload.Length > SpaceSaying.MostBytes) return;
        if (saying.Kind == SpaceSayingKind.Person) _people[saying.From] = saying.Payload;
        _tape.Said(saying);
    }

    /// <summary>An avatar's user has left: its name need not be kept.</summary>
    public void Forget(int avatar) => _people.Remove(avatar);

    /// <summary>A recording of at least the newest seconds, as far as they are kept: its chunks one after another.</summary>
    public byte[] LastSeconds(int seconds)
    {
        var parts = LastChunks(seconds);
        var whole = new byte[parts.Sum(p => p.Length)];
        var at = 0;
        foreach (var part in parts)
        {
            part.CopyTo(whole, at);
            at += part.Length;
        }

        return whole;
    }

    /// <summary>As <see cref="LastSeconds"/>, chunk by chunk: finished ones are not copied, so that the stage's thread is not kept. They must not be changed.</summary>
    public IReadOnlyList<byte[]> LastChunks(int seconds)
    {
        var from = _stage.Tick - ((long)seconds * _stage.Rules.Movement.TickHz);
        var parts = _kept.Where(k => k.LastTick > from).Select(k => k.Chunk).ToList();
        if (_ticks > 0) parts.Add(SpaceChunk.ToBytes(_writer.Written, _first, _ticks, _stage.Rules.Movement.TickHz, _at, false));
        return parts;
    }

    /// <summary>Ends recording.</summary>
    public void Dispose()
    {
        Cut();
        if (_stage.Tape == _tape) _stage.Tape = null;
    }

    private void Begin()
    {
        (_first, _ticks, _at) = (_stage.Tick, 0, _clock.GetUtcNow());
        _writer.Rewind();
        WriteRules();
        _stage.WriteTo(_writer);
        _writer.Count(_people.Count);
        foreach (var (avatar, message) in _people) new SpaceSaying(SpaceSayingKind.Person, avatar, message).WriteTo(_writer);
        _tape.Begin(_stage.Mirror);
    }

    private void WriteRules()
    {
        var (movement, interest) = (_stage.Rules.Movement, _stage.Rules.Interest);
        _writer.Text(_space);
        _writer.Count(movement.WidthSteps);
        _writer.Count(movement.DepthSteps);
        _writer.Count(movement.TickHz);
        _writer.Double(interest.NearRadiusMetres);
        _writer.Count(interest.NearLimit);
        _writer.Double(interest.MiddleRadiusMetres);
        _writer.Count(interest.MiddleLimit);
        _writer.Double(interest.Hysteresis);
        _writer.Count(interest.LookEveryTicks);
        _writer.Count(_stage.Rules.CrowdTileMetres);
    }

    internal static (string Space, StageRules Rules) ReadRules(ref TapeReader tape)
    {
        var space = tape.Text(512);
        var (width, depth, tickHz) = (tape.Count(AvatarPose.MostAcross), tape.Count(AvatarPose.MostAcross), tape.Count(60));
        try
        {
            var interest = new InterestRules { NearRadiusMetres = tape.Double(), NearLimit = tape.Count(255), MiddleRadiusMetres = tape.Double(), MiddleLimit = tape.Count(255), Hysteresis = tape.Double(), LookEveryTicks = tape.Count(8) }.Checked();
            var movement = new MovementRules((double)width / AvatarPose.StepsPerMetre, (double)depth / AvatarPose.StepsPerMetre, 1, tickHz);
            return (space, new StageRules { Movement = movement, Interest = interest, CrowdTileMetres = Math.Max(1, tape.Count(1_024)) });
        }
        catch (ArgumentOutOfRangeException fault)
        {
            throw new SpaceRecordingException($"The rules of the recording: {fault.Message}");
        }
    }
}
