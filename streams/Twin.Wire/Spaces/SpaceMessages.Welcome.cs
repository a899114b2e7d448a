using MessagePack;

namespace Twin.Wire.Spaces;

/// <summary>What holds in a space.</summary>
/// <param name="ExtentXMetres">Along X, up to 16,384 m.</param>
/// <param name="ExtentZMetres">Along Z.</param>
/// <param name="NearRadiusMetres">The near ring's.</param>
/// <param name="NearLimit">Most avatars in it.</param>
/// <param name="MiddleRadiusMetres">The middle ring's.</param>
/// <param name="MiddleLimit">Most avatars in it.</param>
/// <param name="MiddlePeriodTicks">Ticks between two records of one avatar in the middle ring.</param>
/// <param name="MaxSpeedMetresPerSecond">0: no bound.</param>
/// <param name="IsFrozen">Nobody moves.</param>
/// <param name="SlowChatSeconds">Between two chat texts of one user; 0: no bound.</param>
public sealed record SpaceRules(
    double ExtentXMetres, double ExtentZMetres, double NearRadiusMetres = 16, int NearLimit = 128, double MiddleRadiusMetres = 48, int MiddleLimit = 128,
    int MiddlePeriodTicks = 4, double MaxSpeedMetresPerSecond = 0, bool IsFrozen = false, int SlowChatSeconds = 0)
{
    internal void Write(ref MessagePackWriter writer)
    {
        writer.WriteMapHeader(9);
        writer.Write("extent");
        writer.WriteArrayHeader(2);
        writer.Write(ExtentXMetres);
        writer.Write(ExtentZMetres);
        writer.Write("nearRadius");
        writer.Write(NearRadiusMetres);
        writer.Write("nearLimit");
        writer.Write(NearLimit);
        writer.Write("middleRadius");
        writer.Write(MiddleRadiusMetres);
        writer.Write("middleLimit");
        writer.Write(MiddleLimit);
        writer.Write("middlePeriod");
        writer.Write(MiddlePeriodTicks);
        writer.Write("maxSpeed");
        writer.Write(MaxSpeedMetresPerSecond);
        writer.Write("frozen");
        writer.Write(IsFrozen);
        writer.Write("slowChat");
        writer.Write(SlowChatSeconds);
    }

    internal static SpaceRules Read(ref SpaceFields fields)
    {
        var rules = new SpaceRules(0, 0);
        var entries = fields.EnterMap("rules", out var outer);
        for (; entries > 0; entries--)
        {
            switch (fields.Text("a rule's name", SpaceLimits.NameCharacters))
            {
                case "extent":
                    fields.Enter("extent", 16, out var map);
                    rules = rules with { ExtentXMetres = fields.Real("extent x", 0, 16384), ExtentZMetres = fields.Real("extent z", 0, 16384) };
                    fields.Leave(map);
                    break;
                case "nearRadius": rules = rules with { NearRadiusMetres = fields.Real("nearRadius", 0, 16384) }; break;
                case "nearLimit": rules = rules with { NearLimit = (int)fields.Whole("nearLimit", 0, FrameSchedule.MostSlots) }; break;
                case "middleRadius": rules = rules with { MiddleRadiusMetres = fields.Real("middleRadius", 0, 16384) }; break;
                case "middleLimit": rules = rules with { MiddleLimit = (int)fields.Whole("middleLimit", 0, FrameSchedule.MostSlots) }; break;
                case "middlePeriod": rules = rules with { MiddlePeriodTicks = (int)fields.Whole("middlePeriod", 1, 255) }; break;
                case "maxSpeed": rules = rules with { MaxSpeedMetresPerSecond = fields.Real("maxSpeed", 0, 1e6) }; break;
                case "frozen": rules = rules with { IsFrozen = fields.Truth("frozen") }; break;
                case "slowChat": rules = rules with { SlowChatSeconds = (int)fields.Whole("slowChat", 0, 86400) }; break;
                default: fields.Skip(); break;
            }
        }

        fields.Leave(outer);
        return rules;
    }
}

/// <summary>The server's first message.</summary>
/// <param name="Version">What both speak from now on.</param>
/// <param name="Space">Its name.</param>
/// <param name="OwnAvatar">The client's own avatar; frames never speak of it except to correct it.</param>
/// <param name="Tick">The server's tick, whole; frames carry its low 16 bits.</param>
/// <param name="TickHz">10 to 30.</param>
/// <param name="Epoch">Rises with each claim of the session.</param>
/// <param name="IsResumed">Whether the avatar stood here already.</param>
/// <param name="Place">Where it stands.</param>
/// <param name="Rules">What holds here.</param>
/// <param name="ResumeGraceMilliseconds">How long the session waits for its client after a loss.</param>
public sealed record WelcomeMessage(
    int Version, string Space, int OwnAvatar, long Tick, int TickHz, long Epoch, bool IsResumed, AvatarPose Place, SpaceRules Rules, int ResumeGraceMilliseconds = 30_000) : SpaceMessage
{
    /// <inheritdoc/>
    public override SpaceMessageType Type => SpaceMessageType.Welcome;

    private protected override void Write(ref MessagePackWriter writer)
    {
        Begin(ref writer, 10);
        writer.Write(Version);
        writer.Write(Space);
        writer.Write(OwnAvatar);
        writer.Write(Tick);
        writer.Write(TickHz);
        writer.Write(Epoch);
        writer.Write(IsResumed);
        var pose = new byte[AvatarPose.WireBytes + 8];
        var bits = new BitWriter(pose);
        Place.Write(ref bits);
        writer.Write(pose.AsSpan(0, bits.Finish()));
        Rules.Write(ref writer);
        writer.Write(ResumeGraceMilliseconds);
    }

    internal static WelcomeMessage Read(ref SpaceFields fields) => new(
        (int)fields.Whole("version", 0, 65535), fields.Text("space", SpaceLimits.NameCharacters), (int)fields.Whole("ownAvatar", 0, SpaceLimits.Avatar), fields.Whole("tick", 0, SpaceLimits.Number),
        (int)fields.Whole("tickHz", 1, 255), fields.Whole("epoch", 0, SpaceLimits.Number), fields.Truth("isResumed"), Pose(fields.Bytes("place", 64)), SpaceRules.Read(ref fields),
        (int)fields.Whole("resumeGraceMs", 0, int.MaxValue, 30_000));

    private static AvatarPose Pose(byte[] bytes)
    {
        var bits = new BitReader(bytes);
        return AvatarPose.Read(ref bits);
    }
}
