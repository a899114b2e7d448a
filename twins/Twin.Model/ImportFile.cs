using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Twin.Model;

/// <summary>The sections of a bulk-import file, in the order they must come; each may be left out but the header.</summary>
public enum ImportSection : byte
{
    /// <summary>Before the first section line.</summary>
    None = 0,
    /// <summary>One line: <c>{"fileVersion":"1.0.0","author":...,"organization":...}</c>.</summary>
    Header = 1,
    /// <summary>One DTDL interface a line.</summary>
    Models = 2,
    /// <summary>One twin a line, with <c>$dtId</c>.</summary>
    Twins = 3,
    /// <summary>One relationship a line, with <c>$sourceId</c> and <c>$relationshipId</c>.</summary>
    Relationships = 4,
}

/// <summary>Where a reader stands, so that a job can go on there after a restart.</summary>
/// <param name="Offset">Bytes from the start of the file to the next line.</param>
/// <param name="Line">Number of the last line read, 1-based; 0 at the start.</param>
/// <param name="Section">The section the next line is in.</param>
public readonly record struct ImportPosition(long Offset, long Line, ImportSection Section);

/// <summary>One line of a bulk-import file: a model's text, a command, or a problem. Exactly one of the three.</summary>
/// <param name="After">Where reading goes on after this line.</param>
/// <param name="Model">A DTDL text.</param>
/// <param name="Command">A <see cref="PutTwin"/> or <see cref="PutRelationship"/>.</param>
/// <param name="Problem">What is wrong with the line; reading goes on.</param>
public readonly record struct ImportRecord(ImportPosition After, string? Model, TwinCommand? Command, Problem? Problem);

