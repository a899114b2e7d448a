using System.Collections.Concurrent;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace Twin.Testing;

/// <summary>Grain state that outlives the silos.</summary>
internal sealed class KeptGrains : IGrainStorage
{
    private readonly ConcurrentDictionary<string, object> _states = new();

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (_states.TryGetValue($"{stateName}/{grainId}", out var state)) (grainState.State, grainState.RecordExists, grainState.ETag) = ((T)state, true, "1");
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _states[$"{stateName}/{grainId}"] = grainState.State!;
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _states.TryRemove($"{stateName}/{grainId}", out _);
        return Task.CompletedTask;
    }
}
