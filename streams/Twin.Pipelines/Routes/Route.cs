using Twin.Model;

namespace Twin.Pipelines.Routes;

/// <summary>Where a route's changes go.</summary>
public abstract record RouteTarget;

/// <summary>POSTs batches as JSON: <c>{"route","shard","changes":[...]}</c>. A 2xx answer delivers; 408, 425, 429 and 5xx are tried again; any other answer refuses the batch for good.</summary>
/// <param name="Url">http or https.</param>
/// <param name="Secret">When set, <c>X-Twin-Signature: sha256=</c> carries the HMAC-SHA256 of the body under its UTF-8 bytes, in hex.</param>
public sealed record WebhookTarget(Uri Url, string? Secret = null) : RouteTarget;

/// <summary>Publishes each change as one message (not retained) on <c>{TopicPrefix}/{twin id}/changes</c>, QoS 1, to another MQTT 5 broker.</summary>
/// <param name="Host">Name or address.</param>
/// <param name="Port">1 to 65,535.</param>
/// <param name="TopicPrefix">Without trailing slash or wildcards.</param>
/// <param name="User">User name; null for none.</param>
/// <param name="Password">Password; null for none.</param>
public sealed record MqttTarget(string Host, int Port, string TopicPrefix, string? User = null, string? Password = null) : RouteTarget;

/// <summary>Appends changes to <c>changes-NNNNNNNN.ndjson</c>, one a line, in a folder; on the device before they count as delivered.</summary>
/// <param name="Folder">Made when missing.</param>
/// <param name="MaxFileBytes">A file that has reached this is followed by the next, 4 KiB to 1 GiB.</param>
/// <param name="MaxFiles">Oldest files beyond this number are deleted, 1 to 10,000.</param>
public sealed record FileTarget(string Folder, long MaxFileBytes = 16 << 20, int MaxFiles = 64) : RouteTarget;

/// <summary>An outbound route: changes that match go to the target at least once, in order within a shard.</summary>
public sealed record Route
{
    /// <summary>1 to 64 letters, digits, dots, dashes and underscores, not starting with a dot; also its folder's name.</summary>
    public required string Id { get; init; }

    /// <summary>Which changes go out. Called on many threads; must not throw. Only public changes are asked about.</summary>
    public required Func<Change, bool> Filter { get; init; }

    /// <summary>Where they go.</summary>
    public required RouteTarget Target { get; init; }

    /// <summary>Changes in one delivery, 1 to 10,000.</summary>
    public int BatchSize { get; init; } = 500;

    /// <summary>A new route starts at the oldest kept change instead of now.</summary>
    public bool FromOldest { get; init; }

    /// <summary>Throws when a field is outside its range.</summary>
    /// <exception cref="ArgumentException">Names the field, its value and what is allowed.</exception>
    public void Validate()
    {
        if (Id.Length is 0 or > 64 || Id[0] == '.' || !Id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
            throw new ArgumentException($"Route id '{Id}' is not 1 to 64 letters, digits, dots, dashes and underscores.", nameof(Id));
        if (BatchSize is < 1 or > 10_000) throw new ArgumentException($"BatchSize {BatchSize} is not 1 to 10000.", nameof(BatchSize));
        switch (Target)
        {
            case WebhookTarget hook when !hook.Url.IsAbsoluteUri || (hook.Url.Scheme != "http" && hook.Url.Scheme != "https") || hook.Url.UserInfo.Length > 0:
                throw new ArgumentException($"Webhook address '{hook.Url}' must be an http or https address without user information.", nameof(Target));
            case MqttTarget mqtt when mqtt.Port is < 1 or > 65_535 || mqtt.Host.Length == 0:
                throw new ArgumentException($"MQTT address '{mqtt.Host}:{mqtt.Port}' must be a host and a port from 1 to 65535.", nameof(Target));
            case MqttTarget mqtt when mqtt.TopicPrefix.Length is 0 or > 512 || mqtt.TopicPrefix.AsSpan().IndexOfAny("+#\0") >= 0:
                throw new ArgumentException($"Topic prefix '{mqtt.TopicPrefix}' must be 1 to 512 characters without wildcards.", nameof(Target));
            case FileTarget file when file.MaxFileBytes is < 4096 or > 1 << 30 || file.MaxFiles is < 1 or > 10_000:
                throw new ArgumentException($"File bounds {file.MaxFileBytes} bytes, {file.MaxFiles} files are not 4096 to {1 << 30} and 1 to 10000.", nameof(Target));
        }
    }
}

/// <summary>How a route fares; what <c>/routes</c> shows.</summary>
/// <param name="Id">The route.</param>
/// <param name="Target">Where it goes, without secrets.</param>
/// <param name="Delivered">Changes delivered since the start.</param>
/// <param name="Retried">Attempts after the first.</param>
/// <param name="Dead">Changes put into the dead-letter queue since the start.</param>
/// <param name="DeadDropped">Changes that the queue's bound pushed out, lost for this route.</param>
/// <param name="DeadBytes">Bytes waiting in the queue.</param>
/// <param name="Resets">Times the feed said that changes before the cursor are gone.</param>
/// <param name="LagSeconds">Age of the oldest change under delivery; 0 when all is delivered.</param>
/// <param name="BreakerOpen">True while the breaker keeps attempts back.</param>
/// <param name="LastError">The last failure; null when there was none.</param>
public sealed record RouteStatus(
    string Id, string Target, long Delivered, long Retried, long Dead, long DeadDropped, long DeadBytes, long Resets, double LagSeconds, bool BreakerOpen, string? LastError);

/// <summary>A target refused a batch for good: trying again would not help.</summary>
public sealed class RouteRefusedException(string message) : Exception(message);
