using System.Text.Json;

namespace Twin.Sdk;

/// <summary>Which changes a stream carries; every given part must fit.</summary>
public sealed record StreamFilter
{
    /// <summary>Only these twins; null for all.</summary>
    public IReadOnlyList<string>? Twins { get; init; }

    /// <summary>Only twins whose id begins so.</summary>
    public string? Prefix { get; init; }

    /// <summary>Only twins of this model or one that extends it.</summary>
    public string? Model { get; init; }

    /// <summary>Only this property path.</summary>
    public string? Path { get; init; }

    /// <summary>Only while this condition over the twin's properties holds, such as <c>temperature &gt; 30</c>.</summary>
    public string? Where { get; init; }

    /// <summary>
    /// A standing query instead: the stream carries its rows, first all (after a <c>reset</c>), then as they come, change and go. No other part may be given.
    /// </summary>
    public string? Query { get; init; }

    /// <summary>Values for <c>$name</c> in <see cref="Query"/>: texts, numbers, booleans, nulls.</summary>
    public IReadOnlyDictionary<string, object?>? Parameters { get; init; }

    internal string ToQuery(string? cursor)
    {
        var parts = new List<string>();
        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value)) parts.Add($"{name}={Uri.EscapeDataString(value)}");
        }

        Add("twins", Twins is null ? null : string.Join(',', Twins));
        Add("prefix", Prefix);
        Add("model", Model);
        Add("path", Path);
        Add("where", Where);
        Add("query", Query);
        Add("parameters", Parameters is null ? null : JsonSerializer.Serialize(Parameters));
        Add("cursor", cursor);
        return string.Join('&', parts);
    }
}

/// <summary>A change of the graph, or the word that state must be read anew.</summary>
/// <param name="Kind"><c>twinCreated</c>, <c>twinDeleted</c>, <c>propertyChanged</c>, <c>propertyRemoved</c>, <c>relationshipChanged</c>, <c>relationshipDeleted</c>, <c>telemetry</c> or <c>reset</c>; of a standing query <c>rowAdded</c>, <c>rowChanged</c>, <c>rowRemoved</c> or <c>reset</c>.</param>
/// <param name="Cursor">
/// Streaming on from here misses nothing. Changes arrive in messages and a cursor stands between two: every change of a message but its last has the
/// cursor before the message, so that going on from it brings the message again. Null in a first message's changes but the last.
/// </param>
/// <param name="Json">The change as the server sent it; undefined for a reset.</param>
public sealed record StreamEvent(string Kind, string? Cursor, JsonElement Json)
{
    /// <summary>The cursor was older than what the server keeps: read the state again, changes go on from here.</summary>
    public bool IsReset => Kind == "reset";

    /// <summary>Twin id; empty for a reset.</summary>
    public string TwinId => AnswerReader.Text(Json, "id") ?? "";

    /// <summary>The twin's model; empty for a reset.</summary>
    public string ModelId => AnswerReader.Text(Json, "model") ?? "";

    /// <summary>Property path or relationship id; null where the change is of the whole twin.</summary>
    public string? Path => AnswerReader.Text(Json, "path");

    /// <summary>The new value; undefined where there is none.</summary>
    public JsonElement Value => Json.ValueKind == JsonValueKind.Object ? AnswerReader.Part(Json, "value") : default;

    /// <summary>Names a standing query's row; null for other changes.</summary>
    public string? Key => AnswerReader.Text(Json, "key");

    /// <summary>A standing query's row as it reads now; undefined when it is gone, and for other changes.</summary>
    public JsonElement Row => Json.ValueKind == JsonValueKind.Object ? AnswerReader.Part(Json, "row") : default;

    /// <summary>When it was true.</summary>
    public DateTimeOffset? SourceTime => Json.ValueKind == JsonValueKind.Object ? AnswerReader.Time(Json, "t") : null;

    /// <summary>When the store took it.</summary>
    public DateTimeOffset? CommitTime => Json.ValueKind == JsonValueKind.Object ? AnswerReader.Time(Json, "committed") : null;
}
