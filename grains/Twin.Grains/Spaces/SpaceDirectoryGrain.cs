using System.Security.Cryptography;
using Orleans;
using Orleans.Runtime;

namespace Twin.Grains.Spaces;

/// <summary>Names of spaces and the secret of their tokens.</summary>
internal sealed class SpaceDirectoryGrain([PersistentState("spaces", "twins")] IPersistentState<SpaceDirectoryState> state) : Grain, ISpaceDirectoryGrain
{
    private const int MostSpaces = 10_000;

    public async Task<bool> SetAsync(string id, bool exists)
    {
        var ids = state.State.Ids;
        var at = ids.BinarySearch(id, StringComparer.Ordinal);
        if (at >= 0 == exists) return true;
        if (exists && ids.Count >= MostSpaces) return false;
        if (exists) ids.Insert(~at, id);
        else ids.RemoveAt(at);
        await WriteAsync();
        return true;
    }

    public Task<string[]> ListAsync() => Task.FromResult(state.State.Ids.ToArray());

    public async Task<byte[][]> GetSecretsAsync()
    {
        if (state.State.Secrets.Count == 0)
        {
            state.State.Secrets.Add(RandomNumberGenerator.GetBytes(32));
            await WriteAsync();
        }

        return [.. state.State.Secrets];
    }

    /// <summary>After a failed write nobody knows what is stored: the activation ends, and the next one asks.</summary>
    private async Task WriteAsync()
    {
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle();
            throw;
        }
    }
}
