using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>Reading: into one shared buffer while frames come whole, into a rented one only while a frame's end is missing.</summary>
internal sealed unsafe partial class SocketLoop
{
    private void Receive(int index)
    {
        ref var connection = ref _connections[index];
        var buffer = connection.Kept ?? _received;
        var filled = connection.Kept is null ? 0 : connection.KeptBytes;
        var room = buffer.Length - filled;
        nint got;
        fixed (byte* first = buffer) got = LinuxCalls.Receive(connection.Descriptor, first + filled, (nuint)room, LinuxCalls.DontWait);
        if (got <= 0)
        {
            NothingCame(index, got == 0 ? 0 : Marshal.GetLastPInvokeError());
            return;
        }

        _metrics.BytesIn += got;
        connection.Heard = _now;
        connection.IsPinged = false;
        filled += (int)got;
        try
        {
            var taken = Take(index, buffer.AsSpan(0, filled), out var needed);
            Keep(ref connection, buffer, taken, filled, needed);
        }
        catch (Exception fault)
        {
            Faulted(index, fault);
        }

        if (got == room) MarkAgain(index);
    }

    private void NothingCame(int index, int error)
    {
        if (error is LinuxCalls.Again or LinuxCalls.Interrupted) return;
        Drop(index, CloseCause.Lost);
    }

    /// <summary>Understands what has come; how much of it, and how long the piece is that was begun (0 when unknown).</summary>
    private int Take(int index, Span<byte> bytes, out int needed)
    {
        ref var connection = ref _connections[index];
        needed = 0;
        var taken = 0;
        if (connection.State == ConnectionState.Handshake)
        {
            taken = TakeHandshake(index, bytes);
            needed = Math.Min(_options.HandshakeBytes, Math.Max(1_024, bytes.Length * 2));
            if (taken == 0) return 0;
        }

        if (connection.State is ConnectionState.Open or ConnectionState.Closing) return taken + TakeFrames(index, bytes[taken..], out needed);
        return bytes.Length; // said in vain
    }

    private void Keep(ref Connection connection, byte[] buffer, int taken, int filled, int needed)
    {
        var rest = filled - taken;
        if (rest == 0 || connection.State is ConnectionState.Gone or ConnectionState.Lingering or ConnectionState.Free)
        {
            if (connection.Kept is not null) Return(ref connection.Kept);
            return;
        }

        var size = Math.Max(Math.Max(needed, rest + 1), 512);
        if (connection.Kept is { } kept && kept.Length >= size)
        {
            if (taken > 0) buffer.AsSpan(taken, rest).CopyTo(kept);
        }
        else
        {
            var larger = ArrayPool<byte>.Shared.Rent(size);
            buffer.AsSpan(taken, rest).CopyTo(larger);
            if (connection.Kept is not null) Return(ref connection.Kept);
            connection.Kept = larger;
        }

        connection.KeptBytes = rest;
    }

    /// <summary>Whole frames; how many bytes they have, and the length of the one begun.</summary>
    private int TakeFrames(int index, Span<byte> bytes, out int needed)
    {
        ref var connection = ref _connections[index];
        var (at, ping, pingBytes) = (0, -1, 0);
        needed = 0;
        while (at < bytes.Length && connection.State is ConnectionState.Open or ConnectionState.Closing)
        {
            var wrong = Frame.Read(bytes[at..], _options.MostMessageBytes, out var frame);
            if (wrong > 0)
            {
                Fail(index, wrong, CloseCause.Protocol);
                return bytes.Length;
            }

            var length = wrong < 0 ? 14 : frame.HeaderBytes + frame.PayloadBytes;
            if (wrong < 0 || bytes.Length - at < length)
            {
                needed = length;
                break;
            }

            var payload = bytes.Slice(at + frame.HeaderBytes, frame.PayloadBytes);
            if (frame.Mask != 0) Frame.Unmask(payload, frame.Mask);
            if (frame.Opcode == Frame.Ping) (ping, pingBytes) = (at + frame.HeaderBytes, frame.PayloadBytes);
            else if (frame.Opcode == Frame.CloseCode) TakeClose(index, payload);
            else if (frame.Opcode != Frame.Pong && connection.State == ConnectionState.Open) TakeData(index, frame, payload);
            at += length;
        }

        // Of many pings the last is answered: the RFC allows it, and a flood of them costs one call.
        if (ping >= 0 && connection.State == ConnectionState.Open) Control(index, Frame.Pong, bytes.Slice(ping, pingBytes));
        return at;
    }

