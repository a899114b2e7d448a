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

    /// <summary>A row of FROM: a twin, or a relationship of it.</summary>
    public void Write(TwinQuery query, PropertyValue[] parameters, ModelTable table, int row, Relationship? link)
    {
        if (query.Selection == SelectionKind.All) WriteWhole(table, row, link);
        else
        {
            _json.WriteStartObject();
            foreach (var item in query.Items) WriteItem(item, parameters, table, row, link);
            _json.WriteEndObject();
        }
        EndRow();
    }

    /// <summary>What a row shows at a path: the value, or the document of a component, a whole twin or a relationship; None when missing.</summary>
    public PropertyValue ReadForOutput(PathExpression path, ModelTable table, int row, Relationship? link)
    {
        var isComponent = link is null && TwinPaths.IsComponent(table, path);
        if (path.Segments.Count > 0 && !isComponent) return link is null ? TwinPaths.Read(table, row, path) : LinkPaths.Read(table, row, link, path);
        Clear();
        if (isComponent) WriteComponent(table, row, path.Segments);
        else WriteWhole(table, row, link);
        _json.Flush();
        return PropertyValue.FromJson(_bytes.WrittenSpan.ToArray());
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

    private void WriteItem(SelectItem item, PropertyValue[] parameters, ModelTable table, int row, Relationship? link)
    {
        if (item.Value is PathExpression path && (path.Segments.Count == 0 || (link is null && TwinPaths.IsComponent(table, path))))
        {
            _json.WritePropertyName(item.Name);
            if (path.Segments.Count == 0) WriteWhole(table, row, link);
            else WriteComponent(table, row, path.Segments);
            return;
        }
        var value = link is null
            ? ConditionEvaluator.Evaluate(item.Value, new TwinReader(table, row), parameters)
            : ConditionEvaluator.Evaluate(item.Value, new LinkReader(table, row, link), parameters);
        if (value.Kind == ValueKind.None) return;
        _json.WritePropertyName(item.Name);
        value.WriteJson(_json);
    }

    private void WriteWhole(ModelTable table, int row, Relationship? link)
    {
        if (link is null) TwinDocuments.WriteTwin(_json, table, row);
        else TwinDocuments.WriteRelationship(_json, table.IdOf(row), link, table.ViewOf(row));
    }

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
        TwinDocuments.WriteComponent(_json, table, row, layout, table.ViewOf(row));
    }
}
