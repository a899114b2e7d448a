using System.Buffers;
using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Model;
using Twin.Scenarios.Import;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin import</c>: reads a file, adds its models, and hands twins and relationships to an import job.</summary>
internal static class ImportCommands
{
    private const int MostShown = 50;

    public static Command Make()
    {
        var path = new Argument<string>("PATH") { Description = "The file (or, for gtfs and dtdl, folder or zip)." };
        var model = new Option<string?>("--model") { Description = "The rows' model; none makes one from the columns." };
        var csv = new Command("csv", "A table with a header: a twin a row, the first column its id.") { path, model };
        csv.Does((call, token) => ImportAsync(call, path, p => CsvImport.ReadFile(p, new CsvMapping(ModelId: call.Parsed.GetValue(model))), token));
        var cityjson = new Command("cityjson", "A CityJSON 1.1 or 2.0 file.") { path };
        cityjson.Does((call, token) => ImportAsync(call, path, CityJsonImport.Read, token));
        var gtfs = new Command("gtfs", "A GTFS timetable.") { path };
        gtfs.Does((call, token) => ImportAsync(call, path, GtfsImport.Read, token));
        var dtdl = new Command("dtdl", "DTDL models.") { path };
        dtdl.Does((call, token) => ImportModelsAsync(call, PathOf(call, path), token));
        var sumo = new Command("sumo", "Traffic networks; not taken yet.") { path };
        sumo.Does((_, _) => throw new CallException("SUMO networks are not imported yet: they come with traffic simulation.", "Formats that are taken: cityjson, gtfs, csv, dtdl."));
        return new Command("import", "Brings files into the graph: cityjson, gtfs, csv, dtdl.") { cityjson, gtfs, sumo, csv, dtdl };
    }

    private static string PathOf(Call call, Argument<string> argument)
    {
        var path = call.Parsed.GetValue(argument)!;
        return File.Exists(path) || Directory.Exists(path) ? path : throw new CallException($"There is no file or folder '{path}'.");
    }

    private static async Task<CommandAnswer> ImportAsync(Call call, Argument<string> argument, Func<string, ImportResult> read, CancellationToken cancellationToken)
    {
        var import = read(PathOf(call, argument));
        using var client = call.Connect();
        var models = await AddModelsAsync(client, import.Models, cancellationToken).ConfigureAwait(false);
        call.Say($"read {import.Twins.Count} twins and {import.Relationships.Count} relationships; sending");
        var id = $"twin-import-{Guid.NewGuid():N}";
        using var file = new MemoryStream(WriteFile(import));
        await client.StartImportAsync(id, file, cancellationToken).ConfigureAwait(false);
        var job = await client.WaitForImportAsync(id, TimeSpan.FromMilliseconds(500), null, cancellationToken).ConfigureAwait(false);
        var json = new JsonObject
        {
            ["status"] = job.Status, ["job"] = id, ["models"] = models, ["read"] = new JsonObject { ["twins"] = import.Twins.Count, ["relationships"] = import.Relationships.Count },
            ["counts"] = new JsonObject([.. job.Counts.Select(c => KeyValuePair.Create(c.Key, (JsonNode?)c.Value))]),
            ["errors"] = new JsonArray([.. job.Errors.Select(e => JsonNode.Parse(e.GetRawText()))]), ["skipped"] = ModelCommands.SkippedJson(import.Skipped),
        };
        return new CommandAnswer(job.Status == "succeeded" ? 0 : 1, json, console =>
        {
            console.WriteLine($"{job.Status}: {models} models; {string.Join(", ", job.Counts.Select(c => $"{c.Value} {c.Key}"))}");
            foreach (var error in job.Errors.Take(MostShown)) console.WriteLine($"refused: {error}");
            foreach (var item in import.Skipped.Take(MostShown)) console.WriteLine($"skipped {item.Where}: {item.Reason}");
            if (import.Skipped.Count > MostShown) console.WriteLine($"... and {import.Skipped.Count - MostShown} more skipped (all of them with --json)");
        });
    }

    private static async Task<CommandAnswer> ImportModelsAsync(Call call, string path, CancellationToken cancellationToken)
    {
        var read = DtdlImport.Read(path, ModelSet.Empty);
        using var client = call.Connect();
        var models = await AddModelsAsync(client, read.Texts, cancellationToken).ConfigureAwait(false);
        return new CommandAnswer(0, new JsonObject { ["models"] = models, ["files"] = read.Files.Count, ["skipped"] = ModelCommands.SkippedJson(read.Skipped) }, console =>
        {
            console.WriteLine($"added {models} models from {read.Files.Count} files");
            foreach (var item in read.Skipped.Take(MostShown)) console.WriteLine($"skipped {item.Where}: {item.Reason}");
        });
    }

    // Models that are there already stay: importing a second file of a kind is no mistake.
    private static async Task<int> AddModelsAsync(TwinClient client, IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        if (texts.Count == 0) return 0;
        var known = (await client.ListModelsAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Select(m => m.Id).ToHashSet(StringComparer.Ordinal);
        var fresh = texts.SelectMany(SplitModels).Where(m => m["@id"]?.ToString() is not { } id || !known.Contains(id)).Select(m => m.ToJsonString()).ToArray();
        return fresh.Length == 0 ? 0 : (await client.AddModelsAsync(fresh, cancellationToken).ConfigureAwait(false)).Count;
    }

    private static IEnumerable<JsonNode> SplitModels(string text) => JsonNode.Parse(text) switch
    {
        JsonArray list => list.Where(m => m is not null).Select(m => m!.DeepClone()),
        { } one => [one],
        null => [],
    };

    private static byte[] WriteFile(ImportResult import)
    {
        var output = new ArrayBufferWriter<byte>(1 << 16);
        ImportFile.WriteHeader(output, "twin import");
        ImportFile.WriteSection(output, ImportSection.Twins);
        foreach (var twin in import.Twins.OfType<PutTwin>()) ImportFile.WriteTwin(output, twin);
        ImportFile.WriteSection(output, ImportSection.Relationships);
        foreach (var relationship in import.Relationships.OfType<PutRelationship>()) ImportFile.WriteRelationship(output, relationship);
        return output.WrittenSpan.ToArray();
    }
}
