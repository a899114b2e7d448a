using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Security;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>Puts the socket loop into a host.</summary>
internal static class SpaceSockets
{
    /// <summary>
    /// Adds the loop and, in front of Kestrel's own, the listener that gives it its connections. Call it after Kestrel was added. Taken from the
    /// services: <see cref="ISocketHandler"/>, <see cref="LimitOptions"/>, <see cref="TimeProvider"/>; optionally <see cref="SocketLoopOptions"/>.
    /// </summary>
    public static IServiceCollection AddSpaceSockets(this IServiceCollection services)
    {
        services.TryAddSingleton(s => new AddressLimit(s.GetRequiredService<LimitOptions>().ConnectionsPerClient));
        services.TryAddSingleton(s => new SocketLoopOptions { MostConnections = s.GetRequiredService<LimitOptions>().Connections });
        services.TryAddSingleton(s => new SocketLoop(
            s.GetRequiredService<ISocketHandler>(), s.GetRequiredService<SocketLoopOptions>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<AddressLimit>(), s.GetRequiredService<ILogger<SocketLoop>>()));
        return services.AddSingleton<IConnectionListenerFactory, SpaceListenerFactory>();
    }
}
