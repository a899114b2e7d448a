using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>What a recording keeps of a mirror and puts back.</summary>
public sealed partial class Mirror
{
    private const int MostIndexes = 1 << 20;

    /// <summary>Learns of each change, in order.</summary>
    internal SpaceTape? Tape { get; set; }

    internal void WriteTo(TapeWriter tape)
    {
        tape.Signed(Tick);
        tape.Byte((byte)Pace);
        tape.Count(End);
        for (var i = 0; i < End; i++)
        {
            tape.Flag(_isHere[i]);
            tape.Count(_states[i].Number);
            Write(tape, _states[i].Pose);
            tape.Number(_states[i].InputSequence);
            Write(tape, _near[i]);
            Write(tape, _middle[i]);
        }

        tape.Count(_resting.Count);
        foreach (var (index, tick) in _resting)
        {
            tape.Count(index);
            tape.Signed(tick);
        }

        tape.Count(_free.Count);
        foreach (var index in _free.Reverse()) tape.Count(index);
    }

    internal void ReadFrom(ref TapeReader tape)
    {
        _indexes.Clear();
        _resting.Clear();
        _free.Clear();
        (Tick, Pace, End) = (tape.Signed(), (FramePace)tape.Byte(), 0);
        var count = tape.Count(MostIndexes);
        for (var i = 0; i < count; i++)
        {
            if (End == _states.Length) Resize(End * 2);
            End++;
            _isHere[i] = tape.Flag();
            _states[i] = new AvatarState { Number = tape.Count(SpaceTape.MostNumber), Pose = ReadPose(ref tape), InputSequence = (ushort)tape.Count(ushort.MaxValue) };
            (_near[i], _middle[i]) = (ReadShadow(ref tape), ReadShadow(ref tape));
            _nearNews[i] = _middleNews[i] = DeltaRecord.Unchanged;
            if (_isHere[i] && !_indexes.TryAdd(_states[i].Number, i)) throw new SpaceRecordingException($"Avatar {_states[i].Number} is there twice.");
        }

        for (var i = tape.Count(count); i > 0; i--) _resting.Enqueue((tape.Count(count - 1), tape.Signed()));
        for (var i = tape.Count(count); i > 0; i--) _free.Push(tape.Count(count - 1));
    }

    /// <summary>An avatar as the recording has it, at the index that it had.</summary>
    internal void Put(int index, int number, in AvatarPose pose, ushort inputSequence)
    {
        if (!_indexes.TryGetValue(number, out var known))
        {
            known = Free();
            _indexes[number] = known;
            _isHere[known] = true;
            _states[known] = new AvatarState { Number = number };
            _near[known] = _middle[known] = new AvatarShadow(pose);
            _nearNews[known] = _middleNews[known] = DeltaRecord.Unchanged;
        }

        if (known != index) throw new SpaceRecordingException($"Avatar {number} is at {known} and should be at {index}.");
        (_states[index].Pose, _states[index].InputSequence) = (pose, inputSequence);
    }

    internal static void Write(TapeWriter tape, in AvatarPose pose)
    {
        tape.Signed(pose.X);
        tape.Signed(pose.Y);
        tape.Signed(pose.Z);
        tape.Word(pose.Rotation);
        tape.Byte((byte)pose.Flags);
    }

    internal static AvatarPose ReadPose(ref TapeReader tape)
    {
        var pose = new AvatarPose(tape.Integer(), tape.Integer(), tape.Integer(), tape.Word(), (AvatarFlags)tape.Byte());
        return pose.IsWithinRange ? pose : throw new SpaceRecordingException($"A pose before byte {tape.At} is out of range.");
    }

    private static void Write(TapeWriter tape, in AvatarShadow shadow)
    {
        Write(tape, shadow.Pose);
        tape.Signed(shadow.VelocityX);
        tape.Signed(shadow.VelocityY);
        tape.Signed(shadow.VelocityZ);
    }

    private static AvatarShadow ReadShadow(ref TapeReader tape) => new(ReadPose(ref tape)) { VelocityX = tape.Integer(), VelocityY = tape.Integer(), VelocityZ = tape.Integer() };
}
