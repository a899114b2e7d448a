namespace Twin.Pipelines.Ingest;

/// <summary>A payload that cannot be read: what, and where in it. Becomes the message's fate Invalid; never leaves the room.</summary>
internal sealed class PayloadException(string message) : Exception(message)
{
    /// <summary>Throws, naming the byte; <paramref name="offset"/> is 0-based, the text counts from 1.</summary>
    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    public static void Throw(string what, long offset) => throw new PayloadException($"{what} (at byte {offset + 1}).");
}
