using System.Net;
using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <summary>How a connection to a space ended, and what follows from it (SPEC-spaces, clause 8).</summary>
/// <param name="Code">The socket's close code; 0 when it was lost without one.</param>
/// <param name="Status">The handshake's HTTP status; 0 when it came through.</param>
/// <param name="Words">The server's.</param>
internal readonly record struct SpaceEnding(int Code, HttpStatusCode Status, string Words)
{
    private const int NoHello = 4408;

    /// <summary>The token brings in no more: a new session is to be asked for.</summary>
    public bool IsStale => Code is (int)SpaceClose.Token or NoHello || Status == HttpStatusCode.Unauthorized;

    /// <summary>Coming back makes no sense.</summary>
    public bool IsFinal => (SpaceClose)Code is SpaceClose.Left or SpaceClose.ResumedElsewhere or SpaceClose.Kicked or SpaceClose.Banned or SpaceClose.Flood or SpaceClose.Protocol
        || Status is HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.Gone;

    /// <summary>This side did not read fast enough.</summary>
    public bool IsTooSlow => Code == (int)SpaceClose.TooSlow;

    public TwinException ToException() => (SpaceClose)Code switch
    {
        SpaceClose.Left => Made(HttpStatusCode.Gone, "Left", "The seat was given up."),
        SpaceClose.ResumedElsewhere => Made(HttpStatusCode.Conflict, "ResumedElsewhere", "The user has come in by another connection."),
        SpaceClose.Kicked => Made(HttpStatusCode.Forbidden, "Kicked", "A moderator has sent the user out; it may ask for a new session."),
        SpaceClose.Banned => Made(HttpStatusCode.Forbidden, "Banned", "A moderator keeps the user out."),
        SpaceClose.TooSlow => Made(HttpStatusCode.RequestTimeout, "TooSlow", "What the server sent was not read."),
        SpaceClose.Flood => Made(HttpStatusCode.TooManyRequests, "Flood", "More than 120 messages a second were sent."),
        SpaceClose.Protocol => Made(HttpStatusCode.BadRequest, "Protocol", "The server could not read a message."),
        SpaceClose.Token => Made(HttpStatusCode.Unauthorized, "Token", "The token brings nobody in any more."),
        SpaceClose.Closing => Made(HttpStatusCode.ServiceUnavailable, "Closing", "The space or its server is closing."),
        _ when Status != 0 => Made(Status, $"Http{(int)Status}", "The server refused the socket."),
        _ => Made(HttpStatusCode.ServiceUnavailable, "Lost", "The connection was lost."),
    };

    private TwinException Made(HttpStatusCode status, string code, string detail) => new(status, code, Words.Length > 0 ? $"{detail} ({Words})" : detail, null);
}
