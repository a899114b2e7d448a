using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Twin.Grains;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>Models as they are listed: all of them in order of their ids, or those that the named ones depend on; by page when a page's size is asked for.</summary>
internal static class ModelListing
{
    private const int MostNamed = 100;
    private const int MostRows = 1_000;

    public static async Task<IResult> AnswerAsync(HttpContext context, ITwinStore store, bool withText)
    {
        var request = context.Request;
        var wanted = request.Query["dependenciesFor"].SelectMany(v => v!.Split(',')).Where(v => v.Length > 0).ToArray();
        if (wanted.Length > MostNamed) return TwinProblems.Result(400, "LimitExceeded", $"dependenciesFor names {wanted.Length} models; at most {MostNamed} are taken.", "dependenciesFor");
        if (!TryReadPage(request, out var top, out var after, out var problem)) return TwinProblems.Result(400, problem!.Code, problem.Detail, problem.Where);
        IEnumerable<StoredModel> rows = await store.ListModelsAsync(context.RequestAborted).ConfigureAwait(false);
        if (wanted.FirstOrDefault(w => store.Models.Find(w) is null) is { } unknown) return NotFound(unknown);
        if (wanted.Length > 0)
        {
            var needed = wanted.SelectMany(w => Dependencies(store.Models, w)).ToHashSet(StringComparer.Ordinal);
            rows = rows.Where(m => needed.Contains(m.Id));
        }

        var ordered = rows.Where(m => string.CompareOrdinal(m.Id, after) > 0).OrderBy(m => m.Id, StringComparer.Ordinal).ToArray();
        var page = ordered.Length <= top ? ordered : ordered[..top];
        var next = page.Length == ordered.Length ? null : AzureShape.NextLink(request, Base64Url.EncodeToString(Encoding.ASCII.GetBytes(page[^1].Id)));
        return Results.Json(new { value = page.Select(m => Show(store, m, withText)), nextLink = next });
    }

    public static IResult NotFound(string id) => TwinProblems.Result(404, "ModelNotFound", $"There is no model '{id}'.", "id");

    public static object Show(ITwinStore store, StoredModel model, bool withText) => new
    {
        id = model.Id,
        displayName = new Dictionary<string, string> { ["en"] = store.Models.Find(model.Id)?.DisplayName ?? model.Id },
        uploadTime = model.UploadTime.ToString(),
        decommissioned = model.IsDecommissioned,
        model = withText ? JsonDocument.Parse(model.Dtdl).RootElement : (JsonElement?)null,
    };

    private static bool TryReadPage(HttpRequest request, out int top, out string after, out Problem? problem)
    {
        (top, after, problem) = (int.MaxValue, "", null);
        if (request.Headers["max-items-per-page"].ToString() is { Length: > 0 } size && (!int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out top) || top is < 1 or > MostRows))
            problem = new Problem("PageSizeInvalid", $"max-items-per-page must be a whole number from 1 to {MostRows}.", "max-items-per-page");
        else if (request.Query["continuationToken"].ToString() is { Length: > 0 } token && !TryReadToken(token, out after))
            problem = new Problem("ContinuationInvalid", "continuationToken is not one that this server gave.", "continuationToken");
        return problem is null;
    }

    private static bool TryReadToken(string token, out string after)
    {
        var isText = token.Length <= 4_096 && Base64Url.IsValid(token);
        after = isText ? Encoding.ASCII.GetString(Base64Url.DecodeFromChars(token)) : "";
        return after.StartsWith("dtmi:", StringComparison.Ordinal);
    }

    private static IEnumerable<string> Dependencies(ModelSet models, string id)
    {
        if (models.Find(id) is not { } definition) return [id];
        return definition.Bases.Concat(definition.Components.Values.SelectMany(c => Dependencies(models, c.Interface.Id)));
    }
}
