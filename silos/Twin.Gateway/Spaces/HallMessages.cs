using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>What a hall tells its people, and what becomes of what they say.</summary>
internal static class HallMessages
{
    /// <summary>Reads the first message of a connection.</summary>
    /// <exception cref="SpaceWireException">It is another, or speaks no version of ours.</exception>
    public static HelloMessage ReadHello(ReadOnlySpan<byte> message)
    {
        var hello = SpaceMessage.ReadFromClient(message) as HelloMessage ?? throw new SpaceWireException("the first message must be hello: [16, versionMin, versionMax, name, options]");
        return hello.Agreed is null ? throw new SpaceWireException($"the client speaks versions {hello.VersionMin} to {hello.VersionMax}; this silo speaks {SpaceLimits.Version}") : hello;
    }

    /// <summary>Does what a message other than an input asks. Types not known are passed over.</summary>
    public static void Dispatch(SpaceHall hall, HallSession from, ReadOnlySpan<byte> message)
    {
        switch (SpaceMessage.ReadFromClient(message))
        {
            case InputMessage said:
                hall.Move(from, said.Input);
                break;
            case ClientChatMessage { Text.Length: > 0 } chat:
                hall.Chat(from, chat);
                break;
            case ClientStateMessage state:
                hall.SetState(from, state);
                break;
            case TimeSyncMessage time:
                hall.TellTime(from, time.ClientMicroseconds);
                break;
            case LeaveMessage:
                hall.Goodbye(from);
                break;
            case ClientQualityMessage quality:
                hall.SetBudget(from, quality.ByteBudget);
                break;
            case ReportMessage report:
                hall.Report(from, report);
                break;
            case HelloMessage:
                throw new SpaceWireException("hello is said once");
        }
    }

    public static WelcomeMessage Welcome(SpaceHall hall, HallSession session, bool isResumed, in AvatarPose place)
    {
        var (movement, interest) = (hall.Stage.Rules.Movement, hall.Stage.Rules.Interest);
        var rules = new SpaceRules(
            (double)movement.WidthSteps / AvatarPose.StepsPerMetre, (double)movement.DepthSteps / AvatarPose.StepsPerMetre, interest.NearRadiusMetres, interest.NearLimit, interest.MiddleRadiusMetres, interest.MiddleLimit,
            MaxSpeedMetresPerSecond: movement.MaxSpeed, IsFrozen: hall.Stage.Cells.All(c => c.IsFrozen), SlowChatSeconds: hall.Rules.SlowChatSeconds);
        return new WelcomeMessage(SpaceLimits.Version, hall.Id, session.Who.Avatar, hall.Stage.Tick, hall.TickHz, session.Epoch, isResumed, place, rules, (int)hall.Rules.Grace.TotalMilliseconds);
    }

    public static PeopleMessage People(SpaceHall hall, HallSession to, IReadOnlyList<int> numbers) => new([.. numbers.Take(SpaceLimits.People).Select(n => hall.WhoIs(n) is not { } who ? new SpacePerson(n, "", "", [])
        : hall.AreApart(to.Who.User, who.User) ? new SpacePerson(n, "", "", ["blocked"]) : Person(who))]);

    public static SpacePerson Person(Admitted who) => new(who.Avatar, who.Name, who.Appearance, RolesOf(who.Roles));

    public static QualityMessage Quality(int level) => new(level, level switch
    {
        0 => "everything at full rate",
        1 => "crowd and middle ring at half rate",
        2 => "near ones within 5 cm",
        3 => "half as many near",
        4 => "frames at half rate",
        _ => "joins wait",
    });

    private static string[] RolesOf(int roles) => [.. new[] { (1, "host"), (2, "moderator"), (4, "speaker") }.Where(r => (roles & r.Item1) != 0).Select(r => r.Item2)];
}
