using Twin.Wire.Spaces;

namespace Twin.Wire.Tests.Spaces;

/// <summary>The server's side of one viewer, written down from SPEC-spaces as plainly as can be: the oracle of <see cref="ClientView"/>.</summary>
internal sealed class PlainFrameWriter
{
    public sealed class Slot(int number, ViewRing ring, AvatarShadow shadow)
    {
        public int Number { get; } = number;
        public ViewRing Ring { get; } = ring;
        public AvatarShadow Shadow = shadow;
        public bool IsPaused;
    }

    public Slot?[] Slots { get; } = new Slot?[FrameSchedule.MostSlots];

    private FramePace _pace;

    /// <summary>A tick without a frame: whoever was due goes on as it did.</summary>
    public void Skip(long tick)
    {
        foreach (var slot in Slots) if (slot is { IsPaused: false } && FrameSchedule.IsDue(slot.Ring, slot.Number, (int)tick, _pace)) slot.Shadow.Follow();
    }

    public byte[] Frame(
        long tick, FramePace pace, bool isReset, Correction? correction, IReadOnlyCollection<int> leaves, IReadOnlyCollection<int> pauses,
        IReadOnlyCollection<(int Slot, bool IsLive)> refreshes, IReadOnlyCollection<(int Number, ViewRing Ring, AvatarPose Pose)> enters, Func<int, AvatarPose> poseOf)
    {
        _pace = pace;
        var buffer = new byte[16 * 1024];
        var bits = new BitWriter(buffer);
        bits.Write((ulong)(tick & 0xFFFF), 16);
        bits.Write(200, 8);
        bits.Write((ulong)pace, 2);
        bits.Write(isReset);
        if (isReset) Array.Clear(Slots);
        bits.Write(correction is not null);
        correction?.Write(ref bits);
        Begin(ref bits, leaves.Count);
        foreach (var slot in leaves)
        {
            bits.Write((ulong)slot, 8);
            Slots[slot] = null;
        }

        Begin(ref bits, pauses.Count);
        foreach (var slot in pauses)
        {
            bits.Write((ulong)slot, 8);
            Slots[slot]!.IsPaused = true;
        }

        Begin(ref bits, refreshes.Count);
        foreach (var (at, isLive) in refreshes)
        {
            var slot = Slots[at]!;
            bits.Write((ulong)at, 8);
            slot.Shadow = new(poseOf(slot.Number));
            slot.Shadow.WriteWhole(ref bits);
            bits.Write(isLive);
            slot.IsPaused = !isLive;
        }

        for (var at = 0; at < Slots.Length; at++)
        {
            if (Slots[at] is not { IsPaused: false } slot || refreshes.Any(one => one.Slot == at) || !FrameSchedule.IsDue(slot.Ring, slot.Number, (int)tick, pace)) continue;
            slot.Shadow.Advance(poseOf(slot.Number), 0).Splice(ref bits);
        }

        Begin(ref bits, enters.Count);
        foreach (var (number, ring, pose) in enters)
        {
            var slot = Slots[Array.IndexOf(Slots, null)] = new(number, ring, new(pose));
            bits.Write((ulong)number, 24);
            bits.Write((ulong)ring, 1);
            slot.Shadow.WriteWhole(ref bits);
        }

        return buffer[..bits.Finish()];
    }

    private static void Begin(ref BitWriter bits, int count)
    {
        bits.Write(count > 0);
        if (count > 0) bits.Write((ulong)(count - 1), 8);
    }
}
