using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Twin.Model.Ledger;

/// <summary>
/// The client's name for one attempt, with the time it was made: the same key with the same body is done once, whenever it comes. A book
/// remembers keys for a bounded while; what is older than its memory is known by the time and refused, so nothing is ever done twice.
/// </summary>
public readonly record struct LedgerKey
{
    /// <summary>Most characters.</summary>
    public const int Length = 64;

    private LedgerKey(string text, WallTime at, UInt128 identity) => (Text, At, Identity) = (text, at, identity);

    /// <summary>As the client wrote it.</summary>
    public string Text { get; }

    /// <summary>When the client made it.</summary>
    public WallTime At { get; }

    /// <summary>The UUID's own bits, else the first 128 of the text's SHA-256.</summary>
    public UInt128 Identity { get; }

    /// <summary>A new one: a UUID of version 7, whose first 48 bits are the time.</summary>
    public static LedgerKey New(TimeProvider clock)
    {
        var made = TryMake(Guid.CreateVersion7(clock.GetUtcNow()).ToString("D"), null, out var key, out var problem);
        return made ? key : throw new InvalidOperationException(problem!.Detail);
    }

    /// <summary>Checks a key; <paramref name="at"/> may be left out when the text is a UUID of version 7, and must be its time when it is given beside one.</summary>
    public static bool TryMake(string? text, WallTime? at, out LedgerKey key, [NotNullWhen(false)] out Problem? problem)
    {
        key = default;
        problem = null;
        if (text is not { Length: > 0 and <= Length } || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
            problem = new Problem("KeyInvalid", $"A key is 1 to {Length} visible ASCII characters.", "key");
        else if (text.Length == 36 && Guid.TryParseExact(text, "D", out var uuid))
        {
            Span<byte> bytes = stackalloc byte[16];
            uuid.TryWriteBytes(bytes, bigEndian: true, out _);
            var identity = BinaryPrimitives.ReadUInt128BigEndian(bytes);
            var own = uuid.Version == 7 ? WallTime.FromUnixMilliseconds((long)(ulong)(identity >> 80)) : WallTime.None;
            if (own.IsKnown && own.UtcTicks > DateTime.MaxValue.Ticks) problem = new Problem("KeyInvalid", "The key's time lies outside the calendar.", "key");
            else if (own.IsKnown && at is { } given && given != own) problem = new Problem("KeyInvalid", $"The key's own time is {own}; 'at' says {given}. Leave 'at' out.", "at");
            else if (!own.IsKnown && at is null) problem = NoTime();
            else key = new LedgerKey(text, own.IsKnown ? own : at!.Value, identity);
        }
        else if (at is null) problem = NoTime();
        else key = new LedgerKey(text, at.Value, Hash(text));
        return problem is null;
    }

    private static Problem NoTime() => new("KeyWithoutTime", "The key tells no time. Take a UUID of version 7, or give 'at', the RFC 3339 time of the first attempt: it tells a late repeat from a new transfer.", "at");

    private static UInt128 Hash(string text)
    {
        Span<byte> utf8 = stackalloc byte[Length];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(utf8[..Encoding.ASCII.GetBytes(text, utf8)], hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
