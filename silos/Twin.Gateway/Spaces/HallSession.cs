using Twin.Gateway.Spaces.Sockets;
using Twin.Grains.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>What a token lets in.</summary>
/// <param name="Space">Which space.</param>
/// <param name="Avatar">The avatar's number in it.</param>
/// <param name="User">Whose.</param>
/// <param name="Name">Shown to others, at most 64 characters.</param>
/// <param name="Appearance">Which figure, at most 64 characters.</param>
/// <param name="Roles">Bits: 1 host, 2 moderator, 4 speaker.</param>
/// <param name="View">The view of a recording that it opens instead.</param>
internal sealed record Admitted(string Space, int Avatar, string User, string Name, string Appearance, int Roles, string? View = null)
{
    /// <summary>When the owner admitted it.</summary>
    public DateTimeOffset Issued { get; init; }

    /// <summary>May moderate.</summary>
    public bool IsModerator => (Roles & 3) != 0;
}

/// <summary>One person in a hall, connected or, within the grace, about to come back. Of the loop's thread.</summary>
internal sealed class HallSession(Admitted who)
{
    private float _messages;
    private float _chats;
    private long _tick;

    /// <summary>Who it is, by the newest token it has shown.</summary>
    public Admitted Who { get; set; } = who;

    /// <summary>Its connection; default when it is away.</summary>
    public SocketId Socket { get; set; }

    /// <summary>Whether it has a connection.</summary>
    public bool IsConnected { get; set; }

    /// <summary>Its number in the stage, or -1.</summary>
    public int Stage { get; set; } = -1;

    /// <summary>Rises with each connection that takes the avatar.</summary>
    public long Epoch { get; set; }

    /// <summary>When an avatar that is away leaves, in ticks.</summary>
    public long AwayUntil { get; set; }

    /// <summary>Since when nothing could be sent to it, in ticks; 0 when it reads.</summary>
    public long StuckSince { get; set; }

    /// <summary>Until when it may not speak, in ticks.</summary>
    public long MutedUntil { get; set; }

    /// <summary>When it may chat again where chat is slow, in ticks.</summary>
    public long NextChat { get; set; }

    /// <summary>Inputs refused since it came, for moderators.</summary>
    public int Refused { get; set; }

    /// <summary>Where its avatar was when it left.</summary>
    public AvatarPlace? LastPlace { get; set; }

    /// <summary>Avatars whose name this connection knows.</summary>
    public HashSet<int> Told { get; } = [];

    /// <summary>Avatars whose name is to be told after this tick's frame.</summary>
    public List<int> ToTell { get; } = [];

    /// <summary>Last value of each of its state channels; at most <see cref="SpaceHall.MostChannels"/>.</summary>
    public Dictionary<int, ReadOnlyMemory<byte>> Channels { get; } = [];

    /// <summary>Whether one more message is within 120 a second, 240 at once.</summary>
    public bool MaySend(long tick, int tickHz) => Take(ref _messages, tick, tickHz, 120, 240);

    /// <summary>Whether one more chat is within two a second, ten at once.</summary>
    public bool MayChat(long tick, int tickHz) => Take(ref _chats, tick, tickHz, 2, 10);

    private bool Take(ref float level, long tick, int tickHz, int perSecond, int atOnce)
    {
        if (tick != _tick)
        {
            var seconds = (tick - _tick) / (float)tickHz;
            _messages = Math.Max(0, _messages - (seconds * 120));
            _chats = Math.Max(0, _chats - (seconds * 2));
            _tick = tick;
        }

        if (level + 1 > atOnce) return false;
        level++;
        return perSecond > 0;
    }
}
