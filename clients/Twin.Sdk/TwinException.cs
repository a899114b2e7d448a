using System.Net;
using System.Text.Json;

namespace Twin.Sdk;

/// <summary>The server refused a call, as its <c>application/problem+json</c> says.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="code">The problem's stable code, such as <c>TwinNotFound</c>; <c>Http</c> and the status where the answer is no problem document.</param>
/// <param name="detail">What is wrong, for a person.</param>
/// <param name="where">The place in the request that is wrong; null when the whole call is meant.</param>
public sealed class TwinException(HttpStatusCode status, string code, string detail, string? where)
    : Exception(where is null ? $"{detail} [{code}, {(int)status}]" : $"{detail} [{code}, {(int)status}, at {where}]")
{
    private const int LongestDetail = 500;

    /// <summary>HTTP status.</summary>
    public HttpStatusCode Status { get; } = status;

    /// <summary>The problem's stable code.</summary>
    public string Code { get; } = code;

    /// <summary>What is wrong, for a person.</summary>
    public string Detail { get; } = detail;

    /// <summary>The place in the request that is wrong; null when the whole call is meant.</summary>
    public string? Where { get; } = where;

    /// <summary>Reads a refusal; a body that is no problem document becomes the detail, shortened.</summary>
    internal static async Task<TwinException> ReadAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var text = await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object && Text(document.RootElement, "code") is { } code)
                return new TwinException(answer.StatusCode, code, Text(document.RootElement, "detail") ?? Text(document.RootElement, "title") ?? "", Text(document.RootElement, "where"));
        }
        catch (JsonException)
        {
            // Some proxy's page; told as it is.
        }

        var said = text.Length > LongestDetail ? text[..LongestDetail] + "..." : text;
        return new TwinException(answer.StatusCode, $"Http{(int)answer.StatusCode}", said.Length > 0 ? said : $"The server answered {(int)answer.StatusCode} {answer.ReasonPhrase}.", null);
    }

    private static string? Text(JsonElement problem, string name) =>
        problem.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
