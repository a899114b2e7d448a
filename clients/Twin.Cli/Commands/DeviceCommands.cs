using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Twin.Cli.Commands;

/// <summary><c>twin device list|register|status|invoke</c>.</summary>
internal static class DeviceCommands
{
    public static Command Make()
    {
        var id = new Argument<string>("ID") { Description = "Device id." };
        var register = new Command("register", "Registers a device and tells its secret, once.") { id };
        register.Does(async (call, token) =>
        {
            using var client = call.Connect();
            var device = await client.RegisterDeviceAsync(call.Parsed.GetValue(id)!, token).ConfigureAwait(false);
            return new CommandAnswer(0, new JsonObject { ["deviceId"] = device.DeviceId, ["secret"] = device.Secret }, console =>
            {
                console.WriteLine($"registered {device.DeviceId}");
                console.WriteLine($"secret     {device.Secret}   (told once; keep it)");
            });
        });

        var status = new Command("status", "Tells a device's standing; exit 1 when it is not registered.") { id };
        status.Does(async (call, token) =>
        {
            using var client = call.Connect();
            var device = await client.GetDeviceAsync(call.Parsed.GetValue(id)!, token).ConfigureAwait(false);
            var json = JsonNode.Parse(device.GetRawText())!.AsObject();
            return new CommandAnswer((bool?)json["registered"] == true ? 0 : 1, json, console =>
            {
                foreach (var (name, value) in json) console.WriteLine($"{name,-15} {value?.ToJsonString() ?? "-"}");
            });
        });

        var name = new Argument<string>("COMMAND") { Description = "The command's name." };
        var payload = new Option<string?>("--payload") { Description = "JSON, or text." };
        var timeout = new Option<double>("--timeout") { Description = "Seconds to wait for the device, above 0 and at most 300.", DefaultValueFactory = _ => 10 };
        var invoke = new Command("invoke", "Sends a command to a device and waits for its reply; exit 1 when its code is 400 or above.") { id, name, payload, timeout };
        invoke.Does(async (call, token) =>
        {
            var seconds = call.Parsed.GetValue(timeout);
            if (seconds is not (> 0 and <= 300)) throw new CallException($"--timeout is {seconds}; it must be above 0 and at most 300.");
            using var client = call.Connect();
            var body = call.Parsed.GetValue(payload) is { } text ? Call.ValueOf(text) : null;
            var reply = await client.InvokeAsync(call.Parsed.GetValue(id)!, call.Parsed.GetValue(name)!, body, TimeSpan.FromSeconds(seconds), Guid.NewGuid().ToString("N"), token).ConfigureAwait(false);
            var said = reply.Payload.ValueKind == System.Text.Json.JsonValueKind.Undefined ? null : JsonNode.Parse(reply.Payload.GetRawText());
            return new CommandAnswer(reply.Code >= 400 ? 1 : 0, new JsonObject { ["code"] = reply.Code, ["payload"] = said }, console => console.WriteLine($"{reply.Code} {reply.Payload}"));
        });
        return new Command("device", "Devices.") { MakeList(), register, status, invoke };
    }

    private static Command MakeList()
    {
        var state = new Option<string?>("--state") { Description = "connected, disconnected, stale, fresh or disabled." };
        var prefix = new Option<string?>("--prefix") { Description = "What the device id begins with." };
        var limit = new Option<int>("--limit") { Description = "Most rows, 1 to 1,000,000.", DefaultValueFactory = _ => 1_000 };
        return new Command("list", "Lists devices in order of their ids.") { state, prefix, limit }.Does(async (call, token) =>
        {
            var most = call.Parsed.GetValue(limit);
            if (most is < 1 or > 1_000_000) throw new CallException($"--limit is {most}; it must be 1 to 1000000.");
            if (call.Parsed.GetValue(state) is { } asked && asked is not ("connected" or "disconnected" or "stale" or "fresh" or "disabled"))
                throw new CallException($"--state is '{asked}'; it must be connected, disconnected, stale, fresh or disabled.");
            using var client = call.Connect();
            var rows = new List<JsonElement>();
            var hasMore = false;
            await foreach (var row in client.ListDevicesAsync(call.Parsed.GetValue(state), call.Parsed.GetValue(prefix), Math.Min(most, 1_000), token).ConfigureAwait(false))
            {
                if (hasMore = rows.Count == most) break;
                rows.Add(row);
            }

            return new CommandAnswer(0, new JsonObject { ["devices"] = new JsonArray([.. rows.Select(r => JsonNode.Parse(r.GetRawText()))]), ["count"] = rows.Count, ["more"] = hasMore }, console => Show(console, rows, hasMore));
        });
    }

    private static void Show(IAnsiConsole console, List<JsonElement> rows, bool hasMore)
    {
        var table = new Table().AddColumns("device", "connected", "stale", "last seen");
        foreach (var row in rows) table.AddRow([.. Columns.Select(c => Markup.Escape(row.TryGetProperty(c, out var value) ? value.ToString() : ""))]);
        console.Write(table);
        console.WriteLine($"{rows.Count} devices{(hasMore ? ", and there are more (--limit)" : "")}");
    }

    private static readonly string[] Columns = ["deviceId", "connected", "stale", "lastSeen"];
}
