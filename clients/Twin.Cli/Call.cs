using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Sdk;

namespace Twin.Cli;

/// <summary>What a command answers: its exit code, its one JSON object, and how people see it.</summary>
internal sealed record CommandAnswer(int Exit, JsonObject Json, Action<IAnsiConsole> Show);

/// <summary>The call was wrong; the hint says what would be right.</summary>
internal sealed class CallException(string message, string? hint = null) : Exception(message)
{
    public string? Hint { get; } = hint;
}

/// <summary>One invocation: its options, its writers, its client.</summary>
internal sealed class Call(ParseResult parsed, TextWriter output, TextWriter errors)
{
    public ParseResult Parsed { get; } = parsed;

    public TextWriter Output { get; } = output;

    public TextWriter Errors { get; } = errors;

    public bool IsJson => Parsed.GetValue(TwinCommandLine.Json);

    public string Url => Parsed.GetValue(TwinCommandLine.Url)!;

    /// <summary>Hosts may read the machine's clock; below here it is passed on.</summary>
    public TimeProvider Clock { get; } = TimeProvider.System;

    public TwinClient Connect()
    {
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new CallException($"--url is '{Url}'; it must be an address such as http://localhost:5080.");
        return new TwinClient(address, new TwinClientOptions { ApiKey = Parsed.GetValue(TwinCommandLine.Key), Clock = Clock });
    }

    /// <summary>A line for people while the work goes on; with --json nothing.</summary>
    public void Say(string line)
    {
        if (!IsJson) Output.WriteLine(line);
    }

    public IAnsiConsole ConsoleFor(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        if (Console.IsOutputRedirected) console.Profile.Width = 400; // a pipe has no edge to wrap at
        return console;
    }

    /// <summary>An option's RFC 3339 time, or null.</summary>
    public static DateTimeOffset? TimeOf(string? text, string option)
    {
        if (text is null) return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time
            : throw new CallException($"{option} is '{text}'; it must be an RFC 3339 time such as 2026-11-22T08:00:00Z.");
    }

    /// <summary>Splits <c>name=value</c>.</summary>
    public static (string Name, string Value) PairOf(string text, string option)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at > 0 ? (text[..at], text[(at + 1)..]) : throw new CallException($"{option} is '{text}'; it must be name=value.");
    }

    /// <summary>A word as JSON where it is JSON, else as text.</summary>
    public static JsonNode? ValueOf(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (System.Text.Json.JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
