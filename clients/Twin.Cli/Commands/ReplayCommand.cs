using System.Buffers;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Twin.Devices.Mqtt;
using Twin.Devices.Recordings;
using Twin.Model;

namespace Twin.Cli.Commands;

/// <summary><c>twin replay</c>: plays a CSV recording into a twin over MQTT, in its own rhythm times a speed.</summary>
internal static class ReplayCommand
{
    public static Command Make()
    {
        var file = new Argument<string>("CSV") { Description = "A table with a header line and a time column." };
        var twin = new Option<string>("--twin") { Description = "The twin that gets the values.", Required = true };
        var columns = new Option<string[]>("--column") { Description = "column=property; may be given again.", Required = true };
        var time = new Option<string>("--time") { Description = "The time column.", DefaultValueFactory = _ => "time" };
        var speed = new Option<double>("--speed") { Description = "Recorded seconds a second, 1 to 1,000,000.", DefaultValueFactory = _ => 1 };
        var restamp = new Option<bool>("--restamp") { Description = "Values look as if they happen now." };
        var mqtt = MqttAddress.Option();
        return new Command("replay", "Plays a recording into a twin.") { file, twin, columns, time, speed, restamp, mqtt }.Does((call, token) =>
        {
            var path = call.Parsed.GetValue(file)!;
            if (!File.Exists(path)) throw new CallException($"There is no file '{path}'.");
            var factor = call.Parsed.GetValue(speed);
            if (factor is not (>= 1 and <= 1_000_000)) throw new CallException($"--speed is {factor}; it must be 1 to 1000000.");
            var id = call.Parsed.GetValue(twin)!;
            if (!TwinJson.IsValidId(id)) throw new CallException($"--twin is '{id}'; that is no twin id.");
            var layout = new CsvLayout(call.Parsed.GetValue(time)!, [.. call.Parsed.GetValue(columns)!.Select(c => Call.PairOf(c, "--column")).Select(c => new CsvColumn(c.Name, id, c.Value))]);
            var playback = new PlaybackOptions { Speed = factor, Restamp = call.Parsed.GetValue(restamp) };
            return PlayAsync(call, MqttAddress.Of(call, mqtt), new CsvRecording(path, layout), playback, id, token);
        });
    }

    private static async Task<CommandAnswer> PlayAsync(Call call, (string Host, int Port) door, CsvRecording recording, PlaybackOptions playback, string twinId, CancellationToken cancellationToken)
    {
        var options = MqttAddress.OptionsFor(call, door, $"twin-replay-{Guid.NewGuid():N}");
        await using var device = new MqttDeviceClient(options, call.Clock, new Random(Guid.NewGuid().GetHashCode()));
        await device.ConnectAsync(cancellationToken).ConfigureAwait(false);
        var topic = System.Text.Encoding.UTF8.GetBytes($"twins/{twinId}/properties");
        var buffer = new ArrayBufferWriter<byte>(4_096);
        PlaybackProgress end;
        try
        {
            end = await new RecordingPlayer(call.Clock).PlayAsync(recording.ReadAsync(cancellationToken), playback, async samples =>
            {
                Write(buffer, samples);
                await device.PublishAsync(topic, buffer.WrittenMemory, cancellationToken: cancellationToken).ConfigureAwait(false);
            }, null, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException fault)
        {
            throw new CallException(fault.Message, "Name the columns as the header does: --time COLUMN --column COLUMN=PROPERTY");
        }

        await device.FlushAsync(cancellationToken).ConfigureAwait(false);
        var json = new JsonObject
        {
            ["frames"] = end.Frames, ["samples"] = end.Samples, ["rows"] = recording.Rows, ["badRows"] = recording.BadRows, ["backward"] = end.Backward, ["acknowledged"] = device.Acknowledged, ["refused"] = device.Refused,
            ["problems"] = new JsonArray([.. recording.Problems.Select(p => (JsonNode?)p)]),
        };
        return new CommandAnswer(device.Refused == 0 && recording.BadRows == 0 ? 0 : 1, json, console =>
        {
            console.WriteLine($"{end.Samples} samples of {end.Frames} frames in {device.Acknowledged} messages kept, {device.Refused} refused; {recording.BadRows} of {recording.Rows} rows unreadable");
            foreach (var problem in recording.Problems) console.WriteLine(problem);
        });
    }

    // An array of {"$time", path: value}; neighbours of one instant share an entry unless a path would come twice in it.
    private static void Write(ArrayBufferWriter<byte> buffer, ArraySegment<Sample> samples)
    {
        buffer.ResetWrittenCount();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartArray();
        for (var i = 0; i < samples.Count;)
        {
            var instant = samples[i].SourceTime;
            json.WriteStartObject();
            json.WriteString("$time"u8, instant.ToDateTime());
            for (var first = i; i < samples.Count && samples[i].SourceTime == instant && !Has(samples, first, i); i++)
            {
                json.WritePropertyName(samples[i].Path);
                samples[i].Value.WriteJson(json);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static bool Has(ArraySegment<Sample> samples, int first, int at)
    {
        for (var i = first; i < at; i++)
            if (samples[i].Path == samples[at].Path) return true;
        return false;
    }
}

/// <summary>Where the MQTT door is: beside the HTTP one, or as told.</summary>
internal static class MqttAddress
{
    public static Option<string?> Option() => new("--mqtt") { Description = "The MQTT door as HOST:PORT; without it the server's host and 1883." };

    public static (string Host, int Port) Of(Call call, Option<string?> option)
    {
        if (call.Parsed.GetValue(option) is not { } text) return (Uri.TryCreate(call.Url, UriKind.Absolute, out var url) ? url.Host : "127.0.0.1", 1883);
        var colon = text.LastIndexOf(':');
        return colon > 0 && int.TryParse(text.AsSpan(colon + 1), out var port) && port is > 0 and <= 65_535 ? (text[..colon], port)
            : throw new CallException($"--mqtt is '{text}'; it must be HOST:PORT.");
    }

    public static MqttDeviceClientOptions OptionsFor(Call call, (string Host, int Port) door, string clientId) => new()
    {
        Host = door.Host, Port = door.Port, ClientId = clientId, Password = call.Parsed.GetValue(TwinCommandLine.Key), UserName = call.Parsed.GetValue(TwinCommandLine.Key) is null ? null : clientId,
        SessionExpiry = TimeSpan.Zero,
    };
}
