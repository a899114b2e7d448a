using System.Globalization;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>What of a space is recorded.</summary>
internal enum HallRecording
{
    /// <summary>Nothing.</summary>
    Off,

    /// <summary>The newest thirty seconds, in memory.</summary>
    Last30s,

    /// <summary>Everything, to disk.</summary>
    All,
}

/// <summary>The recording of a space: what frames depend on, who is who, and what is said to more than one.</summary>
internal sealed partial class SpaceHall
{
    private SpaceRecorder? _recorder;
    private SpaceRecordings? _disk;

    /// <summary>The name of the recording: when it began.</summary>
    public string RecordingName { get; private set; } = "";

    /// <summary>Whether anything is recorded.</summary>
    public bool IsRecorded => _recorder is not null;

    /// <summary>The newest seconds as a complete recording, or null when nothing is recorded.</summary>
    public byte[]? LastSeconds(int seconds) => _recorder?.LastSeconds(seconds);

    /// <summary>As <see cref="LastSeconds"/>, chunk by chunk; null when nothing is recorded.</summary>
    public IReadOnlyList<byte[]>? LastChunks(int seconds) => _recorder?.LastChunks(seconds);

    /// <summary>Starts recording, before anyone is here.</summary>
    public void Record(SpaceRecordings? disk)
    {
        if (Rules.Recording == HallRecording.Off) return;
        RecordingName = _clock.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        _disk = disk;
        _recorder = new SpaceRecorder(Stage, Id, _clock);
        if (Rules.Recording == HallRecording.All && disk is not null) _recorder.Finished = chunk => disk.Take(Id, RecordingName, chunk);
    }

    /// <summary>Keeps the newest half minute on disk, as a recording of its own.</summary>
    /// <returns>Its name; null where nothing is recorded.</returns>
    private string? KeepNewest()
    {
        if (_recorder is null || _disk is null) return null;
        var name = _clock.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        foreach (var chunk in _recorder.LastChunks(30)) _disk.Take(Id, name, chunk);
        return name;
    }

    private void RecordPerson(Admitted who) =>
        _recorder?.Say(new SpaceSaying(SpaceSayingKind.Person, who.Avatar, new PeopleMessage([HallMessages.Person(who)]).ToBytes()));

    private void RecordTalk(int from, ChatScope scope, ReadOnlyMemory<byte> message)
    {
        if (scope != ChatScope.Whisper) _recorder?.Say(new SpaceSaying(scope == ChatScope.Space ? SpaceSayingKind.ChatToAll : SpaceSayingKind.ChatToNear, from, message));
    }

    private void RecordState(int from, ReadOnlyMemory<byte> message) => _recorder?.Say(new SpaceSaying(SpaceSayingKind.State, from, message));

    private void RecordNotice(ReadOnlyMemory<byte> message) => _recorder?.Say(new SpaceSaying(SpaceSayingKind.Notice, 0, message));
}
