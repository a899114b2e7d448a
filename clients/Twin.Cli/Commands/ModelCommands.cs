using System.CommandLine;
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
            ["valid"] = result.IsValid, ["files"] = files.Count, ["interfaces"] = result.Models.Interfaces.Count,
            ["errors"] = new JsonArray([.. result.Errors.Select(e => (JsonNode)new JsonObject
            {
                ["id"] = e.Id, ["element"] = e.Element, ["property"] = e.Property, ["value"] = e.Value, ["message"] = e.Message, ["file"] = files[e.Document],
            })]),
            ["skipped"] = SkippedJson(skipped),
        };
        return new CommandAnswer(result.IsValid ? 0 : 1, json, console =>
        {
            console.MarkupLine(result.IsValid ? $"[green]valid[/]: {result.Models.Interfaces.Count} interfaces in {files.Count} files" : $"[red]not valid[/]: {result.Errors.Count} errors in {files.Count} files");
            foreach (var error in result.Errors.Take(MostShown))
            {
                console.MarkupLineInterpolated($"{files[error.Document]}: {error.Message}");
                console.MarkupLineInterpolated($"  id {error.Id}, element {error.Element ?? "-"}, property {error.Property ?? "-"}, value {error.Value ?? "-"}");
            }

            if (result.Errors.Count > MostShown) console.MarkupLine($"... and {result.Errors.Count - MostShown} more (all of them with --json)");
            foreach (var item in skipped) console.MarkupLineInterpolated($"skipped {item.Where}: {item.Reason}");
        });
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
        var json = tally.ToJson();
        return new CommandAnswer(tally.IsPerfect ? 0 : 1, json, console =>
        {
            var table = new Table().AddColumns("measure", "value");
            foreach (var name in (string[])["cases", "validAccuracy", "invalidAccuracy", "instanceAccuracy", "errorIdMatch"]) table.AddRow(name, json[name]?.ToString() ?? "none");
            console.Write(table);
            foreach (var miss in tally.Misses) console.MarkupLineInterpolated($"{miss.File}[{miss.Index}]: expected {miss.Expected}, got {miss.Got}");
        });
    }
}
