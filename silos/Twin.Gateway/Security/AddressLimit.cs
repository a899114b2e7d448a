using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Twin.Gateway.Security;

/// <summary>
/// Connections of one address to the HTTP port. One above the bound is told 429 and closed before HTTP is parsed. The table holds
/// only addresses with an open connection, so Kestrel's bound on connections bounds it too. Thread-safe.
/// </summary>
internal sealed class AddressLimit(int most)
{
    private static readonly Counter<long> Refusals = new Meter("Twin").CreateCounter<long>("twin_limit_refusals_total");
    private static readonly KeyValuePair<string, object?> Tag = new("limit", "connections");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly byte[] Answer = MakeAnswer();

    private readonly ConcurrentDictionary<IPAddress, int> _open = new();

    /// <summary>Wraps what serves a connection.</summary>
    public ConnectionDelegate Guard(ConnectionDelegate next) => async connection =>
    {
        var address = (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        try
        {
            if (Enter(address)) await next(connection).ConfigureAwait(false);
            else await RefuseAsync(connection).ConfigureAwait(false);
        }
        finally
        {
            Leave(address);
        }
    };

    /// <summary>Counts a connection that Kestrel does not see; false, and not counted, when there are too many. <see cref="Leave"/> ends it.</summary>
    public bool TryEnter(IPAddress address)
    {
        if (Enter(address)) return true;
        Leave(address);
        Refusals.Add(1, Tag);
        return false;
    }

    /// <summary>A counted connection is over.</summary>
    public void Leave(IPAddress address)
    {
        if (_open.AddOrUpdate(address, 0, static (_, count) => count - 1) == 0) _open.TryRemove(new KeyValuePair<IPAddress, int>(address, 0));
    }

    private bool Enter(IPAddress address) => _open.AddOrUpdate(address, 1, static (_, count) => count + 1) <= most;

    private static async Task RefuseAsync(ConnectionContext connection)
    {
        Refusals.Add(1, Tag);
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            // The request is read before the answer is given: closing over unread bytes would take the answer along.
            var read = await connection.Transport.Input.ReadAsync(limit.Token).ConfigureAwait(false);
            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            await connection.Transport.Output.WriteAsync(Answer, limit.Token).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            // Said nothing, or went away.
        }
    }

    private static byte[] MakeAnswer()
    {
        const string body = """{"type":"urn:twin:problem:TooManyConnections","title":"Too Many Requests","status":429,"detail":"Too many connections of this address are open.","code":"TooManyConnections"}""";
        return System.Text.Encoding.ASCII.GetBytes($"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }
}
