using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spectre.Console;
using Twin.Cli.Commands;
using Twin.Devices.Mqtt;
using Twin.Fmi;
using Twin.Scenarios.Import;
using Twin.Sdk;

namespace Twin.Cli;

/// <summary>The command tree, and what every command shares: one answer, printed for people or as one JSON object, and the exit code.</summary>
internal static class TwinCommandLine
{
    public static readonly Option<string> Url = new("--url") { Description = "The server.", DefaultValueFactory = _ => "http://localhost:5080", Recursive = true };
    public static readonly Option<string?> Key = new("--key") { Description = "API key.", Recursive = true };
    public static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object and nothing else.", Recursive = true };

    // For terminals and pipes, not for HTML: quotes and non-ASCII letters stay readable.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors)
    {
        var root = new RootCommand("Twin: a digital-twin runtime. Exit 0 done, 1 the answer is no, 2 the call was wrong.") { Url, Key, Json };
        foreach (var command in (Command[])[UpCommand.Make(), ModelCommands.Make(), ImportCommands.Make(), QueryCommand.Make(), WatchCommand.Make(), HistoryCommand.Make(), DeviceCommands.Make(), ReplayCommand.Make(), LedgerCommands.Make(), LoadCommands.Make(), PolicyCommands.Make(), AuditCommand.Make(), SimulateCommands.Make()])
            root.Add(command);
        var isJson = args.Contains("--json");
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            var said = string.Join(' ', parsed.Errors.Select(e => e.Message));
            return Refuse(isJson, output, errors, 2, "CallInvalid", said, $"See: {PathOf(parsed.CommandResult.Command)} --help");
        }

        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false, Output = output, Error = errors }, stop.Token).ConfigureAwait(false);
    }

    /// <summary>Gives a command its work: <paramref name="work"/> returns one answer; whatever it throws becomes the right exit code.</summary>
    public static Command Does(this Command command, Func<Call, CancellationToken, Task<CommandAnswer>> work)
    {
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var call = new Call(parsed, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            try
            {
                var answer = await work(call, cancellationToken).ConfigureAwait(false);
                if (call.IsJson) call.Output.WriteLine(answer.Json.ToJsonString(Plain));
                else answer.Show(call.ConsoleFor(call.Output));
                return answer.Exit;
            }
            catch (Exception fault) when (fault is not (NullReferenceException or IndexOutOfRangeException))
            {
                var (exit, code, message, hint) = Explain(fault, call, cancellationToken);
                return Refuse(call.IsJson, call.Output, call.Errors, exit, code, message, hint);
            }
        });
        return command;
    }

    private static (int Exit, string Code, string Message, string? Hint) Explain(Exception fault, Call call, CancellationToken cancellationToken) => fault switch
    {
        CallException wrong => (2, "CallInvalid", wrong.Message, wrong.Hint),
        TwinException refused => ((int)refused.Status is 400 or 401 or 405 or 413 or 415 ? 2 : 1, refused.Code, refused.Message, (int)refused.Status == 401 ? "Give a key: --key KEY" : null),
        ImportRefusedException file => (1, "FileRefused", file.Message, null),
        FmuException model => (1, $"Fmu{model.Fault}", model.Message, null),
        HttpRequestException { InnerException: SocketException } => (1, "Unreachable", $"Nobody answers at {call.Url}.", "Start a world: twin up; or name another: --url URL"),
        HttpRequestException => (1, "Unreachable", $"{call.Url}: {fault.Message}", null),
        SocketException or MqttRefusedException => (1, "Unreachable", fault.Message, null),
        OperationCanceledException when cancellationToken.IsCancellationRequested => (1, "Stopped", "Stopped before it was done.", null),
        ArgumentException => (2, "CallInvalid", fault.Message, null),
        _ => (1, fault.GetType().Name, fault.Message, null),
    };

    private static int Refuse(bool isJson, TextWriter output, TextWriter errors, int exit, string code, string message, string? hint)
    {
        if (isJson) output.WriteLine(JsonSerializer.Serialize(new { error = new { code, message, hint } }, Plain));
        else errors.WriteLine(hint is null ? $"{message}" : $"{message}{Environment.NewLine}{hint}");
        return exit;
    }

    private static string PathOf(Command command)
    {
        var path = "";
        for (var at = command; at is not (null or RootCommand); at = at.Parents.OfType<Command>().FirstOrDefault()) path = $" {at.Name}{path}";
        return "twin" + path;
    }
}
