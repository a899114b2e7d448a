using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Twin.Gateway.Http;
using Twin.Gateway.Security;
using Twin.Model;

namespace Twin.Gateway.Jobs;

/// <summary><c>/jobs/imports</c>.</summary>
internal static class ImportEndpoints
{
    private const long MostBytes = 8L << 30;

    public static void Map(IEndpointRouteBuilder routes, ImportJobs jobs)
    {
        var group = routes.MapGroup("/jobs/imports").WithTags("Jobs");
        group.MapGet("", () => Results.Json(new { value = jobs.All.Select(j => j.Show()), nextLink = (string?)null })).Needs(Permission.Read).WithSummary("All import jobs");
        group.MapGet("{id}", (string id) => jobs.Find(id) is { } job ? Results.Json(job.Show()) : NoJob(id)).Needs(Permission.Read).WithSummary("One import job");
        group.MapPut("{id}", async (HttpContext context, string id) => await PutAsync(context, jobs, id).ConfigureAwait(false)).Needs(Permission.Administer)
            .WithSummary("Starts an import: the NDJSON itself, or the name of a file in the import folder");
        group.MapPost("{id}/cancel", async (string id) =>
        {
            if (jobs.Find(id) is not { } job) return NoJob(id);
            await job.Cancelling.CancelAsync().ConfigureAwait(false);
            return Results.Json(job.Show(), statusCode: 202);
        }).Needs(Permission.Administer).WithSummary("Stops a job; what was written stays");
        group.MapDelete("{id}", (string id) => jobs.Find(id) is not { } job ? NoJob(id)
            : jobs.TryDelete(job) ? Results.NoContent() : TwinProblems.Result(409, "JobRunning", $"Job '{id}' is at work; cancel it first.", "id")).Needs(Permission.Administer).WithSummary("Forgets a job that has ended");
    }

    private static IResult NoJob(string id) => TwinProblems.Result(404, "JobNotFound", $"There is no import job '{id}'.", "id");

    private static async Task<IResult> PutAsync(HttpContext context, ImportJobs jobs, string id)
    {
        if (!TwinJson.IsValidId(id)) return TwinProblems.Result(400, "IdInvalid", $"'{id}' is not a job id.", "id");
        if (jobs.Find(id) is not null) return TwinProblems.Result(409, "JobExists", $"There is a job '{id}' already; delete it first, or take another id.", "id");
        string? file = null;
        long bytes;
        if (context.Request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) == true)
        {
            if (await FileAsync(context, jobs).ConfigureAwait(false) is not { } named)
                return TwinProblems.Result(400, "ImportFileInvalid", "inputBlobUri must be the plain name of a file in the import folder.", "inputBlobUri");
            (file, bytes) = (named, new FileInfo(named).Length);
        }
        else
        {
            bytes = await SaveAsync(context, jobs.FolderOf(id)).ConfigureAwait(false);
            if (bytes < 0) return TwinProblems.Result(413, "BodyTooLarge", $"An import file has at most {MostBytes} bytes.", "body");
        }

        return jobs.TryAdd(id, file, bytes, out var problem) ? Results.Json(jobs.Find(id)!.Show(), statusCode: 201) : TwinProblems.Result(409, problem!.Code, problem.Detail, problem.Where);
    }

    private static async Task<string?> FileAsync(HttpContext context, ImportJobs jobs)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted).ConfigureAwait(false);
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("inputBlobUri"u8, out var name) || name.ValueKind != JsonValueKind.String) return null;
            var text = name.GetString()!;
            if (text.Length is 0 or > 255 || text != Path.GetFileName(text) || text is "." or "..") return null;
            var path = Path.Combine(jobs.Folder, text);
            return File.Exists(path) ? path : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Streams the body to the job's folder and flushes it; -1 when it is too long.</summary>
    private static async Task<long> SaveAsync(HttpContext context, string folder)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = MostBytes;
        if (context.Request.ContentLength > MostBytes) return -1;
        Directory.CreateDirectory(folder);
        await using var file = new FileStream(Path.Combine(folder, "input.ndjson"), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        await context.Request.Body.CopyToAsync(file, 1 << 20, context.RequestAborted).ConfigureAwait(false);
        file.Flush(flushToDisk: true);
        return file.Length;
    }
}
