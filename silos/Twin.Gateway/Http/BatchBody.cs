using System.Text.Json;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>Reads <c>{"commands":[{"op","id","twin"|"patch","ifMatch"}]}</c>.</summary>
internal static class BatchBody
{
    private const int MostCommands = 1_000;

    public static bool TryRead(ReadOnlySpan<byte> utf8, out List<TwinCommand>? commands, out Problem? problem)
    {
        commands = null;
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = 64 });
            using var document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("commands"u8, out var list) || list.ValueKind != JsonValueKind.Array)
            {
                problem = new Problem("BatchInvalid", "A batch is an object with an array 'commands'.", "commands");
                return false;
            }

            if (list.GetArrayLength() is 0 or > MostCommands)
            {
                problem = new Problem("BatchInvalid", $"A batch has {list.GetArrayLength()} commands; it must have 1 to {MostCommands}.", "commands");
                return false;
            }

            var read = new List<TwinCommand>();
            foreach (var element in list.EnumerateArray())
            {
                if (!TryReadCommand(element, out var command, out problem))
                {
                    problem = problem! with { Where = $"commands/{read.Count}{(problem.Where is null ? "" : "/" + problem.Where)}" };
                    return false;
                }

                read.Add(command!);
            }

            commands = read;
            problem = null;
            return true;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            problem = new Problem("JsonInvalid", fault.Message, "body");
            return false;
        }
    }

    private static bool TryReadCommand(JsonElement element, out TwinCommand? command, out Problem? problem)
    {
        command = null;
        problem = null;
        var id = element.TryGetProperty("id"u8, out var given) ? given.GetString() : null;
        var op = element.TryGetProperty("op"u8, out var verb) ? verb.GetString() : null;
        if (id is null || !TwinJson.IsValidId(id)) return Refuse("'id' must be a twin id.", "id", out problem);
        long? match = null;
        if (element.TryGetProperty("ifMatch"u8, out var tag))
        {
            if (tag.GetString() == "*") match = 0;
            else if (ETag.TryParse(tag.GetString(), out var version)) match = version;
            else return Refuse("'ifMatch' must be an ETag as this server gives it, or *.", "ifMatch", out problem);
        }

        switch (op)
        {
            case "put" when element.TryGetProperty("twin"u8, out var twin):
                if (!TwinJson.TryReadTwin(id, JsonSerializer.SerializeToUtf8Bytes(twin), out var put, out problem)) return false;
                command = put with { IfMatch = match };
                return true;
            case "patch" when element.TryGetProperty("patch"u8, out var patch):
                if (!TwinJson.TryReadPatch(JsonSerializer.SerializeToUtf8Bytes(patch), out var operations, out problem)) return false;
                command = new PatchTwin(id, operations) { IfMatch = match };
                return true;
            case "delete":
                command = new DeleteTwin(id) { IfMatch = match };
                return true;
            default:
                return Refuse($"'op' is '{op}'; it must be put (with 'twin'), patch (with 'patch') or delete.", "op", out problem);
        }
    }

    private static bool Refuse(string detail, string where, out Problem? problem)
    {
        problem = new Problem("BatchInvalid", detail, where);
        return false;
    }
}
