using System.Text;
using Twin.Model;

namespace Twin.History;

/// <summary>How a value lies in a table row: numbers in a double column, whole numbers and times exactly in a 64-bit one, the rest as text. Hot.</summary>
internal readonly record struct HistoryRow(byte Kind, double? Number, long? Whole, string? Text)
{
    /// <summary>True when the change is something history keeps.</summary>
    public static bool Keeps(in Change change) =>
        change.Kind is ChangeKind.PropertyChanged or ChangeKind.SampleHistorical or ChangeKind.Telemetry && change.Value.Kind != ValueKind.None;

    public static HistoryRow From(PropertyValue value) => value.Kind switch
    {
        ValueKind.Double => new((byte)ValueKind.Double, value.AsNumber, null, null),
        ValueKind.Text => new((byte)ValueKind.Text, null, null, value.AsText),
        ValueKind.Json => new((byte)ValueKind.Json, null, null, Encoding.UTF8.GetString(value.AsJson)),
        var kind => new((byte)kind, null, value.Bits, null),
    };

    public PropertyValue ToValue() => (ValueKind)Kind switch
    {
        ValueKind.None => PropertyValue.None,
        ValueKind.Double => PropertyValue.From(Number ?? double.NaN),
        ValueKind.Text => PropertyValue.From(Text ?? ""),
        ValueKind.Json => PropertyValue.FromJson(Encoding.UTF8.GetBytes(Text ?? "null")),
        var kind => PropertyValue.FromBits(kind, Whole ?? 0),
    };
}
