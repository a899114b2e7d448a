using Twin.Wire.Spaces;

namespace Twin.Presence;

/// <summary>What a recording keeps of a viewer and puts back.</summary>
public sealed partial class Viewer
{
    internal void WriteTo(TapeWriter tape)
    {
        tape.Count(Number);
        tape.Count(BudgetBytes);
        tape.Byte((byte)((IsAdaptive ? 1 : 0) | (_needsReset ? 2 : 0)));
        tape.Signed(_lastTick);
        tape.Byte((byte)_lastPace);
        tape.Float(Reach);
        tape.Bytes(_leaves.AsSpan(0, _leaveCount));
        tape.Count(_enterCount);
        foreach (var one in _enters.AsSpan(0, _enterCount))
        {
            tape.Count(one.Index);
            tape.Float(one.Key);
        }

        tape.Count(_slotEnd);
        for (var i = 0; i < _slotEnd; i++)
        {
            tape.Signed(_tags[i]);
            if (_tags[i] < 0) continue;
            ref readonly var slot = ref _slots[i];
            tape.Byte((byte)((slot.IsPaused ? 1 : 0) | (slot.IsNewlyPaused ? 2 : 0) | (slot.IsToldWhole ? 4 : 0)));
            tape.Float(slot.Distance);
            tape.Float(slot.Priority);
        }

        tape.Count(_hidden?.Count ?? 0);
        foreach (var number in _hidden ?? []) tape.Count(number);
    }

    internal static Viewer ReadFrom(ref TapeReader tape, Mirror mirror)
    {
        var viewer = new Viewer(tape.Count(SpaceTape.MostNumber)) { BudgetBytes = tape.Count(1 << 20) };
        var flags = tape.Byte();
        (viewer.IsAdaptive, viewer._needsReset) = ((flags & 1) != 0, (flags & 2) != 0);
        (viewer._lastTick, viewer._lastPace, viewer.Reach) = (tape.Signed(), (FramePace)tape.Byte(), tape.Float());
        var leaves = tape.Bytes(FrameSchedule.MostSlots);
        leaves.CopyTo(viewer._leaves);
        viewer._leaveCount = leaves.Length;
        viewer._enterCount = tape.Count(2 * FrameSchedule.MostSlots);
        if (viewer._enters.Length < viewer._enterCount) viewer._enters = new Candidate[viewer._enterCount];
        for (var i = 0; i < viewer._enterCount; i++) viewer._enters[i] = new Candidate(tape.Count(mirror.End - 1), tape.Float());
        viewer._slotEnd = tape.Count(FrameSchedule.MostSlots);
        while (viewer._tags.Length < viewer._slotEnd) viewer.Grow();
        for (var i = 0; i < viewer._slotEnd; i++) viewer.ReadSlot(ref tape, i, mirror);
        for (var i = tape.Count(SpaceTape.MostNumber); i > 0; i--) viewer.Hide(tape.Count(SpaceTape.MostNumber), true);
        return viewer;
    }

    private void ReadSlot(ref TapeReader tape, int index, Mirror mirror)
    {
        var tag = tape.Integer();
        if (tag < -1 || (tag >= 0 && tag >> 2 >= mirror.End)) throw new SpaceRecordingException($"The slot before byte {tape.At} is nobody's.");
        _tags[index] = tag;
        if (tag < 0) return;
        _phases[index] = (byte)(mirror.NumberAt(tag >> 2) & 7);
        _seenByPhase[KindOf(index)]++;
        var flags = tape.Byte();
        _slots[index] = new Slot { IsPaused = (flags & 1) != 0, IsNewlyPaused = (flags & 2) != 0, IsToldWhole = (flags & 4) != 0, Distance = tape.Float(), Priority = tape.Float() };
        Seen++;
        if (_slots[index].IsPaused) _paused++;
    }
}
