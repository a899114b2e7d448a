using System.Buffers;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Model;
using Twin.Model.Dtdl;
using Twin.Scenarios.Import;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin import</c>: reads a file, and hands its models, twins and relationships to an import job.</summary>
internal static class ImportCommands
{
    private const int MostShown = 50;

    public static Command Make()
    {
        var path = new Argument<string>("PATH") { Description = "The file (or, for gtfs and dtdl, folder or zip)." };
        var cityjson = new Command("cityjson", "A CityJSON 1.0, 1.1 or 2.0 file, or CityJSONSeq.") { path };
        cityjson.Does((call, token) => ImportAsync(call, CityJsonImport.Read(PathOf(call, path)), token));
        var gtfs = new Command("gtfs", "A GTFS timetable.") { path };
        gtfs.Does((call, token) => ImportAsync(call, GtfsImport.Read(PathOf(call, path)), token));
        var dtdl = new Command("dtdl", "DTDL models.") { path };
        dtdl.Does((call, token) => ImportModelsAsync(call, PathOf(call, path), token));
        var sumo = new Command("sumo", "Traffic networks; not taken yet.") { path };
        sumo.Does((_, _) => throw new CallException("SUMO networks are not imported yet: they come with traffic simulation.", "Formats that are taken: cityjson, gtfs, csv, dtdl."));
        return new Command("import", "Brings files into the graph: cityjson, gtfs, csv, dtdl.") { cityjson, gtfs, sumo, MakeCsv(path), dtdl };
    }

    private static Command MakeCsv(Argument<string> path)
    {
        var model = new Option<string?>("--model") { Description = "The rows' model; none makes one from the columns." };
        var id = new Option<string?>("--id") { Description = "The column with the ids; without it the first." };
        var separator = new Option<string?>("--separator") { Description = "What stands between fields, or 'tab'; without it found in the header." };
        var comma = new Option<bool>("--decimal-comma") { Description = "Numbers are written 1.234,5." };
        var zone = new Option<string?>("--zone") { Description = "Time zone of times without an offset, such as Europe/Berlin; without it UTC." };
        var csv = new Command("csv", "A table with a header: a twin a row, the first column its id.") { path, model, id, separator, comma, zone };
        return csv.Does((call, token) =>
        {
            var mapping = new CsvMapping(call.Parsed.GetValue(id), call.Parsed.GetValue(model), Separator: SeparatorOf(call.Parsed.GetValue(separator)), DecimalComma: call.Parsed.GetValue(comma), Zone: ZoneOf(call.Parsed.GetValue(zone)));
            return ImportAsync(call, CsvImport.ReadFile(PathOf(call, path), mapping), token);
        });
    }

    private static char? SeparatorOf(string? text) => text switch
    {
        null => null,
        "tab" => '\t',
        [var one] when one is not ('"' or '\r' or '\n') => one,
        _ => throw new CallException($"--separator is '{text}'; it must be one character, or tab."),
    };

    private static TimeZoneInfo? ZoneOf(string? text)
    {
        if (text is null) return null;
        return TimeZoneInfo.TryFindSystemTimeZoneById(text, out var zone) ? zone : throw new CallException($"--zone is '{text}'; it must be a time zone such as Europe/Berlin or UTC.");
    }

    private static string PathOf(Call call, Argument<string> argument)
    {
        var path = call.Parsed.GetValue(argument)!;
        return File.Exists(path) || Directory.Exists(path) ? path : throw new CallException($"There is no file or folder '{path}'.");
    }

    private static async Task<CommandAnswer> ImportModelsAsync(Call call, string path, CancellationToken cancellationToken)
    {
        var read = DtdlImport.Read(path, ModelSet.Empty);
        if (read.Files.Count == 0) throw new ImportRefusedException(path, "", "there are no DTDL models in it.");
        using (var client = call.Connect())
        {
            // Errors are told with their file; models of the server may complete those of the file.
            var own = read.Files.SelectMany((file, i) => SplitModels(read.Texts[i], file)).Select(m => m["@id"]?.ToString()).ToHashSet();
            var known = read.Parsed.IsValid ? [] : (await client.ListModelsAsync(withDefinition: true, cancellationToken: cancellationToken).ConfigureAwait(false)).Where(m => !own.Contains(m.Id)).Select(m => m.Model.GetRawText());
            var parsed = read.Parsed.IsValid ? read.Parsed : DtdlParser.Parse([.. read.Texts, .. known], ModelSet.Empty);
            if (!parsed.IsValid) throw new ImportRefusedException(path, "", string.Join(Environment.NewLine, parsed.Errors.Take(MostShown).Select(read.Describe)));
        }

        return await ImportAsync(call, new ImportResult(read.Texts, [], [], read.Skipped), cancellationToken, read.Files).ConfigureAwait(false);
    }

