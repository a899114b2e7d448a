using Orleans;
using Twin.Grains.Spaces;
using Twin.Model.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>The cluster's secrets, known after the first <see cref="RefreshAsync"/>; until then every token is refused. Thread-safe.</summary>
internal sealed class SpaceTokens(IGrainFactory grains, TimeProvider clock) : ISpaceTokens
{
    private static readonly TimeSpan Valid = TimeSpan.FromHours(12);
    private volatile byte[][] _secrets = [];

    /// <inheritdoc/>
    public bool IsReady => _secrets.Length > 0;

    /// <summary>Fetches the secrets.</summary>
    public async Task RefreshAsync() => _secrets = await grains.GetGrain<ISpaceDirectoryGrain>(0).GetSecretsAsync().ConfigureAwait(false);

    /// <summary>A token for one who was admitted, for twelve hours.</summary>
    public async Task<(string Token, DateTimeOffset Expires)> MakeAsync(string space, int avatar, string user, string name, string appearance, int roles, DateTimeOffset issued)
    {
        if (_secrets.Length == 0) await RefreshAsync().ConfigureAwait(false);
        var expires = clock.GetUtcNow() + Valid;
        return (new SessionToken(space, avatar, user, name, appearance, roles, expires) { Issued = issued }.Sign(_secrets[0]), expires);
    }

    /// <summary>A token that opens a view of a recording, for an hour.</summary>
    public async Task<string> MakeViewAsync(string space, string user, string view)
    {
        if (_secrets.Length == 0) await RefreshAsync().ConfigureAwait(false);
        return new SessionToken(space, 0, user, "", "", 0, clock.GetUtcNow() + TimeSpan.FromHours(1), view).Sign(_secrets[0]);
    }

    /// <inheritdoc/>
    public bool TryRead(ReadOnlySpan<byte> token, out Admitted? who, out string? why)
    {
        who = SessionToken.TryRead(token, _secrets, clock.GetUtcNow(), out var read, out why) ? new Admitted(read!.Space, read.Avatar, read.User, read.Name, read.Appearance, read.Roles, read.View) { Issued = read.Issued } : null;
        return who is not null;
    }
}
