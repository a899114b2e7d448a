using System.Buffers;
using System.Text.Json;

namespace Twin.Graph.Query;

/// <summary>Writes rows as UTF-8 JSON one after the other into one buffer and cuts them apart at the end: two allocations a page. Reused from query to query; not thread-safe. Hot.</summary>
internal sealed class RowWriter : IDisposable
{
    private readonly ArrayBufferWriter<byte> _bytes = new(16 * 1024);
    private readonly Utf8JsonWriter _json;
    private readonly List<int> _ends = [];

    public RowWriter() => _json = new Utf8JsonWriter(_bytes, new JsonWriterOptions { SkipValidation = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public int Count => _ends.Count;

    public void Clear()
    {
        _bytes.ResetWrittenCount();
        _ends.Clear();
        _json.Reset();
    }

    /// <summary>A row of FROM: twin, or twin and relationship.</summary>
    public void Write(TwinQuery query, ModelTable table, int row, Relationship? link, int linkSource)
    {
        if (query.Selection == SelectionKind.All)
        {
            if (link is null) WriteTwin(table, row);
            else WriteLink(table, row, link);
        }
        else
        {
            _json.WriteStartObject();
            WriteItems(query, table, row, link, linkSource, only: -1);
            _json.WriteEndObject();
        }
        EndRow();
    }

    /// <summary>The members of one side of a joined row, without braces; may be empty.</summary>
    public void WriteFragment(TwinQuery query, ModelTable table, int row, Relationship? link, int linkSource, int twinSource)
    {
        _json.WriteStartObject();
        if (query.Selection == SelectionKind.Items) WriteItems(query, table, row, link, linkSource, twinSource);
        else if (query.Selection == SelectionKind.All)
        {
            if (query.Sources[twinSource].Alias is { } name)
            {
                _json.WritePropertyName(name);
                WriteTwin(table, row);
            }
            if (link is not null && query.Sources[linkSource].Alias is { } linkName)
            {
                _json.WritePropertyName(linkName);
                WriteLink(table, row, link);
            }
        }
        _json.WriteEndObject();
        EndRow();
    }

    /// <summary>The rows since the last clear, each a slice of one array.</summary>
    public ReadOnlyMemory<byte>[] TakeRows()
    {
        if (_ends.Count == 0) return [];
        ReadOnlyMemory<byte> all = _bytes.WrittenSpan.ToArray();
        var rows = new ReadOnlyMemory<byte>[_ends.Count];
        var start = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = all[start.._ends[i]];
            start = _ends[i];
        }
        return rows;
    }

    public void Dispose() => _json.Dispose();

    private void EndRow()
    {
        _json.Flush();
        _json.Reset();
        _ends.Add(_bytes.WrittenCount);
    }

    private void WriteItems(TwinQuery query, ModelTable table, int row, Relationship? link, int linkSource, int only)
    {
        foreach (var item in query.Items)
        {
            var path = item.Path;
            var isLink = path.Source == linkSource;
            if (only >= 0 && !isLink && path.Source != only) continue;
            if (isLink && link is null) continue;
            if (path.Segments.Count == 0)
            {
                _json.WritePropertyName(item.Name);
                if (isLink) WriteLink(table, row, link!);
                else WriteTwin(table, row);
                continue;
            }
            if (!isLink && TwinPaths.IsComponent(table, path))
            {
                _json.WritePropertyName(item.Name);
                WriteComponent(table, row, path.Segments);
                continue;
            }
            var value = isLink ? LinkPaths.Read(link!, table.IdOf(row), path) : TwinPaths.Read(table, row, path);
            if (value.Kind == ValueKind.None) continue;
            _json.WritePropertyName(item.Name);
            value.WriteJson(_json);
        }
    }

    private void WriteTwin(ModelTable table, int row) => TwinDocuments.WriteTwin(_json, table, row);

    private void WriteLink(ModelTable table, int row, Relationship link) => TwinDocuments.WriteRelationship(_json, table.IdOf(row), link);

    private void WriteComponent(ModelTable table, int row, IReadOnlyList<string> segments)
    {
        var layout = table.Layout;
        foreach (var segment in segments)
            foreach (var (name, _, inner) in layout.Components)
                if (name == segment)
                {
                    layout = inner;
                    break;
                }
        TwinDocuments.WriteComponent(_json, table, row, layout);
    }
}
