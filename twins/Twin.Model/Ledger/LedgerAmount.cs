using System.Globalization;
using System.Text;

namespace Twin.Model.Ledger;

/// <summary>An exact decimal amount of an asset: <see cref="Units"/> / 10^<see cref="Scale"/>. Never a binary fraction. Two amounts are equal when units and scale are.</summary>
/// <param name="Units">Whole number of the smallest parts meant here.</param>
/// <param name="Scale">Decimals, 0 to <see cref="MostScale"/>.</param>
public readonly record struct LedgerAmount(Int128 Units, byte Scale)
{
    /// <summary>Most decimals: those of ether.</summary>
    public const int MostScale = 18;

    private const int MostCharacters = 64;

    /// <summary>Largest number of units of one account and of one asset in all, 10^36: sums of them stay far below 128 bits.</summary>
    public static Int128 MostUnits { get; } = Power(36);

    /// <summary>One, for a unique item.</summary>
    public static LedgerAmount One { get; } = new(1, 0);

    /// <summary>Reads <c>12</c>, <c>12.50</c> or <c>-0.1</c>: no exponent, no sign but a leading minus, at most 18 decimals and 10^36 units.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, out LedgerAmount amount)
    {
        amount = default;
        var isNegative = utf8.Length > 0 && utf8[0] == (byte)'-';
        var digits = isNegative ? utf8[1..] : utf8;
        if (digits.Length is 0 or > MostCharacters || digits[0] == (byte)'.' || digits[^1] == (byte)'.') return false;
        var units = Int128.Zero;
        var decimals = -1;
        foreach (var digit in digits)
        {
            if (digit == (byte)'.' && decimals < 0)
            {
                decimals = 0;
                continue;
            }

            if (digit is < (byte)'0' or > (byte)'9' || decimals == MostScale) return false;
            units = (units * 10) + (digit - '0');
            if (units > MostUnits) return false;
            if (decimals >= 0) decimals++;
        }

        amount = new LedgerAmount(isNegative ? -units : units, (byte)Math.Max(decimals, 0));
        return true;
    }

    /// <summary>As the other, of a text.</summary>
    public static bool TryParse(string text, out LedgerAmount amount)
    {
        amount = default;
        if (text.Length > MostCharacters + 1) return false;
        Span<byte> utf8 = stackalloc byte[(MostCharacters + 1) * 3];
        return TryParse(utf8[..Encoding.UTF8.GetBytes(text, utf8)], out amount);
    }

    /// <summary>The amount in units of an asset with that scale; false when it has more decimals than the asset, or too many units.</summary>
    public bool TryUnits(int scale, out Int128 units)
    {
        units = Units;
        if (Scale == scale) return true;
        if (Scale > scale)
        {
            var part = Power(Scale - scale);
            (units, var rest) = (Units / part, Units % part);
            return rest == 0;
        }

        var factor = Power(scale - Scale);
        if (Int128.Abs(Units) > MostUnits / factor) return false;
        units = Units * factor;
        return true;
    }

    /// <summary>As <see cref="TryParse(string, out LedgerAmount)"/> reads it, with all decimals of its scale.</summary>
    public override string ToString()
    {
        var digits = Int128.Abs(Units).ToString(CultureInfo.InvariantCulture);
        if (Scale > 0)
        {
            digits = digits.PadLeft(Scale + 1, '0');
            digits = $"{digits[..^Scale]}.{digits[^Scale..]}";
        }

        return Units < 0 ? "-" + digits : digits;
    }

    private static Int128 Power(int exponent)
    {
        var power = Int128.One;
        for (; exponent > 0; exponent--) power *= 10;
        return power;
    }
}
