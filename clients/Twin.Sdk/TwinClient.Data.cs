using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Xml;
using Twin.Model;

namespace Twin.Sdk;

/// <content>Queries, samples, batches, history, devices, imports and the world's standing.</content>
public sealed partial class TwinClient
{
    /// <summary>Rows of a query, page after page as they are read.</summary>
    /// <param name="query">The text; <c>$name</c> stands for a parameter.</param>
    /// <param name="parameters">Values by name, without the dollar sign.</param>
    /// <param name="pageSize">Rows a page, 1 to 10,000.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async IAsyncEnumerable<JsonElement> QueryAsync(
        string query, IReadOnlyDictionary<string, object?>? parameters = null, int pageSize = 1_000, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (pageSize is < 1 or > 10_000) throw new ArgumentOutOfRangeException(nameof(pageSize), pageSize, "Allowed: 1 to 10,000.");
        string? next = null;
        do
        {
            var body = JsonSerializer.SerializeToUtf8Bytes(new { query, parameters, continuationToken = next, pageSize });
            var page = await _transport.ReadAsync(() => Request(HttpMethod.Post, "query", body), true, cancellationToken).ConfigureAwait(false);
            foreach (var row in AnswerReader.Items(page, "value")) yield return row;
            next = AnswerReader.Text(page, "continuationToken");
        }
        while (next is not null);
    }

    /// <summary>
    /// Sends samples of many twins (MessagePack) and returns once the journal has them. Repeated after 503 and 429 only when every sample has a
    /// time: the server then knows one that it has.
    /// </summary>
    public async Task<IngestAnswer> IngestAsync(ReadOnlyMemory<Sample> samples, CancellationToken cancellationToken = default)
    {
        var buffer = new ArrayBufferWriter<byte>(64 + (samples.Length * 32));
        SampleBatchWriter.Write(buffer, samples.Span);
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Post, "ingest", buffer.WrittenMemory, "application/msgpack"), AllTimed(samples.Span), cancellationToken).ConfigureAwait(false);
        return AnswerReader.Ingest(answer);
    }

    /// <summary>Does commands all or not at all; the outcomes say which one was refused. Throws only when the batch itself is wrong.</summary>
    public async Task<IReadOnlyList<BatchOutcome>> ExecuteAsync(TwinBatch batch, CancellationToken cancellationToken = default)
    {
        var body = batch.ToUtf8();
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Post, "batch", body), false, cancellationToken, (a, _) => a.Content.Headers.ContentType?.MediaType == "application/json").ConfigureAwait(false);
        return [.. AnswerReader.Items(answer, "results").Select(r =>
            new BatchOutcome((int)(AnswerReader.Number(r, "status") ?? 0), AnswerReader.Text(r, "etag"), AnswerReader.Text(r, "code"), AnswerReader.Text(r, "detail")))];
    }

    /// <summary>Kept values of a property, oldest first. Without times: the last day, as the server has it.</summary>
    /// <param name="twinId">Twin id.</param>
    /// <param name="path">Property path such as <c>temperature</c> or <c>motor/speed</c>.</param>
    /// <param name="from">First instant.</param>
    /// <param name="to">End, not included.</param>
    /// <param name="limit">Most values.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    public async Task<IReadOnlyList<HistoryPoint>> ReadHistoryAsync(string twinId, string path, DateTimeOffset? from = null, DateTimeOffset? to = null, int limit = 10_000, CancellationToken cancellationToken = default)
    {
        var answer = await HistoryAsync(twinId, path, from, to, $"limit={limit.ToString(CultureInfo.InvariantCulture)}", cancellationToken).ConfigureAwait(false);
        return [.. AnswerReader.Items(answer, "points").Select(p => new HistoryPoint(AnswerReader.Time(p, "t") ?? default, AnswerReader.Part(p, "v")))];
    }

    /// <summary>Values of a property by stretches of <paramref name="width"/>, oldest first.</summary>
    public async Task<IReadOnlyList<HistoryBucket>> ReadHistoryBucketsAsync(string twinId, string path, TimeSpan width, DateTimeOffset? from = null, DateTimeOffset? to = null, CancellationToken cancellationToken = default)
    {
        var answer = await HistoryAsync(twinId, path, from, to, $"width={Uri.EscapeDataString(XmlConvert.ToString(width))}", cancellationToken).ConfigureAwait(false);
        return [.. AnswerReader.Items(answer, "buckets").Select(AnswerReader.Bucket)];
    }

    /// <summary>Registers a device. Not repeated: the secret is told once.</summary>
    public async Task<DeviceRegistration> RegisterDeviceAsync(string id, CancellationToken cancellationToken = default)
    {
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Put, $"devices/{Escape(id)}"), false, cancellationToken).ConfigureAwait(false);
        return new(AnswerReader.Text(answer, "deviceId") ?? id, AnswerReader.Text(answer, "secret") ?? "");
    }

    /// <summary>Devices in order of their ids, page after page as they are read: <c>deviceId</c>, <c>registered</c>, <c>connected</c>, <c>stale</c>, <c>lastSeen</c> and more.</summary>
    /// <param name="state"><c>connected</c>, <c>disconnected</c>, <c>stale</c>, <c>fresh</c> or <c>disabled</c>; null for all.</param>
    /// <param name="prefix">What the id begins with; null for all.</param>
    /// <param name="pageSize">Rows a page, 1 to 1,000.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async IAsyncEnumerable<JsonElement> ListDevicesAsync(string? state = null, string? prefix = null, int pageSize = 100, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (pageSize is < 1 or > 1_000) throw new ArgumentOutOfRangeException(nameof(pageSize), pageSize, "Allowed: 1 to 1,000.");
        string? next = null;
        do
        {
            var path = $"devices?top={pageSize.ToString(CultureInfo.InvariantCulture)}{Asked("state", state)}{Asked("prefix", prefix)}{Asked("continuationToken", next)}";
            var page = await _transport.ReadAsync(() => Request(HttpMethod.Get, path), true, cancellationToken).ConfigureAwait(false);
            foreach (var row in AnswerReader.Items(page, "value")) yield return row;
            next = AnswerReader.Text(page, "continuationToken");
        }
        while (next is not null);
    }

    private static string Asked(string name, string? value) => string.IsNullOrEmpty(value) ? "" : $"&{name}={Uri.EscapeDataString(value)}";

    /// <summary>A device's standing: <c>registered</c>, <c>connected</c>, <c>stale</c>, <c>lastSeen</c>, <c>desired</c>, <c>reported</c> and more.</summary>
    public Task<JsonElement> GetDeviceAsync(string id, CancellationToken cancellationToken = default) =>
        _transport.ReadAsync(() => Request(HttpMethod.Get, $"devices/{Escape(id)}"), true, cancellationToken);

    /// <summary>Merges into a device's desired state (RFC 7396); returns the new version.</summary>
    public async Task<long> SetDesiredAsync(string id, object mergePatch, CancellationToken cancellationToken = default)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(mergePatch);
        // Merging the same twice gives the same state.
        var answer = await _transport.ReadAsync(() => Request(HttpMethod.Patch, $"devices/{Escape(id)}/desired", body), true, cancellationToken).ConfigureAwait(false);
        return (long)(AnswerReader.Number(answer, "version") ?? 0);
    }

    /// <summary>Sends a command to a device and waits for its reply.</summary>
    /// <param name="id">Device id.</param>
    /// <param name="command">Its name.</param>
    /// <param name="payload">Any JSON value; null for none.</param>
    /// <param name="timeout">How long the server waits for the device, above 0 and at most 300 s; null takes 10 s.</param>
    /// <param name="idempotencyKey">At most 128 characters: a second call with the same key gets the first one's reply, so that the call may be repeated; null makes none and never repeats.</param>
    /// <param name="cancellationToken">Gives the call up; the device may still do it.</param>
    public async Task<DeviceReply> InvokeAsync(string id, string command, object? payload = null, TimeSpan? timeout = null, string? idempotencyKey = null, CancellationToken cancellationToken = default)
    {
        var wait = timeout ?? TimeSpan.FromSeconds(10);
        if (wait <= TimeSpan.Zero || wait > TimeSpan.FromSeconds(300)) throw new ArgumentOutOfRangeException(nameof(timeout), timeout, "Allowed: above 0, at most 300 s.");
        var body = payload is null ? [] : JsonSerializer.SerializeToUtf8Bytes(payload);
        var answer = await _transport.ReadAsync(() =>
        {
            var request = Request(HttpMethod.Post, $"devices/{Escape(id)}/commands/{Escape(command)}?timeout={wait.TotalSeconds.ToString(CultureInfo.InvariantCulture)}", body);
            if (idempotencyKey is not null) request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
            return request;
        }, idempotencyKey is not null, cancellationToken, unbounded: true).ConfigureAwait(false);
        return new((int)(AnswerReader.Number(answer, "code") ?? 0), AnswerReader.Part(answer, "payload"));
    }

    /// <summary>Starts an import job from an import file (NDJSON in sections, as <see cref="ImportFile"/> writes it). Not repeated: the stream is read once.</summary>
    public async Task<ImportJob> StartImportAsync(string jobId, Stream file, CancellationToken cancellationToken = default) =>
        AnswerReader.Job(await _transport.ReadAsync(() =>
        {
            var request = Request(HttpMethod.Put, $"jobs/imports/{Escape(jobId)}");
            request.Content = new StreamContent(file);
            request.Content.Headers.ContentType = new("application/x-ndjson");
            return request;
        }, false, cancellationToken, unbounded: true).ConfigureAwait(false));

    /// <summary>How far an import job is.</summary>
    public async Task<ImportJob> GetImportAsync(string jobId, CancellationToken cancellationToken = default) =>
        AnswerReader.Job(await _transport.ReadAsync(() => Request(HttpMethod.Get, $"jobs/imports/{Escape(jobId)}"), true, cancellationToken).ConfigureAwait(false));

    /// <summary>Asks every <paramref name="interval"/> until an import job has ended; returns its end.</summary>
    public async Task<ImportJob> WaitForImportAsync(string jobId, TimeSpan interval, IProgress<ImportJob>? progress = null, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var job = await GetImportAsync(jobId, cancellationToken).ConfigureAwait(false);
            progress?.Report(job);
            if (job.IsEnded) return job;
            await Task.Delay(interval, _options.Clock, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks a running import job to stop.</summary>
    public async Task CancelImportAsync(string jobId, CancellationToken cancellationToken = default)
    {
        using var answer = await _transport.SendAsync(() => Request(HttpMethod.Post, $"jobs/imports/{Escape(jobId)}/cancel"), true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Version, silos, shards, counts and rates, as <c>GET /system</c> tells them.</summary>
    public Task<JsonElement> GetSystemAsync(CancellationToken cancellationToken = default) => _transport.ReadAsync(() => Request(HttpMethod.Get, "system"), true, cancellationToken);

    /// <summary>Twins in alarm.</summary>
    public async Task<IReadOnlyList<JsonElement>> ListAlarmsAsync(CancellationToken cancellationToken = default) =>
        [.. (await _transport.ReadAsync(() => Request(HttpMethod.Get, "alarms"), true, cancellationToken).ConfigureAwait(false)).EnumerateArray()];

    private Task<JsonElement> HistoryAsync(string twinId, string path, DateTimeOffset? from, DateTimeOffset? to, string more, CancellationToken cancellationToken)
    {
        var segments = string.Join('/', path.Split('/').Select(Escape));
        var text = $"history/{Escape(twinId)}/{segments}?{more}{Bound("from", from)}{Bound("to", to)}";
        return _transport.ReadAsync(() => Request(HttpMethod.Get, text), true, cancellationToken);
    }

    private static string Bound(string name, DateTimeOffset? time) => time is { } known ? $"&{name}={Uri.EscapeDataString(known.ToString("O", CultureInfo.InvariantCulture))}" : "";

    private static bool AllTimed(ReadOnlySpan<Sample> samples)
    {
        foreach (ref readonly var sample in samples)
            if (!sample.SourceTime.IsKnown) return false;
        return true;
    }
}
