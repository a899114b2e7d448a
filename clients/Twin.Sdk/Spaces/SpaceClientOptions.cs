using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <summary>How a <see cref="SpaceClient"/> behaves. Checked when one joins.</summary>
public sealed record SpaceClientOptions
{
    /// <summary>Key or token, clock and handler of the requests; the socket has a token of its own.</summary>
    public TwinClientOptions Http { get; init; } = new();

    /// <summary>For the server's statistics, at most 64 characters.</summary>
    public string ClientName { get; init; } = "twin-sdk-net";

    /// <summary>The server may leave out frames without news and lower the near ring's rate to keep the budget.</summary>
    public bool IsAdaptive { get; init; } = true;

    /// <summary>Bytes a second that the server may send, 500 to 1,000,000; 0 leaves it to the server. Halved after each time that this side was too slow to read.</summary>
    public int ByteBudgetPerSecond { get; init; }

    /// <summary>Tells the server that the caller gives velocities and moves only when the server's extrapolation would err.</summary>
    public bool IsDeadReckoned { get; init; }

    /// <summary>Wait before the first attempt to come back; doubles. A random half of each wait is left out, so that those who lost the same server do not come back at once.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest wait between two attempts.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A connection silent for longer is taken for lost, 1 s to 5 min. The server speaks at least each second.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>How long one attempt may take until the welcome, above 0, at most 5 min.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Events that wait to be read, 1 to 1,000,000; the oldest is dropped for one more (<see cref="SpaceClient.EventsDropped"/>).</summary>
    public int MostEvents { get; init; } = 1_024;

    /// <summary>Chats, states and reports that wait to be sent, 1 to 10,000; one more is refused (<see cref="SpaceClient.MessagesRefused"/>).</summary>
    public int MostWaiting { get; init; } = 64;

    /// <summary>Draws the waits; null takes the shared one. Used by one thread at a time.</summary>
    public Random? Jitter { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">Names the setting, its value and range.</exception>
    internal SpaceClientOptions Checked()
    {
        if (ClientName.Length > SpaceLimits.NameCharacters) throw new ArgumentOutOfRangeException(nameof(ClientName), ClientName, $"Allowed: at most {SpaceLimits.NameCharacters} characters.");
        if (ByteBudgetPerSecond is not (0 or (>= SpaceLimits.LeastByteBudget and <= SpaceLimits.MostByteBudget))) throw new ArgumentOutOfRangeException(nameof(ByteBudgetPerSecond), ByteBudgetPerSecond, $"Allowed: 0, or {SpaceLimits.LeastByteBudget} to {SpaceLimits.MostByteBudget} bytes a second.");
        if (FirstWait <= TimeSpan.Zero || FirstWait > LongestWait) throw new ArgumentOutOfRangeException(nameof(FirstWait), FirstWait, "Allowed: above 0, at most LongestWait.");
        if (LongestWait > TimeSpan.FromMinutes(1)) throw new ArgumentOutOfRangeException(nameof(LongestWait), LongestWait, "Allowed: at most a minute.");
        if (Silence < TimeSpan.FromSeconds(1) || Silence > TimeSpan.FromMinutes(5)) throw new ArgumentOutOfRangeException(nameof(Silence), Silence, "Allowed: 1 s to 5 min.");
        if (OpenTimeout <= TimeSpan.Zero || OpenTimeout > TimeSpan.FromMinutes(5)) throw new ArgumentOutOfRangeException(nameof(OpenTimeout), OpenTimeout, "Allowed: above 0, at most 5 min.");
        if (MostEvents is < 1 or > 1_000_000) throw new ArgumentOutOfRangeException(nameof(MostEvents), MostEvents, "Allowed: 1 to 1,000,000.");
        if (MostWaiting is < 1 or > 10_000) throw new ArgumentOutOfRangeException(nameof(MostWaiting), MostWaiting, "Allowed: 1 to 10,000.");
        return this;
    }
}
