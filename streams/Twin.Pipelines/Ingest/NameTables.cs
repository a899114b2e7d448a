using System.Text;
using System.Text.Json;

namespace Twin.Pipelines.Ingest;

/// <summary>The tables a decoder shares: twin ids, property paths and short texts (states, modes) that come again. Thread-safe.</summary>
internal sealed class NameTables(int twinIds)
{
    private const int PathTableSize = 1 << 14;
    private const int TextTableSize = 1 << 13;
    private const int ShortText = 48;

    private readonly Utf8Table _ids = new(twinIds, SampleSyntax.MaxTwinIdLength);
    private readonly Utf8Table _paths = new(PathTableSize, SampleSyntax.MaxPathLength);
    private readonly Utf8Table _texts = new(TextTableSize, ShortText);

    /// <summary>A twin id.</summary>
    public string TwinId(ReadOnlySpan<byte> utf8) => _ids.Get(utf8);

    /// <summary>A property path.</summary>
    public string Path(ReadOnlySpan<byte> utf8) => _paths.Get(utf8);

    /// <summary>A text value.</summary>
    public string Text(ReadOnlySpan<byte> utf8) => utf8.Length <= ShortText ? _texts.Get(utf8) : Encoding.UTF8.GetString(utf8);

    /// <summary>Strings allocated since the start because no table had them.</summary>
    public long Misses => _ids.Misses + _paths.Misses + _texts.Misses;

    /// <summary>The token's text as a path; escapes are resolved.</summary>
    public string Path(ref Utf8JsonReader reader) => reader.ValueIsEscaped ? reader.GetString()! : Path(reader.ValueSpan);

    /// <summary>The token's text as a twin id; escapes are resolved.</summary>
    public string TwinId(ref Utf8JsonReader reader) => reader.ValueIsEscaped ? reader.GetString()! : TwinId(reader.ValueSpan);

    /// <summary>The token's text as a value; escapes are resolved.</summary>
    public string Text(ref Utf8JsonReader reader) =>
        reader.ValueIsEscaped || reader.ValueSpan.Length > ShortText ? reader.GetString()! : Text(reader.ValueSpan);
}
