using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Twin.Gateway.Audit;
using Twin.Gateway.Feeds;
using Twin.Gateway.Http;
using Twin.Gateway.Http.Things;
using Twin.Gateway.Jobs;
using Twin.Gateway.Mqtt;
using Twin.Gateway.Security;
using Twin.Gateway.Spaces;
using Twin.Gateway.Spaces.Sockets;
using Twin.Gateway.Standing;
using Twin.Gateway.Streams;
using Twin.Grains;
using Twin.Grains.Branches;
using Twin.History;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway;

/// <summary>Puts the HTTP doors into a host.</summary>
public static class DoorServices
{
    /// <summary>Refuses a public address without authentication.</summary>
    /// <exception cref="InvalidOperationException">Says what to configure.</exception>
    public static void CheckAddress(System.Net.IPAddress address, IConfiguration configuration) => Admission.CheckAddress(address, AuthOptions.From(configuration));

    /// <summary>Adds admission, limits, import jobs and outbound routes (kept below <paramref name="dataFolder"/>), inference, the feed hub. Taken from the services: <see cref="ITwinStore"/>, <see cref="IngestHost"/>, <see cref="IWorldSource"/>, <see cref="IGrainFactory"/>, optionally <see cref="IHistoryStore"/> and <see cref="MqttDoor"/>.</summary>
    public static IServiceCollection AddTwinDoors(this IServiceCollection services, IConfiguration configuration, string dataFolder)
    {
        services.AddSingleton(s => new ImportJobs(Path.Combine(dataFolder, "imports"), s.GetRequiredService<ITwinStore>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<ImportJobs>>()));
        services.AddHostedService(s => s.GetRequiredService<ImportJobs>());
        services.AddFeedPumps(dataFolder, configuration.GetValue("Twin:routes:allow-private-targets", true));
        services.AddSingleton(AuthOptions.From(configuration));
        services.AddSingleton(LimitOptions.From(configuration));
        services.AddSingleton(s => new AddressLimit(s.GetRequiredService<LimitOptions>().ConnectionsPerClient));
        services.AddSingleton(s => new AuditLog(Path.Combine(dataFolder, "audit"), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new AuditCluster(Path.Combine(dataFolder, "audit"), s.GetRequiredService<AuditLog>(), s.GetRequiredService<IGrainFactory>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<AuditCluster>>()));
        services.AddHostedService(s => s.GetRequiredService<AuditCluster>());
        services.AddSingleton<HiddenDenials>().AddSingleton<PolicyAdmission>().AddSingleton<CredentialCheck>().AddSingleton<Admission>().AddSingleton<ClientLimits>().AddSingleton<StreamDoor>();
        services.AddSingleton(s => new FeedHub(s.GetRequiredService<ITwinStore>(), s.GetRequiredService<IPolicyStore>(), s.GetRequiredService<ILogger<FeedHub>>(), s.GetService<MqttDoor>(), s.GetRequiredService<TimeProvider>()));
        services.AddHostedService(s => s.GetRequiredService<FeedHub>());
        services.AddSingleton<StandingQueries>();
        services.AddHostedService(s => s.GetRequiredService<StandingQueries>());
        services.AddRoutingCore();
        // Its "request starting" line has the whole address, and with it an access_token.
        services.AddLogging(logging => logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning));
        services.AddOpenApi("v1", o => o.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Twin";
            document.Info.Description = "Twins, relationships, queries, samples, streams, history and devices.";
            return Task.CompletedTask;
        }));
        KestrelTuning.Add(services);
        services.AddSingleton<SpaceTokens>().AddSingleton<ISpaceTokens>(s => s.GetRequiredService<SpaceTokens>()).AddSingleton<SpaceDoor>().AddSingleton<ISocketHandler>(s => s.GetRequiredService<SpaceDoor>()).AddSingleton<SpaceKeeper>();
        services.AddSingleton(s => new SpaceRecordings(dataFolder, s.GetRequiredService<SpaceDoor>().Metrics, s.GetRequiredService<ILogger<SpaceRecordings>>())).AddSingleton<RecordingEndpoints>();
        services.AddSingleton(s => new SpaceWalkOns(s.GetRequiredService<SpaceDoor>(), s.GetRequiredService<SpaceKeeper>()));
        services.AddHostedService(s => s.GetRequiredService<SpaceRecordings>()).AddHostedService(s => s.GetRequiredService<SpaceDoor>()).AddHostedService(s => s.GetRequiredService<SpaceKeeper>());
        services.AddSpaceSockets();
        return services;
    }

    /// <summary>The hot path, before everything else; around it, answers for whatever goes wrong inside.</summary>
    public static IApplicationBuilder UseTwinFrontDoor(this IApplicationBuilder app)
    {
        var services = app.ApplicationServices;
        app.UseTwinProblems();
        var admission = services.GetRequiredService<Admission>();
        if (services.GetRequiredService<AuthOptions>().IsRequired) app.Use(next => context => admission.InvokeAsync(context, next));
        app.Use(next => new BranchDoor(next, services.GetRequiredService<ITwinBranches>(), admission).InvokeAsync);
        app.Use(next => new FrontDoor(next, services.GetRequiredService<ITwinStore>(), services.GetRequiredService<IngestHost>(), admission, services.GetRequiredService<ClientLimits>(), services.GetRequiredService<TimeProvider>()) { Hidden = services.GetService<HiddenDenials>() }.InvokeAsync);
        return app;
    }

    /// <summary>Pages that are not ours (metrics, dashboard) are only for callers with a right, and count towards the client's limits.</summary>
    /// <param name="app">The pipeline.</param>
    /// <param name="right">What the caller needs.</param>
    /// <param name="path">The page and everything below it.</param>
    public static IApplicationBuilder UseTwinRights(this IApplicationBuilder app, Permission right, PathString path)
    {
        var (admission, limits) = (app.ApplicationServices.GetRequiredService<Admission>(), app.ApplicationServices.GetRequiredService<ClientLimits>());
        return app.Use(next => context => !context.Request.Path.StartsWithSegments(path) ? next(context)
            : admission.InvokeAsync(context, known => (admission.Check(known, right) ?? limits.Refuse(known)) is { } refusal ? refusal.WriteAsync(known) : next(known)));
    }

    /// <summary>Exceptions and bare refusals become <c>application/problem+json</c>. Part of <see cref="UseTwinFrontDoor"/>.</summary>
    public static IApplicationBuilder UseTwinProblems(this IApplicationBuilder app)
    {
        var log = app.ApplicationServices.GetRequiredService<ILogger<ProblemDoor>>();
        var audit = app.ApplicationServices.GetService<AuditLog>();
        var admission = app.ApplicationServices.GetService<Admission>();
        var hidden = app.ApplicationServices.GetService<HiddenDenials>();
        return app.Use(next => new ProblemDoor(next, log) { Denied = context => audit?.Denied(admission?.CallerOf(context)?.SubjectName ?? "anonymous", $"{context.Request.Method} {context.Request.Path}", context.Response.StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture)), NotFound = hidden is null ? null : hidden.CheckAsync }.InvokeAsync);
    }

    /// <summary>The routed endpoints, the stream, OpenAPI.</summary>
    [SuppressMessage("Design", "CA1506", Justification = "Wiring touches everything it wires.")]
    public static WebApplication MapTwinEndpoints(this WebApplication app, string branch = "live")
    {
        var services = app.Services;
        var store = services.GetRequiredService<ITwinStore>();
        var stream = services.GetRequiredService<StreamDoor>();
        app.MapGet("/stream", stream.InvokeAsync).WithTags("Streams").WithSummary("Changes over WebSocket or SSE");
        var admission = services.GetRequiredService<Admission>();
        TwinEndpoints.Map(app, store, admission);
        BranchEndpoints.Map(app, services.GetRequiredService<ITwinBranches>(), admission, services.GetRequiredService<AuditLog>());
        PolicyEndpoints.Map(app, services.GetRequiredService<IPolicyStore>(), store, services.GetRequiredService<CredentialCheck>());
        AuditEndpoints.Map(app, services.GetRequiredService<AuditCluster>());
        HotRoutes.Describe(app);
        ImportEndpoints.Map(app, services.GetRequiredService<ImportJobs>());
        RoutesEndpoints.Map(app, services.GetRequiredService<RouteBook>());
        EventRouteEndpoints.Map(app, services.GetRequiredService<RouteBook>());
        InferenceEndpoints.Map(app, services.GetRequiredService<InferencePump>());
        WorldEndpoints.Map(app, store, services.GetRequiredService<IWorldSource>(), services.GetRequiredService<FeedHub>(), () => services.GetRequiredService<IngestHost>().Rates, admission);
        HistoryEndpoints.Map(app, services.GetService<IHistoryStore>(), branch, services.GetRequiredService<TimeProvider>(), store, admission);
        ThingEndpoints.Map(app, store, admission, services.GetRequiredService<IGrainFactory>(), services.GetRequiredService<AuthOptions>(), stream);
        DeviceEndpoints.Map(app, services.GetRequiredService<IGrainFactory>(), store, admission);
        LedgerEndpoints.Map(app, services.GetRequiredService<IGrainFactory>(), services.GetRequiredService<IPolicyStore>(), admission, services.GetRequiredService<AuditLog>());
        UserEndpoints.Map(app, services.GetRequiredService<IGrainFactory>(), admission);
        SpaceEndpoints.Map(app, services.GetRequiredService<IGrainFactory>(), admission, services.GetRequiredService<SpaceDoor>(), services.GetRequiredService<SpaceKeeper>(), services.GetRequiredService<SpaceTokens>(), services.GetRequiredService<RecordingEndpoints>());
        app.MapOpenApi("/openapi/{documentName}.json");
        app.MapGet("/docs", () => Results.Content(DocsPage.Html, "text/html; charset=utf-8")).ExcludeFromDescription();
        return app;
    }
}
