using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Mqtt;

namespace Twin.Gateway.Mqtt;

/// <summary>
/// The messages of one read of one connection: those for twins go to the pipeline as one chunk, the others have been routed already.
/// Acknowledgements leave when all of them are decided, and never before those of an earlier batch (clause 4.6). Hot; pooled per connection.
/// </summary>
internal sealed class InboundBatch(MqttConnection connection) : IngestChunk
{
    private IngestMessage[] _messages = new IngestMessage[16];
    private InboundEntry[] _entries = new InboundEntry[16];
    private ReceiveBlock? _block;
    private int _messageCount;
    private int _pending;
    private int _completed;

    public int EntryCount { get; private set; }

    public int Bytes { get; private set; }

    public bool IsDone { get; set; }

    public bool HasSamples => _messageCount > 0;

    public ReadOnlySpan<InboundEntry> Entries => _entries.AsSpan(0, EntryCount);

    public override ReadOnlySpan<IngestMessage> Messages => _messages.AsSpan(0, _messageCount);

    public override WallTime ArrivalTime => _arrival;

    private WallTime _arrival;

    /// <summary>Starts anew. The batch itself counts as one pending part until <see cref="Seal"/>.</summary>
    public void Open(ReceiveBlock block, WallTime arrival)
    {
        _block = block;
        block.Hold();
        _arrival = arrival;
        _pending = 1;
        _completed = 0;
        IsDone = false;
    }

    /// <summary>Adds a message that waits for nothing, or whose fate comes later through <see cref="Decide"/>.</summary>
    public int Add(ushort packetId, byte qos, int bytes, MqttReason reason = MqttReason.Success)
    {
        if (EntryCount == _entries.Length) Array.Resize(ref _entries, _entries.Length * 2);
        _entries[EntryCount] = new InboundEntry(packetId, qos, true, reason, null);
        Bytes += bytes;
        return EntryCount++;
    }

    /// <summary>Adds a message for the pipeline.</summary>
    public void AddSample(TopicEntry topic, ReadOnlyMemory<byte> payload, ushort packetId, byte qos)
    {
        var tag = Add(packetId, qos, payload.Length);
        if (_messageCount == _messages.Length) Array.Resize(ref _messages, _messages.Length * 2);
        _messages[_messageCount++] = new IngestMessage(topic.TwinId, topic.Format, payload, tag);
    }

    /// <summary>One more thing to wait for.</summary>
    public void Expect() => Interlocked.Increment(ref _pending);

    /// <summary>States an entry's fate and settles one expected part.</summary>
    public void Decide(int entry, in MessageFate fate)
    {
        Put(entry, fate);
        Settle();
    }

    /// <summary>Ends the filling.</summary>
    public void Seal() => Settle();

    /// <inheritdoc/>
    public override void Complete(ReadOnlySpan<MessageFate> fates)
    {
        if (Interlocked.Exchange(ref _completed, 1) != 0) throw new InvalidOperationException("An ingest chunk was completed twice.");
        if (fates.Length != _messageCount) throw new ArgumentException($"{fates.Length} fates for {_messageCount} messages.", nameof(fates));
        for (var i = 0; i < fates.Length; i++) Put(_messages[i].Tag, fates[i]);
        Settle();
    }

    /// <summary>The pipeline did not take the chunk: nothing in it is acknowledged.</summary>
    public void Refuse()
    {
        if (Interlocked.Exchange(ref _completed, 1) != 0) return;
        var fate = new MessageFate(false, SampleFate.Unavailable, "The silo is not taking messages now.");
        for (var i = 0; i < _messageCount; i++) Put(_messages[i].Tag, fate);
        Settle();
    }

    /// <summary>Empties it for the next use.</summary>
    public void Clear()
    {
        _block?.Release();
        _block = null;
        Array.Clear(_messages, 0, _messageCount);
        Array.Clear(_entries, 0, EntryCount);
        _messageCount = 0;
        EntryCount = 0;
        Bytes = 0;
    }

    private void Put(int entry, in MessageFate fate)
    {
        ref var place = ref _entries[entry];
        place = place with { Acknowledge = fate.Acknowledge, Reason = ReasonOf(fate), Detail = fate.Detail };
    }

    private void Settle()
    {
        if (Interlocked.Decrement(ref _pending) == 0) connection.OnBatchDone(this);
    }

    /// <summary>
    /// Fate to reason code. Applied, duplicate, reordered and late are kept, so they succeed. A payload or value that does not fit is 0x99;
    /// an unknown twin or property and a source time in the future are 0x83; what could not be kept is 0x97: send it again.
    /// </summary>
    private static MqttReason ReasonOf(in MessageFate fate) => !fate.Acknowledge
        ? MqttReason.QuotaExceeded
        : fate.Worst switch
        {
            <= SampleFate.Late => MqttReason.Success,
            SampleFate.Invalid => MqttReason.PayloadFormatInvalid,
            SampleFate.Unavailable => MqttReason.QuotaExceeded,
            _ => MqttReason.ImplementationSpecific,
        };
}

/// <summary>One message of a batch: how to answer it.</summary>
internal readonly record struct InboundEntry(ushort PacketId, byte Qos, bool Acknowledge, MqttReason Reason, string? Detail);
