using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Sdk;

namespace Twin.Cli.Commands;

/// <summary><c>twin policy list|show|put|delete|effective</c>.</summary>
internal static class PolicyCommands
{
    private const long MostBytes = 16 * 1024 * 1024;

    public static Command Make()
    {
        var list = new Command("list", "Lists all policies.").Does(async (call, token) =>
        {
            using var client = call.Connect();
            var policies = await client.ListPoliciesAsync(token).ConfigureAwait(false);
            var json = new JsonArray([.. policies.Select(p => (JsonNode)new JsonObject { ["id"] = p.Id, ["etag"] = p.ETag, ["policy"] = NodeOf(p.Policy) })]);
            return new CommandAnswer(0, new JsonObject { ["policies"] = json, ["count"] = policies.Count }, console =>
            {
                foreach (var policy in policies) console.WriteLine($"{policy.Id,-40} {policy.ETag}");
            });
        });

        var id = new Argument<string>("ID") { Description = "Policy id." };
        var show = new Command("show", "Shows a policy; exit 1 when there is none.") { id };
        show.Does(async (call, token) =>
        {
            using var client = call.Connect();
            var policy = await client.GetPolicyAsync(call.Parsed.GetValue(id)!, token).ConfigureAwait(false);
            return new CommandAnswer(0, new JsonObject { ["id"] = call.Parsed.GetValue(id), ["etag"] = policy.ETag, ["policy"] = NodeOf(policy.Json) },
                console => console.WriteLine(NodeOf(policy.Json)!.ToJsonString(new JsonSerializerOptions { WriteIndented = true })));
        });

        var ifMatch = new Option<string?>("--if-match") { Description = "Only when this is its version; * only when it exists." };
        var delete = new Command("delete", "Deletes a policy that no other imports; exit 1 when there is none.") { id, ifMatch };
        delete.Does(async (call, token) =>
        {
            using var client = call.Connect();
            await client.DeletePolicyAsync(call.Parsed.GetValue(id)!, call.Parsed.GetValue(ifMatch), token).ConfigureAwait(false);
            return new CommandAnswer(0, new JsonObject { ["id"] = call.Parsed.GetValue(id), ["deleted"] = true }, console => console.WriteLine($"deleted {call.Parsed.GetValue(id)}"));
        });
        return new Command("policy", "Who may do what.") { list, show, MakePut(id, ifMatch), delete, MakeEffective() };
    }

    private static Command MakePut(Argument<string> id, Option<string?> ifMatch)
    {
        var file = new Argument<string>("FILE") { Description = "The policy as JSON." };
        var create = new Option<bool>("--create") { Description = "Only when there is none of that id." };
        return new Command("put", "Creates or replaces a policy.") { id, file, ifMatch, create }.Does(async (call, token) =>
        {
            var policy = Read(call.Parsed.GetValue(file)!);
            if (call.Parsed.GetValue(create) && call.Parsed.GetValue(ifMatch) is not null) throw new CallException("--create and --if-match contradict each other; give one of them.");
            using var client = call.Connect();
            var kept = await client.PutPolicyAsync(call.Parsed.GetValue(id)!, policy, call.Parsed.GetValue(ifMatch), call.Parsed.GetValue(create), token).ConfigureAwait(false);
            return new CommandAnswer(0, new JsonObject { ["id"] = call.Parsed.GetValue(id), ["etag"] = kept.ETag }, console => console.WriteLine($"kept {call.Parsed.GetValue(id)} {kept.ETag}"));
        });
    }

    private static Command MakeEffective()
    {
        var subject = new Argument<string>("SUBJECT") { Description = "key:NAME or jwt:SUB." };
        var twin = new Argument<string>("TWIN") { Description = "Twin id." };
        var roles = new Option<string?>("--roles") { Description = "Roles of a token's subject: a,b." };
        var rights = new Option<string?>("--rights") { Description = "Rights of a token's subject: read,write,command,administer." };
        return new Command("effective", "Tells what a subject may do with a twin, path by path, and which entry says so.") { subject, twin, roles, rights }.Does(async (call, token) =>
        {
            var who = call.Parsed.GetValue(subject)!;
            if (!who.StartsWith("key:", StringComparison.Ordinal) && !who.StartsWith("jwt:", StringComparison.Ordinal)) throw new CallException($"SUBJECT is '{who}'; it must be key:NAME or jwt:SUB.");
            using var client = call.Connect();
            var json = await client.GetEffectiveRightsAsync(who, call.Parsed.GetValue(twin)!, Split(call.Parsed.GetValue(roles)), Split(call.Parsed.GetValue(rights)), token).ConfigureAwait(false);
            return new CommandAnswer(0, JsonNode.Parse(json.GetRawText())!.AsObject(), console => Show(console, json));
        });
    }

    private static void Show(IAnsiConsole console, JsonElement json)
    {
        var table = new Table().AddColumns("path", "read", "write");
        if (json.TryGetProperty("paths", out var paths))
            foreach (var path in paths.EnumerateArray()) table.AddRow(Markup.Escape(path.GetProperty("path").GetString() is { Length: > 0 } text ? text : "(the twin)"), Word(path, "read"), Word(path, "write"));
        console.Write(table);
    }

    private static string Word(JsonElement path, string permission) =>
        path.TryGetProperty(permission, out var said) && said.TryGetProperty("allowed", out var allowed) && allowed.ValueKind == JsonValueKind.True ? "[green]yes[/]" : "[red]no[/]";

    private static JsonElement Read(string path)
    {
        if (!File.Exists(path)) throw new CallException($"There is no file '{path}'.", "Name a file with a policy: {\"entries\":{..}}.");
        if (new FileInfo(path).Length > MostBytes) throw new CallException($"'{path}' is longer than {MostBytes} bytes.");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (JsonException wrong)
        {
            throw new CallException($"'{path}' is not JSON: {wrong.Message}");
        }
    }

    private static string[]? Split(string? words) => words?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static JsonNode? NodeOf(JsonElement json) => json.ValueKind == JsonValueKind.Undefined ? null : JsonNode.Parse(json.GetRawText());
}
