namespace Twin.Gateway.Spaces.Sockets;

/// <summary>Bounds of the socket loop.</summary>
internal sealed record SocketLoopOptions
{
    /// <summary>Connections at once, handshakes included, 1 to 1,000,000.</summary>
    public int MostConnections { get; init; } = 10_000;

    /// <summary>A message's bytes, all fragments together, 125 to 16 MiB.</summary>
    public int MostMessageBytes { get; init; } = 64 * 1024;

    /// <summary>Bytes kept for a client that does not read, beyond what the system keeps.</summary>
    public int MostQueuedBytes { get; init; } = 64 * 1024;

    /// <summary>The handshake's bytes.</summary>
    public int HandshakeBytes { get; init; } = 8 * 1024;

    /// <summary>How long the handshake may take.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Handshakes of one address in a second.</summary>
    public int HandshakesPerSecond { get; init; } = 2_000;

    /// <summary>After this long without a byte the client is pinged.</summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>After this long without a byte the connection ends.</summary>
    public TimeSpan SilentAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the client's part of a close is waited for.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Sockets are looked at no more often than this (and before each turn), so that many messages are taken in one waking.</summary>
    public TimeSpan Gather { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Commands of other threads that wait.</summary>
    public int MostCommands { get; init; } = 4_096;

    /// <summary>What the system may keep unsent for one client, in bytes.</summary>
    public int SendBufferBytes { get; init; } = 64 * 1024;

    /// <summary>What the system may keep unread of one client, in bytes.</summary>
    public int ReceiveBufferBytes { get; init; } = 16 * 1024;

    /// <summary>Checks the bounds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the setting, its value and the range.</exception>
    public SocketLoopOptions Checked()
    {
        Within(MostConnections, 1, 1_000_000, nameof(MostConnections));
        Within(MostMessageBytes, 125, 16 * 1024 * 1024, nameof(MostMessageBytes));
        Within(MostQueuedBytes, 1_024, 16 * 1024 * 1024, nameof(MostQueuedBytes));
        Within(HandshakeBytes, 512, 64 * 1024, nameof(HandshakeBytes));
        Within(HandshakesPerSecond, 1, 1_000_000, nameof(HandshakesPerSecond));
        Within(MostCommands, 16, 1 << 20, nameof(MostCommands));
        Within(SendBufferBytes, 4_096, 16 * 1024 * 1024, nameof(SendBufferBytes));
        Within(ReceiveBufferBytes, 4_096, 16 * 1024 * 1024, nameof(ReceiveBufferBytes));
        Within((long)Gather.TotalMicroseconds, 0, 50_000, nameof(Gather) + " in microseconds");
        if (PingAfter >= SilentAfter) throw new ArgumentOutOfRangeException(nameof(PingAfter), PingAfter, $"It must be below {nameof(SilentAfter)}, which is {SilentAfter}.");
        return this;
    }

    private static void Within(long value, long least, long most, string name)
    {
        if (value < least || value > most) throw new ArgumentOutOfRangeException(name, value, $"It must be between {least} and {most}.");
    }
}
