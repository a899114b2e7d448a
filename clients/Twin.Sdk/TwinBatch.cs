using System.Text.Json;

namespace Twin.Sdk;

/// <summary>Commands that are done all or not at all; 1 to 1,000. Not thread-safe.</summary>
public sealed class TwinBatch
{
    /// <summary>Most commands.</summary>
    public const int MostCommands = 1_000;

    private readonly List<object> _commands = [];

    /// <summary>Commands so far.</summary>
    public int Count => _commands.Count;

    internal byte[] ToUtf8() => JsonSerializer.SerializeToUtf8Bytes(new { commands = _commands });

    /// <summary>Creates or replaces a twin.</summary>
    public TwinBatch Put(string id, object twin, string? ifMatch = null) => Add(ifMatch is null ? new { op = "put", id, twin } : new { op = "put", id, twin, ifMatch });

    /// <summary>Changes a twin.</summary>
    public TwinBatch Patch(string id, JsonPatch patch, string? ifMatch = null) =>
        Add(ifMatch is null ? new { op = "patch", id, patch = patch.Operations } : new { op = "patch", id, patch = patch.Operations, ifMatch });

    /// <summary>Deletes a twin.</summary>
    public TwinBatch Delete(string id, string? ifMatch = null) => Add(ifMatch is null ? new { op = "delete", id } : new { op = "delete", id, ifMatch });

    private TwinBatch Add(object command)
    {
        if (_commands.Count == MostCommands) throw new InvalidOperationException($"A batch has at most {MostCommands} commands; send this one and begin another.");
        _commands.Add(command);
        return this;
    }
}
