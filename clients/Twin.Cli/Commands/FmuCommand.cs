using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Twin.Fmi;

namespace Twin.Cli.Commands;

/// <summary><c>twin simulate fmu FILE...</c>: runs FMUs, each in a child of this program, and writes their outputs as CSV.</summary>
internal static class FmuCommand
{
    /// <summary>The word that makes this program a model's child.</summary>
    public const string HostWord = "fmu-host";

    private const int MostModels = 64;

    public static Command Make()
    {
        var files = new Argument<string[]>("FILE") { Description = "FMUs (2.0 or 3.0, co-simulation); a model is called by its file's name.", Arity = ArgumentArity.OneOrMore };
        var until = new Option<double?>("--until") { Description = "End, seconds; else the first model's own." };
        var step = new Option<double?>("--step") { Description = "Communication step, seconds; else the first model's own, or a hundredth of the end." };
        var input = new Option<string?>("--input") { Description = "CSV of inputs: time,NAME,..." };
        var output = new Option<string?>("--out") { Description = "CSV of outputs; standard output when not given." };
        var set = new Option<string[]>("--set") { Description = "A start value: NAME=VALUE." };
        var connect = new Option<string[]>("--connect") { Description = "An output to an input: MODEL.NAME=MODEL.NAME." };
        var order = new Option<string>("--order") { Description = "jacobi or gauss-seidel.", DefaultValueFactory = _ => "jacobi" };
        var timeout = new Option<double>("--timeout") { Description = "Longest a model may take to answer, seconds, 0.1 to 3,600.", DefaultValueFactory = _ => 30 };
        return new Command("fmu", "Runs FMUs (FMI 2.0 and 3.0, co-simulation).") { files, until, step, input, output, set, connect, order, timeout }.Does((call, token) =>
        {
            var parsed = call.Parsed;
            var names = parsed.GetValue(files)!;
            if (names.Length > MostModels) throw new CallException($"There are {names.Length} models; at most {MostModels} are run.");
            foreach (var name in names)
                if (!File.Exists(name)) throw new CallException($"There is no file '{name}'.", "Name .fmu files.");
            if (parsed.GetValue(timeout) is not (>= 0.1 and <= 3_600)) throw new CallException($"--timeout is {parsed.GetValue(timeout)}; it must be 0.1 to 3600.");
            var coupling = parsed.GetValue(order) switch { "jacobi" => CouplingOrder.Jacobi, "gauss-seidel" => CouplingOrder.GaussSeidel, var other => throw new CallException($"--order is '{other}'; it must be jacobi or gauss-seidel.") };
            var asked = new Asked(names, parsed.GetValue(until), parsed.GetValue(step), parsed.GetValue(input), parsed.GetValue(output), parsed.GetValue(set) ?? [], parsed.GetValue(connect) ?? [], coupling, TimeSpan.FromSeconds(parsed.GetValue(timeout)));
            return RunAsync(call, asked, token);
        });
    }

