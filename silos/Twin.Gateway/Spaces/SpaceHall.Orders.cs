using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>What moderators order.</summary>
internal sealed partial class SpaceHall
{
    private IReadOnlyDictionary<string, DateTimeOffset> _muted = new Dictionary<string, DateTimeOffset>();
    private bool _isFrozen;
    private IReadOnlyDictionary<string, DateTimeOffset> _banned = new Dictionary<string, DateTimeOffset>();

    /// <summary>Takes over what holds.</summary>
    /// <param name="slowChatSeconds">Between two chats of one person.</param>
    /// <param name="muted">Until when users may not speak.</param>
    /// <param name="banned">Until when users stay out, also with a token from before.</param>
    public void Obey(int slowChatSeconds, IReadOnlyDictionary<string, DateTimeOffset> muted, IReadOnlyDictionary<string, DateTimeOffset> banned)
    {
        (_muted, _banned) = (muted, banned);
        var now = _clock.GetUtcNow();
        if (slowChatSeconds != Rules.SlowChatSeconds)
        {
            Rules.SlowChatSeconds = slowChatSeconds;
            TellAll(new ModerationMessage("slowChat", slowChatSeconds == 0 ? "Chat is free again." : $"One message each {slowChatSeconds} s.", slowChatSeconds));
        }

        foreach (var session in _people.Values)
        {
            var left = LeftOf(muted, session.Who.User, now);
            var wasMuted = session.MutedUntil > Stage.Tick;
            Mute(session, left);
            if (wasMuted == left > TimeSpan.Zero || !session.IsConnected) continue;
            Send(session.Socket, new ModerationMessage(wasMuted ? "unmuted" : "muted", wasMuted ? "You may speak again." : "A moderator has muted you.", (int)Math.Min(left.TotalSeconds, int.MaxValue)).ToBytes());
        }
    }

    /// <summary>Where nobody moves. All are told when it is of the whole space, else those who stand in the cell.</summary>
    public void Freeze(bool isAll, int[] cells)
    {
        if (isAll != _isFrozen) TellAll(new ModerationMessage(isAll ? "frozen" : "thawed", isAll ? "Nobody moves for now." : "Go on.", 0));
        for (var i = 0; i < Stage.Cells.Count; i++)
        {
            var (was, isNow) = (Stage.Cells[i].IsFrozen, isAll || cells.Contains(i));
            Stage.Cells[i].IsFrozen = isNow;
            if (isAll || _isFrozen || was == isNow) continue;
            var words = new ModerationMessage(isNow ? "frozen" : "thawed", isNow ? "Nobody moves here for now." : "Go on.", 0).ToBytes();
            foreach (var session in _byStage.Values)
                if (Stage.Mirror.IndexOf(session.Who.Avatar) is >= 0 and var index && Stage.Mirror.StateAt(index).Pose is var pose && Stage.Rules.CellOf(pose.X, pose.Z) == i) Send(session.Socket, words);
        }

        _isFrozen = isAll;
    }

    /// <summary>Sends users out, avatar and all.</summary>
    /// <returns>How many were here.</returns>
    public int SendOut(IEnumerable<string> users, int code, string words)
    {
        var names = users.ToHashSet(StringComparer.Ordinal);
        return names.Count == 0 ? 0 : SendOut([.. _people.Values.Where(p => names.Contains(p.Who.User))], code, words);
    }

    /// <summary>Sends users out who came before they were ordered to go.</summary>
    public int SendOutBefore(IReadOnlyDictionary<string, DateTimeOffset> users, int code, string words) => users.Count == 0 ? 0
        : SendOut([.. _people.Values.Where(p => users.TryGetValue(p.Who.User, out var at) && p.Epoch < at.ToUnixTimeMilliseconds())], code, words);

    private int SendOut(HallSession[] sessions, int code, string words)
    {
        foreach (var session in sessions)
        {
            if (session.IsConnected)
            {
                Send(session.Socket, new LeftMessage((SpaceClose)code, words).ToBytes());
                Drop(session, code, words);
            }

            Leave(session);
            SentOut?.Invoke(session);
        }

        return sessions.Length;
    }

    private static TimeSpan LeftOf(IReadOnlyDictionary<string, DateTimeOffset> orders, string user, DateTimeOffset now) => orders.TryGetValue(user, out var until) && until > now ? until - now : TimeSpan.Zero;

    private void Mute(HallSession session, TimeSpan left) => session.MutedUntil = left > TimeSpan.Zero ? Stage.Tick + (long)(left.TotalSeconds * TickHz) : 0;

    private void TellAll(SpaceMessage message)
    {
        var bytes = message.ToBytes();
        RecordNotice(bytes);
        foreach (var session in _byStage.Values) Send(session.Socket, bytes);
    }
}
