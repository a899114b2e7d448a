using System.Text.Json;

namespace Twin.Sdk;

/// <summary>A model as the server keeps it.</summary>
/// <param name="Id">DTMI.</param>
/// <param name="DisplayName">English name.</param>
/// <param name="IsDecommissioned">No new twins may be made of it.</param>
/// <param name="UploadTime">When it was added, UTC.</param>
/// <param name="Model">Its DTDL; undefined unless asked for.</param>
public sealed record ModelEntry(string Id, string DisplayName, bool IsDecommissioned, DateTimeOffset? UploadTime, JsonElement Model);

/// <summary>A document and its version.</summary>
/// <param name="Json">The document.</param>
/// <param name="ETag">Its version, for <c>If-Match</c>; null where the server gave none.</param>
public sealed record TaggedJson(JsonElement Json, string? ETag);

/// <summary>What became of one command of a batch.</summary>
/// <param name="Status">HTTP status; 424 means: refused because another command was.</param>
/// <param name="ETag">Version after it; null when it was not done.</param>
/// <param name="Code">Code of the refusal.</param>
/// <param name="Detail">The refusal, for a person.</param>
public sealed record BatchOutcome(int Status, string? ETag, string? Code, string? Detail)
{
    /// <summary>True when the command was done.</summary>
    public bool IsDone => Status is >= 200 and < 300;
}

/// <summary>What became of a batch of samples.</summary>
/// <param name="Fates">Samples by fate: <c>applied</c>, <c>duplicate</c>, <c>reordered</c>, <c>late</c>, <c>future</c>, <c>unknownTwin</c>, <c>unknownProperty</c>, <c>invalid</c>, <c>unavailable</c>.</param>
/// <param name="Refusals">The first hundred refusals.</param>
public sealed record IngestAnswer(IReadOnlyDictionary<string, long> Fates, IReadOnlyList<IngestRefusal> Refusals)
{
    /// <summary>Samples the server refused: future, unknown, invalid, unavailable.</summary>
    public long Refused => Fates.Where(f => f.Key is "future" or "unknownTwin" or "unknownProperty" or "invalid" or "unavailable").Sum(f => f.Value);
}

/// <summary>One refused sample.</summary>
/// <param name="Index">Position of the sample in the batch.</param>
/// <param name="Fate">Why.</param>
/// <param name="Detail">What was wrong, for a person.</param>
public sealed record IngestRefusal(int Index, string Fate, string Detail);

/// <summary>One kept value.</summary>
/// <param name="Time">When it was true, UTC.</param>
/// <param name="Value">The value.</param>
public sealed record HistoryPoint(DateTimeOffset Time, JsonElement Value);

/// <summary>Values of one stretch of time. Minimum, maximum and mean are null where the values are no numbers.</summary>
/// <param name="Start">Begin of the stretch, UTC.</param>
/// <param name="Count">Values in it.</param>
/// <param name="Minimum">Least, in the property's unit.</param>
/// <param name="Maximum">Greatest, in the property's unit.</param>
/// <param name="Mean">Mean, in the property's unit.</param>
/// <param name="Last">Last value.</param>
public sealed record HistoryBucket(DateTimeOffset Start, long Count, double? Minimum, double? Maximum, double? Mean, JsonElement Last);

/// <summary>A registered device.</summary>
/// <param name="DeviceId">Its id, the MQTT client identifier and user name.</param>
/// <param name="Secret">Its password; told once and never again.</param>
public sealed record DeviceRegistration(string DeviceId, string Secret);

/// <summary>A device's reply to a command.</summary>
/// <param name="Code">The device's own result code.</param>
/// <param name="Payload">What it sent back; undefined when nothing.</param>
public sealed record DeviceReply(int Code, JsonElement Payload);

/// <summary>How far an import job is.</summary>
/// <param name="Id">Job id.</param>
/// <param name="Status"><c>notstarted</c>, <c>running</c>, <c>succeeded</c>, <c>failed</c>, <c>cancelled</c>.</param>
/// <param name="Counts">Things done, by kind.</param>
/// <param name="Total">Lines or bytes in all, as the server counts; null when unknown.</param>
/// <param name="Rate">Things a second.</param>
/// <param name="SecondsLeft">Estimate; null when unknown.</param>
/// <param name="Errors">What was refused, as the server tells it.</param>
public sealed record ImportJob(string Id, string Status, IReadOnlyDictionary<string, long> Counts, long? Total, double? Rate, double? SecondsLeft, IReadOnlyList<JsonElement> Errors)
{
    /// <summary>True when nothing will change any more.</summary>
    public bool IsEnded => Status is "succeeded" or "failed" or "cancelled";
}

/// <summary>Reads the server's JSON into the answers, tolerating what later servers add.</summary>
internal static class AnswerReader
{
    public static ModelEntry Model(JsonElement json) => new(
        Text(json, "id") ?? "", json.TryGetProperty("displayName", out var names) && names.ValueKind == JsonValueKind.Object && Text(names, "en") is { } name ? name : Text(json, "id") ?? "",
        json.TryGetProperty("decommissioned", out var gone) && gone.ValueKind == JsonValueKind.True, Time(json, "uploadTime"), Part(json, "model"));

    public static IngestAnswer Ingest(JsonElement json)
    {
        var fates = json.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number).ToDictionary(p => p.Name, p => p.Value.GetInt64(), StringComparer.Ordinal);
        return new(fates, [.. Items(json, "refusals").Select(r => new IngestRefusal((int)(Number(r, "index") ?? 0), Text(r, "fate") ?? "", Text(r, "detail") ?? ""))]);
    }

    public static ImportJob Job(JsonElement json)
    {
        var counts = json.TryGetProperty("counts", out var given) && given.ValueKind == JsonValueKind.Object
            ? given.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number).ToDictionary(p => p.Name, p => p.Value.GetInt64(), StringComparer.Ordinal) : [];
        return new(Text(json, "id") ?? "", Text(json, "status") ?? "", counts, (long?)Number(json, "total"), Number(json, "rate"), Number(json, "secondsLeft"), [.. Items(json, "errors")]);
    }

    public static HistoryBucket Bucket(JsonElement b) =>
        new(Time(b, "t") ?? default, (long)(Number(b, "count") ?? 0), Number(b, "min"), Number(b, "max"), Number(b, "mean"), Part(b, "last"));

    public static IEnumerable<JsonElement> Items(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : [];

    public static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static double? Number(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    public static DateTimeOffset? Time(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.TryGetDateTimeOffset(out var time) ? time : null;

    public static JsonElement Part(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value : default;
}