    private static async Task<CommandAnswer> RunAsync(Call call, Asked asked, CancellationToken cancellationToken)
    {
        var (archives, models) = (new List<FmuArchive>(), new List<FmuProcess>());
        try
        {
            archives.AddRange(asked.Files.Select(FmuArchive.Open));
            var first = archives[0].Description;
            var end = asked.Until ?? first.StopTime ?? throw new CallException("The model does not say when it ends.", "Give --until SECONDS.");
            var step = asked.Step ?? first.StepSize ?? end / 100;
            var names = new ModelNames([.. asked.Files.Select(f => Path.GetFileNameWithoutExtension(f)!)], [.. archives.Select(a => a.Description)]);
            var starts = asked.Starts.Select(s => Call.PairOf(s, "--set")).Select(p => StartOf(names.Find(p.Name), p.Name, p.Value)).ToArray();
            var connections = asked.Connections.Select(c => Call.PairOf(c, "--connect")).Select(p => new FmuConnection(names.Find(p.Name) ?? throw None(p.Name), names.Find(p.Value) ?? throw None(p.Value))).ToArray();
            var table = asked.Input is null ? null : ReadInput(asked.Input, names);
            foreach (var (archive, i) in archives.Select((a, i) => (a, i))) models.Add(await FmuProcess.StartAsync(names.Names[i], archive, HostCommand(asked.Longest), call.Clock, cancellationToken).ConfigureAwait(false));

            var simulation = new CoSimulation(models, connections, new CoSimulationOptions(end, step, asked.Order, starts), table);
            var recorded = names.Outputs();
            var rows = 0L;
            using var file = asked.Output is null ? null : new StreamWriter(asked.Output);
            var csv = file ?? (call.IsJson ? TextWriter.Null : call.Output);
            var started = call.Clock.GetTimestamp();
            await csv.WriteLineAsync($"time{string.Concat(recorded.Select(r => "," + names.NameOf(r)))}").ConfigureAwait(false);
            var ended = await simulation.RunAsync(async time =>
            {
                rows++;
                await csv.WriteLineAsync(await RowAsync(models, recorded, time, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
            var json = new JsonObject
            {
                ["models"] = new JsonArray([.. names.Names.Select(n => (JsonNode)JsonValue.Create(n)!)]), ["time"] = ended.Time, ["steps"] = ended.Steps, ["rollbacks"] = ended.Rollbacks, ["rows"] = rows,
                ["out"] = asked.Output, ["seconds"] = Math.Round(call.Clock.GetElapsedTime(started).TotalSeconds, 3),
            };
            return new CommandAnswer(0, json, _ => call.Errors.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ended.Steps} steps to {ended.Time} s, {ended.Rollbacks} undone")));
        }
        finally
        {
            foreach (var model in models) await model.DisposeAsync().ConfigureAwait(false);
            foreach (var archive in archives) archive.Dispose();
        }
    }

    private static async Task<string> RowAsync(List<FmuProcess> models, IReadOnlyList<FmuPort> recorded, double time, CancellationToken cancellationToken)
    {
        var words = new List<string>(recorded.Count + 1) { time.ToString("R", CultureInfo.InvariantCulture) };
        foreach (var group in recorded.GroupBy(r => r.Model)) // they stand model by model
        {
            var variables = group.Select(r => r.Variable).ToArray();
            var values = await models[group.Key].GetAsync(variables, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < values.Length; i++) words.Add(Quoted(values[i].ToText(variables[i].Type)));
        }

        return string.Join(',', words);
    }

    private static string Quoted(string text) => text.AsSpan().IndexOfAny(",\"\n\r") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static (FmuPort, FmuValue) StartOf(FmuPort? port, string name, string value)
    {
        if (port is not { } found) throw None(name);
        if (found.Variable.IsArray) throw new CallException($"--set {name}: arrays are not set.");
        try
        {
            return (found, FmuValue.Parse(value, found.Variable.Type));
        }
        catch (FormatException fault)
        {
            throw new CallException($"--set {name}: {fault.Message}.");
        }
    }

    private static InputTable ReadInput(string path, ModelNames names)
    {
        if (!File.Exists(path)) throw new CallException($"There is no file '{path}'.");
        using var text = File.OpenText(path);
        try
        {
            return InputTable.Read(text, names.Find);
        }
        catch (FormatException fault)
        {
            throw new CallException($"{path}: {fault.Message}");
        }
    }

    private static CallException None(string name) => new($"There is no variable '{name}'.", "Of several models it is MODEL.NAME, the model called by its file's name.");

    /// <summary>This program again, as a model's child.</summary>
    private static FmuHostCommand HostCommand(TimeSpan longest)
    {
        var own = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(own) == "dotnet" ? new FmuHostCommand(own, [typeof(FmuCommand).Assembly.Location, HostWord], longest) : new FmuHostCommand(own, [HostWord], longest);
    }

    private sealed record Asked(string[] Files, double? Until, double? Step, string? Input, string? Output, string[] Starts, string[] Connections, CouplingOrder Order, TimeSpan Longest);

    /// <summary>How variables are called: plainly when there is one model, else by model and name.</summary>
    private sealed record ModelNames(string[] Names, FmuDescription[] Models)
    {
        public FmuPort? Find(string name)
        {
            if (Models.Length == 1 && Models[0].Find(name) is { } own) return new FmuPort(0, own);
            for (var m = 0; m < Models.Length; m++)
                if (name.StartsWith(Names[m] + ".", StringComparison.Ordinal) && Models[m].Find(name[(Names[m].Length + 1)..]) is { } variable) return new FmuPort(m, variable);
            return null;
        }

        public IReadOnlyList<FmuPort> Outputs() =>
            [.. Models.SelectMany((d, m) => d.Variables.Where(v => v is { Causality: FmuCausality.Output, IsArray: false }).Select(v => new FmuPort(m, v)))];

        public string NameOf(FmuPort port) => Quoted(Models.Length == 1 ? port.Variable.Name : $"{Names[port.Model]}.{port.Variable.Name}");
    }
}
