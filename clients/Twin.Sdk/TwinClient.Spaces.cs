using System.Text.Json;

namespace Twin.Sdk;

/// <content>Spaces over HTTP: what one needs before a socket. For a person inside a space see <see cref="SpaceClient"/>.</content>
public sealed partial class TwinClient
{
    /// <summary>Ids of all spaces.</summary>
    public async Task<IReadOnlyList<string>> ListSpacesAsync(CancellationToken cancellationToken = default)
    {
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Get, "spaces"), true, cancellationToken).ConfigureAwait(false);
        return [.. AnswerReader.Items(answer, "value").Select(s => s.ValueKind == JsonValueKind.String ? s.GetString()! : AnswerReader.Text(s, "id") ?? "")];
    }

    /// <summary>A space: <c>definition</c>, <c>etag</c>, <c>frozen</c>, <c>slowChatSeconds</c>.</summary>
    public Task<JsonElement> GetSpaceAsync(string id, CancellationToken cancellationToken = default) =>
        _transport.ReadAsync(() => Request(HttpMethod.Get, $"spaces/{Escape(id)}"), true, cancellationToken);

    /// <summary>Creates or changes a space; for administrators.</summary>
    /// <param name="id">1 to 128 letters, digits and <c>- _ . :</c>.</param>
    /// <param name="definition">As in the API: <c>width</c>, <c>depth</c>, <c>capacity</c> and so on.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public async Task PutSpaceAsync(string id, object definition, CancellationToken cancellationToken = default)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(definition);
        using var answer = await _transport.SendAsync(() => Request(HttpMethod.Put, $"spaces/{Escape(id)}", body), true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends a space: everyone goes; for administrators.</summary>
    public Task DeleteSpaceAsync(string id, CancellationToken cancellationToken = default) => DeleteAsync($"spaces/{Escape(id)}", null, cancellationToken);

    /// <summary>Mutes, sends out, keeps out, freezes or slows chat; for hosts, moderators and administrators.</summary>
    /// <param name="id">The space.</param>
    /// <param name="act"><c>mute</c>, <c>kick</c>, <c>ban</c>, <c>freeze</c> or <c>slowChat</c>.</param>
    /// <param name="user">Whom; empty for <c>freeze</c> and <c>slowChat</c>.</param>
    /// <param name="seconds">How long, for <c>slowChat</c> between two texts; 0 ends it.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public async Task ModerateSpaceAsync(string id, string act, string user = "", int seconds = 0, CancellationToken cancellationToken = default)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new { act, user, seconds });
        using var answer = await _transport.SendAsync(() => Request(HttpMethod.Post, $"spaces/{Escape(id)}/moderation", body), false, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks once to come into a space: a session, or a place in the waiting line. Asking again keeps the place.</summary>
    /// <exception cref="TwinException">Refused: <c>Banned</c>, <c>Closed</c>, <c>TooYoung</c>, <c>ConsentMissing</c>, <c>TicketMissing</c>, <c>LineFull</c>, <c>SpaceNotFound</c> and so on.</exception>
    public async Task<SpaceAdmission> AskToEnterAsync(string id, SpaceGuest guest, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(guest);
        var body = guest.ToJson();
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Post, $"spaces/{Escape(id)}/sessions", body), true, cancellationToken).ConfigureAwait(false);
        if (AnswerReader.Text(answer, "sessionToken") is not { } token)
            return new SpaceAdmission(null, Math.Max(1, (int)(AnswerReader.Number(answer, "position") ?? 1)), TimeSpan.FromMilliseconds(Math.Clamp(AnswerReader.Number(answer, "retryAfterMs") ?? 2_000, 100, 30_000)));
        var socket = AnswerReader.Text(answer, "socket") ?? $"/spaces/{Escape(id)}/socket";
        return new SpaceAdmission(new SpaceSession(id, token, socket, (int)(AnswerReader.Number(answer, "avatar") ?? 0), AnswerReader.Text(answer, "user") ?? ""), 0, TimeSpan.Zero);
    }

    /// <summary>Gives up a seat or a place in the line.</summary>
    public Task LeaveSpaceAsync(string id, string user, CancellationToken cancellationToken = default) => DeleteAsync($"spaces/{Escape(id)}/sessions/{Escape(user)}", null, cancellationToken);
}

/// <summary>Who comes into a space.</summary>
public sealed record SpaceGuest
{
    /// <summary>Who it is, where the server does not know by the key; null is a new guest.</summary>
    public string? User { get; init; }

    /// <summary>Shown to others, 1 to 64 characters; null takes the user's.</summary>
    public string? Name { get; init; }

    /// <summary>Which figure, at most 64 characters.</summary>
    public string? Appearance { get; init; }

    /// <summary>In years, where the space asks for it.</summary>
    public int? Age { get; init; }

    /// <summary>Consents given, at most 16.</summary>
    public IReadOnlyList<string>? Consents { get; init; }

    /// <summary>The ticket's id, where the space asks for one.</summary>
    public string? Ticket { get; init; }

    internal byte[] ToJson()
    {
        var asked = new Dictionary<string, object>(StringComparer.Ordinal);
        if (User is not null) asked["user"] = User;
        if (Name is not null) asked["name"] = Name;
        if (Appearance is not null) asked["appearance"] = Appearance;
        if (Age is { } age) asked["age"] = age;
        if (Consents is { Count: > 0 }) asked["consents"] = Consents;
        if (Ticket is not null) asked["ticket"] = Ticket;
        return JsonSerializer.SerializeToUtf8Bytes(asked);
    }
}

/// <summary>What a space answers to who asks to come in.</summary>
/// <param name="Session">Null while one waits.</param>
/// <param name="Position">In the waiting line, from 1; 0 when one is in.</param>
/// <param name="AskAgain">After how long; the place is lost after 45 s without asking.</param>
public sealed record SpaceAdmission(SpaceSession? Session, int Position, TimeSpan AskAgain);

/// <summary>The right to open a space's socket.</summary>
/// <param name="Space">Its id.</param>
/// <param name="Token">For the socket's address: opens within a minute, and comes back within the grace. A secret.</param>
/// <param name="Socket">The socket's path at the server that answered.</param>
/// <param name="Avatar">One's avatar: the same whenever the user comes.</param>
/// <param name="User">Whom the server takes one for.</param>
public sealed record SpaceSession(string Space, string Token, string Socket, int Avatar, string User)
{
    internal Uri AddressAt(Uri server) => new UriBuilder(new Uri(server, Socket)) { Scheme = server.Scheme == "https" ? "wss" : "ws", Query = "token=" + Uri.EscapeDataString(Token) }.Uri;

    /// <summary>Without the token.</summary>
    public override string ToString() => $"{User} as avatar {Avatar} in {Space}";
}
