namespace Twin.Testing;

/// <summary>
/// Kills the real silo under transfers and asks afterwards. Writers send batches; what was answered before the kill must be known under its keys after it,
/// with the same entry numbers; what was not answered is sent again, and must be done once. Then every account is compared with our own bookkeeping.
/// </summary>
internal sealed class LedgerKills(LedgerWorld world, int writers, int batch)
{
    private const int Remembered = 20;

    /// <summary>Transfers that were answered as done and not known afterwards.</summary>
    public long Lost { get; private set; }

    /// <summary>Transfers that the book has more than once, or entries too many.</summary>
    public long Doubled { get; private set; }

    /// <summary>Transfers answered so far.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Batches that were under way at a kill.</summary>
    public long Unanswered { get; private set; }

    /// <summary>One round: load, kill, start, ask.</summary>
    public async Task<SiloProcess> RoundAsync(SiloProcess silo, int load, int seed, Func<Task<SiloProcess>> restart)
    {
        var done = new Queue<LedgerBatch>[writers];
        var open = new LedgerBatch?[writers];
        var running = Enumerable.Range(0, writers).Select(w => WriteAsync(silo.Port, new Random(HashCode.Combine(seed, w)), done[w] = new Queue<LedgerBatch>(), b => open[w] = b)).ToArray();
        await Task.Delay(load);
        await silo.KillAsync();
        Acknowledged += (await Task.WhenAll(running)).Sum() * batch;
        await silo.DisposeAsync();
        silo = await restart();
        using var http = await RawHttp.ConnectAsync(silo.Port);
        foreach (var known in done.SelectMany(d => d))
        {
            var (numbers, repeats) = await AskAsync(http, known);
            Lost += known.Legs.Length - repeats;
            if (repeats == known.Legs.Length && !numbers.AsSpan().SequenceEqual(known.Numbers)) Doubled++;
        }

        foreach (var unknown in open.OfType<LedgerBatch>())
        {
            Unanswered++;
            await AskAsync(http, unknown);
            world.Note(unknown);
        }

        var (wrong, more, addsUp) = await world.CompareAsync(silo.Http);
        if (!addsUp) throw new InvalidOperationException("The book does not add up.");
        if (more > 0) Doubled += more;
        else if (more < 0) Lost += -more;
        else if (wrong > 0) Lost++;
        return silo;
    }

    private static async Task<(long[] Numbers, int Repeats)> AskAsync(RawHttp http, LedgerBatch batch)
    {
        var status = await http.SendAsync($"POST /ledger/{LedgerWorld.Book}/transfers", "application/json", batch.Body);
        return status == 200 ? LedgerWorld.Read(http.Body.Span) : throw new InvalidOperationException($"A batch was answered {status}.");
    }

    private async Task<long> WriteAsync(int port, Random random, Queue<LedgerBatch> done, Action<LedgerBatch?> open)
    {
        var answered = 0L;
        try
        {
            using var http = await RawHttp.ConnectAsync(port);
            while (true)
            {
                var next = world.Make(random, batch);
                open(next);
                (next.Numbers, var repeats) = await AskAsync(http, next);
                open(null);
                if (repeats > 0) throw new InvalidOperationException("A new key was known.");
                world.Note(next);
                done.Enqueue(next);
                if (done.Count > Remembered) done.Dequeue();
                answered++;
            }
        }
        catch (Exception fault) when (fault is IOException or System.Net.Sockets.SocketException)
        {
            return answered; // killed, as planned
        }
    }
}