/// <summary>
/// Reads and writes the bulk-import file of Azure Digital Twins: NDJSON in sections
/// (<c>{"Section":"Header"}</c>, <c>Models</c>, <c>Twins</c>, <c>Relationships</c>). Streams: memory is bounded by the
/// longest allowed line (<see cref="TwinJson.LongestDocument"/>), whatever the file's size. Blank lines are passed over.
/// </summary>
public static class ImportFile
{
    /// <summary>Reads records from a stream that stands at <paramref name="from"/>'s offset.</summary>
    /// <exception cref="IOException">The stream failed.</exception>
    public static async IAsyncEnumerable<ImportRecord> ReadAsync(Stream stream, ImportPosition from = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(TwinJson.LongestDocument + 2);
        try
        {
            var (position, filled, tooLong) = (from, 0, false);
            for (var ended = false; !ended;)
            {
                var read = await stream.ReadAsync(buffer.AsMemory(filled, TwinJson.LongestDocument + 2 - filled), cancellationToken).ConfigureAwait(false);
                ended = read == 0;
                filled += read;
                var start = 0;
                while (start < filled || (ended && tooLong))
                {
                    var end = Array.IndexOf(buffer, (byte)'\n', start, filled - start);
                    if (end < 0 && !ended) break;
                    if (end < 0) end = filled;
                    var next = Math.Min(end + 1, filled);
                    position = new(position.Offset + (next - start), position.Line + 1, position.Section);
                    var record = tooLong ? new(position, null, null, TooLong(position)) : ReadLine(buffer.AsSpan(start, end - start), ref position);
                    (tooLong, start) = (false, next);
                    if (record is { } found) yield return found;
                }

                if (start == 0 && filled > TwinJson.LongestDocument)
                {
                    tooLong = true; // drop what there is of the line and look for its end
                    (position, start) = (position with { Offset = position.Offset + filled }, filled);
                }

                buffer.AsSpan(start, filled - start).CopyTo(buffer);
                filled -= start;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static ImportRecord? ReadLine(ReadOnlySpan<byte> line, ref ImportPosition position)
    {
        if (position.Line == 1 && line.StartsWith("\uFEFF"u8)) line = line[3..];
        line = line.Trim(" \t\r"u8);
        if (line.IsEmpty) return null;
        var where = $"line {position.Line}";
        if (TryReadSection(line, out var name))
        {
            if (!Enum.TryParse<ImportSection>(name, out var section) || section == ImportSection.None)
                return new(position, null, null, new Problem("ImportInvalid", $"'{name}' is not a section: Header, Models, Twins, Relationships.", where));
            if (section <= position.Section)
                return new(position, null, null, new Problem("ImportInvalid", $"Section {section} comes after {position.Section}; the order is Header, Models, Twins, Relationships.", where));
            position = position with { Section = section };
            return null;
        }

        switch (position.Section)
        {
            case ImportSection.Header: return null;
            case ImportSection.Models: return new(position, Encoding.UTF8.GetString(line), null, null);
            case ImportSection.Twins:
                return TwinJson.TryReadTwin(line, out var twin, out var wrongTwin) ? new(position, null, twin, null) : new(position, null, null, At(wrongTwin, where));
            case ImportSection.Relationships:
                return TwinJson.TryReadRelationship(line, out var relationship, out var wrong) ? new(position, null, relationship, null) : new(position, null, null, At(wrong, where));
            default:
                return new(position, null, null, new Problem("ImportInvalid", "The file begins with {\"Section\":\"Header\"}.", where));
        }
    }

    private static Problem At(Problem problem, string where) => problem with { Where = problem.Where is null ? where : $"{where}, {problem.Where}" };

    private static Problem TooLong(ImportPosition position) =>
        new("ImportInvalid", $"The line is longer than {TwinJson.LongestDocument} bytes.", $"line {position.Line}");

    private static bool TryReadSection(ReadOnlySpan<byte> line, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (line.Length > 200) return false;
        try
        {
            var reader = new Utf8JsonReader(line);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("Section"u8)) return false;
            if (!reader.Read() || reader.TokenType != JsonTokenType.String) return false;
            name = reader.GetString()!;
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false; // not a section line; the line's own reader will say what is wrong
        }
    }

    /// <summary>Starts a file: the header section.</summary>
    public static void WriteHeader(IBufferWriter<byte> output, string author = "", string organization = "")
    {
        WriteSection(output, ImportSection.Header);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("fileVersion", "1.0.0");
            json.WriteString("author", author);
            json.WriteString("organization", organization);
            json.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    /// <summary>Starts a section.</summary>
    public static void WriteSection(IBufferWriter<byte> output, ImportSection section)
    {
        output.Write("{\"Section\":\""u8);
        output.Write(Encoding.ASCII.GetBytes(section.ToString()));
        output.Write("\"}\n"u8);
    }

    /// <summary>Writes a model on one line.</summary>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public static void WriteModel(IBufferWriter<byte> output, string dtdl)
    {
        using (var document = JsonDocument.Parse(dtdl))
        using (var json = new Utf8JsonWriter(output))
        {
            document.RootElement.WriteTo(json);
        }

        output.Write("\n"u8);
    }

    /// <summary>Writes a twin on one line. A path with a slash becomes a component.</summary>
    public static void WriteTwin(IBufferWriter<byte> output, PutTwin twin)
    {
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("$dtId", twin.TwinId);
            json.WriteStartObject("$metadata");
            json.WriteString("$model", twin.ModelId);
            json.WriteEndObject();
            WriteValues(json, twin.Values, 0);
            json.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    /// <summary>Writes a relationship on one line.</summary>
    public static void WriteRelationship(IBufferWriter<byte> output, PutRelationship relationship)
    {
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("$sourceId", relationship.TwinId);
            json.WriteString("$relationshipId", relationship.RelationshipId);
            json.WriteString("$targetId", relationship.TargetId);
            json.WriteString("$relationshipName", relationship.Name);
            foreach (var value in relationship.Values)
            {
                json.WritePropertyName(value.Path);
                value.Value.WriteJson(json);
            }

            json.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    private static void WriteValues(Utf8JsonWriter json, IEnumerable<Assignment> values, int skip)
    {
        foreach (var group in values.GroupBy(v => NameAt(v.Path, skip), StringComparer.Ordinal))
        {
            json.WritePropertyName(group.Key);
            var first = group.First();
            if (first.Path.Length == skip + group.Key.Length)
            {
                first.Value.WriteJson(json);
                continue;
            }

            json.WriteStartObject();
            json.WriteStartObject("$metadata");
            json.WriteEndObject();
            WriteValues(json, group, skip + group.Key.Length + 1);
            json.WriteEndObject();
        }
    }

    private static string NameAt(string path, int skip)
    {
        var slash = path.IndexOf('/', skip);
        return slash < 0 ? path[skip..] : path[skip..slash];
    }
}
