using System.Text.Json;

namespace Twin.Graph;

/// <summary>A telemetry payload, checked against its model and taken apart into one value a telemetry.</summary>
internal static class TelemetryMessage
{
    public static bool TryRead(InterfaceDefinition model, PublishTelemetry command, out List<Assignment> values, out CommandResult refusal)
    {
        values = [];
        var of = model;
        if (command.Component.Length > 0)
        {
            if (!model.Components.TryGetValue(command.Component, out var component))
                return Refusals.Give(TwinStatus.NotFound, "ComponentNotFound", $"Model '{model.Id}' has no component '{command.Component}'.", command.Component, out refusal);
            of = component.Interface;
        }
        if (command.Payload.Kind != ValueKind.Json) return Refusals.Invalid("TelemetryInvalid", "The payload must be a JSON object of telemetries.", null, out refusal);
        if (command.Payload.AsJson.Length > SchemaValidation.MaxJsonBytes)
            return Refusals.Invalid("TelemetryInvalid", $"The payload has {command.Payload.AsJson.Length} bytes; at most {SchemaValidation.MaxJsonBytes} are allowed.", null, out refusal);
        var reader = new Utf8JsonReader(command.Payload.AsJson);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return Refusals.Invalid("TelemetryInvalid", "The payload must be a JSON object of telemetries.", null, out refusal);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                var value = PropertyValue.ReadJson(ref reader);
                if (!of.Telemetries.TryGetValue(name, out var telemetry))
                    return Refusals.Invalid("TelemetryNotInModel", $"Model '{of.Id}' has no telemetry '{name}'.", name, out refusal);
                if (!SchemaValidation.TryConvert(telemetry.Schema, value, out var stored, out var error)) return Refusals.Invalid("TelemetryInvalid", error!, name, out refusal);
                values.Add(new Assignment(command.Component.Length == 0 ? telemetry.Name : $"{command.Component}/{telemetry.Name}", stored));
            }
            reader.Read(); // throws when anything follows the object
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return Refusals.Invalid("TelemetryInvalid", $"The payload is malformed JSON: {malformed.Message}", null, out refusal);
        }
        refusal = default;
        return true;
    }
}
