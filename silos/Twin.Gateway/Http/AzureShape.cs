using Microsoft.AspNetCore.Http;

namespace Twin.Gateway.Http;

/// <summary>
/// What clients of Azure Digital Twins need beyond the resource shape. They are known by <c>api-version</c> in the query string, which they
/// always send: links to the next page are then absolute, and a refusal is <c>application/json</c> with an <c>error</c> object beside the
/// problem's members, because those clients read no other content type; <c>Accept: application/problem+json</c> asks for the problem.
/// </summary>
internal static class AzureShape
{
    /// <summary>Is the caller such a client?</summary>
    public static bool IsAsked(HttpRequest request) => request.QueryString.HasValue && request.Query.ContainsKey("api-version");

    /// <summary>Does it want refusals in that shape?</summary>
    public static bool WantsErrors(HttpRequest request) => IsAsked(request) && !request.Headers.Accept.ToString().Contains("application/problem+json", StringComparison.OrdinalIgnoreCase);

    /// <summary>A link to the next page of a listing: the request's own path and query with another <c>continuationToken</c>.</summary>
    public static string NextLink(HttpRequest request, string continuation)
    {
        var query = request.Query.Where(q => q.Key != "continuationToken").SelectMany(q => q.Value.Select(v => $"{Uri.EscapeDataString(q.Key)}={Uri.EscapeDataString(v ?? "")}"));
        var link = $"{request.PathBase}{request.Path.ToUriComponent()}?{string.Join('&', query.Append($"continuationToken={Uri.EscapeDataString(continuation)}"))}";
        return IsAsked(request) ? $"{request.Scheme}://{request.Host.ToUriComponent()}{link}" : link;
    }
}
