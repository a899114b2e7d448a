using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>
/// The last retained message of each topic, bounded in count and bytes, optionally kept in a log (<see cref="RetainedLog"/>).
/// At the bound a new topic is refused (0x97 to its publisher), never an old one thrown out. Thread-safe.
/// </summary>
internal sealed class RetainedMessages : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, MqttMessage> _messages = new(StringComparer.Ordinal);
    private readonly int _maxMessages;
    private readonly long _maxBytes;
    private readonly RetainedLog? _log;
    private long _bytes;

    public RetainedMessages(int maxMessages, long maxBytes, string? folder, long nowMs)
    {
        (_maxMessages, _maxBytes) = (maxMessages, maxBytes);
        if (folder is null) return;
        _log = RetainedLog.Open(folder, message => Apply(message));
        foreach (var expired in _messages.Values.Where(m => m.IsExpired(nowMs)).ToList()) Apply(new MqttMessage(expired.Topic, [], 0, true, [], 0));
    }

    public int Count
    {
        get
        {
            lock (_lock) return _messages.Count;
        }
    }

    /// <summary>Keeps a message, or forgets the topic's when the payload is empty; false at the bound. Returns after the log has it.</summary>
    public bool Put(MqttMessage message)
    {
        lock (_lock)
        {
            if (message.Payload.Length > 0)
            {
                var before = _messages.TryGetValue(message.Topic, out var old) ? old.Size : 0;
                if ((old is null && _messages.Count >= _maxMessages) || _bytes - before + message.Size > _maxBytes) return false;
            }
            else if (!_messages.ContainsKey(message.Topic))
            {
                return true;
            }

            _log?.Append(message);
            Apply(message);
            if (_log is { } log && log.ShouldCompact(_bytes)) log.Compact(_messages.Values);
            return true;
        }
    }

    /// <summary>Messages a filter matches, not expired.</summary>
    public List<MqttMessage> Find(string filter, long nowMs)
    {
        var found = new List<MqttMessage>();
        lock (_lock)
        {
            if (filter.AsSpan().IndexOfAny('+', '#') < 0)
            {
                if (_messages.TryGetValue(filter, out var one) && !one.IsExpired(nowMs)) found.Add(one);
                return found;
            }

            foreach (var message in _messages.Values)
                if (!message.IsExpired(nowMs) && MqttTopicFilter.Matches(filter, message.Topic)) found.Add(message);
        }

        return found;
    }

    /// <summary>Forgets what has expired; called now and then.</summary>
    public void Sweep(long nowMs)
    {
        lock (_lock)
        {
            List<MqttMessage>? expired = null;
            foreach (var message in _messages.Values)
                if (message.IsExpired(nowMs)) (expired ??= []).Add(message);
            if (expired is null) return;
            foreach (var message in expired) Apply(new MqttMessage(message.Topic, [], 0, true, [], 0));
        }
    }

    public void Dispose() => _log?.Dispose();

    private void Apply(MqttMessage message)
    {
        if (_messages.Remove(message.Topic, out var old)) _bytes -= old.Size;
        if (message.Payload.Length == 0) return;
        _messages[message.Topic] = message;
        _bytes += message.Size;
    }
}
