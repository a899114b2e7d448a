namespace Twin.Sdk;

/// <summary>How a <see cref="TwinClient"/> speaks to its server. Checked when the client is built.</summary>
public sealed record TwinClientOptions
{
    /// <summary>Sent as <c>X-Api-Key</c>; null sends none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Sent as <c>Authorization: Bearer</c>; null sends none.</summary>
    public string? Token { get; init; }

    /// <summary>Carries the requests and WebSocket handshakes; null makes one. The caller keeps ownership of a given one.</summary>
    public HttpMessageHandler? HttpMessageHandler { get; init; }

    /// <summary>Times waits between attempts and the silence of streams.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Most seconds one attempt may take; above 0, at most an hour. Import uploads are not bounded by it.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>Attempts after the first for calls that may be repeated, after 503 and 429 only; 0 to 20.</summary>
    public int Retries { get; init; } = 3;

    /// <summary>Wait before the first repetition when the server names none; doubles.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest wait. A server that asks for more gets no repetition: its refusal is thrown.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Attempts to reach a stream again without getting a message in between before its enumeration throws; 0 to 1,000,000.</summary>
    public int StreamReconnects { get; init; } = 100;

    /// <summary>A stream silent for longer is taken for dead and opened again. The server speaks at least every 15 s.</summary>
    public TimeSpan StreamSilence { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>Longest stream message, bytes, 1 KiB to 1 GiB.</summary>
    public int LongestMessage { get; init; } = 64 << 20;

    /// <exception cref="ArgumentOutOfRangeException">Names the setting, its value and range.</exception>
    internal TwinClientOptions Checked()
    {
        if (Timeout <= TimeSpan.Zero || Timeout > TimeSpan.FromHours(1)) throw new ArgumentOutOfRangeException(nameof(Timeout), Timeout, "Allowed: above 0, at most an hour.");
        if (Retries is < 0 or > 20) throw new ArgumentOutOfRangeException(nameof(Retries), Retries, "Allowed: 0 to 20.");
        if (FirstWait < TimeSpan.Zero || FirstWait > LongestWait) throw new ArgumentOutOfRangeException(nameof(FirstWait), FirstWait, "Allowed: 0 to LongestWait.");
        if (LongestWait > TimeSpan.FromHours(1)) throw new ArgumentOutOfRangeException(nameof(LongestWait), LongestWait, "Allowed: at most an hour.");
        if (StreamReconnects is < 0 or > 1_000_000) throw new ArgumentOutOfRangeException(nameof(StreamReconnects), StreamReconnects, "Allowed: 0 to 1,000,000.");
        if (StreamSilence <= TimeSpan.Zero || StreamSilence > TimeSpan.FromHours(1)) throw new ArgumentOutOfRangeException(nameof(StreamSilence), StreamSilence, "Allowed: above 0, at most an hour.");
        if (LongestMessage is < 1024 or > 1 << 30) throw new ArgumentOutOfRangeException(nameof(LongestMessage), LongestMessage, "Allowed: 1,024 to 1,073,741,824.");
        return this;
    }
}
