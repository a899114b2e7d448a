namespace Twin.Gateway.Spaces.Sockets;

/// <summary>Connections that are Kestrel's, see <see cref="BridgedSocket"/>. All of the loop's thread.</summary>
internal sealed unsafe partial class SocketLoop
{
    internal int MostMessageBytes => _options.MostMessageBytes;

    internal int MostQueuedBytes => _options.MostQueuedBytes;

    internal UpgradeAnswer TakeIn(BridgedSocket bridge)
    {
        if (IsTooOften(bridge.Remote)) return TooOften;
        var index = _stopping ? -1 : NewPlace();
        if (index < 0) return UpgradeAnswer.Refuse(503, "Full", "This server has as many connections as it takes.");
        ref var connection = ref _connections[index];
        (connection.State, connection.Bridge) = (ConnectionState.Handshake, bridge);
        var id = bridge.Id = new SocketId(index, connection.Generation);
        UpgradeAnswer answer;
        try
        {
            answer = _handler.TryOpen(id, new UpgradeRequest { Path = bridge.Path, Query = bridge.Query, Subprotocols = bridge.Subprotocols, Origin = bridge.Origin, Host = bridge.Host, Remote = bridge.Remote });
            if (answer.Status == 0)
            {
                (connection.State, connection.IsTold) = (ConnectionState.Open, true);
                _handler.Opened(id);
                return answer;
            }
        }
        catch (Exception fault)
        {
            Faulted(index, fault);
            answer = Failed;
        }

        SocketMetrics.Refused(answer.Status);
        Drop(index, CloseCause.Fault);
        return answer;
    }

    internal void Deliver(BridgedSocket bridge, ReadOnlySpan<byte> payload, bool isText)
    {
        if (Find(bridge.Id).State != ConnectionState.Open) return;
        _metrics.BytesIn += payload.Length;
        _metrics.MessagesIn++;
        try
        {
            _handler.Message(bridge.Id, payload, isText);
        }
        catch (Exception fault)
        {
            Faulted(bridge.Id.Index, fault);
        }
    }

    internal void TellWritable(BridgedSocket bridge)
    {
        if (Find(bridge.Id).State == ConnectionState.Open) TellWritable(bridge.Id.Index);
    }

    internal void End(BridgedSocket bridge, CloseCause cause)
    {
        if (Find(bridge.Id).State != ConnectionState.Free) Drop(bridge.Id.Index, cause);
    }
}
