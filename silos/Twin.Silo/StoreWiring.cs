using StackExchange.Redis;

namespace Twin.Silo;

/// <summary>The one storage path: a Redis given by the operator, or the embedded store.</summary>
internal static class StoreWiring
{
    public static async Task<ConfigurationOptions> AddAsync(IServiceCollection services, TwinSettings settings)
    {
        ConfigurationOptions options;
        if (settings.Redis is { } address)
        {
            options = ConfigurationOptions.Parse(address);
            options.AbortOnConnectFail = false;
        }
        else
        {
            var store = await Task.Run(() => EmbeddedStore.Start(settings.DataFolder, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance));
            services.AddSingleton(store);
            services.AddHostedService<EmbeddedStoreLifetime>();
            options = store.Connection;
        }

        options.ReconnectRetryPolicy = new LinearRetry(500);
        var connection = await ConnectionMultiplexer.ConnectAsync(options);
        if (!connection.IsConnected && settings.Redis is not null)
            throw new FormatException($"No Redis answers at {settings.Redis.Split(',')[0]}. Start one, or leave out --redis for the embedded store.");
        if (settings.Redis is null) await ClusterWiring.ForgetPredecessorsAsync(connection, settings);
        services.AddSingleton<IConnectionMultiplexer>(connection);
        return options;
    }

    /// <summary>Disposes the store after everything registered later has stopped.</summary>
    private sealed class EmbeddedStoreLifetime(EmbeddedStore store) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken)
        {
            store.Dispose();
            return Task.CompletedTask;
        }
    }
}
