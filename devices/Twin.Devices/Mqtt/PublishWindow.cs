using Twin.Wire.Mqtt;

namespace Twin.Devices.Mqtt;

/// <summary>
/// Unacknowledged QoS 1 messages, each with its encoded packet for resending. Slots and their bytes are reused: a steady flow
/// allocates nothing. Not thread-safe: the client's lock guards it. Hot.
/// </summary>
internal sealed class PublishWindow(int size)
{
    private readonly Slot[] _slots = new Slot[size];
    private readonly Stack<ushort> _free = Fill(size);
    private long _order;

    private struct Slot
    {
        public byte[]? Packet;
        public int Length;
        public long Tag;
        public long Order;
        public bool IsUsed;
        public bool IsWaiting; // the broker could not keep it: send again later
    }

    public int Used { get; private set; }

    /// <summary>Takes a packet identifier; the caller has made sure one is free.</summary>
    public ushort Take(long tag)
    {
        var id = _free.Pop();
        ref var slot = ref _slots[id - 1];
        slot.Tag = tag;
        slot.Order = _order++;
        slot.IsUsed = true;
        slot.IsWaiting = false;
        Used++;
        return id;
    }

    public void Keep(ushort id, ReadOnlySpan<byte> packet)
    {
        ref var slot = ref _slots[id - 1];
        if (slot.Packet is null || slot.Packet.Length < packet.Length) slot.Packet = new byte[Math.Max(64, packet.Length)];
        packet.CopyTo(slot.Packet);
        slot.Length = packet.Length;
    }

    /// <summary>The broker answered; false when it is not a packet of ours.</summary>
    public bool TryRelease(ushort id, out long tag)
    {
        tag = 0;
        if (id == 0 || id > _slots.Length || !_slots[id - 1].IsUsed) return false;
        tag = _slots[id - 1].Tag;
        _slots[id - 1].IsUsed = false;
        _free.Push(id);
        Used--;
        return true;
    }

    /// <summary>Marks for sending again; false when it is not a packet of ours.</summary>
    public bool TryDefer(ushort id)
    {
        if (id == 0 || id > _slots.Length || !_slots[id - 1].IsUsed) return false;
        _slots[id - 1].IsWaiting = true;
        return true;
    }

    /// <summary>Writes packets again, in the order they were first sent. After a reconnect all of them, with DUP; else only the deferred ones, as new.</summary>
    public int WriteAgain(System.Buffers.ArrayBufferWriter<byte> output, bool all)
    {
        var ids = new List<int>();
        for (var i = 0; i < _slots.Length; i++)
            if (_slots[i].IsUsed && (all || _slots[i].IsWaiting)) ids.Add(i);
        ids.Sort((a, b) => _slots[a].Order.CompareTo(_slots[b].Order));
        foreach (var i in ids)
        {
            ref var slot = ref _slots[i];
            var span = output.GetSpan(slot.Length);
            slot.Packet.AsSpan(0, slot.Length).CopyTo(span);
            if (!slot.IsWaiting) span[0] |= 8;
            slot.IsWaiting = false;
            output.Advance(slot.Length);
        }

        return ids.Count;
    }

    private static Stack<ushort> Fill(int size)
    {
        var free = new Stack<ushort>(size);
        for (var id = size; id >= 1; id--) free.Push((ushort)id);
        return free;
    }
}
