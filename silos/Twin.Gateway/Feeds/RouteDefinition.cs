using System.Text.Json;
using System.Text.Json.Serialization;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;
using Twin.Pipelines.Routes;

namespace Twin.Gateway.Feeds;

/// <summary>Which changes a route takes; the members mean what they mean at <c>/stream</c>.</summary>
internal sealed record RouteFilterText
{
    public IReadOnlyList<string>? Twins { get; init; }

    public string? Prefix { get; init; }

    public string? Model { get; init; }

    public string? Path { get; init; }

    public string? Where { get; init; }

    public ChangeFilterRequest Request => new(Twins, Prefix, Model, Path, Where);
}

/// <summary>Where a route goes, as text: which members count depends on the kind.</summary>
internal sealed record RouteTargetText
{
    public string? Kind { get; init; }

    public string? Url { get; init; }

    public string? Secret { get; init; }

    public string? Host { get; init; }

    public int? Port { get; init; }

    public string? TopicPrefix { get; init; }

    public string? User { get; init; }

    public string? Password { get; init; }

    public string? Folder { get; init; }
}

/// <summary>Whose rights a route carries: who made it, when policies concern them. Kept, never read from a caller.</summary>
internal sealed record RouteOwner(string Name, IReadOnlyList<string> Roles, int Rights)
{
    public static RouteOwner? Of(PolicySubject? subject) => subject is null ? null : new RouteOwner(subject.Name, [.. subject.Roles], (int)subject.Rights);

    public PolicySubject ToSubject() => new(Name, Roles, (Permissions)Rights);
}

/// <summary>An outbound route as callers write it and as <c>routes/{id}.json</c> keeps it. Holds secrets: show its target by <see cref="ShowTarget"/> only.</summary>
internal sealed record RouteDefinition
{
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 8, NumberHandling = JsonNumberHandling.Strict,
    };

    public RouteFilterText Filter { get; init; } = new();

    public RouteTargetText? Target { get; init; }

    /// <summary>Changes in one delivery, 1 to 10,000.</summary>
    public int BatchSize { get; init; } = 500;

    /// <summary>A new route starts at the oldest kept change instead of now.</summary>
    public bool FromOldest { get; init; }

    /// <summary>Whose rights it carries; null for one that an administrator made, which sees everything.</summary>
    public RouteOwner? Owner { get; init; }

    /// <summary>Reads a definition; false with a problem that names the member.</summary>
    public static bool TryRead(ReadOnlySpan<byte> json, out RouteDefinition? definition, out Problem? problem)
    {
        (definition, problem) = (null, null);
        try
        {
            definition = JsonSerializer.Deserialize<RouteDefinition>(json, Strict);
        }
        catch (JsonException fault)
        {
            // The serializer's own message may repeat the value, and the value may be a secret.
            problem = new Problem("RouteInvalid", $"The definition does not have the form {{\"filter\":{{..}},\"target\":{{\"kind\",..}},\"batchSize\",\"fromOldest\"}}: see line {fault.LineNumber + 1}, byte {fault.BytePositionInLine}.", fault.Path ?? "body");
            return false;
        }

        if (definition?.Target is null) problem = new Problem("RouteInvalid", "A route needs a target: {\"kind\":\"webhook\"|\"mqtt\"|\"file\",..}.", "target");
        else if (definition.Filter is null) problem = new Problem("RouteInvalid", "filter is null; leave it away for all changes.", "filter");
        return problem is null;
    }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Strict);

    /// <summary>The target; null with a problem when it makes no sense. Files go below <paramref name="outbox"/> only.</summary>
    public RouteTarget? MakeTarget(string outbox, out Problem? problem)
    {
        problem = Surplus(Target!);
        if (problem is not null) return null;
        switch (Target!.Kind)
        {
            case "webhook":
                if (Uri.TryCreate(Target.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https") return new WebhookTarget(url, Target.Secret);
                problem = new Problem("RouteTargetInvalid", "url must be an absolute http or https address.", "target.url");
                return null;
            case "mqtt":
                if (Target.Host is { Length: > 0 and <= 255 } host && Target.TopicPrefix is { } prefix) return new MqttTarget(host, Target.Port ?? 1883, prefix, Target.User, Target.Password);
                problem = new Problem("RouteTargetInvalid", "An MQTT target needs host (1 to 255 characters) and topicPrefix; port is 1883 when left away.", Target.TopicPrefix is null ? "target.topicPrefix" : "target.host");
                return null;
            default:
                if (IsPlainFolder(Target.Folder)) return new FileTarget(Path.Combine(outbox, Target.Folder!));
                problem = new Problem("RouteTargetInvalid", "folder must be 1 to 64 letters, digits, dots, dashes and underscores, not starting with a dot; it is made below the outbox folder.", "target.folder");
                return null;
        }
    }

    /// <summary>The target without secrets: passwords and keys are left away, and the address' query, which may hold some.</summary>
    public object ShowTarget() => Target!.Kind switch
    {
        "webhook" => new { kind = "webhook", url = new Uri(Target.Url!).GetLeftPart(UriPartial.Path), hasSecret = Target.Secret is not null },
        "mqtt" => new { kind = "mqtt", host = Target.Host, port = Target.Port ?? 1883, topicPrefix = Target.TopicPrefix, user = Target.User, hasPassword = Target.Password is not null },
        _ => new { kind = "file", folder = Target.Folder },
    };

    // A member that does nothing is a mistake better told than ignored: a secret given to an MQTT target protects nothing.
    private static Problem? Surplus(RouteTargetText t)
    {
        var (isHook, isMqtt, isFile) = (t.Kind == "webhook", t.Kind == "mqtt", t.Kind == "file");
        if (!isHook && !isMqtt && !isFile) return new Problem("RouteTargetInvalid", "kind must be webhook, mqtt or file.", "target.kind");
        var surplus = !isHook && (t.Url ?? t.Secret) is not null ? "url and secret"
            : !isMqtt && (t.Host ?? t.TopicPrefix ?? t.User ?? t.Password ?? (object?)t.Port) is not null ? "host, port, topicPrefix, user and password"
            : !isFile && t.Folder is not null ? "folder" : null;
        return surplus is null ? null : new Problem("RouteTargetInvalid", $"A target of kind {t.Kind} does not take {surplus}.", "target");
    }

    private static bool IsPlainFolder(string? name) => name is { Length: > 0 and <= 64 } && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
}
