using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twin.Model;

namespace Twin.Pipelines.Tests.Routes;

/// <summary>A change feed in memory, read as the store's is: whole, in order, waiting when there is nothing.</summary>
public sealed class TestFeed(int shards)
{
    private readonly Lock _lock = new();
    private readonly List<Change>[] _changes = [.. Enumerable.Range(0, shards).Select(_ => new List<Change>())];
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long ResetBefore { get; set; }

    public void Add(string id, double value, ChangeKind kind = ChangeKind.PropertyChanged)
    {
        var shard = ShardMap.ShardOf(id, shards);
        TaskCompletionSource news;
        lock (_lock)
        {
            _changes[shard].Add(new Change(_changes[shard].Count + 1, kind, id, "dtmi:m;1", "x", PropertyValue.From(value), WallTime.From(ManualTime.Start), WallTime.From(ManualTime.Start)));
            (news, _news) = (_news, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        news.SetResult();
    }

    public async ValueTask<FeedPage> ReadAsync(int shard, long after, int maxChanges, TimeSpan wait, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task news;
            lock (_lock)
            {
                var all = _changes[shard];
                if (after == -1) return new FeedPage(shard, ArraySegment<Change>.Empty, all.Count, false);
                if (after < ResetBefore) return new FeedPage(shard, ArraySegment<Change>.Empty, ResetBefore, true);
                var page = all.Skip((int)after).Take(maxChanges).ToArray();
                if (page.Length > 0 || wait == TimeSpan.Zero) return new FeedPage(shard, page, after + page.Length, false);
                news = _news.Task;
            }
            await news.WaitAsync(cancellationToken);
        }
    }
}

/// <summary>A webhook receiver on a free loopback port that answers as it is told.</summary>
public sealed class TestReceiver : IDisposable
{
    private readonly HttpListener _listener = new();

    public TestReceiver()
    {
        Url = new Uri($"http://127.0.0.1:{FreePort()}/hook/");
        _listener.Prefixes.Add(Url.ToString());
        _listener.Start();
        _ = Task.Run(ServeAsync);
    }

    public Uri Url { get; }

    /// <summary>Answers the n-th request (from 1) with a status; 200 by default.</summary>
    public Func<int, int> Answer { get; set; } = _ => 200;

    public ConcurrentQueue<(string Key, string? Signature, byte[] Body)> Received { get; } = [];

    public int Requests;

    /// <summary>Values accepted, in order of acceptance.</summary>
    public double[] Values => [.. Received.SelectMany(r => JsonDocument.Parse(r.Body).RootElement.GetProperty("changes").EnumerateArray().Select(c => c.GetProperty("value").GetDouble()))];

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                var status = Answer(Interlocked.Increment(ref Requests));
                if (status is >= 200 and < 300) Received.Enqueue((context.Request.Headers["X-Twin-Delivery"]!, context.Request.Headers["X-Twin-Signature"], body.ToArray()));
                context.Response.StatusCode = status;
                if (status is >= 300 and < 400) context.Response.RedirectLocation = Url.ToString();
                context.Response.Close();
            }
        }
        catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
