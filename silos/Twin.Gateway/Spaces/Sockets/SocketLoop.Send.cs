using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>Writing: straight to the system; what it does not take is queued within the bound.</summary>
internal sealed unsafe partial class SocketLoop
{
    /// <summary>Sends one binary message. Of the loop's thread.</summary>
    /// <param name="id">To whom.</param>
    /// <param name="payload">At most <see cref="SocketLoopOptions.MostMessageBytes"/> bytes; not kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">The message is too long.</exception>
    public SendResult Send(SocketId id, ReadOnlySpan<byte> payload)
    {
        ref var connection = ref Find(id);
        if (connection.State != ConnectionState.Open) return SendResult.Gone;
        if (payload.Length > _options.MostMessageBytes) ThrowTooLong(payload.Length);
        SendResult result;
        if (connection.Bridge is { } bridge)
        {
            result = bridge.Send(payload);
            if (result == SendResult.Sent) _metrics.BytesOut += payload.Length;
        }
        else
        {
            var header = Frame.WriteHeader(_frame, Frame.Binary, payload.Length);
            payload.CopyTo(_frame.AsSpan(header));
            result = Transmit(id.Index, _frame.AsSpan(0, header + payload.Length), _options.MostQueuedBytes);
        }

        if (result == SendResult.Full) _metrics.Skipped++;
        else if (result != SendResult.Gone) _metrics.MessagesOut++;
        return result;
    }

    /// <summary>Bytes that wait for this client to read; 0 for one that is gone. Of the loop's thread.</summary>
    public int QueuedBytes(SocketId id)
    {
        ref var connection = ref Find(id);
        return connection.Bridge is { } bridge ? bridge.QueuedBytes : connection.QueuedBytes;
    }

    /// <summary>Begins to close; the handler is told when the pass ends, and nothing can be sent from here on. Does nothing for one that is gone. Of the loop's thread.</summary>
    /// <param name="id">Whom.</param>
    /// <param name="code">1000 to 1014 as RFC 6455 has them, or 3000 to 4999.</param>
    /// <param name="reason">At most 123 bytes of it are told.</param>
    /// <exception cref="ArgumentOutOfRangeException">A code that is not to be sent.</exception>
    public void Close(SocketId id, int code, string reason)
    {
        if (!Frame.IsCloseCode(code)) throw new ArgumentOutOfRangeException(nameof(code), code, "It must be 1000 to 1003, 1007 to 1014 or 3000 to 4999.");
        if (Find(id).State == ConnectionState.Open) BeginClose(id.Index, code, reason, CloseCause.Server);
    }

    private void BeginClose(int index, int code, string reason, CloseCause cause)
    {
        ref var connection = ref _connections[index];
        Leave(index, cause);
        if (connection.Bridge is { } bridge)
        {
            bridge.Close(code, reason);
            connection.State = ConnectionState.Gone;
            _gone.Add(index);
            return;
        }

        SendClose(index, code, reason);
        if (connection.State != ConnectionState.Open) return;
        connection.State = ConnectionState.Closing;
        connection.Deadline = _now + Ticks(_options.CloseTimeout);
    }

    /// <summary>The client broke a rule: says the code and listens no longer.</summary>
    private void Fail(int index, int code, CloseCause cause)
    {
        ref var connection = ref _connections[index];
        if (connection.State is not (ConnectionState.Handshake or ConnectionState.Open or ConnectionState.Closing)) return;
        if (connection.State == ConnectionState.Handshake)
        {
            Refuse(index, Failed);
            return;
        }

        if (connection.State == ConnectionState.Open) SendClose(index, code, "");
        Leave(index, cause);
        Linger(index);
    }

    private void SendClose(int index, int code, string reason)
    {
        Span<byte> payload = stackalloc byte[Frame.MostControlBytes];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        Utf8Fit(reason, payload[2..], out var written);
        Control(index, Frame.CloseCode, payload[..(2 + written)]);
    }

    private static void Utf8Fit(string text, Span<byte> to, out int written) => System.Text.Unicode.Utf8.FromUtf16(text, to, out _, out written);

    private void Control(int index, int opcode, ReadOnlySpan<byte> payload)
    {
        Span<byte> frame = stackalloc byte[2 + Frame.MostControlBytes];
        var header = Frame.WriteHeader(frame, opcode, payload.Length);
        payload.CopyTo(frame[header..]);
        // A close must find room where a message would not; a pong may be lost.
        Transmit(index, frame[..(header + payload.Length)], opcode == Frame.CloseCode ? _options.MostQueuedBytes + 256 : _options.MostQueuedBytes);
    }

    private SendResult Transmit(int index, ReadOnlySpan<byte> bytes, int bound)
    {
        ref var connection = ref _connections[index];
        nint sent = 0;
        if (connection.Queue is null)
        {
            fixed (byte* first = bytes) sent = LinuxCalls.Send(connection.Descriptor, first, (nuint)bytes.Length, LinuxCalls.NoSignal | LinuxCalls.DontWait);
            if (sent == bytes.Length)
            {
                _metrics.BytesOut += sent;
                return SendResult.Sent;
            }

            if (sent < 0 && Marshal.GetLastPInvokeError() != LinuxCalls.Again)
            {
                Drop(index, CloseCause.Lost);
                return SendResult.Gone;
            }

            sent = Math.Max(sent, 0);
            _metrics.BytesOut += sent;
        }
        else if (connection.QueuedBytes + bytes.Length > bound)
        {
            return SendResult.Full;
        }

        Enqueue(ref connection, bytes[(int)sent..]);
        return SendResult.Queued;
    }

    private static void Enqueue(ref Connection connection, ReadOnlySpan<byte> bytes)
    {
        if (connection.Queue is null || connection.QueueEnd + bytes.Length > connection.Queue.Length)
        {
            var queued = connection.QueuedBytes;
            Grow(ref connection.Queue, connection.QueueStart, connection.QueueEnd, queued + bytes.Length);
            (connection.QueueStart, connection.QueueEnd) = (0, queued);
        }

        bytes.CopyTo(connection.Queue.AsSpan(connection.QueueEnd));
        connection.QueueEnd += bytes.Length;
    }

    /// <summary>Sends what was queued, as far as the system takes it.</summary>
    private void Flush(int index)
    {
        ref var connection = ref _connections[index];
        while (connection.QueuedBytes > 0)
        {
            nint sent;
            fixed (byte* first = connection.Queue) sent = LinuxCalls.Send(connection.Descriptor, first + connection.QueueStart, (nuint)connection.QueuedBytes, LinuxCalls.NoSignal | LinuxCalls.DontWait);
            if (sent < 0)
            {
                if (Marshal.GetLastPInvokeError() != LinuxCalls.Again) Drop(index, CloseCause.Lost);
                return;
            }

            _metrics.BytesOut += sent;
            connection.QueueStart += (int)sent;
        }

        Return(ref connection.Queue);
        (connection.QueueStart, connection.QueueEnd) = (0, 0);
        if (connection.WillShut) Shut(index);
        else if (connection.State == ConnectionState.Open) TellWritable(index);
    }

    private void TellWritable(int index)
    {
        try
        {
            _handler.Writable(new SocketId(index, _connections[index].Generation));
        }
        catch (Exception fault)
        {
            Faulted(index, fault);
        }
    }

    private static void ThrowTooLong(int length) => throw new ArgumentOutOfRangeException(nameof(length), length, "The message is longer than MostMessageBytes.");
}
