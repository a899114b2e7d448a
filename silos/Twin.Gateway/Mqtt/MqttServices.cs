using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Audit;
using Twin.Gateway.Sparkplug;
using Twin.Pipelines.Ingest;

namespace Twin.Gateway.Mqtt;

/// <summary>Puts the MQTT door into a host.</summary>
public static class MqttServices
{
    /// <summary>Adds the Sparkplug B host application to the door; an <see cref="ITwinStalenessSink"/> in the services (by default the device grains) hears of deaths and births.</summary>
    public static IServiceCollection AddSparkplugHost(this IServiceCollection services, Action<SparkplugHostOptions>? configure = null)
    {
        var options = new SparkplugHostOptions();
        configure?.Invoke(options);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(options);
        services.TryAddSingleton<ITwinStalenessSink, GrainStaleness>();
        services.TryAddSingleton(provider => new SparkplugHost(
            provider.GetRequiredService<IIngestEntrance>(), options, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SparkplugHost>>(), provider.GetService<ITwinStalenessSink>()));
        services.TryAddSingleton<IMqttTap>(provider => provider.GetRequiredService<SparkplugHost>());
        return services;
    }

    /// <summary>
    /// Adds <see cref="MqttDoor"/> as singleton and hosted service. Taken from the services: <see cref="IIngestEntrance"/>, <see cref="IMqttTwinOwner"/>
    /// and <see cref="IMqttDevices"/> (by default the grains), <see cref="IMqttAdmission"/> (by default anonymous on loopback),
    /// <see cref="IMqttTap"/> (Sparkplug, when added) and <see cref="TimeProvider"/>.
    /// </summary>
    public static IServiceCollection AddMqttDoor(this IServiceCollection services, Action<MqttDoorOptions>? configure = null)
    {
        var options = new MqttDoorOptions();
        configure?.Invoke(options);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(options);
        services.TryAddSingleton<IMqttAdmission, LoopbackAdmission>();
        services.TryAddSingleton<IMqttTwinOwner, GrainTwinOwner>();
        services.TryAddSingleton<IMqttDevices, GrainDevices>();
        services.TryAddSingleton(provider => new MqttDoor(
            provider.GetRequiredService<MqttDoorOptions>(),
            provider.GetRequiredService<IIngestEntrance>(),
            provider.GetRequiredService<IMqttAdmission>(),
            provider.GetRequiredService<IMqttTwinOwner>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<MqttDoor>>(),
            provider.GetService<IMqttDevices>(),
            provider.GetService<IMqttTap>()) { Denied = provider.GetService<AuditLog>() is { } audit ? audit.Denied : null });
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<MqttDoor>());
        return services;
    }
}
