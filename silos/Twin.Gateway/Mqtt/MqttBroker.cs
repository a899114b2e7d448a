using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>Sessions, subscriptions, retained messages, wills and routing. Owns no socket. Thread-safe.</summary>
internal sealed partial class MqttBroker : IMqttPublisher, IDisposable
{
    [ThreadStatic] private static List<SubscriptionMatch>? _matches;

    private readonly Lock _sessionsLock = new();
    private readonly Dictionary<string, MqttSession> _sessions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _connectionsByIdentity = new(StringComparer.Ordinal);
    private readonly List<(MqttSession Session, MqttWill Will, MqttIdentity Identity, long Due)> _waitingWills = [];
    private readonly RetainedMessages _retained;
    private readonly IMqttTwinOwner _owner;
    private readonly IMqttTap? _tap;
    private readonly Action<MqttConnection>? _opened;
    private readonly Action<MqttConnection>? _closed;

    public MqttBroker(
        MqttDoorOptions options, IIngestEntrance entrance, IMqttAdmission admission, IMqttTwinOwner owner, IMqttTap? tap, TimeProvider clock, ILogger log, MqttMetrics metrics,
        Action<MqttConnection>? opened, Action<MqttConnection>? closed)
    {
        (Options, Entrance, Admission, Clock, Log, Metrics) = (options, entrance, admission, clock, log, metrics);
        (_owner, _tap, _opened, _closed) = (owner, tap, opened, closed);
        Topics = new TopicCache(tap);
        _retained = new RetainedMessages(options.MaxRetainedMessages, options.MaxRetainedBytes, options.RetainedFolder, NowMs);
    }

    public MqttDoorOptions Options { get; }

    public IIngestEntrance Entrance { get; }

    public IMqttAdmission Admission { get; }

    /// <summary>Told of each denial: who, what, why, how often.</summary>
    public Action<string, string, string, long>? Denied { get; set; }

    public TimeProvider Clock { get; }

    public ILogger Log { get; }

    public MqttMetrics Metrics { get; }

    public TopicCache Topics { get; }

    public SubscriptionTree Subscriptions { get; } = new();

    public int RetainedCount => _retained.Count;

    public byte[]? FindRetained(string topic) => _retained.Find(topic, NowMs).FirstOrDefault()?.Payload;

    public long NowMs => Clock.GetUtcNow().ToUnixTimeMilliseconds();

    public string NewClientId(long number) => $"auto-{NowMs:x}-{number:x}";

    /// <summary>Counts a connection of an identity; false at its bound.</summary>
    public bool TryCount(MqttIdentity identity)
    {
        if (_connectionsByIdentity.AddOrUpdate(identity.Name, 1, static (_, count) => count + 1) <= Options.MaxConnectionsPerIdentity) return true;
        Uncount(identity);
        Metrics.Limit("connections per identity");
        return false;
    }

    private void Uncount(MqttIdentity identity)
    {
        if (_connectionsByIdentity.AddOrUpdate(identity.Name, 0, static (_, count) => count - 1) == 0)
            _connectionsByIdentity.TryRemove(new KeyValuePair<string, int>(identity.Name, 0));
    }

    public TimeSpan BoundExpiry(uint seconds)
    {
        var asked = seconds == uint.MaxValue ? TimeSpan.MaxValue : TimeSpan.FromSeconds(seconds);
        return asked < Options.MaxSessionExpiry ? asked : Options.MaxSessionExpiry;
    }

    /// <summary>Gives a connection its session (the old one or a new one), answers CONNACK and resends. A connection that had it is sent away (0x8E).</summary>
    public MqttSession OpenSession(MqttConnection connection, MqttConnect connect)
    {
        MqttConnection? before;
        MqttSession session;
        lock (_sessionsLock)
        {
            var present = _sessions.TryGetValue(connection.ClientId, out var old) && !connect.CleanStart && old.Identity?.Name == connection.Identity!.Name;
            if (old is not null && !present) EndSession(old);
            session = present ? old! : _sessions[connection.ClientId] = new MqttSession(connection.ClientId, Options, Metrics, Clock);
            session.Identity = connection.Identity;
            session.Expiry = BoundExpiry(connect.SessionExpirySeconds);
            _waitingWills.RemoveAll(waiting => ReferenceEquals(waiting.Session, session));
            connection.WriteConnAck(ConnAck(connection, connect, session, present));
            before = session.Attach(connection) ?? (present ? null : old?.Connection);
        }

        before?.Abort(MqttReason.SessionTakenOver, "Another connection took the session.");
        session.Resume();
        _opened?.Invoke(connection);
        return session;
    }

