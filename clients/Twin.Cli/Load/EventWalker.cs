using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Cli.Load;

/// <summary>One client of an event's load: where it truly is, what it has said, and what it is told of others. Of the load's thread.</summary>
internal sealed class EventWalker
{
    /// <summary>How many sayings are kept: three seconds at 20 a second.</summary>
    public const int Kept = 64;

    /// <summary>Slots of a view.</summary>
    public const int Slots = 256;

    public readonly ClientView View = new();
    public readonly (AvatarPose Pose, long At)[] Said = new (AvatarPose, long)[Kept];
    public readonly (float X, float Z)[] Trail = new (float, float)[Kept];

    /// <summary>By slot: whom it holds, and up to which saying it was recognised.</summary>
    public readonly (int Number, int UpTo)[] Seen = new (int, int)[Slots];

    public Vector2 Place;
    public Vector2 Way;
    public AvatarPose Held; // where the server has put it: what others see until it says something that is taken
    public AvatarInput Sent;
    public long SentAt;
    public long LastAt;
    public int Number = -1;
    public int SaidCount;
    public int TrailCount;
    public ushort Sequence;
    public bool HasSaidHello;
    public bool IsWelcome;
    public bool IsLost;
    public int QualityLevel;
    public int Frames;

    public void Say(in AvatarPose pose, long at) => Said[SaidCount++ % Kept] = (pose, at);
}
