using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.Testing;

/// <summary>A batch of transfers as it is sent, once or again: the same bytes, the same keys.</summary>
internal sealed class LedgerBatch
{
    public required byte[] Body { get; init; }

    /// <summary>Accounts by number, and cents.</summary>
    public required (int From, int To, int Cents)[] Legs { get; init; }

    /// <summary>Entry numbers as answered; null before.</summary>
    public long[]? Numbers { get; set; }
}

/// <summary>
/// A book with many accounts of which ten are hot, batches of transfers between them, and a second bookkeeping of our own: what the accounts
/// must hold if each answered transfer was done once. Reads the real server over HTTP.
/// </summary>
internal sealed class LedgerWorld(int accounts)
{
    public const string Book = "bench";
    private const int Hot = 10;
    private const int Funds = 100_000_000; // cents of each account

    private readonly long[] _cents = [.. Enumerable.Repeat((long)Funds, accounts)];
    private long _keys;

    public int Accounts => accounts;

    /// <summary>Entries that the book must have.</summary>
    public long Entries { get; private set; }

    public async Task CreateAsync(HttpClient http)
    {
        await SendAsync(http, HttpMethod.Put, $"/ledger/{Book}", "{}");
        await SendAsync(http, HttpMethod.Put, $"/ledger/{Book}/accounts/mint", """{"kind":"issuing"}""");
        await SendAsync(http, HttpMethod.Put, $"/ledger/{Book}/assets/eur", """{"scale":2,"issuer":"mint"}""");
        foreach (var chunk in Enumerable.Range(0, accounts).Chunk(1_000))
        {
            await SendAsync(http, HttpMethod.Post, $"/ledger/{Book}/accounts", $$"""{"accounts":[{{string.Join(',', chunk.Select(a => $$"""{"id":"a{{a}}"}"""))}}]}""");
            await SendAsync(http, HttpMethod.Post, $"/ledger/{Book}/transfers", $$"""{"transfers":[{{string.Join(',', chunk.Select(a => $$"""{"key":"{{Key()}}","from":"mint","to":"a{{a}}","asset":"eur","amount":"{{Funds / 100}}"}"""))}}]}""");
        }

        Entries = 2 + (2 * accounts);
    }

    /// <summary>Random transfers; 44 % of them touch a hot account.</summary>
    public LedgerBatch Make(Random random, int count)
    {
        var legs = new (int From, int To, int Cents)[count];
        var body = new byte[32 + (count * 128)];
        var at = Put(body, 0, "{\"transfers\":["u8);
        for (var i = 0; i < count; i++)
        {
            var from = random.Next(4) == 0 ? random.Next(Hot) : random.Next(accounts);
            var to = random.Next(4) == 0 ? random.Next(Hot) : random.Next(accounts);
            if (to == from) to = (from + 1) % accounts;
            legs[i] = (from, to, 1 + random.Next(99));
            at = Put(body, at, i == 0 ? "{\"key\":\""u8 : ",{\"key\":\""u8);
            at = PutKey(body, at);
            at = Put(body, at, "\",\"from\":\"a"u8);
            at = PutNumber(body, at, from);
            at = Put(body, at, "\",\"to\":\"a"u8);
            at = PutNumber(body, at, to);
            at = Put(body, at, legs[i].Cents < 10 ? "\",\"asset\":\"eur\",\"amount\":\"0.0"u8 : "\",\"asset\":\"eur\",\"amount\":\"0."u8);
            at = PutNumber(body, at, legs[i].Cents);
            at = Put(body, at, "\"}"u8);
        }

        at = Put(body, at, "]}"u8);
        return new LedgerBatch { Body = body[..at], Legs = legs };
    }

    /// <summary>Books what was answered as done, once.</summary>
    public void Note(LedgerBatch batch)
    {
        lock (_cents)
        {
            foreach (var (from, to, cents) in batch.Legs)
            {
                _cents[from] -= cents;
                _cents[to] += cents;
            }

            Entries += batch.Legs.Length;
        }
    }

    /// <summary>Reads a batch's answer: entry numbers, and how many had been done before. Throws when one was not done.</summary>
    public static (long[] Numbers, int Repeats) Read(ReadOnlySpan<byte> answer)
    {
        var results = JsonNode.Parse(answer)!["results"]!.AsArray();
        var numbers = results.Select(r => r!["number"]?.GetValue<long>() ?? throw new InvalidOperationException($"A transfer was not done: {r.ToJsonString()}")).ToArray();
        return (numbers, results.Count(r => r!["repeat"] is not null));
    }

    /// <summary>Compares every account and the number of entries; cents that are missing or too much, and entries likewise.</summary>
    public async Task<(long WrongCents, long EntriesMore, bool AddsUp)> CompareAsync(HttpClient http)
    {
        var wrong = 0L;
        var seen = 0;
        string? next = null;
        do
        {
            var page = JsonNode.Parse(await http.GetStringAsync(new Uri($"/ledger/{Book}/accounts?top=1000{(next is null ? "" : "&continuationToken=" + next)}", UriKind.Relative)))!;
            foreach (var account in page["value"]!.AsArray())
            {
                var id = account!["id"]!.GetValue<string>();
                if (id == "mint") continue;
                var balance = decimal.Parse(account["balances"]![0]!["balance"]!.GetValue<string>(), CultureInfo.InvariantCulture);
                wrong += Math.Abs((long)(balance * 100) - _cents[int.Parse(id.AsSpan(1), CultureInfo.InvariantCulture)]);
                seen++;
            }

            next = page["continuationToken"]?.GetValue<string>();
        }
        while (next is not null);
        if (seen != accounts) throw new InvalidOperationException($"{seen} of {accounts} accounts came back.");
        var audit = JsonNode.Parse(await http.GetStringAsync(new Uri($"/ledger/{Book}/audit", UriKind.Relative)))!;
        return (wrong, audit["number"]!.GetValue<long>() - Entries, audit["whole"]!.GetValue<bool>());
    }

    private string Key()
    {
        var text = new byte[36];
        PutKey(text, 0);
        return Encoding.ASCII.GetString(text);
    }

    // A UUID of version 7: 48 bits of milliseconds, then a counter no other key has.
    private int PutKey(Span<byte> into, int at)
    {
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var count = Interlocked.Increment(ref _keys);
        Hex(into[at..], time >> 16, 8);
        into[at + 8] = (byte)'-';
        Hex(into[(at + 9)..], time & 0xFFFF, 4);
        into[at + 13] = (byte)'-';
        Hex(into[(at + 14)..], 0x7000 | (count & 0xFFF), 4);
        into[at + 18] = (byte)'-';
        Hex(into[(at + 19)..], 0x8000 | (Environment.ProcessId & 0x3FFF), 4);
        into[at + 23] = (byte)'-';
        Hex(into[(at + 24)..], count, 12);
        return at + 36;
    }

    private static void Hex(Span<byte> into, long value, int digits)
    {
        for (var i = digits - 1; i >= 0; i--, value >>= 4) into[i] = "0123456789abcdef"u8[(int)(value & 0xF)];
    }

    private static int Put(Span<byte> into, int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(into[at..]);
        return at + text.Length;
    }

    private static int PutNumber(Span<byte> into, int at, int number)
    {
        Utf8Formatter.TryFormat(number, into[at..], out var digits);
        return at + digits;
    }

    private static async Task SendAsync(HttpClient http, HttpMethod method, string path, string json)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        if (answer.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.OK) || text.Contains("\"code\"", StringComparison.Ordinal)) throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {text[..Math.Min(400, text.Length)]}");
    }
}
