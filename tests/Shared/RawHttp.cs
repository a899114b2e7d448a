using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twin.Testing;

/// <summary>One HTTP/1.1 connection that allocates nothing a request: the load generator must cost less than what it measures.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _in = new byte[64 * 1024];
    private readonly byte[] _out = new byte[1024 * 1024];
    private int _filled;

    public static async Task<RawHttp> ConnectAsync(int port)
    {
        var connection = new RawHttp();
        await connection._socket.ConnectAsync(IPAddress.Loopback, port);
        return connection;
    }

    /// <summary>The body of the last answer; valid until the next request.</summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    /// <summary>Sends a request and reads the whole answer; returns the status.</summary>
    public async ValueTask<int> SendAsync(string methodAndPath, string contentType, ReadOnlyMemory<byte> body)
    {
        await _socket.SendAsync(_out.AsMemory(0, Write(methodAndPath, contentType, body.Span)), SocketFlags.None);
        return await ReadAsync();
    }

    private int Write(string methodAndPath, string contentType, ReadOnlySpan<byte> body)
    {
        var at = Encoding.ASCII.GetBytes(methodAndPath, _out);
        at += Copy(" HTTP/1.1\r\nHost: localhost\r\n"u8, at);
        if (contentType.Length > 0)
        {
            at += Copy("Content-Type: "u8, at);
            at += Encoding.ASCII.GetBytes(contentType, _out.AsSpan(at));
            at += Copy("\r\nContent-Length: "u8, at);
            Utf8Formatter.TryFormat(body.Length, _out.AsSpan(at), out var digits);
            at += digits;
            at += Copy("\r\n"u8, at);
        }

        at += Copy("\r\n"u8, at);
        at += Copy(body, at);
        return at;
    }

    private int Copy(ReadOnlySpan<byte> bytes, int at)
    {
        bytes.CopyTo(_out.AsSpan(at));
        return bytes.Length;
    }

    private async ValueTask<int> ReadAsync()
    {
        _filled = 0;
        int end;
        while ((end = _in.AsSpan(0, _filled).IndexOf("\r\n\r\n"u8)) < 0) await FillAsync();
        var head = _in.AsSpan(0, end);
        var status = ((head[9] - '0') * 100) + ((head[10] - '0') * 10) + (head[11] - '0');
        var start = end + 4;
        if (status == 204 || status == 304) Body = default;
        else if (LengthOf(head) is { } length)
        {
            while (_filled < start + length) await FillAsync();
            Body = _in.AsMemory(start, length);
        }
        else
        {
            while (!_in.AsSpan(0, _filled).EndsWith("0\r\n\r\n"u8)) await FillAsync();
            Body = _in.AsMemory(start, _filled - start);
        }

        return status;
    }

    private static int? LengthOf(ReadOnlySpan<byte> head)
    {
        var at = head.IndexOf("Content-Length: "u8);
        return at >= 0 && Utf8Parser.TryParse(head[(at + 16)..], out int length, out _) ? length : null;
    }

    private async ValueTask FillAsync()
    {
        if (_filled == _in.Length) Array.Resize(ref _in, _in.Length * 2);
        var read = await _socket.ReceiveAsync(_in.AsMemory(_filled), SocketFlags.None);
        if (read == 0) throw new IOException("The server closed the connection.");
        _filled += read;
    }

    public void Dispose() => _socket.Dispose();
}
