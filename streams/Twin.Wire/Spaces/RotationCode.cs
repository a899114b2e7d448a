using System.Numerics;

namespace Twin.Wire.Spaces;

/// <summary>
/// A rotation in 32 bits: which of the four parts of the unit quaternion is the largest (2 bits), then the three others in 10 bits each.
/// The largest is at least 1/2, so the others lie within ±1/√2 and the largest follows from them; the quaternion's sign is chosen so that it is positive.
/// Error: below 0.25 degrees. Source: G. Fiedler, "Snapshot Compression" (gafferongames.com, 2015), after C. Bloom's smallest three.
/// </summary>
public static class RotationCode
{
    private const float Reach = 0.70710678f;
    private const int Most = 1023;

    /// <summary>The code of no rotation.</summary>
    public static readonly uint Identity = From(Quaternion.Identity);

    /// <summary>The nearest code.</summary>
    /// <param name="rotation">Need not be of unit length; a zero or non-finite one counts as no rotation.</param>
    public static uint From(Quaternion rotation)
    {
        var length = rotation.Length();
        if (!float.IsFinite(length) || length < 1e-6f) return Identity;
        Span<float> parts = [rotation.X / length, rotation.Y / length, rotation.Z / length, rotation.W / length];
        var largest = 0;
        for (var i = 1; i < 4; i++) if (MathF.Abs(parts[i]) > MathF.Abs(parts[largest])) largest = i;
        var sign = parts[largest] < 0 ? -1f : 1f;
        var code = (uint)largest;
        for (int i = 0, shift = 2; i < 4; i++)
        {
            if (i == largest) continue;
            var part = Math.Clamp(((parts[i] * sign / Reach) + 1) / 2, 0f, 1f);
            code |= (uint)MathF.Round(part * (Most - 1)) << shift; // 0..1022: the middle, 511, is exactly zero
            shift += 10;
        }

        return code;
    }

    /// <summary>The unit quaternion of a code. Any 32 bits give one.</summary>
    public static Quaternion ToQuaternion(uint code)
    {
        Span<float> parts = stackalloc float[4];
        var largest = (int)(code & 3);
        var squares = 0f;
        for (int i = 0, shift = 2; i < 4; i++)
        {
            if (i == largest) continue;
            var part = (((int)((code >> shift) & Most) * 2f / (Most - 1)) - 1) * Reach;
            parts[i] = part;
            squares += part * part;
            shift += 10;
        }

        parts[largest] = MathF.Sqrt(MathF.Max(0, 1 - squares));
        return Quaternion.Normalize(new Quaternion(parts[0], parts[1], parts[2], parts[3]));
    }
}
