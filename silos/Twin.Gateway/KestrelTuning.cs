using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Twin.Gateway.Security;

namespace Twin.Gateway;

/// <summary>Kestrel as the doors want it: bounded, and without what no caller asked for.</summary>
public static class KestrelTuning
{
    /// <summary>Bounds and headers. Call it before endpoints are added: they take their defaults when they are.</summary>
    public static void Apply(KestrelServerOptions kestrel, LimitOptions limits)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        kestrel.Limits.MaxConcurrentConnections = limits.Connections;
        kestrel.Limits.MaxConcurrentUpgradedConnections = limits.Connections;
        kestrel.Limits.MaxRequestBodySize = 2L * 1024 * 1024 * 1024; // import files; every other door has its own, smaller bound
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        var addresses = kestrel.ApplicationServices?.GetService<AddressLimit>() ?? new AddressLimit(limits.ConnectionsPerClient);
        kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(addresses.Guard)); // one count over all endpoints, and over the sockets of spaces
    }

    /// <summary>On one core every hop between threads is a context switch: completions run where they happen.</summary>
    public static void Add(IServiceCollection services) => services.Configure<SocketTransportOptions>(o =>
    {
        if (Environment.ProcessorCount > 1) return;
        o.IOQueueCount = 1;
        o.UnsafePreferInlineScheduling = true;
    });
}
