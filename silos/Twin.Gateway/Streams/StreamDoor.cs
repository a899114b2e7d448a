using System.Buffers;
using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Twin.Gateway.Audit;
using Twin.Gateway.Http;
using Twin.Gateway.Mqtt;
using Twin.Gateway.Security;
using Twin.Gateway.Standing;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Query;
using Twin.Model.Query.Standing;

namespace Twin.Gateway.Streams;

/// <summary>
/// <c>GET /stream</c>: the feed over WebSocket or SSE. A message is <c>{"cursor":"...","changes":[...]}</c>; a subscriber that comes back
/// with its cursor misses nothing and gets nothing twice. One that stops reading is closed at its bound (WebSocket 1013, SSE comment)
/// and may resume. A message goes out at least every 15 s. With <c>?query=</c> the changes are those of a standing query's rows.
/// </summary>
internal sealed class StreamDoor(ITwinStore store, FeedHub hub, StandingQueries standing, Admission admission, ClientLimits limits, TimeProvider clock) : IDisposable
{
    private const int MostBytes = 8 * 1024 * 1024;
    private const int MostChanges = 50_000;
    private const int MostRowBytes = 128 * 1024 * 1024;
    private const int MostRowChanges = 200_000;
    private const int MostTogether = 4_096; // changes in one message, if not of one commit
    private const int CatchUpPage = 4_096;
    private const int NearEnough = 512;
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(14);
    private static readonly TimeSpan PulseEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HubLag = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<Subscriber, bool> _relaying = [];
    private readonly Lock _starting = new();
    private ITimer? _pulse;

    /// <summary>How long one message may take to leave; then the subscriber is cut off.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(30);

    public async Task InvokeAsync(HttpContext context)
    {
        if (Refuse(context) is { } refused)
        {
            await refused.WriteAsync(context).ConfigureAwait(false);
            return;
        }

        if (context.Request.Query.ContainsKey("query"))
        {
            await ServeRowsAsync(context).ConfigureAwait(false);
            return;
        }

        if (!TryRead(context, out var filter, out var positions, out var problem))
        {
            await TwinProblems.WriteAsync(context, 400, problem!).ConfigureAwait(false);
            return;
        }

        if (context.RequestServices.GetService<HiddenDenials>() is { } hidden) await hidden.CheckStreamAsync(context, context.Request.Query["twins"].ToString().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ConfigureAwait(false);
        await ServeAsync(context, filter!, positions, () => OpenAsync(context)).ConfigureAwait(false);
    }

    private static async Task<IStreamSender> OpenAsync(HttpContext context) => context.WebSockets.IsWebSocketRequest
        ? new SocketSender(await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { KeepAliveInterval = TimeSpan.FromSeconds(20) }).ConfigureAwait(false), context.RequestAborted)
        : await EventSender.StartAsync(context).ConfigureAwait(false);

    /// <summary>A standing query: its rows, then how they change.</summary>
    private async Task ServeRowsAsync(HttpContext context)
    {
        if (!TryReadQuery(context.Request.Query, out var form, out var problem))
        {
            await TwinProblems.WriteAsync(context, 400, problem!).ConfigureAwait(false);
            return;
        }

        if (limits.RefuseStream(context, out var place) is { } full)
        {
            await full.WriteAsync(context).ConfigureAwait(false);
            return;
        }

        using var held = place;
        var subscriber = new Subscriber(null, MostRowBytes, MostRowChanges, standing.Room) { Subject = admission.SubjectOf(context) };
        try
        {
            await hub.EnterAsync(context.RequestAborted).ConfigureAwait(false);
            var (status, refusal) = await standing.JoinAsync(form!, subscriber, CursorOf(context)).WaitAsync(context.RequestAborted).ConfigureAwait(false);
            if (status != TwinStatus.Ok)
            {
                await TwinProblems.WriteAsync(context, status, refusal).ConfigureAwait(false);
                return;
            }

            await using var sender = await OpenAsync(context).ConfigureAwait(false);
            await RelayAsync(sender, subscriber, "").ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException)
        {
            context.Abort(); // as below
        }
        finally
        {
            standing.Leave(subscriber);
            hub.Leave(null);
        }
    }

    private static bool TryReadQuery(IQueryCollection given, out StandingForm? form, out Problem? problem)
    {
        (form, problem) = (null, null);
        foreach (var other in (string[])["twins", "prefix", "model", "path", "where"])
        {
            if (!given.ContainsKey(other)) continue;
            problem = new Problem("StreamFilterInvalid", $"A stream is of a query's rows or of changes: query and {other} do not go together.", other);
            return false;
        }

        Dictionary<string, PropertyValue>? parameters = null;
        return (!given.TryGetValue("parameters", out var json) || QueryBody.TryReadParameters(json.ToString(), out parameters, out problem))
            && StandingForm.TryRead(given["query"].ToString(), parameters, out form, out problem);
    }

