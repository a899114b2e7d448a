using System.Text;
using System.Text.Json;
using Twin.Model;

namespace Twin.Pipelines.Routes;

/// <summary>A change as it goes out: UTF-8 JSON in the shape of the change stream.</summary>
public readonly record struct OutboundChange(string TwinId, byte[] Json);

/// <summary>Changes of one shard that are delivered together. <see cref="Key"/> is the same at every attempt of one process; after a restart the same first change may come with more behind it, so a receiver that must be exact drops by shard and <c>seq</c>.</summary>
public sealed record RouteBatch(string RouteId, int Shard, long First, long Last, IReadOnlyList<OutboundChange> Changes)
{
    /// <summary><c>route/shard/first-last</c>.</summary>
    public string Key => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{RouteId}/{Shard}/{First}-{Last}");

    /// <summary>Attempts made in this process.</summary>
    public int Attempts { get; internal set; }

    /// <summary>Encodes one change.</summary>
    public static OutboundChange Encode(in Change change)
    {
        using var buffer = new MemoryStream(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("seq", change.Sequence);
            writer.WriteString("kind", change.Kind.ToText());
            writer.WriteString("id", change.TwinId);
            writer.WriteString("model", change.ModelId);
            writer.WriteString("path", change.Path);
            writer.WritePropertyName("value");
            change.Value.WriteJson(writer);
            if (change.SourceTime.IsKnown) writer.WriteString("t", change.SourceTime.ToString());
            if (change.CommitTime.IsKnown) writer.WriteString("committed", change.CommitTime.ToString());
            writer.WriteEndObject();
        }
        return new OutboundChange(change.TwinId, buffer.ToArray());
    }

    /// <summary>The whole batch as one JSON document.</summary>
    public byte[] ToJson()
    {
        using var buffer = new MemoryStream(Changes.Count * 160);
        buffer.Write(Encoding.UTF8.GetBytes($$"""{"route":"{{RouteId}}","shard":{{Shard}},"changes":["""));
        for (var i = 0; i < Changes.Count; i++)
        {
            if (i > 0) buffer.WriteByte((byte)',');
            buffer.Write(Changes[i].Json);
        }
        buffer.Write("]}"u8);
        return buffer.ToArray();
    }
}