    private MqttConnAck ConnAck(MqttConnection connection, MqttConnect connect, MqttSession session, bool present) => new()
    {
        SessionPresent = present,
        SessionExpirySeconds = session.Expiry.TotalSeconds < connect.SessionExpirySeconds ? (uint)session.Expiry.TotalSeconds : null,
        ReceiveMaximum = (ushort)Options.ReceiveMaximum,
        MaximumPacketSize = (uint)Options.MaxPacketBytes,
        TopicAliasMaximum = (ushort)Options.TopicAliasMaximum,
        AssignedClientId = connect.ClientId.Length == 0 ? connection.ClientId : null,
        ServerKeepAliveSeconds = connection.KeepAlive.TotalSeconds == connect.KeepAliveSeconds ? null : (ushort)connection.KeepAlive.TotalSeconds,
    };

    /// <summary>A connection has closed: its will, its session's expiry.</summary>
    public void OnClosed(MqttConnection connection)
    {
        _closed?.Invoke(connection);
        if (connection.Identity is not { } identity) return;
        Uncount(identity);
        if (connection.Session is not { } session) return;
        MqttWill? now = null;
        lock (_sessionsLock)
        {
            var had = session.Detach(connection);
            var current = _sessions.TryGetValue(connection.ClientId, out var kept) && ReferenceEquals(kept, session);
            var ends = had && (session.Expiry == TimeSpan.Zero || !current);
            if (connection.Will is { } will)
            {
                if (will.DelaySeconds == 0 || ends || !current) now = will;
                else if (had) _waitingWills.Add((session, will, identity, Clock.GetTimestamp() + (long)(Math.Min(will.DelaySeconds, session.Expiry.TotalSeconds) * Clock.TimestampFrequency)));
            }

            if (ends && current) EndSession(session);
            else if (had && current) BoundAbsent();
        }

        if (now is not null) PublishWill(now, identity);
    }

    private void EndSession(MqttSession session)
    {
        _sessions.Remove(session.ClientId);
        foreach (var subscription in session.Subscriptions.Values) Subscriptions.Remove(subscription);
        session.Subscriptions.Clear();
    }

    /// <summary>What identities may read has changed: sessions that subscribe to what theirs may no longer end, and their clients are sent away (0x87) to subscribe anew.</summary>
    public void Recheck()
    {
        List<MqttConnection>? away = null;
        List<string>? denied = null;
        lock (_sessionsLock)
        {
            foreach (var session in _sessions.Values.ToList())
            {
                if (session.Identity is not { } identity || session.Subscriptions.Values.All(s => identity.MaySubscribe(s.Filter))) continue;
                if (session.Connection is { } connection) (away ??= []).Add(connection);
                EndSession(session);
                Metrics.Refuse("no longer authorized");
                (denied ??= []).Add(identity.SubjectName);
            }
        }

        foreach (var subject in denied ?? []) Denied?.Invoke(subject, "MQTT SESSION", "no longer authorized", 1);
        foreach (var connection in away ?? []) connection.Abort(MqttReason.NotAuthorized, "What you subscribed to may no longer be read by you; connect and subscribe again.");
    }

    private int _absent;

    private void BoundAbsent()
    {
        if (++_absent <= Options.MaxAbsentSessions) return;
        var absent = _sessions.Values.Where(s => !s.IsConnected).OrderBy(s => s.AbsentSince).ToList();
        foreach (var session in absent.Take(absent.Count - Options.MaxAbsentSessions))
        {
            Metrics.Limit("absent sessions");
            EndSession(session);
        }

        _absent = Math.Min(absent.Count, Options.MaxAbsentSessions);
    }

    /// <summary>Expired sessions, wills whose delay is over, expired retained messages. Called about once a second.</summary>
    public void Sweep()
    {
        var now = Clock.GetTimestamp();
        List<(MqttWill Will, MqttIdentity Identity)>? due = null;
        lock (_sessionsLock)
        {
            foreach (var session in _sessions.Values.Where(s => !s.IsConnected && Clock.GetElapsedTime(s.AbsentSince, now) >= s.Expiry).ToList()) EndSession(session);
            for (var i = _waitingWills.Count - 1; i >= 0; i--)
            {
                if (_waitingWills[i].Due > now) continue;
                (due ??= []).Add((_waitingWills[i].Will, _waitingWills[i].Identity));
                _waitingWills.RemoveAt(i);
            }
        }

        foreach (var (will, identity) in due ?? []) PublishWill(will, identity);
        _retained.Sweep(NowMs);
    }

