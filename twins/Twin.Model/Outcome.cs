namespace Twin.Model;

/// <summary>How a command or read ended.</summary>
public enum TwinStatus : byte
{
    /// <summary>Done; the journal has it.</summary>
    Ok = 0,
    /// <summary>Done, and something new exists.</summary>
    Created = 1,
    /// <summary>The twin, relationship, component or property does not exist (HTTP 404).</summary>
    NotFound = 2,
    /// <summary>The command is wrong: type, path, model (HTTP 400).</summary>
    Invalid = 3,
    /// <summary>If-Match or If-None-Match did not hold (HTTP 412).</summary>
    PreconditionFailed = 4,
    /// <summary>It exists and the command may not replace it, or it is still referred to (HTTP 409).</summary>
    Conflict = 5,
    /// <summary>A bound was reached: size, count, queue (HTTP 429 or 413).</summary>
    TooMuch = 6,
    /// <summary>The owner cannot keep it now: disk full, store gone, moving (HTTP 503). Nothing was changed.</summary>
    Unavailable = 7,
    /// <summary>The caller may not (HTTP 403).</summary>
    Forbidden = 8,
    /// <summary>Another member of an all-or-nothing batch failed, so this one was not done (HTTP 424).</summary>
    NotDone = 9,
}

/// <summary>A caller's mistake or an expected refusal, told so that the caller can mend it.</summary>
/// <param name="Code">Stable identifier, e.g. <c>DigitalTwinNotFound</c>, <c>JsonPatchInvalid</c>.</param>
/// <param name="Detail">What was wrong, with the value and what is allowed.</param>
/// <param name="Where">The place: a path, a parameter, a position. May be null.</param>
public sealed record Problem(string Code, string Detail, string? Where = null);

/// <summary>The owner's answer to a command.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Version">The twin's or relationship's version now (its ETag), 0 when it has none.</param>
/// <param name="Problem">Why not; null when done.</param>
public readonly record struct CommandResult(TwinStatus Status, long Version, Problem? Problem = null)
{
    /// <summary>True when the command was done.</summary>
    public bool IsDone => Status <= TwinStatus.Created;
}

/// <summary>A document read from its owner.</summary>
/// <param name="Status">Ok or NotFound.</param>
/// <param name="Version">Its version (ETag).</param>
/// <param name="Json">UTF-8 JSON in the Azure Digital Twins shape; empty when not found.</param>
/// <param name="Problem">Why not; null when found.</param>
public readonly record struct Document(TwinStatus Status, long Version, ReadOnlyMemory<byte> Json, Problem? Problem = null);
