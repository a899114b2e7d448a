using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Twin.Silo;

/// <summary>Traces and metrics: our meter and Orleans', served at <c>/metrics</c>, sent by OTLP when an endpoint is given.</summary>
internal static class TelemetryWiring
{
    private const int MostSeries = 200; // of one instrument: its room is taken ahead, for every instrument; tags here are few by rule

    public static void Add(IServiceCollection services, TwinSettings settings)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(r => r.AddService("twin", serviceVersion: typeof(TelemetryWiring).Assembly.GetName().Version?.ToString()))
            .WithMetrics(metrics =>
            {
                metrics.AddMeter("Twin", "Twin.*", "Microsoft.Orleans", "System.Runtime").AddPrometheusExporter();
                metrics.AddView(instrument => new MetricStreamConfiguration { CardinalityLimit = MostSeries });
                if (settings.Otlp is not null) metrics.AddOtlpExporter(o => o.Endpoint = new Uri(settings.Otlp));
            });
        // Tracing costs on every request; it is on only when somebody listens.
        if (settings.Otlp is not null)
            telemetry.WithTracing(traces => traces.AddSource("Twin", "Microsoft.Orleans.Application", "Microsoft.Orleans.Runtime").AddAspNetCoreInstrumentation().AddOtlpExporter(o => o.Endpoint = new Uri(settings.Otlp)));
    }
}
