using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twin.Cli.Load;

/// <summary>Opens a WebSocket by hand: what is left is a plain socket for <see cref="LoadSockets"/>. Plain HTTP only.</summary>
internal static class LoadHandshake
{
    private const int MostHead = 8 * 1024;
    private const int MostTries = 50;
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(200);

    /// <summary>Connects and upgrades; a server that says 503 (the space opens) is asked again for ten seconds.</summary>
    /// <param name="server">Its address.</param>
    /// <param name="target">Path and query.</param>
    /// <param name="clock">Times the waits.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="IOException">The server refused: its words.</exception>
    /// <exception cref="SocketException">It cannot be reached.</exception>
    public static async Task<(Socket Socket, byte[] Early)> OpenAsync(DnsEndPoint server, string target, TimeProvider clock, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
                var (status, answer, early) = await UpgradeAsync(socket, server, target, cancellationToken).ConfigureAwait(false);
                if (status == 101) return (socket, early);
                if (status != 503 || tries == MostTries) throw new IOException($"The server refused a socket: {answer}");
            }
            catch
            {
                socket.Dispose();
                throw;
            }

            socket.Dispose();
            await Task.Delay(Again, clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<(int Status, string Answer, byte[] Early)> UpgradeAsync(Socket socket, DnsEndPoint server, string target, CancellationToken cancellationToken)
    {
        var host = server.Host.Contains(':', StringComparison.Ordinal) ? $"[{server.Host}]" : server.Host;
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: {host}:{server.Port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), cancellationToken).ConfigureAwait(false);
        var head = new byte[MostHead];
        for (var filled = 0; ;)
        {
            var got = await socket.ReceiveAsync(head.AsMemory(filled), cancellationToken).ConfigureAwait(false);
            filled += got;
            var end = head.AsSpan(0, filled).IndexOf("\r\n\r\n"u8);
            if (end < 0 && got > 0 && filled < head.Length) continue;
            var text = Encoding.ASCII.GetString(head, 0, filled);
            var status = text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) && int.TryParse(text.AsSpan(9, Math.Min(3, text.Length - 9)), out var said) ? said : 0;
            if (end < 0 && status == 101) status = 0;
            return (status, text.Length == 0 ? "it closed the connection" : text.ReplaceLineEndings(" "), end < 0 ? [] : head[(end + 4)..filled]);
        }
    }
}
