using Microsoft.Extensions.Logging;

namespace Twin.Gateway.Mqtt;

/// <summary>What device owners are told.</summary>
public sealed partial class MqttDoor
{
    private long _lastSeen;

    private async Task TellOpenedAsync(MqttConnection connection)
    {
        try
        {
            connection.IsDevice = await _devices!.ConnectedAsync(this, connection.ClientId, Endpoint.ToString(), connection.Number);
            if (connection.IsDevice && !_connections.ContainsKey(connection)) await _devices.DisconnectedAsync(connection.ClientId, connection.Number);
        }
        catch (Exception failed)
        {
            _log.LogWarning(failed, "The owner of device {Device} was not told that it connected.", connection.ClientId);
        }
    }

    private async Task TellClosedAsync(MqttConnection connection)
    {
        try
        {
            await _devices!.DisconnectedAsync(connection.ClientId, connection.Number);
        }
        catch (Exception failed)
        {
            _log.LogWarning(failed, "The owner of device {Device} was not told that it left.", connection.ClientId);
        }
    }

    private void TellSeen(long now)
    {
        if (_clock.GetElapsedTime(_lastSeen, now) < _options.SeenInterval) return;
        _lastSeen = now;
        var at = _clock.GetUtcNow();
        foreach (var (connection, _) in _connections)
            if (connection.IsDevice && connection.TakeSeen() && !connection.IsTelling) _ = TellSeenAsync(connection, at);
    }

    private async Task TellSeenAsync(MqttConnection connection, DateTimeOffset at)
    {
        connection.IsTelling = true; // at most one call under way a device: a slow owner is not flooded
        try
        {
            await _devices!.SeenAsync(connection.ClientId, at);
        }
        catch (Exception failed)
        {
            _log.LogWarning(failed, "The owner of device {Device} was not told that it spoke.", connection.ClientId);
        }
        finally
        {
            connection.IsTelling = false;
        }
    }
}
