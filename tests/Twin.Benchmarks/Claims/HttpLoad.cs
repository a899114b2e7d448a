using System.Diagnostics;

namespace Twin.Benchmarks.Claims;

/// <summary>A closed loop: each connection sends its next request when it has its answer.</summary>
internal sealed class HttpLoad
{
    private volatile bool _measuring;
    private volatile bool _stopping;

    public required int Connections { get; init; }

    /// <summary>One request on one connection; returns true when the answer was the one expected.</summary>
    public required Func<RawHttp, int, Random, ValueTask<bool>> RequestAsync { get; init; }

    public Latencies All { get; private set; } = new();

    public long Failed { get; private set; }

    /// <summary>Requests answered, warm-up included: over the server's processor time it gives the cost of one.</summary>
    public long Requests { get; private set; }

    public double PerSecond { get; private set; }

    public async Task RunAsync(int port, TimeSpan warmUp, TimeSpan length)
    {
        var latencies = Enumerable.Range(0, Connections).Select(_ => new Latencies()).ToArray();
        var failed = new long[Connections];
        var done = new long[Connections];
        var workers = Enumerable.Range(0, Connections).Select(i => WorkAsync(port, i, latencies[i], failed, done)).ToArray();
        await Task.Delay(warmUp);
        var watch = Stopwatch.StartNew();
        _measuring = true;
        await Task.WhenAny(Task.Delay(length), Task.WhenAll(workers));
        _measuring = false;
        var seconds = watch.Elapsed.TotalSeconds;
        _stopping = true;
        await Task.WhenAll(workers);
        All = Latencies.Merge(latencies);
        Failed = failed.Sum();
        Requests = done.Sum();
        PerSecond = All.Count / seconds;
    }

    private async Task WorkAsync(int port, int worker, Latencies latencies, long[] failed, long[] done)
    {
        await Task.Yield();
        using var http = await RawHttp.ConnectAsync(port);
        var random = new Random(1000 + worker);
        while (!_stopping)
        {
            var at = Stopwatch.GetTimestamp();
            if (!await RequestAsync(http, worker, random)) failed[worker]++;
            done[worker]++;
            if (_measuring) latencies.Add(Stopwatch.GetTimestamp() - at);
        }
    }
}
