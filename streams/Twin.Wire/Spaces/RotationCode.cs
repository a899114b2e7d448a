using System.Numerics;

namespace Twin.Wire.Spaces;

/// <summary>
/// A rotation in 32 bits: which of the four parts of the unit quaternion is the largest (2 bits), then the three others in 10 bits each.
/// The largest is at least 1/2, so the others lie within ±1/√2 and the largest follows from them; the quaternion's sign is chosen so that it is positive.
/// Error: below 0.25 degrees. Source: G. Fiedler, "Snapshot Compression" (gafferongames.com, 2015), after C. Bloom's smallest three.
/// </summary>
public static class RotationCode
{
    private const double Reach = 0.70710678;
    private const int Most = 1023;

    /// <summary>The code of no rotation.</summary>
    public static readonly uint Identity = From(Quaternion.Identity);

    /// <summary>The nearest code.</summary>
    /// <param name="rotation">Need not be of unit length; a zero or non-finite one counts as no rotation.</param>
    public static uint From(Quaternion rotation)
    {
        var length = rotation.Length();
        if (!float.IsFinite(length) || length < 1e-6f) return Identity;
        Span<double> parts = [rotation.X, rotation.Y, rotation.Z, rotation.W];
        var largest = 0;
        for (var i = 1; i < 4; i++) if (Math.Abs(parts[i]) > Math.Abs(parts[largest])) largest = i;
        return Best(parts, largest);
    }

    /// <summary>
    /// Of the eight codes around the exact place, the one that turns least away from it. Rounding each part by itself is not enough: where the four parts
    /// are nearly equal, three errors of one sign add up in the largest part, to 0.27 degrees.
    /// </summary>
    private static uint Best(ReadOnlySpan<double> parts, int largest)
    {
        Span<double> others = stackalloc double[3];
        Span<int> floors = stackalloc int[3];
        var length = Math.Sqrt((parts[0] * parts[0]) + (parts[1] * parts[1]) + (parts[2] * parts[2]) + (parts[3] * parts[3])) * (parts[largest] < 0 ? -1 : 1);
        for (int i = 0, at = 0; i < 4; i++)
        {
            if (i == largest) continue;
            others[at] = parts[i] / length;
            floors[at] = (int)Math.Clamp(Math.Floor(((others[at] / Reach) + 1) / 2 * (Most - 1)), 0, Most - 2); // 0..1022: the middle, 511, is exactly zero
            at++;
        }

        var (code, most) = (0u, double.NegativeInfinity);
        for (var corner = 0; corner < 8; corner++)
        {
            var (candidate, squares, dot) = ((uint)largest, 0d, 0d);
            for (var at = 0; at < 3; at++)
            {
                var step = floors[at] + ((corner >> at) & 1);
                var part = ((step * 2d / (Most - 1)) - 1) * Reach;
                candidate |= (uint)step << (2 + (10 * at));
                squares += part * part;
                dot += part * others[at];
            }

            dot += Math.Sqrt(Math.Max(0, 1 - squares)) * (parts[largest] / length);
            if (squares > 1) dot /= Math.Sqrt(squares);
            if (dot <= most) continue;
            (code, most) = (candidate, dot);
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
            var part = (float)((((int)((code >> shift) & Most) * 2d / (Most - 1)) - 1) * Reach);
            parts[i] = part;
            squares += part * part;
            shift += 10;
        }

        parts[largest] = MathF.Sqrt(MathF.Max(0, 1 - squares));
        return Quaternion.Normalize(new Quaternion(parts[0], parts[1], parts[2], parts[3]));
    }
}