    private void TakeData(int index, in Frame frame, Span<byte> payload)
    {
        ref var connection = ref _connections[index];
        if ((frame.Opcode == Frame.Continuation) != (connection.AssemblyOpcode != 0))
        {
            Fail(index, 1002, CloseCause.Protocol);
            return;
        }

        if (frame.IsFinal && frame.Opcode != Frame.Continuation)
        {
            Deliver(index, payload, frame.Opcode == Frame.Text);
            return;
        }

        if (!Assemble(ref connection, frame, payload))
        {
            Fail(index, 1009, CloseCause.Protocol);
            return;
        }

        if (!frame.IsFinal) return;
        var (whole, length, isText) = (connection.Assembly, connection.AssemblyBytes, connection.AssemblyOpcode == Frame.Text);
        (connection.Assembly, connection.AssemblyBytes, connection.AssemblyOpcode) = (null, 0, 0);
        try
        {
            Deliver(index, whole.AsSpan(0, length), isText);
        }
        finally
        {
            if (whole is not null) ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private bool Assemble(ref Connection connection, in Frame frame, ReadOnlySpan<byte> payload)
    {
        if (frame.Opcode != Frame.Continuation) connection.AssemblyOpcode = (byte)frame.Opcode;
        var total = connection.AssemblyBytes + payload.Length;
        if (total > _options.MostMessageBytes) return false;
        Grow(ref connection.Assembly, 0, connection.AssemblyBytes, total);
        payload.CopyTo(connection.Assembly.AsSpan(connection.AssemblyBytes));
        connection.AssemblyBytes = total;
        return true;
    }

    private void Deliver(int index, ReadOnlySpan<byte> payload, bool isText)
    {
        _metrics.MessagesIn++;
        if (isText && !Utf8.IsValid(payload)) Fail(index, 1007, CloseCause.Protocol);
        else _handler.Message(new SocketId(index, _connections[index].Generation), payload, isText);
    }

    private void TakeClose(int index, ReadOnlySpan<byte> payload)
    {
        ref var connection = ref _connections[index];
        if (connection.State == ConnectionState.Closing)
        {
            Linger(index); // both have said it
            return;
        }

        var code = payload.Length >= 2 ? (payload[0] << 8) | payload[1] : 1000;
        if (payload.Length == 1 || !Frame.IsCloseCode(code))
        {
            Fail(index, 1002, CloseCause.Protocol);
            return;
        }

        if (payload.Length > 2 && !Utf8.IsValid(payload[2..]))
        {
            Fail(index, 1007, CloseCause.Protocol);
            return;
        }

        Control(index, Frame.CloseCode, payload.Length >= 2 ? payload[..2] : default);
        Leave(index, CloseCause.Client);
        Linger(index);
    }

    /// <summary>Makes room for <paramref name="total"/> bytes, keeping those from <paramref name="start"/> to <paramref name="end"/> at the front.</summary>
    private static void Grow(ref byte[]? buffer, int start, int end, int total)
    {
        if (buffer is not null && buffer.Length >= total && start == 0) return;
        if (buffer is not null && buffer.Length >= total)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(total, 512));
        if (buffer is not null)
        {
            buffer.AsSpan(start, end - start).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(buffer);
        }

        buffer = larger;
    }

    private static void Return(ref byte[]? buffer)
    {
        if (buffer is null) return;
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = null;
    }
}
