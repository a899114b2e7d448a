namespace Twin.Grains.Spaces;

/// <summary>Who is here and who has gone, as silos tell. Of the activation; each silo tells anew within a second.</summary>
internal sealed partial class SpaceGrain
{
    private const int MostGone = 100_000;
    private static readonly TimeSpan Present = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TokenFresh = TimeSpan.FromMinutes(3); // longer than a token alone brings anybody in, and than silos' clocks differ

    private readonly Dictionary<string, (long Epoch, string Silo, DateTimeOffset At)> _sessions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _admitted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _gone = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _users = []; // of avatars, made when first asked for
    private DateTimeOffset _forgot;

    public async Task LeaveAsync(string user)
    {
        var now = clock.GetUtcNow();
        _line.Leave(user, now);
        _sessions.Remove(user);
        Forget(now);
        if (_gone.Count < MostGone) _gone[user] = now;
        _blocks.Remove(user);
        if (user.Length is >= 1 and <= 128) await GrainFactory.GetGrain<IUserGrain>(user).WentAsync(this.GetPrimaryKeyString());
    }

    public Task DepartAsync(string user, long epoch, DateTimeOffset issued)
    {
        var isBack = (_sessions.TryGetValue(user, out var known) && known.Epoch > epoch) || (_admitted.TryGetValue(user, out var admitted) && admitted > issued);
        return isBack ? Task.CompletedTask : LeaveAsync(user);
    }

    public async Task<SpaceAnswer> PresentAsync(SpacePresent present)
    {
        var now = clock.GetUtcNow();
        Forget(now);
        var (elsewhere, left) = (new List<string>(), new List<string>());
        for (var i = 0; i < present.Users.Length; i++)
        {
            var (user, epoch) = (present.Users[i], present.Epochs[i]);
            if (i < present.Issued.Length && _gone.TryGetValue(user, out var at) && present.Issued[i] <= at)
            {
                left.Add(user);
                continue;
            }

            _line.Keep(user, now);
            if (_sessions.TryGetValue(user, out var other) && other.Silo != present.Silo && other.Epoch > epoch && now - other.At < Present) elsewhere.Add(user);
            else _sessions[user] = (epoch, present.Silo, now);
        }

        var blocks = await NewBlocksAsync(present);
        return new SpaceAnswer(present.KnownVersion == state.State.Version && _definition is not null ? null : Orders(), [.. elsewhere], SeatsBut(present, now)) { Left = [.. left], Blocks = blocks, BlocksVersion = _blocksVersion };
    }

    public Task<SpaceView> ShowAsync(string? user)
    {
        var mayAll = user is null || MayModerate(user);
        return Task.FromResult(new SpaceView(mayAll ? Orders() : Orders() with { Banned = [], Muted = [], Kicked = [] }, mayAll) { Seated = _line.Seated, Waiting = _line.Waiting });
    }

    public Task<ISpacePeer[]> WhereAsync(string user) =>
        Task.FromResult<ISpacePeer[]>(_sessions.TryGetValue(user, out var session) && clock.GetUtcNow() - session.At < Present && _seats.TryGetValue(session.Silo, out var seat) ? [seat.Peer] : [.. _seats.Values.Select(s => s.Peer)]);

    public Task<string?> OwnerOfAsync(int avatar)
    {
        foreach (var (user, number) in _users.Count == state.State.Avatars.Count ? [] : state.State.Avatars) _users[number] = user;
        return Task.FromResult(_users.GetValueOrDefault(avatar));
    }

    /// <summary>A newcomer has no figure of its own yet: only those who have been here before are asked for.</summary>
    private Task<(string? Name, string? Appearance)> FigureOfAsync(string user) => state.State.Avatars.TryGetValue(user, out var number)
        ? GrainFactory.GetGrain<IAvatarGrain>($"{this.GetPrimaryKeyString()}/{number}").FigureAsync() : Task.FromResult<(string?, string?)>((null, null));

    /// <summary>What nobody asks for any more goes, at most once a second.</summary>
    private void Forget(DateTimeOffset now)
    {
        if (now - _forgot < TimeSpan.FromSeconds(1)) return;
        _forgot = now;
        foreach (var user in _sessions.Where(s => now - s.Value.At > Present).Select(s => s.Key).ToArray()) _sessions.Remove(user);
        foreach (var user in _gone.Where(g => now - g.Value > TokenFresh).Select(g => g.Key).ToArray()) _gone.Remove(user);
        foreach (var user in _admitted.Where(a => now - a.Value > TokenFresh).Select(a => a.Key).ToArray()) _admitted.Remove(user);
        foreach (var user in _blocks.Keys.Where(u => !_line.IsSeated(u)).ToArray()) _blocks.Remove(user);
    }
}
