namespace Twin.Grains.Spaces;

/// <summary>What the users here have said of themselves to their own grains: asked for when they come, kept while they are here.</summary>
internal sealed partial class SpaceGrain
{
    private const int MostAsked = 100; // users whose blocks are asked for in one answer, after a move of this grain
    private readonly Dictionary<string, (long Version, string[] Blocks)> _blocks = new(StringComparer.Ordinal);
    private long _blocksVersion;

    public Task BlocksChangedAsync(string user, string[] blocks)
    {
        KeepBlocks(user, blocks);
        return Task.CompletedTask;
    }

    private Task<UserPass> PassOfAsync(JoinRequest request) => GrainFactory.GetGrain<IUserGrain>(request.User).PassAsync(request.IsSelf ? request.Age : null, request.IsSelf ? request.Consents : []);

    private async Task CameAsync(string user, UserPass pass)
    {
        KeepBlocks(user, pass.Blocks);
        await GrainFactory.GetGrain<IUserGrain>(user).CameAsync(this.GetPrimaryKeyString());
    }

    /// <summary>Blocks that are newer than a silo knows, those of users first asked for now included.</summary>
    private async Task<Dictionary<string, string[]>> NewBlocksAsync(SpacePresent present)
    {
        var unknown = present.Users.Where(u => _sessions.ContainsKey(u) && !_blocks.ContainsKey(u)).Take(MostAsked).ToArray();
        var passes = await Task.WhenAll(unknown.Select(u => GrainFactory.GetGrain<IUserGrain>(u).PassAsync(null, [])));
        for (var i = 0; i < unknown.Length; i++) if (_sessions.ContainsKey(unknown[i]) && !_blocks.ContainsKey(unknown[i])) await CameAsync(unknown[i], passes[i]);
        return present.KnownBlocks == _blocksVersion ? [] : _blocks.Where(b => b.Value.Version > present.KnownBlocks && (b.Value.Blocks.Length > 0 || present.KnownBlocks > 0)).ToDictionary(b => b.Key, b => b.Value.Blocks, StringComparer.Ordinal);
    }

    private void KeepBlocks(string user, string[] blocks)
    {
        if (_blocksVersion == 0) _blocksVersion = _since.UtcTicks; // above what any activation before has given
        var isSame = _blocks.TryGetValue(user, out var known) && known.Blocks.AsSpan().SequenceEqual(blocks);
        _blocks[user] = (isSame ? known.Version : ++_blocksVersion, blocks);
    }
}
