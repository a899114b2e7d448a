using System.Net;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>A connection of the loop. The generation tells it from earlier ones in the same place; a stale one is answered with <see cref="SendResult.Gone"/>.</summary>
internal readonly record struct SocketId(int Index, int Generation);

/// <summary>What became of a message given to <see cref="SocketLoop.Send"/>.</summary>
internal enum SendResult
{
    /// <summary>The system has all of it.</summary>
    Sent,

    /// <summary>Kept whole or in part; it goes when the client reads.</summary>
    Queued,

    /// <summary>Refused: the client has not read for too long. Skip, or close with 1013. Nothing of it was sent.</summary>
    Full,

    /// <summary>The connection is closed or closing.</summary>
    Gone,
}

/// <summary>Why a connection ended.</summary>
internal enum CloseCause
{
    /// <summary>The client closed properly.</summary>
    Client,

    /// <summary><see cref="SocketLoop.Close"/> was called.</summary>
    Server,

    /// <summary>The client broke the protocol (1002, 1003, 1007, 1009).</summary>
    Protocol,

    /// <summary>Ended or reset without a close frame.</summary>
    Lost,

    /// <summary>Nothing was heard for too long, a ping included.</summary>
    Silent,

    /// <summary>The handler threw; the client was told 1011.</summary>
    Fault,

    /// <summary>The loop stopped; the client was told 1001.</summary>
    Stopping,
}

/// <summary>A WebSocket handshake that keeps the rules of RFC 6455. The spans are valid during the call only.</summary>
internal readonly ref struct UpgradeRequest
{
    /// <summary>The path as sent, without the query.</summary>
    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>The query as sent, without the question mark; empty when there is none.</summary>
    public ReadOnlySpan<byte> Query { get; init; }

    /// <summary>Offered subprotocols, separated by commas; empty when there are none.</summary>
    public ReadOnlySpan<byte> Subprotocols { get; init; }

    /// <summary>The header; empty for clients that are no browsers.</summary>
    public ReadOnlySpan<byte> Origin { get; init; }

    /// <summary>The header.</summary>
    public ReadOnlySpan<byte> Host { get; init; }

    /// <summary>Who connects.</summary>
    public IPAddress Remote { get; init; }
}

/// <summary>Whether a handshake is taken.</summary>
internal readonly record struct UpgradeAnswer
{
    /// <summary>0 when it is taken, else the status told.</summary>
    public int Status { get; private init; }

    /// <summary>The subprotocol agreed on; null for none. Of RFC 7230 token characters.</summary>
    public string? Subprotocol { get; private init; }

    /// <summary>The problem's code.</summary>
    public string Code { get; private init; }

    /// <summary>The problem in words.</summary>
    public string Detail { get; private init; }

    /// <summary>Takes it.</summary>
    public static UpgradeAnswer Accept(string? subprotocol = null) => new() { Subprotocol = subprotocol, Code = "", Detail = "" };

    /// <summary>Refuses it with problem+json.</summary>
    public static UpgradeAnswer Refuse(int status, string code, string detail) => new() { Status = status, Code = code, Detail = detail };
}

/// <summary>
/// What speaks over the sockets. Every call comes from the loop's thread, must not block and may call <see cref="SocketLoop"/>'s methods. An
/// exception of a connection's call ends that connection with 1011.
/// </summary>
internal interface ISocketHandler
{
    /// <summary>The first call, before any other.</summary>
    void Started(SocketLoop loop);

    /// <summary>A handshake; when taken, <see cref="Opened"/> follows, and once, at the end, <see cref="Closed"/>. Also where the origin is checked.</summary>
    UpgradeAnswer TryOpen(SocketId id, in UpgradeRequest request);

    /// <summary>The handshake is answered; messages can be sent.</summary>
    void Opened(SocketId id);

    /// <summary>A whole message, unmasked; text is valid UTF-8. The span is valid during the call only.</summary>
    void Message(SocketId id, ReadOnlySpan<byte> payload, bool isText);

    /// <summary>Everything queued has gone.</summary>
    void Writable(SocketId id);

    /// <summary>The connection is no more; called once for each taken one and never from within <see cref="SocketLoop.Send"/> or <see cref="SocketLoop.Close"/>.</summary>
    void Closed(SocketId id, CloseCause cause);

    /// <summary>Called when the time it last returned has come. Time is the clock's timestamp.</summary>
    /// <returns>When it wants to be called next.</returns>
    long Turn(long now);
}