    private static string CursorOf(HttpContext context) =>
        context.Request.Query.TryGetValue("cursor", out var given) ? given.ToString() : context.Request.Headers["Last-Event-ID"].ToString();

    /// <summary>Null when the caller may read and is within its limits.</summary>
    public Refusal? Refuse(HttpContext context) => admission.Check(context, Permission.Read) ?? limits.Refuse(context);

    /// <summary>One path of one twin as SSE whose data is the value alone; goes on from <c>Last-Event-ID</c>. The caller was not refused before.</summary>
    public async Task ServeValuesAsync(HttpContext context, string twinId, string path)
    {
        long[]? positions = null;
        if (!ChangeFilter.TryCreate(new ChangeFilterRequest([twinId], null, null, path, null), store.Models, out var filter, out var problem)
            || (context.Request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } cursor && !FeedCursor.TryParse(cursor, store.ShardCount, out positions, out problem)))
        {
            await TwinProblems.WriteAsync(context, 400, problem!).ConfigureAwait(false);
            return;
        }

        await ServeAsync(context, filter, positions, async () => await ValueSender.StartAsync(context).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private async Task ServeAsync(HttpContext context, ChangeFilter filter, long[]? positions, Func<Task<IStreamSender>> open)
    {
        if (limits.RefuseStream(context, out var place) is { } full)
        {
            await full.WriteAsync(context).ConfigureAwait(false);
            return;
        }

        using var held = place;
        var subscriber = new Subscriber(filter, MostBytes, MostChanges) { Subject = admission.SubjectOf(context) };
        try
        {
            await hub.EnterAsync(context.RequestAborted).ConfigureAwait(false);
            await using var sender = await open().ConfigureAwait(false);
            await RunAsync(sender, subscriber, positions, filter).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is OperationCanceledException or WebSocketException or IOException or ObjectDisposedException)
        {
            // The subscriber went away or does not read; it may come back with its cursor. Cut off, else the answer's end would wait for its reading.
            context.Abort();
        }
        finally
        {
            hub.Leave(subscriber);
        }
    }

    private bool TryRead(HttpContext context, out ChangeFilter? filter, out long[]? positions, out Problem? problem)
    {
        var query = context.Request.Query;
        positions = null;
        var twins = query["twins"].ToString().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var asked = new ChangeFilterRequest(twins, query["prefix"], query["model"], query["path"], query["where"]);
        if (!ChangeFilter.TryCreate(asked, store.Models, out filter, out problem)) return false;
        var cursor = CursorOf(context);
        return cursor.Length == 0 || FeedCursor.TryParse(cursor, store.ShardCount, out positions, out problem);
    }

    private async Task RunAsync(IStreamSender sender, Subscriber subscriber, long[]? positions, ChangeFilter filter)
    {
        var from = positions;
        var seen = store.As(subscriber.Subject);
        if (positions is not null)
        {
            if (await ForgetUnknownAsync(positions, sender.Closed).ConfigureAwait(false)) await sender.SendAsync([], FeedCursor.Format(positions), true).ConfigureAwait(false);
            // Alone until near the hub, so that the hub's queue need not hold the whole way.
            for (var far = true; far;) far = await CatchUpAsync(sender, seen, filter, positions, hub.Positions()).ConfigureAwait(false) > NearEnough;
        }

        var joined = hub.Join(subscriber);
        if (from is not null) await CatchUpAsync(sender, seen, filter, from, joined).ConfigureAwait(false);
        else await sender.SendAsync([], FeedCursor.Format(joined), false).ConfigureAwait(false);
        await RelayAsync(sender, subscriber, FeedCursor.Format(joined)).ConfigureAwait(false);
    }

    /// <summary>
    /// Positions beyond the feed's end (of another data folder, or of a tail that was lost) become its end; true when there were any. A position
    /// that is only beyond the hub's, because another gateway gave it, waits for the hub.
    /// </summary>
    private async Task<bool> ForgetUnknownAsync(long[] positions, CancellationToken cancellationToken)
    {
        var isReset = false;
        for (var shard = 0; shard < positions.Length; shard++)
        {
            if (positions[shard] <= hub.Positions()[shard]) continue;
            var page = await store.ReadFeedAsync(shard, positions[shard], 1, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            if (page.Reset) (positions[shard], isReset) = (page.Next, true);
            for (var turn = 0; turn < 50 && hub.Positions()[shard] < positions[shard]; turn++) await Task.Delay(HubLag, cancellationToken).ConfigureAwait(false);
        }

        return isReset;
    }

    /// <summary>Reads each shard from the subscriber's position to the hub's and sends what matches; returns how many changes were read.</summary>
    private static async Task<int> CatchUpAsync(IStreamSender sender, ITwinStore store, ChangeFilter filter, long[] positions, long[] until)
    {
        var read = 0;
        for (var shard = 0; shard < positions.Length; shard++)
        {
            while (positions[shard] < until[shard])
            {
                var page = await store.ReadFeedAsync(shard, positions[shard], CatchUpPage, TimeSpan.Zero, sender.Closed).ConfigureAwait(false);
                if (!page.Reset && page.Next == positions[shard]) break;
                read += page.Changes.Count;
                positions[shard] = Math.Min(page.Next, until[shard]);
                var matching = Matching(filter, page, until[shard]);
                if (page.Reset || matching.Count > 0) await sender.SendAsync([.. matching], FeedCursor.Format(positions), page.Reset).ConfigureAwait(false);
            }
        }

        return read;
    }

    private static List<ReadOnlyMemory<byte>> Matching(ChangeFilter filter, FeedPage page, long until)
    {
        var matching = new List<ReadOnlyMemory<byte>>();
        foreach (ref readonly var change in page.Changes.AsSpan())
            if (change.Sequence <= until && filter.Matches(change)) matching.Add(MqttChangeText.Write(change, "").ToArray());
        return matching;
    }

    private async Task RelayAsync(IStreamSender sender, Subscriber subscriber, string cursor)
    {
        List<StreamItem> spare = [];
        var changes = new List<ReadOnlyMemory<byte>>();
        using var closing = sender.Closed.UnsafeRegister(static s => ((Subscriber)s!).Wake(), subscriber);
        using var pulsed = Pulse(subscriber);
        while (!sender.Closed.IsCancellationRequested)
        {
            await subscriber.WaitAsync().ConfigureAwait(false);
            var items = subscriber.Take(spare);
            subscriber.LastTaken = clock.GetTimestamp();
            if (sender.Closed.IsCancellationRequested) return;
            if (subscriber.IsOverrun || subscriber.Ended is not null)
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(sender.Closed);
                patience.CancelAfter(CloseTimeout);
                await sender.CloseAsync(subscriber.Ended ?? "More changes or bytes wait than are kept; read faster or narrow the filter, then resume with the cursor.").WaitAsync(patience.Token).ConfigureAwait(false);
                return;
            }

            var at = 0;
            do
            {
                changes.Clear();
                var isReset = false;
                for (; at < items.Count && changes.Count < MostTogether; at++)
                {
                    changes.AddRange(items[at].Changes);
                    isReset |= items[at].IsReset;
                    if (items[at].Cursor is { } latest) cursor = latest.Value;
                }

                using var limit = CancellationTokenSource.CreateLinkedTokenSource(sender.Closed);
                limit.CancelAfter(SendTimeout);
                await sender.SendAsync(changes, cursor, isReset).WaitAsync(limit.Token).ConfigureAwait(false);
            }
            while (at < items.Count);
            items.Clear();
            spare = items;
        }
    }

    public void Dispose() => _pulse?.Dispose();

    // One timer wakes all whose last message is old: thousands of timers would cost more than the messages.
    private Pulsed Pulse(Subscriber subscriber)
    {
        subscriber.LastTaken = clock.GetTimestamp();
        _relaying[subscriber] = true;
        lock (_starting) _pulse ??= clock.CreateTimer(_ => WakeOld(), null, PulseEvery, PulseEvery);
        return new Pulsed(this, subscriber);
    }

    private void WakeOld()
    {
        foreach (var (subscriber, _) in _relaying)
            if (clock.GetElapsedTime(subscriber.LastTaken) > Heartbeat) subscriber.Wake();
    }

    private readonly struct Pulsed(StreamDoor door, Subscriber subscriber) : IDisposable
    {
        public void Dispose() => door._relaying.TryRemove(subscriber, out _);
    }

    /// <summary>Writes one message's JSON.</summary>
    internal static void Write(IBufferWriter<byte> output, IReadOnlyList<ReadOnlyMemory<byte>> changes, string cursor, bool isReset)
    {
        output.Write("{\"cursor\":\""u8);
        output.Write(Encoding.ASCII.GetBytes(cursor));
        output.Write(isReset ? "\",\"reset\":true,\"changes\":["u8 : "\",\"changes\":["u8);
        for (var i = 0; i < changes.Count; i++)
        {
            if (i > 0) output.Write(","u8);
            output.Write(changes[i].Span);
        }

        output.Write("]}"u8);
    }
}
