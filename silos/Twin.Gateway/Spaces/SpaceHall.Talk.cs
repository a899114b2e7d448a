using Twin.Grains.Spaces;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>What people say beside their poses.</summary>
internal sealed partial class SpaceHall
{
    /// <summary>Takes a message of a connection.</summary>
    /// <exception cref="SpaceWireException">It breaks the specification: the connection is closed with 4400.</exception>
    public void Hear(HallSession from, ReadOnlySpan<byte> message)
    {
        if (!from.MaySend(Stage.Tick, TickHz))
        {
            _metrics.Flooded();
            Drop(from, 4029, "more than 120 messages a second");
            return;
        }

        if (InputEnvelope.TryRead(message, out var input)) Move(from, input);
        else HallMessages.Dispatch(this, from, message);
    }

    /// <summary>Where someone says it is.</summary>
    public void Move(HallSession from, in AvatarInput input)
    {
        var outcome = Stage.Input(from.Stage, input);
        if (outcome == InputOutcome.Unknown) PassOn(from, input);
        if (outcome != InputOutcome.Refused) return;
        from.Refused++;
        _metrics.Refused(Stage.CauseOf(from.Stage).ToString());
    }

    /// <summary>Chat: to all, to those near, or to one.</summary>
    public void Chat(HallSession from, ClientChatMessage chat)
    {
        if (from.MutedUntil > Stage.Tick) Refuse(from, SpaceMessageType.ClientChat, "Muted", "You are muted here.");
        else if (Rules.SlowChatSeconds > 0 && from.NextChat > Stage.Tick && !from.Who.IsModerator) Refuse(from, SpaceMessageType.ClientChat, "SlowChat", $"One message each {Rules.SlowChatSeconds} s here.");
        else if (Rules.HasSpeakersOnly && chat.Scope == ChatScope.Space && from.Who.Roles == 0) Refuse(from, SpaceMessageType.ClientChat, "SpeakersOnly", "Only hosts, moderators and speakers talk to all here; talk to those near you, or whisper.");
        else if (!from.MayChat(Stage.Tick, TickHz)) Refuse(from, SpaceMessageType.ClientChat, "TooMany", "At most two messages a second.");
        else
        {
            from.NextChat = Stage.Tick + (Rules.SlowChatSeconds * TickHz);
            var message = new ChatMessage(from.Who.Avatar, chat.Scope, chat.Text, Stage.Tick, chat.To).ToBytes();
            foreach (var session in _byStage.Values) if (session == from || (Reaches(from.Who.Avatar, session, chat.Scope, chat.To) && !AreApart(from.Who.User, session.Who.User))) Send(session.Socket, message);
            RecordTalk(from.Who.Avatar, chat.Scope, message);
            Relay(new SpaceTalk(from.Who.Avatar, -1, (int)chat.Scope, chat.To, message));
        }
    }

    /// <summary>A state channel's new value, to those who know its owner's name.</summary>
    public void SetState(HallSession from, ClientStateMessage state)
    {
        if (!from.Channels.ContainsKey(state.Channel) && from.Channels.Count >= MostChannels)
        {
            Refuse(from, SpaceMessageType.ClientState, "TooManyChannels", $"At most {MostChannels} channels.");
            return;
        }

        from.Channels[state.Channel] = state.Payload;
        var message = new StateMessage(from.Who.Avatar, state.Channel, state.Payload).ToBytes();
        foreach (var session in _byStage.Values) if (session.Told.Contains(from.Who.Avatar) && !AreApart(from.Who.User, session.Who.User)) Send(session.Socket, message);
        RecordState(from.Who.Avatar, message);
        Relay(new SpaceTalk(from.Who.Avatar, state.Channel, 0, 0, state.Payload.ToArray()));
    }

    /// <summary>The time, for those who set their clocks by it.</summary>
    public void TellTime(HallSession to, long clientMicroseconds) =>
        Send(to.Socket, new TimeMessage(clientMicroseconds, (long)(_clock.GetTimestamp() * (1_000_000.0 / _clock.TimestampFrequency)), Stage.Tick).ToBytes());

    /// <summary>How many bytes a second it may be sent.</summary>
    public void SetBudget(HallSession from, int bytesPerSecond) => Stage.SetBudget(from.Stage, Math.Clamp(bytesPerSecond / TickHz, 32, 8 * 1024));

    /// <summary>It leaves of its own will: at once, without grace.</summary>
    public void Goodbye(HallSession from)
    {
        var socket = from.Socket;
        Leave(from);
        _loop.Close(socket, 4000, "left");
        Departed?.Invoke(from);
    }

    /// <summary>Tells one that something was refused.</summary>
    public void Refuse(HallSession to, SpaceMessageType of, string code, string words) => Send(to.Socket, new RefusedMessage(of, code, words).ToBytes());

    private bool Reaches(int from, HallSession to, ChatScope scope, int avatar) => scope switch
    {
        ChatScope.Space => true,
        ChatScope.Whisper => to.Who.Avatar == avatar,
        _ => IsNear(from, to.Who.Avatar),
    };

    private bool IsNear(int a, int b)
    {
        var (i, j) = (Stage.Mirror.IndexOf(a), Stage.Mirror.IndexOf(b));
        if (i < 0 || j < 0) return false;
        var (p, q) = (Stage.Mirror.StateAt(i).Pose, Stage.Mirror.StateAt(j).Pose);
        var reach = Math.Max(Stage.Rules.Interest.NearRadiusMetres, Stage.Rules.Interest.MiddleRadiusMetres) * AvatarPose.StepsPerMetre;
        double dx = p.X - q.X, dz = p.Z - q.Z;
        return (dx * dx) + (dz * dz) <= reach * reach;
    }

    /// <summary>Names of those who entered views in this tick.</summary>
    private void TellNames()
    {
        foreach (var session in _curious)
        {
            if (!session.IsConnected) session.ToTell.Clear();
            if (session.ToTell.Count == 0) continue;
            Send(session.Socket, HallMessages.People(this, session, session.ToTell).ToBytes());
            foreach (var number in session.ToTell)
            {
                if ((_people.GetValueOrDefault(number)?.Channels ?? _guests.GetValueOrDefault(number)?.Channels) is not { Count: > 0 } channels || (WhoIs(number) is { } who && AreApart(session.Who.User, who.User))) continue;
                foreach (var (channel, value) in channels) Send(session.Socket, new StateMessage(number, channel, value).ToBytes());
            }

            session.ToTell.Clear();
        }

        _curious.Clear();
    }

    /// <summary>A name is to be told to someone after this tick's frame.</summary>
    private void Ask(HallSession session, int number)
    {
        if (session.ToTell.Count == 0) _curious.Add(session);
        _named.Add(number);
        session.ToTell.Add(number);
    }

    /// <summary>Someone has come back under another name: those who knew it are told again when they next see it.</summary>
    private void TellOf(HallSession newcomer)
    {
        if (!_named.Remove(newcomer.Who.Avatar)) return;
        foreach (var session in _byStage.Values) if (session != newcomer) session.Told.Remove(newcomer.Who.Avatar);
    }

    private void TellQuality()
    {
        var message = HallMessages.Quality(Pressure.Level).ToBytes();
        RecordNotice(message);
        foreach (var session in _byStage.Values) Send(session.Socket, message);
    }
}
