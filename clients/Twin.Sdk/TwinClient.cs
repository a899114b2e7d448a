using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Twin.Sdk;

/// <summary>
/// A Twin server over HTTP and WebSocket. Thread-safe; one for a process is enough. Every call throws <see cref="TwinException"/> when the server
/// refuses it, <see cref="HttpRequestException"/> when it cannot be reached and <see cref="TimeoutException"/> when it does not answer.
/// After 503 and 429 calls that change nothing or may be sent twice are repeated within the options' bounds; others are not.
/// </summary>
public sealed partial class TwinClient : IDisposable
{
    private readonly TwinTransport _transport;
    private readonly TwinClientOptions _options;

    /// <summary>Builds a client; nothing is sent yet.</summary>
    /// <param name="address">The server, such as <c>http://localhost:5080</c>.</param>
    /// <param name="options">Keys and bounds; null takes the defaults.</param>
    /// <exception cref="ArgumentException">The address is not absolute http or https.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public TwinClient(Uri address, TwinClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https")) throw new ArgumentException($"'{address}' must be an absolute http or https address.", nameof(address));
        _options = (options ?? new TwinClientOptions()).Checked();
        _transport = new TwinTransport(address.AbsoluteUri.EndsWith('/') ? address : new Uri(address.AbsoluteUri + "/"), _options);
    }

    /// <summary>The server's address, ending in a slash.</summary>
    public Uri Address => _transport.Address;

    /// <summary>All models, or with <paramref name="dependenciesFor"/> those ids and what they need.</summary>
    public async Task<IReadOnlyList<ModelEntry>> ListModelsAsync(IReadOnlyList<string>? dependenciesFor = null, bool withDefinition = false, CancellationToken cancellationToken = default)
    {
        var models = new List<ModelEntry>();
        var ids = dependenciesFor is null ? "" : "&dependenciesFor=" + string.Join(',', dependenciesFor.Select(Uri.EscapeDataString));
        await foreach (var model in PagesAsync($"models?includeModelDefinition={(withDefinition ? "true" : "false")}{ids}", cancellationToken).ConfigureAwait(false)) models.Add(AnswerReader.Model(model));
        return models;
    }

    /// <summary>One model with its DTDL.</summary>
    public async Task<ModelEntry> GetModelAsync(string id, CancellationToken cancellationToken = default) =>
        AnswerReader.Model(await _transport.ReadAsync(() => Request(HttpMethod.Get, $"models/{Escape(id)}"), true, cancellationToken).ConfigureAwait(false));

    /// <summary>Adds DTDL models, all or none; returns the new ones.</summary>
    /// <param name="dtdl">Texts, each an interface or an array of them.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    /// <exception cref="JsonException">A text is not JSON.</exception>
    public async Task<IReadOnlyList<ModelEntry>> AddModelsAsync(IEnumerable<string> dtdl, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dtdl);
        var body = Write(json =>
        {
            json.WriteStartArray();
            foreach (var text in dtdl)
            {
                using var document = JsonDocument.Parse(text);
                if (document.RootElement.ValueKind != JsonValueKind.Array) document.RootElement.WriteTo(json);
                else foreach (var model in document.RootElement.EnumerateArray()) model.WriteTo(json);
            }

            json.WriteEndArray();
        });
        var added = await _transport.ReadAsync(() => Request(HttpMethod.Post, "models", body), false, cancellationToken).ConfigureAwait(false);
        return [.. added.EnumerateArray().Select(AnswerReader.Model)];
    }

    /// <summary>Deletes a model that nothing uses.</summary>
    public Task DeleteModelAsync(string id, CancellationToken cancellationToken = default) => DeleteAsync($"models/{Escape(id)}", null, cancellationToken);

    /// <summary>A twin and its version.</summary>
    public Task<TaggedJson> GetTwinAsync(string id, CancellationToken cancellationToken = default) => GetTaggedAsync($"digitaltwins/{Escape(id)}", cancellationToken);

    /// <summary>Creates or replaces a twin.</summary>
    /// <param name="id">Twin id.</param>
    /// <param name="twin">The document: <c>$metadata.$model</c> and the properties.</param>
    /// <param name="ifMatch">Only when this is its version; <c>*</c> only when it exists.</param>
    /// <param name="onlyIfAbsent">Only when there is none.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public Task<TaggedJson> PutTwinAsync(string id, object twin, string? ifMatch = null, bool onlyIfAbsent = false, CancellationToken cancellationToken = default) =>
        PutTaggedAsync($"digitaltwins/{Escape(id)}", twin, ifMatch, onlyIfAbsent, cancellationToken);

    /// <summary>Changes a twin; returns its new version.</summary>
    /// <param name="id">Twin id.</param>
    /// <param name="patch">JSON Patch (RFC 6902): see <see cref="JsonPatch"/>, or anything that serializes to one.</param>
    /// <param name="ifMatch">Only when this is its version.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public Task<string?> PatchTwinAsync(string id, object patch, string? ifMatch = null, CancellationToken cancellationToken = default) =>
        PatchAsync($"digitaltwins/{Escape(id)}", patch, ifMatch, cancellationToken);

    /// <summary>Deletes a twin; with <paramref name="cascade"/> its relationships too.</summary>
    public Task DeleteTwinAsync(string id, bool cascade = false, string? ifMatch = null, CancellationToken cancellationToken = default) =>
        DeleteAsync($"digitaltwins/{Escape(id)}{(cascade ? "?cascade=true" : "")}", ifMatch, cancellationToken);

    /// <summary>One relationship and its version.</summary>
    public Task<TaggedJson> GetRelationshipAsync(string twinId, string relationshipId, CancellationToken cancellationToken = default) =>
        GetTaggedAsync($"digitaltwins/{Escape(twinId)}/relationships/{Escape(relationshipId)}", cancellationToken);

    /// <summary>Relationships from a twin, page after page; of one name when given.</summary>
    public IAsyncEnumerable<JsonElement> ListRelationshipsAsync(string twinId, string? name = null, CancellationToken cancellationToken = default) =>
        PagesAsync($"digitaltwins/{Escape(twinId)}/relationships{(name is null ? "" : $"?relationshipName={Escape(name)}")}", cancellationToken);

    /// <summary>Relationships to a twin, page after page.</summary>
    public IAsyncEnumerable<JsonElement> ListIncomingRelationshipsAsync(string twinId, CancellationToken cancellationToken = default) =>
        PagesAsync($"digitaltwins/{Escape(twinId)}/incomingrelationships", cancellationToken);

    /// <summary>Creates or replaces a relationship: <c>$relationshipName</c>, <c>$targetId</c> and properties.</summary>
    public Task<TaggedJson> PutRelationshipAsync(string twinId, string relationshipId, object relationship, string? ifMatch = null, bool onlyIfAbsent = false, CancellationToken cancellationToken = default) =>
        PutTaggedAsync($"digitaltwins/{Escape(twinId)}/relationships/{Escape(relationshipId)}", relationship, ifMatch, onlyIfAbsent, cancellationToken);

    /// <summary>Changes a relationship's properties; returns its new version.</summary>
    public Task<string?> PatchRelationshipAsync(string twinId, string relationshipId, object patch, string? ifMatch = null, CancellationToken cancellationToken = default) =>
        PatchAsync($"digitaltwins/{Escape(twinId)}/relationships/{Escape(relationshipId)}", patch, ifMatch, cancellationToken);

    /// <summary>Deletes a relationship.</summary>
    public Task DeleteRelationshipAsync(string twinId, string relationshipId, string? ifMatch = null, CancellationToken cancellationToken = default) =>
        DeleteAsync($"digitaltwins/{Escape(twinId)}/relationships/{Escape(relationshipId)}", ifMatch, cancellationToken);

    /// <summary>A component and the twin's version.</summary>
    public Task<TaggedJson> GetComponentAsync(string twinId, string component, CancellationToken cancellationToken = default) =>
        GetTaggedAsync($"digitaltwins/{Escape(twinId)}/components/{Escape(component)}", cancellationToken);

    /// <summary>Changes a component; returns the twin's new version.</summary>
    public Task<string?> PatchComponentAsync(string twinId, string component, object patch, string? ifMatch = null, CancellationToken cancellationToken = default) =>
        PatchAsync($"digitaltwins/{Escape(twinId)}/components/{Escape(component)}", patch, ifMatch, cancellationToken);

    /// <summary>Publishes telemetry of a twin or one of its components. Not repeated: the server passes each on.</summary>
    /// <param name="twinId">Twin id.</param>
    /// <param name="messageId">The sender's id of the message.</param>
    /// <param name="payload">Any JSON value.</param>
    /// <param name="component">Null for the twin itself.</param>
    /// <param name="sourceTime">When it was true; null takes the arrival.</param>
    /// <param name="cancellationToken">Gives the call up; the server may still do it.</param>
    public async Task PublishTelemetryAsync(string twinId, string messageId, object payload, string? component = null, DateTimeOffset? sourceTime = null, CancellationToken cancellationToken = default)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(payload);
        var path = component is null ? $"digitaltwins/{Escape(twinId)}/telemetry" : $"digitaltwins/{Escape(twinId)}/components/{Escape(component)}/telemetry";
        using var answer = await _transport.SendAsync(() =>
        {
            var request = Request(HttpMethod.Post, path, body);
            request.Headers.TryAddWithoutValidation("Message-Id", messageId);
            if (sourceTime is { } time) request.Headers.TryAddWithoutValidation("Telemetry-Source-Time", time.ToString("O", System.Globalization.CultureInfo.InvariantCulture));
            return request;
        }, false, cancellationToken).ConfigureAwait(false);
    }

    private async Task<TaggedJson> GetTaggedAsync(string path, CancellationToken cancellationToken)
    {
        using var answer = await _transport.SendAsync(() => Request(HttpMethod.Get, path), true, cancellationToken).ConfigureAwait(false);
        return new(await TwinTransport.JsonOfAsync(answer, cancellationToken).ConfigureAwait(false), TagOf(answer));
    }

    private async Task<TaggedJson> PutTaggedAsync(string path, object document, string? ifMatch, bool onlyIfAbsent, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(document);
        // With a condition a second sending would meet the first one's version and be told 412.
        using var answer = await _transport.SendAsync(() => Conditional(Request(HttpMethod.Put, path, body), ifMatch, onlyIfAbsent), ifMatch is null && !onlyIfAbsent, cancellationToken).ConfigureAwait(false);
        return new(await TwinTransport.JsonOfAsync(answer, cancellationToken).ConfigureAwait(false), TagOf(answer));
    }

    private async Task<string?> PatchAsync(string path, object patch, string? ifMatch, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(patch is JsonPatch operations ? operations.Operations : patch);
        using var answer = await _transport.SendAsync(() => Conditional(Request(HttpMethod.Patch, path, body, "application/json-patch+json"), ifMatch, false), false, cancellationToken).ConfigureAwait(false);
        return TagOf(answer);
    }

    private async Task DeleteAsync(string path, string? ifMatch, CancellationToken cancellationToken)
    {
        // A repeated DELETE that finds nothing was done by the one before.
        using var answer = await _transport.SendAsync(() => Conditional(Request(HttpMethod.Delete, path), ifMatch, false), ifMatch is null, cancellationToken,
            (a, attempt) => attempt > 0 && a.StatusCode == HttpStatusCode.NotFound).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<JsonElement> PagesAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (string? next = path; next is not null;)
        {
            var here = next.TrimStart('/');
            var page = await _transport.ReadAsync(() => Request(HttpMethod.Get, here), true, cancellationToken).ConfigureAwait(false);
            foreach (var item in AnswerReader.Items(page, "value")) yield return item;
            next = AnswerReader.Text(page, "nextLink");
        }
    }

    private HttpRequestMessage Request(HttpMethod method, string path, ReadOnlyMemory<byte>? body = null, string type = "application/json")
    {
        var request = new HttpRequestMessage(method, new Uri(Address, path));
        if (body is { } bytes)
        {
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        return request;
    }

    private static HttpRequestMessage Conditional(HttpRequestMessage request, string? ifMatch, bool onlyIfAbsent)
    {
        if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        if (onlyIfAbsent) request.Headers.TryAddWithoutValidation("If-None-Match", "*");
        return request;
    }

    private static string? TagOf(HttpResponseMessage answer) => answer.Headers.TryGetValues("ETag", out var tags) ? tags.FirstOrDefault() : null;

    private static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(buffer)) write(json);
        return buffer.WrittenSpan.ToArray();
    }

    private static string Escape(string segment)
    {
        ArgumentException.ThrowIfNullOrEmpty(segment);
        return Uri.EscapeDataString(segment);
    }

    /// <summary>Closes the connections the client made.</summary>
    public void Dispose() => _transport.Dispose();
}
