using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Twin.Cli.Commands;

/// <summary><c>twin device register|status|invoke</c>.</summary>
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
        return new Command("device", "Devices.") { register, status, invoke };
    }
}
