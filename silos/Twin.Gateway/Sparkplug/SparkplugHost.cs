using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Twin.Gateway.Mqtt;
using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Sparkplug;

namespace Twin.Gateway.Sparkplug;

/// <summary>
/// A Sparkplug B host application inside the broker: births give names, types and twins to aliases, data becomes samples, sequence gaps and
/// unknown aliases ask for a rebirth, deaths make twins stale. Thread-safe; a node's messages are handled one at a time.
/// </summary>
/// <remarks>
/// After a gap the data that did come is used (its aliases and times are its own) and a rebirth is asked for. Data before a birth is dropped,
/// counted, and asks for a rebirth. A death whose bdSeq is not that of the present birth is an old one and is ignored.
/// </remarks>
public sealed class SparkplugHost(IIngestEntrance entrance, SparkplugHostOptions options, TimeProvider clock, ILogger<SparkplugHost> log, ITwinStalenessSink? staleness = null) : IMqttTap
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> MessageCounter = Meter.CreateCounter<long>("twin_sparkplug_messages_total");
    private static readonly Counter<long> ProblemCounter = Meter.CreateCounter<long>("twin_sparkplug_problems_total", description: "Gaps, unknown aliases, data before birth, stale deaths, bad payloads, bounds");
    private static readonly Counter<long> RebirthCounter = Meter.CreateCounter<long>("twin_sparkplug_rebirths_requested_total");
    private static readonly MessageFate Done = new(true, SampleFate.Applied, null);

    private readonly ConcurrentDictionary<(string Group, string Node), SparkplugNode> _nodes = new();
    private readonly ConcurrentDictionary<string, long> _problems = new(StringComparer.Ordinal);
    private IMqttPublisher? _publisher;
    private long _rebirths;

    /// <summary>Rebirth requests sent.</summary>
    public long Rebirths => Volatile.Read(ref _rebirths);

    /// <summary>Problems seen, by kind: <c>gap</c>, <c>unknown alias</c>, <c>before birth</c>, <c>old death</c>, <c>bad payload</c>, <c>unsupported</c>, <c>bound</c>.</summary>
    public IReadOnlyDictionary<string, long> Problems => _problems;

    /// <summary>A metric's value by its own stated type; false for tables, templates and nulls.</summary>
    public static bool TryRead(in SparkplugMetric metric, out PropertyValue value) => SparkplugNode.TryRead(metric, metric.Type, out value);

    /// <inheritdoc/>
    public bool Takes(string topic) => SparkplugTopic.TryParse(topic, out var parsed) && parsed.Kind is not (SparkplugKind.NodeCommand or SparkplugKind.DeviceCommand);

    /// <inheritdoc/>
    public void Open(IMqttPublisher publisher)
    {
        _publisher = publisher;
        TellState(true);
    }

    /// <inheritdoc/>
    public void Close() => TellState(false);

    /// <inheritdoc/>
    public ValueTask<MessageFate> TakeAsync(string topic, ReadOnlyMemory<byte> payload, WallTime arrivalTime, CancellationToken cancellationToken)
    {
        if (!SparkplugTopic.TryParse(topic, out var parsed)) return new(Done);
        SparkplugPayload decoded;
        try
        {
            decoded = SparkplugCodec.Decode(payload.Span);
        }
        catch (InvalidDataException broken)
        {
            Count("bad payload");
            return new(new MessageFate(true, SampleFate.Invalid, broken.Message));
        }

        MessageCounter.Add(1, new KeyValuePair<string, object?>("type", parsed.Kind.ToString()));
        if (!_nodes.TryGetValue((parsed.Group, parsed.Node), out var node))
        {
            if (_nodes.Count >= options.MaxNodes)
            {
                Count("bound");
                return new(new MessageFate(true, SampleFate.Invalid, $"More than {options.MaxNodes} edge nodes."));
            }

            node = _nodes.GetOrAdd((parsed.Group, parsed.Node), static key => new SparkplugNode(key.Group, key.Node));
        }

        lock (node) return Handle(node, parsed, decoded, arrivalTime, cancellationToken);
    }

    private ValueTask<MessageFate> Handle(SparkplugNode node, in SparkplugTopic topic, SparkplugPayload payload, WallTime arrival, CancellationToken cancellationToken)
    {
        switch (topic.Kind)
        {
            case SparkplugKind.NodeBirth:
                node.Born(payload);
                return Define(node, topic, payload, arrival, cancellationToken);
            case SparkplugKind.NodeDeath:
                if (node.Dies(payload)) return MarkAsync(node, node.TwinsOf(""), true, arrival, cancellationToken);
                Count("old death");
                return new(Done);
        }

        if (!node.IsOnline)
        {
            AskRebirth(node, "before birth");
            return new(Done);
        }

        if (!node.Follow(payload.Sequence)) AskRebirth(node, "gap");
        switch (topic.Kind)
        {
            case SparkplugKind.DeviceBirth:
                return Define(node, topic, payload, arrival, cancellationToken);
            case SparkplugKind.DeviceDeath:
                return node.DeviceDies(topic.Device) ? MarkAsync(node, node.TwinsOf(topic.Device), true, arrival, cancellationToken) : new(Done);
            default:
                if (node.HasDevice(topic.Device)) return IngestAsync(Read(node, topic.Device, payload), arrival, cancellationToken);
                AskRebirth(node, "before birth");
                return new(Done);
        }
    }

    private ValueTask<MessageFate> Define(SparkplugNode node, in SparkplugTopic topic, SparkplugPayload payload, WallTime arrival, CancellationToken cancellationToken)
    {
        if (node.MetricCount + payload.Metrics.Count > options.MaxMetricsPerNode)
        {
            Count("bound");
            return new(new MessageFate(true, SampleFate.Invalid, $"More than {options.MaxMetricsPerNode} metrics of one edge node."));
        }

        node.Define(topic.Device, payload);
        return BornAsync(Read(node, topic.Device, payload), MarkAsync(node, node.TwinsOf(topic.Device), false, arrival, cancellationToken), arrival, cancellationToken);
    }

    private async ValueTask<MessageFate> BornAsync(ArraySegment<Sample> samples, ValueTask<MessageFate> marked, WallTime arrival, CancellationToken cancellationToken)
    {
        var ingest = IngestAsync(samples, arrival, cancellationToken);
        await marked;
        return await ingest;
    }

    private ArraySegment<Sample> Read(SparkplugNode node, string device, SparkplugPayload payload)
    {
        var samples = new Sample[payload.Metrics.Count];
        var count = 0;
        foreach (var metric in payload.Metrics)
        {
            if (node.Find(device, metric) is not { } born)
            {
                AskRebirth(node, "unknown alias");
                continue;
            }

            if (SparkplugNode.IsControl(born.Name)) continue;
            if (!SparkplugNode.TryRead(metric, born.Type, out var value))
            {
                Count("unsupported");
                continue;
            }

            var time = (metric.TimestampMs ?? payload.TimestampMs) is { } ms and > 0 and < 253_402_300_799_999 ? WallTime.FromUnixMilliseconds(ms) : WallTime.None;
            samples[count++] = new Sample(metric.Twin ?? born.TwinId, born.Name, value, time);
        }

        return new ArraySegment<Sample>(samples, 0, count);
    }

    private async ValueTask<MessageFate> IngestAsync(ArraySegment<Sample> samples, WallTime arrival, CancellationToken cancellationToken)
    {
        if (samples.Count == 0) return Done;
        var outcome = await entrance.IngestAsync(samples, arrival, cancellationToken);
        for (var fate = IngestOutcome.FateCount - 1; fate > 0; fate--)
        {
            if (outcome.Counts[fate] == 0) continue;
            return new MessageFate((SampleFate)fate != SampleFate.Unavailable, (SampleFate)fate, outcome.Refusals.Length > 0 ? outcome.Refusals[0].Detail : null);
        }

        return Done;
    }

    /// <summary>Marks of one node are made one after the other in the order of its messages, else a death and the birth after it might change places. Called with the node locked.</summary>
    private ValueTask<MessageFate> MarkAsync(SparkplugNode node, HashSet<string> twins, bool isStale, WallTime at, CancellationToken cancellationToken)
    {
        if (staleness is null || twins.Count == 0) return new(Done);
        var marked = MarkAfterAsync(node.LastMark, twins, isStale, at, cancellationToken);
        node.LastMark = marked;
        return new(marked);
    }

    private async Task<MessageFate> MarkAfterAsync(Task before, HashSet<string> twins, bool isStale, WallTime at, CancellationToken cancellationToken)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            await staleness!.MarkAsync(twins, isStale, at, cancellationToken);
        }
        catch (Exception failed) when (failed is not OperationCanceledException)
        {
            log.LogError(failed, "{Count} twins were not marked {State}.", twins.Count, isStale ? "stale" : "fresh");
        }

        return Done;
    }

    private void AskRebirth(SparkplugNode node, string why)
    {
        Count(why);
        var now = clock.GetTimestamp();
        if (node.LastRebirth is { } last && clock.GetElapsedTime(last, now) < options.RebirthInterval) return;
        node.LastRebirth = now;
        var request = new SparkplugPayload(clock.GetUtcNow().ToUnixTimeMilliseconds(), null, [SparkplugMetric.From("Node Control/Rebirth", true)]);
        _publisher?.Publish($"spBv1.0/{node.Group}/NCMD/{node.Node}", SparkplugCodec.Encode(request));
        Interlocked.Increment(ref _rebirths);
        RebirthCounter.Add(1);
    }

    private void Count(string problem)
    {
        _problems.AddOrUpdate(problem, 1, static (_, count) => count + 1);
        ProblemCounter.Add(1, new KeyValuePair<string, object?>("problem", problem));
    }

    private void TellState(bool online)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{{\"online\":{(online ? "true" : "false")},\"timestamp\":{clock.GetUtcNow().ToUnixTimeMilliseconds()}}}");
        _publisher?.Publish($"spBv1.0/STATE/{options.HostId}", Encoding.UTF8.GetBytes(text), 1, retain: true);
    }
}
