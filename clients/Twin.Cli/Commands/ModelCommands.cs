using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Model;
using Twin.Model.Dtdl;
using Twin.Scenarios.Import;

namespace Twin.Cli.Commands;

/// <summary><c>twin model check</c> and <c>twin model conformance</c>. No server is asked.</summary>
internal static class ModelCommands
{
    private const int MostShown = 50;

    public static Command Make()
    {
        var paths = new Argument<string[]>("PATH") { Description = "Files, folders or zips of DTDL.", Arity = ArgumentArity.OneOrMore };
        var check = new Command("check", "Tells whether DTDL models are valid, and what is wrong.") { paths };
        check.Does((call, _) => Task.FromResult(Check(call.Parsed.GetValue(paths)!)));

        var corpus = new Argument<string>("PATH") { Description = "Folder or zip, searched recursively." };
        var conformance = new Command("conformance", "Judges a corpus of {valid, options, input, expect} cases.") { corpus };
        conformance.Does((call, token) => Task.FromResult(Judge(call.Parsed.GetValue(corpus)!, token)));
        return new Command("model", "DTDL models.") { check, conformance };
    }

    private static CommandAnswer Check(string[] paths)
    {
        var (files, texts, skipped) = (new List<string>(), new List<string>(), new List<SkippedItem>());
        foreach (var path in paths)
        {
            if (!File.Exists(path) && !Directory.Exists(path)) throw new CallException($"There is no file or folder '{path}'.", "Name DTDL files, folders or zips.");
            var read = DtdlImport.Read(path, ModelSet.Empty);
            files.AddRange(read.Files);
            texts.AddRange(read.Texts);
            skipped.AddRange(read.Skipped);
        }

        if (texts.Count == 0) throw new CallException($"No DTDL in {string.Join(", ", paths)}.", "A model file is JSON with a context such as dtmi:dtdl:context;3.");
        var result = DtdlParser.Parse(texts, ModelSet.Empty);
        var json = new JsonObject
        {
            ["valid"] = result.IsValid, ["files"] = files.Count, ["interfaces"] = result.Models.Interfaces.Count, ["elements"] = result.ElementCount,
            ["errors"] = new JsonArray([.. result.Errors.Select(e => (JsonNode)new JsonObject
            {
                ["id"] = e.Id, ["element"] = e.Element, ["property"] = e.Property, ["value"] = e.Value, ["message"] = e.Message, ["file"] = files[e.Document], ["line"] = e.Line,
            })]),
            ["skipped"] = SkippedJson(skipped),
        };
        return new CommandAnswer(result.IsValid ? 0 : 1, json, console =>
        {
            console.MarkupLine(result.IsValid ? $"[green]valid[/]: {result.Models.Interfaces.Count} interfaces, {result.ElementCount} elements in {files.Count} files" : $"[red]not valid[/]: {result.Errors.Count} errors in {files.Count} files");
            foreach (var error in result.Errors.Take(MostShown)) Print(console, files[error.Document], error);

            if (result.Errors.Count > MostShown) console.MarkupLine($"... and {result.Errors.Count - MostShown} more (all of them with --json)");
            foreach (var item in skipped) console.MarkupLineInterpolated($"skipped {item.Where}: {item.Reason}");
        });
    }

    private static void Print(IAnsiConsole console, string file, DtdlError error)
    {
        console.MarkupLineInterpolated($"[bold]{file}{(error.Line is { } line ? $":{line}" : "")}[/]: {error.Message}");
        console.MarkupLineInterpolated($"  [dim]{error.Id}[/]");
        if (error.Element is { } element) console.MarkupLineInterpolated($"  element  {element}");
        if (error.Property is { } property) console.MarkupLineInterpolated($"  property {property}");
        if (error.Value is { } value) console.MarkupLineInterpolated($"  value    {value}");
    }

    internal static JsonArray SkippedJson(IEnumerable<SkippedItem> skipped) =>
        new([.. skipped.Select(s => (JsonNode)new JsonObject { ["where"] = s.Where, ["reason"] = s.Reason })]);

    private static CommandAnswer Judge(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path) && !Directory.Exists(path)) throw new CallException($"There is no file or folder '{path}'.", "Name a folder or zip of conformance cases.");
        var tally = new ConformanceTally();
        foreach (var (file, text) in ConformanceCorpus.Read(path))
        {
            cancellationToken.ThrowIfCancellationRequested();
            tally.JudgeFile(file, text);
        }

        if (tally.Cases == 0) throw new CallException($"No case in '{path}'.", "A case is a JSON object with 'valid' and 'input', or a list of them.");
        var json = new JsonObject
        {
            ["cases"] = tally.Cases, ["validAccuracy"] = tally.ValidAccuracy, ["invalidAccuracy"] = tally.InvalidAccuracy,
            ["instanceAccuracy"] = tally.InstanceAccuracy, ["errorIdMatch"] = tally.ErrorIdMatch,
            ["misses"] = new JsonArray([.. tally.Misses.Take(MostShown).Select(m => (JsonNode)new JsonObject { ["file"] = m.File, ["index"] = m.Index, ["expected"] = m.Expected, ["got"] = m.Got })]),
        };
        return new CommandAnswer(tally.IsPerfect ? 0 : 1, json, console =>
        {
            var (valid, invalid, instances, errorIds) = tally.Counts;
            var table = new Table().AddColumns("measure", "of", "right");
            foreach (var (name, count, share) in new[] { ("valid accepted", valid, tally.ValidAccuracy), ("invalid refused", invalid, tally.InvalidAccuracy), ("values judged right", instances, tally.InstanceAccuracy), ("error id matched", errorIds, tally.ErrorIdMatch) })
                table.AddRow(name, count.ToString(CultureInfo.InvariantCulture), share is { } part ? part.ToString("P2", CultureInfo.InvariantCulture) : "none");
            console.Write(table);
            foreach (var miss in tally.Misses.Take(MostShown)) console.WriteLine($"{miss.File}[{miss.Index}]: expected {miss.Expected}, got {miss.Got}");
            if (tally.Misses.Count > MostShown) console.WriteLine($"... and {tally.Misses.Count - MostShown} more");
        });
    }
}
