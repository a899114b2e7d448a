namespace Twin.Gateway.Spaces;

/// <summary>Who does not want to hear whom. Both ways: neither hears the other's chat and state channels nor is told the other's name. Avatars stay visible, for poses are encoded once for all viewers; a client leaves away what the flags of one with the role "blocked" say.</summary>
internal sealed partial class SpaceHall
{
    private readonly Dictionary<string, HashSet<string>> _blocks = new(StringComparer.Ordinal);

    /// <summary>The newest version of blocks heard from the owner.</summary>
    public long BlocksVersion { get; set; }

    /// <summary>Takes over whom users block; names are told anew after the next tick where that changes them.</summary>
    public void Block(IReadOnlyDictionary<string, string[]> blocks)
    {
        foreach (var (user, others) in blocks)
        {
            var before = _blocks.GetValueOrDefault(user);
            if (others.Length == 0 && before is null) continue;
            var changed = new HashSet<string>(others, StringComparer.Ordinal);
            if (before is not null) changed.SymmetricExceptWith(before);
            if (others.Length == 0) _blocks.Remove(user);
            else _blocks[user] = new HashSet<string>(others, StringComparer.Ordinal);
            foreach (var one in _byStage.Values)
                if (one.Who.User == user)
                    foreach (var other in _byStage.Values.Where(o => changed.Contains(o.Who.User))) TellAgain(one, other);
        }
    }

    /// <summary>Whether one of the two blocks the other.</summary>
    public bool AreApart(string a, string b) => _blocks.Count != 0 && a != b && (Blocks(a, b) || Blocks(b, a));

    private bool Blocks(string a, string b) => _blocks.TryGetValue(a, out var others) && others.Contains(b);

    private void TellAgain(HallSession a, HallSession b)
    {
        if (a.Told.Contains(b.Who.Avatar) && !a.ToTell.Contains(b.Who.Avatar)) Ask(a, b.Who.Avatar);
        if (b.Told.Contains(a.Who.Avatar) && !b.ToTell.Contains(a.Who.Avatar)) Ask(b, a.Who.Avatar);
    }
}
