namespace Twin.Gateway.Spaces;

/// <summary>Whom a token brings in: for a minute after its owner was admitted, and back for as long as the avatar is here; else the waiting line would be for those only who have no token.</summary>
internal sealed partial class SpaceHall
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(60); // a little more than the owner keeps a seat for one who has not come
    private readonly Dictionary<int, (DateTimeOffset Issued, long Until)> _gone = [];

    /// <summary>Told of those who left of themselves or did not come back: their seats are free. On the loop's thread; must not block.</summary>
    public Action<HallSession>? Departed { get; set; }

    private bool IsFresh(Admitted who, DateTimeOffset now) => (now - who.Issued).Duration() <= Fresh && !(_gone.TryGetValue(who.Avatar, out var gone) && who.Issued <= gone.Issued);

    private void NoteGone(HallSession session) => _gone[session.Who.Avatar] = (session.Who.Issued, Stage.Tick + (long)(2 * Fresh.TotalSeconds * TickHz));

    private void ForgetGone()
    {
        foreach (var (avatar, gone) in _gone) if (gone.Until < Stage.Tick) _gone.Remove(avatar);
    }
}
