using Microsoft.AspNetCore.Server.Kestrel.Core;
using Orleans.Hosting;
using StackExchange.Redis;
using Twin.Gateway;
using Twin.Grains;
using Twin.Model;

namespace Twin.Silo;

/// <summary>Wires one process: settings, store, cluster, doors, pipelines, history, scenario. Nothing is computed here.</summary>
public static class SiloHost
{
    /// <summary>Builds the application; it runs nothing yet, but the embedded store is up.</summary>
    /// <exception cref="FormatException">A setting is wrong; the message says which and what is allowed.</exception>
    /// <exception cref="InvalidOperationException">The address is public and no authentication is configured.</exception>
    public static async Task<WebApplication> CreateAsync(string[] arguments)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        TwinSettings.AddSources(builder.Configuration, arguments);
        var settings = TwinSettings.From(builder.Configuration);
        Directory.CreateDirectory(settings.DataFolder);
        LogWiring.Add(builder.Logging, builder.Configuration);
        DoorWiring.CheckAddress(builder.Configuration, settings);
        var redis = await StoreWiring.AddAsync(builder.Services, settings);
        var clock = new ForwardTime(TimeProvider.System);
        clock.Measure(new System.Diagnostics.Metrics.Meter("Twin"));
        builder.Services.AddSingleton(settings).AddSingleton<TimeProvider>(clock).AddSingleton<Readiness>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(30));
        TelemetryWiring.Add(builder.Services, settings);
        if (settings.Role == SiloRole.Gateway)
        {
            builder.Host.UseOrleansClient(client => ClusterWiring.Configure(client, settings, redis));
        }
        else
        {
            builder.Host.UseOrleans(silo =>
            {
                ClusterWiring.Configure(silo, settings, redis);
                GrainWiring.Add(silo, settings);
            });
        }

        WorldWiring.Add(builder.Services, builder.Configuration, settings);
        DoorWiring.Add(builder, settings);
        var app = builder.Build();
        DoorWiring.Map(app, settings);
        return app;
    }
}
