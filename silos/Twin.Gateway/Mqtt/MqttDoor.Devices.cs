using Microsoft.Extensions.Logging;

namespace Twin.Gateway.Mqtt;

/// <summary>What device owners are told.</summary>
public sealed partial class MqttDoor
{
    private long _lastSeen;

    private async Task TellOpenedAsync(MqttConnection connection)
    {
        connection.IsTelling = true; // at most one call under way a device: a slow owner is not flooded
        try
        {
            connection.IsDevice = await TellSessionAsync(connection);
            connection.IsUntold = false;
            if (connection.IsDevice && !_connections.ContainsKey(connection)) await _devices!.DisconnectedAsync(connection.ClientId, connection.DeviceSession);
        }
        catch (Exception failed)
        {
            connection.IsUntold = true; // told again by the sweep, as long as it is open
            _log.LogWarning(failed, "The owner of device {Device} was not told that it connected.", connection.ClientId);
        }
        finally
        {
            connection.IsTelling = false;
        }
    }

    /// <summary>
    /// Sessions are numbered by each gateway's clock. An owner that knows a later one than an open connection's has either got a newer
    /// connection or a number from a clock that was ahead; only a connection that is still open is numbered anew, above it.
    /// </summary>
    private async Task<bool> TellSessionAsync(MqttConnection connection)
    {
        var told = await _devices!.ConnectedAsync(this, connection.ClientId, Endpoint.ToString(), connection.DeviceSession);
        if (!told.IsRegistered || told.LaterSession == 0) return told.IsRegistered;
        if (!_connections.ContainsKey(connection)) return true;
        connection.DeviceSession = NumberAbove(told.LaterSession);
        return (await _devices.ConnectedAsync(this, connection.ClientId, Endpoint.ToString(), connection.DeviceSession)).IsRegistered;
    }

    private long NumberAbove(long number)
    {
        for (var last = Volatile.Read(ref _lastNumber); last < number;)
        {
            var found = Interlocked.CompareExchange(ref _lastNumber, number, last);
            if (found == last) break;
            last = found;
        }

        return Interlocked.Increment(ref _lastNumber);
    }

    private async Task TellClosedAsync(MqttConnection connection)
    {
        try
        {
            await _devices!.DisconnectedAsync(connection.ClientId, connection.DeviceSession);
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
        {
            if (connection.IsTelling) continue;
            if (connection.IsUntold) _ = TellOpenedAsync(connection);
            else if (connection.IsDevice && connection.TakeSeen()) _ = TellSeenAsync(connection, at);
        }
    }

    private async Task TellSeenAsync(MqttConnection connection, DateTimeOffset at)
    {
        connection.IsTelling = true;
        try
        {
            if (!await _devices!.SeenAsync(connection.ClientId, at)) connection.IsUntold = true; // its owner has moved
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