    private void PublishWill(MqttWill will, MqttIdentity identity)
    {
        var topic = TopicEntry.Parse(System.Text.Encoding.UTF8.GetBytes(will.Topic), _tap);
        if (topic.Kind == TopicKind.Changes || !identity.MayPublish(topic.Topic, topic.TwinId)) return;
        var expires = will.ExpirySeconds is { } seconds ? NowMs + (seconds * 1000L) : 0;
        var message = new MqttMessage(will.Topic, will.Payload, will.Qos, will.Retain, will.Properties ?? [], expires);
        if (will.Retain) Retain(message);
        Route(message, null);
        if (topic.Kind != TopicKind.Ordinary) _ = WillToOwnerAsync(topic, will.Payload);
    }

    private async Task WillToOwnerAsync(TopicEntry topic, byte[] payload)
    {
        try
        {
            if (topic.Kind == TopicKind.Samples) await Entrance.OfferAsync(new SingleMessage(topic, payload, WallTime.Now(Clock)), CancellationToken.None);
            else await HandAsync(topic, payload, 200, WallTime.Now(Clock), CancellationToken.None);
        }
        catch (Exception failed)
        {
            Log.LogError(failed, "The will on {Topic} was not taken.", topic.Topic);
        }
    }

    /// <summary>Gives a message to the owner its topic names.</summary>
    public ValueTask<MessageFate> HandAsync(TopicEntry topic, ReadOnlyMemory<byte> payload, int code, WallTime arrival, CancellationToken cancellationToken) => topic.Kind switch
    {
        TopicKind.Telemetry => _owner.TelemetryAsync(topic.TwinId, payload, cancellationToken),
        TopicKind.Reported => _owner.ReportedAsync(topic.TwinId, payload, cancellationToken),
        TopicKind.Reply => _owner.ReplyAsync(topic.TwinId, topic.Leaf, code, payload, cancellationToken),
        _ => _tap!.TakeAsync(topic.Topic, payload, arrival, cancellationToken),
    };

    /// <summary>Keeps or forgets a topic's retained message; false at the bound.</summary>
    public bool Retain(MqttMessage message)
    {
        try
        {
            if (_retained.Put(message)) return true;
            Metrics.Limit("retained");
        }
        catch (IOException failed)
        {
            Log.LogError(failed, "The retained message on {Topic} was not kept.", message.Topic);
        }

        return false;
    }

    /// <inheritdoc/>
    public int Publish(string topic, ReadOnlySpan<byte> payload, byte qos = 0, bool retain = false) => Publish(topic, payload, qos, retain, []);

    public int Publish(string topic, ReadOnlySpan<byte> payload, byte qos, bool retain, byte[] properties)
    {
        if (!retain && Subscriptions.Count == 0) return 0;
        var message = new MqttMessage(topic, payload.ToArray(), qos, retain, properties, 0);
        if (retain) Retain(message);
        return Route(message, null);
    }

    /// <summary>Hands a message to every matching session once, at the highest QoS granted; returns how many.</summary>
    public int Route(MqttMessage message, MqttSession? from)
    {
        var matches = _matches ??= [];
        matches.Clear();
        Subscriptions.Match(message.Topic, matches);
        if (matches.Count == 0) return 0;
        var receivers = 0;
        for (var i = 0; i < matches.Count; i++)
        {
            if (matches[i].Subscription is not { } first || (first.NoLocal && ReferenceEquals(first.Session, from))) continue;
            var qos = first.Qos;
            var retain = first.RetainAsPublished;
            var ids = first.Id > 0 ? new[] { first.Id } : [];
            for (var j = i + 1; j < matches.Count; j++)
            {
                if (!ReferenceEquals(matches[j].Subscription?.Session, first.Session)) continue;
                var other = matches[j].Subscription;
                if (other.NoLocal && ReferenceEquals(other.Session, from)) continue;
                qos = Math.Max(qos, other.Qos);
                retain |= other.RetainAsPublished;
                if (other.Id > 0) ids = [.. ids, other.Id];
                matches[j] = default;
            }

            first.Session.Deliver(message, Math.Min(qos, message.Qos), retain && message.Retain, ids);
            receivers++;
        }

        matches.Clear();
        return receivers;
    }

    public void Dispose() => _retained.Dispose();

    /// <summary>A will to a twin topic, as a chunk of one.</summary>
    private sealed class SingleMessage(TopicEntry topic, byte[] payload, WallTime arrival) : IngestChunk
    {
        private readonly IngestMessage[] _messages = [new(topic.TwinId, topic.Format, payload, 0)];

        public override ReadOnlySpan<IngestMessage> Messages => _messages;

        public override WallTime ArrivalTime => arrival;

        public override void Complete(ReadOnlySpan<MessageFate> fates)
        {
            // Nobody waits for a will's fate; the pipeline has counted it.
        }
    }
}
