using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.FileProviders;
using Orleans.Dashboard;
using Twin.Gateway;
using Twin.Gateway.Http;
using Twin.Gateway.Mqtt;
using Twin.Gateway.Security;
using Twin.Gateway.Sparkplug;

namespace Twin.Silo;

/// <summary>The doors, health, metrics, dashboard and the console's files.</summary>
internal static class DoorWiring
{
    /// <summary>Refuses a public address without authentication, and a port that another program has, before anything is opened.</summary>
    /// <exception cref="InvalidOperationException">Says what to configure.</exception>
    public static void CheckAddress(IConfiguration configuration, TwinSettings settings)
    {
        DoorServices.CheckAddress(settings.Bind, configuration);
        CheckFree(settings.Bind, settings.Port, "--port");
        if (settings.HttpsPort >= 0) CheckFree(settings.Bind, settings.HttpsPort, "--https-port");
        if (HasMqtt(settings)) CheckFree(settings.Bind, settings.MqttPort, "--mqtt-port");
    }

    private static bool HasMqtt(TwinSettings settings) => settings.Role != SiloRole.Silo && settings.MqttPort >= 0;

    private static void CheckFree(IPAddress address, int port, string setting)
    {
        if (port == 0) return;
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
        }
        catch (SocketException fault)
        {
            var off = setting switch { "--mqtt-port" => "; -1 does without the MQTT door", "--https-port" => "; -1 does without HTTPS", _ => "" };
            throw new InvalidOperationException($"Cannot listen at {address}:{port} ({setting}): {fault.Message}. Stop the program that has it, or give another port{off}.", fault);
        }
    }

    public static void Add(WebApplicationBuilder builder, TwinSettings settings)
    {
        var limits = LimitOptions.From(builder.Configuration);
        var certificate = settings.HttpsPort < 0 ? null : ServerCertificate.Load(settings, TimeProvider.System);
        if (certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration(); // the slim builder leaves it out
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            KestrelTuning.Apply(kestrel, limits);
            Listen(kestrel, settings.Bind, settings.Port, static _ => { });
            if (certificate is not null) Listen(kestrel, settings.Bind, settings.HttpsPort, endpoint => endpoint.UseHttps(certificate));
        });
        builder.Services.AddSingleton<IWorldSource, WorldSource>();
        builder.Services.AddTwinDoors(builder.Configuration, settings.DataFolder);
        if (!HasMqtt(settings)) return;
        builder.Services.AddMqttDoor(o =>
        {
            o.Endpoint = new IPEndPoint(settings.Bind, settings.MqttPort);
            limits.ApplyTo(o);
        });
        builder.Services.AddSparkplugHost();
        if (AuthOptions.From(builder.Configuration).IsRequired) builder.Services.AddSingleton<IMqttAdmission, KeyAdmission>();
    }

    public static void Map(WebApplication app, TwinSettings settings)
    {
        if (settings.Role != SiloRole.Silo) app.UseTwinFrontDoor();
        app.UseTwinRights(Permission.Read, "/metrics").UseTwinRights(Permission.Administer, "/dashboard");
        app.UseWebSockets();
        app.UseConsole();
        app.UseRouting(); // after the files: the fallback below would take their place
        var readiness = app.Services.GetRequiredService<Readiness>();
        app.MapGet("/health/live", () => Results.Json(new { status = "live" })).ExcludeFromDescription();
        app.MapGet("/health/ready", () => Ready(readiness)).ExcludeFromDescription();
        app.MapPrometheusScrapingEndpoint("/metrics");
        if (settings.Dashboard) app.MapOrleansDashboard("/dashboard");
        if (settings.Role != SiloRole.Silo) app.MapTwinEndpoints();
        app.MapFallback(context => TwinProblems.WriteAsync(context, 404, "NotFound", $"There is nothing at {context.Request.Method} {context.Request.Path}. The routes are listed at /docs."));
    }

    // Degraded is still ready: taking the process out of service would lose what still works.
    private static IResult Ready(Readiness readiness) => (readiness.WaitingFor, readiness.Degraded) switch
    {
        ({ } what, _) => Results.Json(new { status = "waiting", waitingFor = what }, statusCode: 503),
        (_, { } what) => Results.Json(new { status = "degraded", degraded = what }),
        _ => Results.Json(new { status = "ready" }),
    };

    private static void Listen(KestrelServerOptions kestrel, IPAddress address, int port, Action<ListenOptions> configure)
    {
        if (Equals(address, IPAddress.Loopback) && port != 0) kestrel.ListenLocalhost(port, configure); // both loopback addresses
        else kestrel.Listen(address, port, configure);
    }

    /// <summary>Serves the built console; without one, the root explains how to build it.</summary>
    private static void UseConsole(this WebApplication app)
    {
        var root = Path.Combine(AppContext.BaseDirectory, "wwwroot");
        if (!Directory.Exists(root))
        {
            app.MapGet("/", () => Results.Text("The console is not built (Node 20 was not found when this was compiled). The API is described at /docs.")).ExcludeFromDescription();
            return;
        }

        var files = new PhysicalFileProvider(root);
        app.UseDefaultFiles(new DefaultFilesOptions { FileProvider = files });
        app.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = files,
            OnPrepareResponse = context => context.Context.Response.Headers.CacheControl = context.File.Name == "index.html" ? "no-cache" : "public, max-age=31536000, immutable",
        });
    }
}
