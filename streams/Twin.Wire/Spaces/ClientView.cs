namespace Twin.Wire.Spaces;

/// <summary>
/// A viewer's side of the frames (SPEC-spaces, clause 6): reads each body in turn and keeps what it knows of the avatars around.
/// One thread at a time. Reading allocates nothing. After a <see cref="SpaceWireException"/> the view is worthless: close the connection and resume.
/// </summary>
public sealed class ClientView
{
    private readonly int[] _numbers = NewNumbers();
    private readonly ViewRing[] _rings = new ViewRing[FrameSchedule.MostSlots];
    private readonly byte[] _states = new byte[FrameSchedule.MostSlots]; // 0 live, 1 paused, 2 told whole in this frame
    private readonly AvatarShadow[] _shadows = new AvatarShadow[FrameSchedule.MostSlots];
    private bool _isStarted;
    private FramePace _pace;

    /// <summary>The tick of the newest frame, counted on from its low 16 bits.</summary>
    public long Tick { get; private set; }

    /// <summary>The low 8 bits of the newest input that the server has applied.</summary>
    public byte Acknowledged { get; private set; }

    /// <summary>Where the server has put the viewer's own avatar in the newest frame, if it had to.</summary>
    public Correction? Corrected { get; private set; }

    /// <summary>One more than the last slot in use: slots lie in [0, SlotEnd).</summary>
    public int SlotEnd { get; private set; }

    /// <summary>How many records of the newest frame said something new.</summary>
    public int News { get; private set; }

    /// <summary>The avatar in a slot, or -1.</summary>
    public int NumberAt(int slot) => _numbers[slot];

    /// <summary>What is known of the avatar in a slot.</summary>
    public ref readonly AvatarShadow ShadowAt(int slot) => ref _shadows[slot];

    /// <summary>Its ring.</summary>
    public ViewRing RingAt(int slot) => _rings[slot];

    /// <summary>Whether the byte budget holds its updates back at present.</summary>
    public bool IsPausedAt(int slot) => _states[slot] == 1;

    /// <summary>Reads one frame.</summary>
    /// <param name="body">The message's <c>bin</c>.</param>
    /// <exception cref="SpaceWireException">It breaks the specification.</exception>
    public void Apply(ReadOnlySpan<byte> body)
    {
        var bits = new BitReader(body);
        var tick = (int)bits.Read(16);
        Acknowledged = (byte)bits.Read(8);
        var pace = (FramePace)bits.Read(2);
        var isReset = bits.ReadBit();
        Catch(tick, isReset);
        _pace = pace;
        Corrected = bits.ReadBit() ? Correction.Read(ref bits) : null;
        if (bits.ReadBit()) Leaves(ref bits);
        if (bits.ReadBit()) Pauses(ref bits);
        if (bits.ReadBit()) Refreshes(ref bits);
        Records(ref bits, tick);
        if (bits.ReadBit()) Enters(ref bits);
        if (bits.Remaining >= 8) throw new SpaceWireException($"a frame has {bits.Remaining / 8} bytes more than it says");
    }

    private static int[] NewNumbers()
    {
        var numbers = new int[FrameSchedule.MostSlots];
        Array.Fill(numbers, -1);
        return numbers;
    }

    /// <summary>Ticks without a frame had no news: whoever was due goes on as it did (clause 6.4).</summary>
    private void Catch(int tick, bool isReset)
    {
        var ahead = _isStarted ? (ushort)(tick - (int)(Tick & 0xFFFF)) : 0;
        if (isReset || !_isStarted)
        {
            Array.Fill(_numbers, -1, 0, SlotEnd);
            SlotEnd = 0;
            Tick = _isStarted ? Tick + ahead : tick;
            _isStarted = true;
            return;
        }

        if (ahead is 0 or > FrameSchedule.MostSkippedTicks) throw new SpaceWireException($"a frame is {ahead} ticks after the one before; 1 to {FrameSchedule.MostSkippedTicks} are allowed without a reset");
        for (var skipped = 1; skipped < ahead; skipped++)
        {
            var at = (int)(Tick + skipped);
            for (var slot = 0; slot < SlotEnd; slot++)
            {
                if (_numbers[slot] >= 0 && _states[slot] == 0 && FrameSchedule.IsDue(_rings[slot], _numbers[slot], at, _pace)) _shadows[slot].Follow();
            }
        }

        Tick += ahead;
    }

    private void Leaves(ref BitReader bits)
    {
        for (var left = (int)bits.Read(8) + 1; left > 0; left--) _numbers[Taken(ref bits, "leaves")] = -1;
        while (SlotEnd > 0 && _numbers[SlotEnd - 1] < 0) SlotEnd--;
    }

    private void Pauses(ref BitReader bits)
    {
        for (var left = (int)bits.Read(8) + 1; left > 0; left--) _states[Taken(ref bits, "is paused")] = 1;
    }

    private void Refreshes(ref BitReader bits)
    {
        for (var left = (int)bits.Read(8) + 1; left > 0; left--)
        {
            var slot = Taken(ref bits, "is told whole");
            _shadows[slot] = AvatarShadow.ReadWhole(ref bits);
            _states[slot] = bits.ReadBit() ? (byte)2 : (byte)1;
        }
    }

    private void Records(ref BitReader bits, int tick)
    {
        News = 0;
        for (var slot = 0; slot < SlotEnd; slot++)
        {
            if (_numbers[slot] < 0) continue;
            if (_states[slot] == 2) _states[slot] = 0;
            else if (_states[slot] == 0 && FrameSchedule.IsDue(_rings[slot], _numbers[slot], tick, _pace) && _shadows[slot].Advance(ref bits)) News++;
        }
    }

    private void Enters(ref BitReader bits)
    {
        var slot = 0;
        for (var left = (int)bits.Read(8) + 1; left > 0; left--)
        {
            while (slot < FrameSchedule.MostSlots && _numbers[slot] >= 0) slot++;
            if (slot == FrameSchedule.MostSlots) throw new SpaceWireException($"more than {FrameSchedule.MostSlots} avatars enter a view");
            _numbers[slot] = (int)bits.Read(24);
            _rings[slot] = (ViewRing)bits.Read(1);
            _states[slot] = 0;
            _shadows[slot] = AvatarShadow.ReadWhole(ref bits);
            SlotEnd = Math.Max(SlotEnd, slot + 1);
        }
    }

    private int Taken(ref BitReader bits, string what)
    {
        var slot = (int)bits.Read(8);
        return _numbers[slot] >= 0 ? slot : throw new SpaceWireException($"slot {slot} {what} and is empty");
    }
}

/// <summary>Where the server has put the viewer's own avatar.</summary>
/// <param name="Cause">Why.</param>
/// <param name="X">In steps, as <see cref="AvatarPose.X"/>.</param>
/// <param name="Y">In steps, as <see cref="AvatarPose.Y"/>.</param>
/// <param name="Z">In steps, as <see cref="AvatarPose.Z"/>.</param>
public readonly record struct Correction(CorrectionCause Cause, int X, int Y, int Z)
{
    /// <summary>Writes it: clause 6.5, 64 bits.</summary>
    public void Write(ref BitWriter bits)
    {
        bits.Write((byte)Cause, 4);
        bits.Write((uint)X, 22);
        bits.Write((uint)(Y - AvatarPose.LeastUp), 16);
        bits.Write((uint)Z, 22);
    }

    internal static Correction Read(ref BitReader bits) => new((CorrectionCause)bits.Read(4), (int)bits.Read(22), (int)bits.Read(16) + AvatarPose.LeastUp, (int)bits.Read(22));
}
