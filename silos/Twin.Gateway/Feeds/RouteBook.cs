using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Query;
using Twin.Pipelines.Routes;

namespace Twin.Gateway.Feeds;

/// <summary>A route with its definition and how it fares.</summary>
internal sealed record KeptRoute(string Id, RouteDefinition Definition, RouteStatus? Status);

/// <summary>
/// The outbound routes of this process: definitions in <c>routes/{id}.json</c> (readable by this user only, they hold secrets), cursors
/// and dead letters in <c>routes/cursors/{id}</c>, files of file targets in <c>outbox/{folder}</c>. A definition is on the device before its
/// route counts, and gone from it before the route is forgotten. Without routes it reads no feed. Thread-safe.
/// </summary>
internal sealed class RouteBook : IHostedService, IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _outbox;
    private readonly ITwinStore _store;
    private readonly IPolicyStore? _policies;
    private readonly ILogger<RouteBook> _log;
    private readonly RouteOptions _options;
    private readonly RouteHost _host;
    private readonly SemaphoreSlim _changing = new(1);
    private readonly Dictionary<string, RouteDefinition> _definitions = new(StringComparer.Ordinal);

    public RouteBook(string dataFolder, ITwinStore store, RouteOptions options, TimeProvider clock, ILogger<RouteBook> log, IPolicyStore? policies = null)
    {
        (_folder, _outbox) = (Path.Combine(dataFolder, "routes"), Path.Combine(dataFolder, "outbox"));
        (_store, _options, _log, _policies) = (store, options, log, policies);
        _host = new RouteHost(Path.Combine(_folder, "cursors"), store.ShardCount, ReadFeedAsync, options, clock);
    }

    /// <summary>Every route, ordered by id.</summary>
    public IReadOnlyList<KeptRoute> All
    {
        get
        {
            var statuses = _host.Statuses.ToDictionary(s => s.Id, StringComparer.Ordinal);
            lock (_definitions) return [.. _definitions.OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => new KeptRoute(d.Key, d.Value, statuses.GetValueOrDefault(d.Key)))];
        }
    }

    public KeptRoute? Find(string id)
    {
        lock (_definitions) return _definitions.TryGetValue(id, out var definition) ? new KeptRoute(id, definition, _host.Statuses.FirstOrDefault(s => s.Id == id)) : null;
    }

    /// <summary>Keeps and starts a route, or replaces the one of its id, which goes on from its cursor. Null when done, else why not.</summary>
    public async Task<(TwinStatus Status, Problem? Problem)> PutAsync(string id, RouteDefinition definition)
    {
        if (!TryMake(id, definition, out var route, out var problem)) return (TwinStatus.Invalid, problem);
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            var isNew = Find(id) is null;
            if (isNew && _host.Statuses.Count >= _options.MaxRoutes) return (TwinStatus.Conflict, new Problem("TooManyRoutes", $"There are {_options.MaxRoutes} routes already, the most allowed; delete one.", "id"));
            if (Sharing(id, definition) is { } other) return (TwinStatus.Conflict, new Problem("RouteFolderTaken", $"Route '{other}' writes to the folder '{definition.Target!.Folder}' already.", "target.folder"));
            Directory.CreateDirectory(_folder);
            DurableFile.Replace(PathOf(id), definition.ToJson(), isSecret: true);
            await _host.PutAsync(route).ConfigureAwait(false);
            lock (_definitions) _definitions[id] = definition;
            return (isNew ? TwinStatus.Created : TwinStatus.Ok, null);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Waits, at most that long, until the route has its place in every shard's feed.</summary>
    public Task<bool> WaitUntilPlacedAsync(string id, TimeSpan limit, CancellationToken cancellationToken) => _host.WaitUntilPlacedAsync(id, limit, cancellationToken);

    /// <summary>Stops and forgets a route; false when there is none.</summary>
    public async Task<bool> DeleteAsync(string id)
    {
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            lock (_definitions)
                if (!_definitions.Remove(id)) return false;
            File.Delete(PathOf(id));
            await _host.DeleteAsync(id).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Oldest dead letters, at most 1,000; null when there is no such route.</summary>
    public IReadOnlyList<DeadLetter>? ReadDeadLetters(string id, int limit) => _host.ReadDeadLetters(id, limit);

    /// <summary>Tries the dead letters again until one fails; the changes delivered, null when there is no such route.</summary>
    public Task<int?> RedeliverAsync(string id, CancellationToken cancellationToken) => _host.RedeliverAsync(id, cancellationToken);

    /// <summary>Starts the kept routes. A definition that cannot be read is reported and left where it is; the others serve.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(_folder)) return;
        ForgetOrphans();
        foreach (var path in Directory.EnumerateFiles(_folder, "*.json").Order(StringComparer.Ordinal))
        {
            var id = Path.GetFileNameWithoutExtension(path);
            try
            {
                if (!RouteDefinition.TryRead(await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false), out var definition, out var problem) || !TryMake(id, definition!, out var route, out problem))
                {
                    _log.LogError("Route {Id} is not started: {File} is wrong at {Where}: {Detail}", id, path, problem?.Where, problem?.Detail);
                    continue;
                }

                await _host.PutAsync(route).ConfigureAwait(false);
                lock (_definitions) _definitions[id] = definition!;
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException or InvalidOperationException)
            {
                _log.LogError(fault, "Route {Id} is not started.", id);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => _host.DisposeAsync().AsTask();

    public ValueTask DisposeAsync()
    {
        _changing.Dispose();
        return _host.DisposeAsync();
    }

    // A crash between the two steps of a deletion leaves a cursor without definition; a later route of that id must not start there.
    private void ForgetOrphans()
    {
        var cursors = Path.Combine(_folder, "cursors");
        if (!Directory.Exists(cursors)) return;
        foreach (var left in Directory.EnumerateDirectories(cursors).Where(c => !File.Exists(PathOf(Path.GetFileName(c))))) Directory.Delete(left, recursive: true);
    }

    private bool TryMake(string id, RouteDefinition definition, [NotNullWhen(true)] out Route? route, out Problem? problem)
    {
        route = null;
        if (definition.MakeTarget(_outbox, out problem) is not { } target) return false;
        if (!ChangeFilter.TryCreate(definition.Filter.Request, _store.Models, out var filter, out problem)) return false;
        try
        {
            route = new Route { Id = id, Filter = new RouteFilter(filter, _store, definition.Owner?.ToSubject(), _policies).Matches, Target = target, BatchSize = definition.BatchSize, FromOldest = definition.FromOldest };
            route.Validate();
            return true;
        }
        catch (ArgumentException wrong)
        {
            problem = new Problem("RouteInvalid", wrong.Message.Split('\n')[0], wrong.ParamName?.ToLowerInvariant());
            return false;
        }
    }

    // Nothing is carried before the policies were read once: a change kept back for want of them would be lost.
    private async ValueTask<FeedPage> ReadFeedAsync(int shard, long after, int most, TimeSpan wait, CancellationToken cancellationToken)
    {
        if (_policies is { Current.Version: 0 }) await _policies.RefreshAsync().ConfigureAwait(false);
        return await _store.ReadFeedAsync(shard, after, most, wait, cancellationToken).ConfigureAwait(false);
    }

    private string? Sharing(string id, RouteDefinition definition)
    {
        if (definition.Target!.Folder is not { } folder) return null;
        lock (_definitions) return _definitions.FirstOrDefault(d => d.Key != id && string.Equals(d.Value.Target!.Folder, folder, StringComparison.OrdinalIgnoreCase)).Key;
    }

    private string PathOf(string id) => Path.Combine(_folder, id + ".json");
}
