using System.Net;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
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
    public static void CheckAddress(IConfiguration configuration, TwinSettings settings) => DoorServices.CheckAddress(settings.Bind, configuration);

    public static void Add(WebApplicationBuilder builder, TwinSettings settings)
    {
        var limits = LimitOptions.From(builder.Configuration);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            KestrelTuning.Apply(kestrel, limits);
            if (Equals(settings.Bind, IPAddress.Loopback)) kestrel.ListenLocalhostOrFree(settings.Port);
            else kestrel.Listen(settings.Bind, settings.Port);
        });
        builder.Services.AddSingleton<IWorldSource, WorldSource>();
        builder.Services.AddTwinDoors(builder.Configuration, settings.DataFolder);
        if (settings.Role == SiloRole.Silo || settings.MqttPort < 0) return;
        builder.Services.AddMqttDoor(o => o.Endpoint = new IPEndPoint(settings.Bind, settings.MqttPort));
        builder.Services.AddSparkplugHost();
        if (AuthOptions.From(builder.Configuration).IsRequired) builder.Services.AddSingleton<IMqttAdmission, KeyAdmission>();
    }

    public static void Map(WebApplication app, TwinSettings settings)
    {
        if (settings.Role != SiloRole.Silo) app.UseTwinFrontDoor();
        app.UseWebSockets();
        app.UseConsole();
        app.UseRouting(); // after the files: the fallback below would take their place
        var readiness = app.Services.GetRequiredService<Readiness>();
        app.MapGet("/health/live", () => Results.Json(new { status = "live" })).ExcludeFromDescription();
        app.MapGet("/health/ready", () => readiness.WaitingFor is { } what ? Results.Json(new { status = "waiting", waitingFor = what }, statusCode: 503) : Results.Json(new { status = "ready" })).ExcludeFromDescription();
        app.MapPrometheusScrapingEndpoint("/metrics");
        if (settings.Dashboard) app.MapOrleansDashboard("/dashboard");
        if (settings.Role != SiloRole.Silo) app.MapTwinEndpoints();
        app.MapFallback(context => TwinProblems.WriteAsync(context, 404, "NotFound", $"There is nothing at {context.Request.Method} {context.Request.Path}. The routes are listed at /docs."));
    }

    private static void ListenLocalhostOrFree(this Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions kestrel, int port)
    {
        if (port == 0) kestrel.Listen(IPAddress.Loopback, 0);
        else kestrel.ListenLocalhost(port);
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
