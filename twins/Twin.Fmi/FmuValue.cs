using System.Globalization;

namespace Twin.Fmi;

/// <summary>What a step led to.</summary>
/// <param name="IsDiscarded">The model could not make it; nothing is valid beyond <paramref name="LastTime"/>.</param>
/// <param name="LastTime">How far it came, seconds.</param>
/// <param name="WantsEnd">The model asks to end the simulation.</param>
public readonly record struct FmuStep(bool IsDiscarded, double LastTime, bool WantsEnd);

/// <summary>A value of a variable: a floating number, a whole number (UInt64 by its bits; truths as 0 and 1), or a text.</summary>
/// <param name="Number">When the type is Float64 or Float32.</param>
/// <param name="Whole">When the type is an integer or Boolean.</param>
/// <param name="Text">When the type is String.</param>
public readonly record struct FmuValue(double Number, long Whole, string? Text)
{
    /// <summary>A floating number.</summary>
    public static FmuValue Of(double number) => new(number, 0, null);

    /// <summary>A whole number or truth.</summary>
    public static FmuValue Of(long whole) => new(0, whole, null);

    /// <summary>Reads a value as it is written in descriptions and CSV files, e.g. <c>1.5</c>, <c>true</c>.</summary>
    /// <exception cref="FormatException">It is not a value of the type; the message says the value and the type.</exception>
    public static FmuValue Parse(string text, FmuType type)
    {
        var isRead = true;
        var value = default(FmuValue);
        switch (type)
        {
            case FmuType.String:
                return new FmuValue(0, 0, text);
            case FmuType.Float64 or FmuType.Float32:
                isRead = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number);
                value = Of(number);
                break;
            case FmuType.Boolean:
                isRead = text is "true" or "false" or "0" or "1";
                value = Of(text is "true" or "1" ? 1L : 0L);
                break;
            case FmuType.UInt64:
                isRead = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var wide);
                value = Of(unchecked((long)wide));
                break;
            default:
                var (low, high) = RangeOf(type);
                isRead = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && whole >= low && whole <= high;
                value = Of(whole);
                break;
        }

        return isRead ? value : throw new FormatException($"'{text}' is not a value of type {type}");
    }

    /// <summary>As it is written in CSV files; floating numbers so that they are read back exactly.</summary>
    public string ToText(FmuType type) => type switch
    {
        FmuType.Float64 => Number.ToString("R", CultureInfo.InvariantCulture),
        FmuType.Float32 => ((float)Number).ToString("R", CultureInfo.InvariantCulture),
        FmuType.String => Text ?? "",
        FmuType.Boolean => Whole != 0 ? "true" : "false",
        FmuType.UInt64 => unchecked((ulong)Whole).ToString(CultureInfo.InvariantCulture),
        _ => Whole.ToString(CultureInfo.InvariantCulture),
    };

    internal static FmuValue Read(BinaryReader reader, FmuType type) => type switch
    {
        FmuType.Float64 => Of(reader.ReadDouble()),
        FmuType.Float32 => Of((double)reader.ReadSingle()),
        FmuType.Int8 => Of((long)reader.ReadSByte()),
        FmuType.UInt8 => Of((long)reader.ReadByte()),
        FmuType.Boolean => Of(reader.ReadByte() == 0 ? 0L : 1L),
        FmuType.Int16 => Of((long)reader.ReadInt16()),
        FmuType.UInt16 => Of((long)reader.ReadUInt16()),
        FmuType.Int32 => Of((long)reader.ReadInt32()),
        FmuType.UInt32 => Of((long)reader.ReadUInt32()),
        FmuType.String => new FmuValue(0, 0, reader.ReadString()),
        _ => Of(reader.ReadInt64()),
    };

    internal void Write(BinaryWriter writer, FmuType type)
    {
        switch (FmuProtocol.SizeOf(type))
        {
            case 0: writer.Write(Text ?? ""); break;
            case 1: writer.Write(unchecked((byte)Whole)); break;
            case 2: writer.Write(unchecked((short)Whole)); break;
            case 4 when type == FmuType.Float32: writer.Write((float)Number); break;
            case 4: writer.Write(unchecked((int)Whole)); break;
            case 8 when type == FmuType.Float64: writer.Write(Number); break;
            default: writer.Write(Whole); break;
        }
    }

    private static (long Low, long High) RangeOf(FmuType type) => type switch
    {
        FmuType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        FmuType.UInt8 => (0, byte.MaxValue),
        FmuType.Int16 => (short.MinValue, short.MaxValue),
        FmuType.UInt16 => (0, ushort.MaxValue),
        FmuType.Int32 => (int.MinValue, int.MaxValue),
        FmuType.UInt32 => (0, uint.MaxValue),
        _ => (long.MinValue, long.MaxValue),
    };
}
