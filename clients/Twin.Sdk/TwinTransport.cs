using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Twin.Sdk;

/// <summary>
/// Sends requests: keys, one deadline an attempt, and repetition after 503 and 429 of calls that may be repeated, as often and as late as
/// the options allow. Counts <c>twin_client_retries_total</c>. Thread-safe.
/// </summary>
internal sealed class TwinTransport : IDisposable
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Retried = Meter.CreateCounter<long>("twin_client_retries_total");
    internal static readonly Counter<long> Reconnected = Meter.CreateCounter<long>("twin_client_stream_reconnects_total");

    private readonly TwinClientOptions _options;
    private readonly HttpClient _http;

    public TwinTransport(Uri address, TwinClientOptions options)
    {
        (Address, _options) = (address, options);
        Handler = options.HttpMessageHandler ?? new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.None };
        _http = new HttpClient(Handler, disposeHandler: options.HttpMessageHandler is null) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
    }

    public Uri Address { get; }

    public HttpMessageHandler Handler { get; }

    /// <summary>Sends; throws what is no success. The caller disposes the answer.</summary>
    /// <param name="make">Makes the request anew for each attempt.</param>
    /// <param name="repeatable">Sending it twice does what sending it once does.</param>
    /// <param name="pass">A status that is an answer though it is no success.</param>
    /// <param name="unbounded">No deadline but the caller's.</param>
    /// <param name="headersOnly">Returns before the body has come.</param>
    public async Task<HttpResponseMessage> SendAsync(
        Func<HttpRequestMessage> make, bool repeatable, CancellationToken cancellationToken, Func<HttpResponseMessage, int, bool>? pass = null, bool unbounded = false, bool headersOnly = false)
    {
        for (var attempt = 0; ; attempt++)
        {
            var answer = await AttemptAsync(make, unbounded, headersOnly ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead, cancellationToken).ConfigureAwait(false);
            if (answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.NotModified || pass?.Invoke(answer, attempt) == true) return answer;
            using (answer)
            {
                if (!repeatable || attempt >= _options.Retries || !IsBusy(answer.StatusCode) || WaitAfter(answer, attempt) is not { } wait)
                    throw await TwinException.ReadAsync(answer, cancellationToken).ConfigureAwait(false);
                Retried.Add(1);
                await Task.Delay(wait, _options.Clock, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends and reads the answer's JSON.</summary>
    public async Task<JsonElement> ReadAsync(Func<HttpRequestMessage> make, bool repeatable, CancellationToken cancellationToken, Func<HttpResponseMessage, int, bool>? pass = null, bool unbounded = false)
    {
        using var answer = await SendAsync(make, repeatable, cancellationToken, pass, unbounded).ConfigureAwait(false);
        return await JsonOfAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    public static async Task<JsonElement> JsonOfAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var utf8 = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        if (utf8.Length == 0) return default;
        try
        {
            using var document = JsonDocument.Parse(utf8);
            return document.RootElement.Clone();
        }
        catch (JsonException fault)
        {
            throw new TwinException(answer.StatusCode, "AnswerInvalid", $"{answer.RequestMessage?.RequestUri} answered no JSON: {fault.Message} Is it a Twin server?", null);
        }
    }

    /// <summary>Adds the caller's key or token.</summary>
    public void Authorize(Action<string, string> addHeader)
    {
        if (_options.ApiKey is { } key) addHeader("X-Api-Key", key);
        if (_options.Token is { } token) addHeader("Authorization", $"Bearer {token}");
    }

    private async Task<HttpResponseMessage> AttemptAsync(Func<HttpRequestMessage> make, bool unbounded, HttpCompletionOption until, CancellationToken cancellationToken)
    {
        using var request = make();
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        Authorize((name, value) => request.Headers.TryAddWithoutValidation(name, value));
        if (unbounded) return await _http.SendAsync(request, until, cancellationToken).ConfigureAwait(false);
        using var deadline = new CancellationTokenSource(_options.Timeout, _options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await _http.SendAsync(request, until, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException fault) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{request.Method} {request.RequestUri} had no answer within {_options.Timeout.TotalSeconds} s.", fault);
        }
    }

    private static bool IsBusy(HttpStatusCode status) => status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests;

    private TimeSpan? WaitAfter(HttpResponseMessage answer, int attempt)
    {
        if (answer.Headers.RetryAfter is { } asked)
        {
            var wait = asked.Delta ?? (asked.Date - _options.Clock.GetUtcNow()) ?? TimeSpan.Zero;
            return wait > _options.LongestWait ? null : wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
        }

        var doubled = _options.FirstWait * Math.Pow(2, attempt);
        return doubled < _options.LongestWait ? doubled : _options.LongestWait;
    }

    public void Dispose() => _http.Dispose();
}