    private static async Task<CommandAnswer> ImportAsync(Call call, ImportResult import, CancellationToken cancellationToken, IReadOnlyList<string>? files = null)
    {
        using var client = call.Connect();
        var models = await FreshModelsAsync(client, import.Models, cancellationToken).ConfigureAwait(false);
        if (import.Place is { } place) call.Say($"coordinates: {place}");
        call.Say($"read {models.Count} new models, {import.Twins.Count} twins and {import.Relationships.Count} relationships; sending");
        var id = $"twin-import-{Guid.NewGuid():N}";
        using var file = new MemoryStream(WriteFile(import, models));
        await client.StartImportAsync(id, file, cancellationToken).ConfigureAwait(false);
        var job = await client.WaitForImportAsync(id, TimeSpan.FromMilliseconds(500), new ProgressLine(call), cancellationToken).ConfigureAwait(false);
        var json = new JsonObject
        {
            ["status"] = job.Status, ["job"] = id, ["models"] = models.Count, ["read"] = new JsonObject { ["twins"] = import.Twins.Count, ["relationships"] = import.Relationships.Count },
            ["counts"] = new JsonObject([.. job.Counts.Select(c => KeyValuePair.Create(c.Key, (JsonNode?)c.Value))]),
            ["errors"] = new JsonArray([.. job.Errors.Select(e => JsonNode.Parse(e.GetRawText()))]), ["skipped"] = ModelCommands.SkippedJson(import.Skipped), ["place"] = import.Place,
        };
        if (files is not null) json["files"] = files.Count;
        var isDone = job.Status == "succeeded" && job.Errors.Count == 0;
        return new CommandAnswer(isDone ? 0 : 1, json, console =>
        {
            console.WriteLine($"{job.Status}: {models.Count} new models; {string.Join(", ", job.Counts.Select(c => $"{c.Value} {c.Key}"))}");
            foreach (var error in job.Errors.Take(MostShown)) console.WriteLine($"refused: {error}");
            foreach (var item in import.Skipped.Take(MostShown)) console.WriteLine($"skipped {item.Where}: {item.Reason}");
            if (import.Skipped.Count > MostShown) console.WriteLine($"... and {import.Skipped.Count - MostShown} more skipped (all of them with --json)");
        });
    }

    // Models that are there already stay: importing a second file of a kind is no mistake.
    private static async Task<List<string>> FreshModelsAsync(TwinClient client, IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        if (texts.Count == 0) return [];
        var known = (await client.ListModelsAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Select(m => m.Id).ToHashSet(StringComparer.Ordinal);
        return [.. texts.SelectMany(t => SplitModels(t, "models")).Where(m => m["@id"]?.ToString() is not { } id || !known.Contains(id)).Select(m => m.ToJsonString())];
    }

    private static List<JsonObject> SplitModels(string text, string file)
    {
        try
        {
            return JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { MaxDepth = 256 }) switch
            {
                JsonArray list => [.. list.OfType<JsonObject>().Select(m => m.DeepClone().AsObject())],
                JsonObject one => [one],
                _ => throw new ImportRefusedException(file, "line 1", "a model is a JSON object or an array of them."),
            };
        }
        catch (JsonException e)
        {
            throw new ImportRefusedException(file, $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}", $"it is not JSON: {e.Message}");
        }
    }

    private static byte[] WriteFile(ImportResult import, List<string> models)
    {
        var output = new ArrayBufferWriter<byte>(1 << 16);
        ImportFile.WriteHeader(output, "twin import");
        ImportFile.WriteSection(output, ImportSection.Models);
        foreach (var model in models) ImportFile.WriteModel(output, model);
        ImportFile.WriteSection(output, ImportSection.Twins);
        foreach (var twin in import.Twins.OfType<PutTwin>()) ImportFile.WriteTwin(output, twin);
        ImportFile.WriteSection(output, ImportSection.Relationships);
        foreach (var relationship in import.Relationships.OfType<PutRelationship>()) ImportFile.WriteRelationship(output, relationship);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Tells people how far a job is, when that has changed.</summary>
    private sealed class ProgressLine(Call call) : IProgress<ImportJob>
    {
        private string _last = "";

        public void Report(ImportJob value)
        {
            var line = $"{value.Status}: {string.Join(", ", value.Counts.Select(c => $"{c.Value} {c.Key}"))}{(value.SecondsLeft is > 0 and var left ? $"; about {left:F0} s left" : "")}";
            if (line != _last && !value.IsEnded) call.Say(line);
            _last = line;
        }
    }
}
