using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Twin.Graph;

/// <summary>
/// Writes twins, components and relationships as UTF-8 JSON in the Azure Digital Twins shape, straight from the columns. One a
/// state, same thread. Hot.
/// </summary>
public sealed class TwinDocuments
{
    private static readonly JsonEncodedText Id = JsonEncodedText.Encode("$dtId");
    private static readonly JsonEncodedText Tag = JsonEncodedText.Encode("$etag");
    private static readonly JsonEncodedText Metadata = JsonEncodedText.Encode("$metadata");
    private static readonly JsonEncodedText ModelName = JsonEncodedText.Encode("$model");
    private static readonly JsonEncodedText LastUpdate = JsonEncodedText.Encode("$lastUpdateTime");
    private static readonly JsonEncodedText UpdateTime = JsonEncodedText.Encode("lastUpdateTime");
    private static readonly JsonEncodedText SourceTime = JsonEncodedText.Encode("sourceTime");
    private static readonly JsonWriterOptions Options = new() { SkipValidation = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const int TimeLength = 28;

    // Most of a twin's times are one time: the last one written is kept as text.
    [ThreadStatic] private static byte[]? t_timeText;
    [ThreadStatic] private static long t_time;

    private readonly ShardState _state;
    private readonly Utf8JsonWriter _writer = new(Stream.Null, Options);

    /// <summary>Reads from <paramref name="state"/>.</summary>
    public TwinDocuments(ShardState state) => _state = state;

    /// <summary>Writes a twin; false when there is none of that id.</summary>
    public bool TryWriteTwin(ReadOnlySpan<char> twinId, IBufferWriter<byte> output, out long version)
    {
        version = 0;
        if (!_state.TryLocate(twinId, out var table, out var row) || !table.Exists(row)) return false;
        version = VisibleVersion.Of(table, row);
        _writer.Reset(output);
        WriteTwin(_writer, table, row);
        _writer.Flush();
        return true;
    }

    /// <summary>Writes one component of a twin; NotFound names what is missing. The version is the twin's.</summary>
    public CommandResult TryWriteComponent(ReadOnlySpan<char> twinId, string component, IBufferWriter<byte> output)
    {
        if (!_state.TryLocate(twinId, out var table, out var row) || !table.Exists(row)) return NotFound(twinId.ToString(), null);
        foreach (var (name, _, layout) in table.Layout.Components)
        {
            if (name != component) continue;
            _writer.Reset(output);
            WriteComponent(_writer, table, row, layout, table.ViewOf(row));
            _writer.Flush();
            return new CommandResult(TwinStatus.Ok, VisibleVersion.Of(table, row));
        }
        Refusals.Give(TwinStatus.NotFound, "ComponentNotFound", $"Model '{table.Model.Id}' has no component '{component}'.", component, out var refusal);
        return refusal;
    }

    /// <summary>Writes a relationship; NotFound names what is missing.</summary>
    public CommandResult TryWriteRelationship(ReadOnlySpan<char> twinId, string relationshipId, IBufferWriter<byte> output)
    {
        if (!_state.TryLocate(twinId, out var table, out var row) || !table.Exists(row)) return NotFound(twinId.ToString(), null);
        var view = table.ViewOf(row);
        if (table.OutgoingOf(row).Find(Relationship.Key(relationshipId)) is not { } relationship || view?.ShowsRelationship(relationship.Name) == false) return NotFound(twinId.ToString(), relationshipId);
        WriteRelationship(table.IdOf(row), relationship, output, view);
        return new CommandResult(TwinStatus.Ok, VisibleVersion.Of(relationship, view));
    }

    /// <summary>Writes one relationship of the given source, as <paramref name="view"/> shows it.</summary>
    public void WriteRelationship(string sourceId, Relationship relationship, IBufferWriter<byte> output, TwinView? view = null)
    {
        _writer.Reset(output);
        WriteRelationship(_writer, sourceId, relationship, view);
        _writer.Flush();
    }

    /// <summary>Writes one incoming relationship: id, source, name and link.</summary>
    public void WriteIncoming(IncomingLink link, IBufferWriter<byte> output)
    {
        _writer.Reset(output);
        _writer.WriteStartObject();
        _writer.WriteString("$relationshipId"u8, link.RelationshipId);
        _writer.WriteString("$sourceId"u8, link.SourceId);
        _writer.WriteString("$relationshipName"u8, link.Name);
        _writer.WriteString("$relationshipLink"u8, $"/digitaltwins/{Uri.EscapeDataString(link.SourceId)}/relationships/{Uri.EscapeDataString(link.RelationshipId)}");
        _writer.WriteEndObject();
        _writer.Flush();
    }

    /// <summary>A page of a twin's relationships, ordered by id, optionally of one name; null when there is no such twin. Continuation: the last id.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>>? ListRelationships(ReadOnlySpan<char> twinId, string? name, int pageSize, string? continuation, out string? next)
    {
        next = null;
        if (!_state.TryLocate(twinId, out var table, out var row) || !table.Exists(row)) return null;
        var view = table.ViewOf(row);
        var page = new List<ReadOnlyMemory<byte>>();
        Relationship? last = null;
        foreach (var relationship in table.OutgoingOf(row).After(Relationship.Key(continuation ?? "")))
        {
            if ((name is not null && relationship.Name != name) || view?.ShowsRelationship(relationship.Name) == false) continue;
            if (page.Count == pageSize)
            {
                next = last!.Id;
                break;
            }
            page.Add(Write(relationship, table.IdOf(row), view));
            last = relationship;
        }
        return page;
    }

    /// <summary>A page of the relationships to a twin, ordered by source, then id; null when there is no such twin.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>>? ListIncoming(ReadOnlySpan<char> twinId, int pageSize, string? continuation, out string? next)
    {
        next = null;
        if (!_state.TryLocate(twinId, out var table, out var row) || !table.Exists(row)) return null;
        var slash = continuation?.IndexOf('/') ?? -1; // ids hold no slash
        var after = slash < 0 ? IncomingLink.Key("", "") : IncomingLink.Key(continuation![..slash], continuation[(slash + 1)..]);
        var page = new List<ReadOnlyMemory<byte>>();
        IncomingLink? last = null;
        foreach (var link in table.IncomingOf(row).After(after))
        {
            if (page.Count == pageSize)
            {
                next = $"{last!.SourceId}/{last.RelationshipId}";
                break;
            }
            var bytes = new ArrayBufferWriter<byte>(256);
            WriteIncoming(link, bytes);
            page.Add(bytes.WrittenMemory);
            last = link;
        }
        return page;
    }

    /// <summary>Writes a twin's object into a writer that stands where a value may come; for rows of queries.</summary>
    public static void WriteTwin(Utf8JsonWriter writer, ModelTable table, int row)
    {
        var view = table.ViewOf(row);
        writer.WriteStartObject();
        writer.WriteString(Id, table.IdOf(row));
        WriteTag(writer, VisibleVersion.Of(table, row, view));
        WriteValues(writer, table, row, table.Layout, view);
        foreach (var (_, name, layout) in table.Layout.Components)
        {
            writer.WritePropertyName(name);
            WriteComponent(writer, table, row, layout, view);
        }
        writer.WriteStartObject(Metadata);
        writer.WriteString(ModelName, table.Model.Id);
        if (VisibleVersion.TimeOf(table, row, view) is { IsKnown: true } time) WriteTime(writer, LastUpdate, time);
        WriteTimes(writer, table, row, table.Layout, view);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>Writes a relationship's object into a writer that stands where a value may come; for rows of queries.</summary>
    public static void WriteRelationship(Utf8JsonWriter writer, string sourceId, Relationship relationship, TwinView? view = null)
    {
        writer.WriteStartObject();
        writer.WriteString("$relationshipId"u8, relationship.Id);
        WriteTag(writer, VisibleVersion.Of(relationship, view));
        writer.WriteString("$sourceId"u8, sourceId);
        writer.WriteString("$targetId"u8, relationship.TargetId);
        writer.WriteString("$relationshipName"u8, relationship.Name);
        foreach (var (path, value) in relationship.Properties)
        {
            if (view?.ShowsRelationshipProperty(relationship.Name, path) == false) continue;
            writer.WritePropertyName(path);
            value.WriteJson(writer);
        }
        writer.WriteEndObject();
    }

    internal static void WriteComponent(Utf8JsonWriter writer, ModelTable table, int row, DocumentLayout layout, TwinView? view)
    {
        writer.WriteStartObject();
        WriteValues(writer, table, row, layout, view);
        foreach (var (_, name, inner) in layout.Components)
        {
            writer.WritePropertyName(name);
            WriteComponent(writer, table, row, inner, view);
        }
        writer.WriteStartObject(Metadata);
        WriteTimes(writer, table, row, layout, view);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteValues(Utf8JsonWriter writer, ModelTable table, int row, DocumentLayout layout, TwinView? view)
    {
        foreach (var (name, ordinal) in layout.Properties)
        {
            if (view?.Hides(ordinal) == true || !table.TryGet(row, ordinal, out var value)) continue;
            writer.WritePropertyName(name);
            value.WriteJson(writer);
        }
    }

    private static void WriteTimes(Utf8JsonWriter writer, ModelTable table, int row, DocumentLayout layout, TwinView? view)
    {
        foreach (var (name, ordinal) in layout.Properties)
        {
            var column = table.Column(ordinal);
            if (view?.Hides(ordinal) == true || !column.Has(row)) continue;
            writer.WriteStartObject(name);
            WriteTime(writer, UpdateTime, column.UpdateTimeOf(row));
            WriteTime(writer, SourceTime, column.SourceTimeOf(row));
            writer.WriteEndObject();
        }
    }

    private static void WriteTime(Utf8JsonWriter writer, JsonEncodedText name, WallTime time)
    {
        var text = t_timeText ??= new byte[TimeLength];
        if (t_time != time.UtcTicks || text[0] == 0)
        {
            time.ToDateTime().TryFormat(text, out _, "o", System.Globalization.CultureInfo.InvariantCulture); // seven decimals and Z, as the metadata prints
            t_time = time.UtcTicks;
        }
        writer.WriteString(name, text);
    }

    private static void WriteTag(Utf8JsonWriter writer, long version)
    {
        Span<byte> tag = stackalloc byte[ETag.MaxLength];
        writer.WriteString(Tag, tag[..ETag.Format(version, tag)]);
    }

    private ReadOnlyMemory<byte> Write(Relationship relationship, string sourceId, TwinView? view)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        WriteRelationship(sourceId, relationship, bytes, view);
        return bytes.WrittenMemory;
    }

    private static CommandResult NotFound(string twinId, string? relationshipId)
    {
        CommandResult refusal;
        if (relationshipId is null) Refusals.NoTwin(twinId, out refusal);
        else Refusals.NoRelationship(twinId, relationshipId, out refusal);
        return refusal;
    }
}
