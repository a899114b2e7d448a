using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>SUBSCRIBE and UNSUBSCRIBE.</summary>
internal sealed partial class MqttBroker
{
    /// <summary>Adds subscriptions, answers SUBACK, then sends retained messages.</summary>
    public void Subscribe(MqttConnection connection, MqttSubscribe packet)
    {
        var codes = new byte[packet.Filters.Count];
        List<(MqttMessage Message, byte Qos)>? retained = null;
        for (var i = 0; i < codes.Length; i++)
        {
            var wanted = packet.Filters[i];
            codes[i] = (byte)SubscribeOne(connection, wanted, packet.SubscriptionId, out var isNew, out var filter, out var shared);
            if (codes[i] >= 0x80 || shared || wanted.RetainHandling == 2 || (wanted.RetainHandling == 1 && !isNew)) continue;
            foreach (var message in _retained.Find(filter, NowMs)) (retained ??= []).Add((message, Math.Min(wanted.Qos, message.Qos)));
        }

        if (connection.Version == MqttVersion.V311)
            for (var i = 0; i < codes.Length; i++) codes[i] = Math.Min(codes[i], (byte)0x80);
        connection.WriteCodes(MqttPacketType.SubAck, packet.PacketId, codes);
        int[] ids = packet.SubscriptionId > 0 ? [packet.SubscriptionId] : [];
        foreach (var (message, qos) in retained ?? []) connection.Session!.Deliver(message, qos, true, ids);
    }

    private MqttReason SubscribeOne(MqttConnection connection, MqttFilter wanted, int id, out bool isNew, out string filter, out bool shared)
    {
        isNew = false;
        shared = false;
        if (!MqttTopicFilter.TryParse(wanted.Filter, out filter, out var group)) return MqttReason.TopicFilterInvalid;
        shared = group is not null;
        if (shared && wanted.NoLocal) throw new MqttProtocolException(MqttReason.ProtocolError, "A shared subscription has the no-local option.");
        if (!connection.Identity!.MaySubscribe(filter))
        {
            Metrics.Refuse("not authorized");
            Denied?.Invoke(connection.Identity.SubjectName, $"MQTT SUBSCRIBE {wanted.Filter}", nameof(MqttReason.NotAuthorized), 1);
            return MqttReason.NotAuthorized;
        }

        var session = connection.Session!;
        lock (_sessionsLock)
        {
            if (!ReferenceEquals(session.Connection, connection)) return MqttReason.Unspecified; // taken over meanwhile
            if (!session.Subscriptions.ContainsKey(wanted.Filter) && session.Subscriptions.Count >= Options.MaxSubscriptionsPerSession)
            {
                Metrics.Limit("subscriptions");
                return MqttReason.QuotaExceeded;
            }

            var subscription = new Subscription(session, filter, group, wanted.Qos, wanted.NoLocal, wanted.RetainAsPublished, id);
            session.Subscriptions[wanted.Filter] = subscription;
            isNew = Subscriptions.Add(subscription);
            return (MqttReason)wanted.Qos;
        }
    }

    /// <summary>Removes subscriptions; one code a filter.</summary>
    public byte[] Unsubscribe(MqttConnection connection, List<string> filters)
    {
        var session = connection.Session!;
        var codes = new byte[filters.Count];
        lock (_sessionsLock)
        {
            for (var i = 0; i < codes.Length; i++)
            {
                var found = session.Subscriptions.Remove(filters[i], out var subscription) && Subscriptions.Remove(subscription);
                codes[i] = (byte)(found ? MqttReason.Success : MqttReason.NoSubscriptionExisted);
            }
        }

        return codes;
    }
}
