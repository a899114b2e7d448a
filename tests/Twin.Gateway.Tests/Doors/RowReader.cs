using System.Text.Json;

namespace Twin.Gateway.Tests.Doors;

/// <summary>A client of a standing query: keeps the rows as it is told of them, and what it was told.</summary>
internal sealed class RowReader(Func<CancellationToken, Task<string?>> next, IDisposable connection) : IDisposable
{
    public string Cursor { get; private set; } = "";

    public int Resets { get; private set; }

    public Dictionary<string, string> Rows { get; } = new(StringComparer.Ordinal);

    public List<string> Told { get; } = [];

    public static async Task<RowReader> OpenAsync(DoorWorld door, bool socket, string query, string? cursor = null, string? key = null, string? parameters = null, RowReader? after = null)
    {
        var text = "query=" + Uri.EscapeDataString(query) + (parameters is null ? "" : "&parameters=" + Uri.EscapeDataString(parameters));
        var (next, connection) = await StreamLines.OpenAsync(door, socket, text, cursor, key);
        var reader = new RowReader(next, connection);
        foreach (var (id, row) in after?.Rows ?? []) reader.Rows.Add(id, row);
        Assert.True(await reader.ReadAsync());
        return reader;
    }

    public async Task<bool> ReadAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        if (await next(limit.Token) is not { } text) return false;
        var message = JsonDocument.Parse(text).RootElement;
        Cursor = message.GetProperty("cursor").GetString()!;
        if (message.TryGetProperty("reset", out var reset) && reset.GetBoolean())
        {
            Resets++;
            Rows.Clear();
        }

        foreach (var change in message.GetProperty("changes").EnumerateArray())
        {
            var (kind, key) = (change.GetProperty("kind").GetString()!, change.GetProperty("key").GetString()!);
            Told.Add($"{kind} {key}");
            if (kind == "rowAdded") Rows.Add(key, change.GetProperty("row").GetRawText());
            else if (kind == "rowChanged")
            {
                Assert.True(Rows.ContainsKey(key));
                Rows[key] = change.GetProperty("row").GetRawText();
            }
            else Assert.True(Rows.Remove(key), $"{kind} {key}");
        }

        return true;
    }

    public async Task UntilAsync(int told)
    {
        while (Told.Count < told) Assert.True(await ReadAsync(), "the stream ended early");
        Assert.True(told == Told.Count, string.Join(", ", Told));
    }

    /// <summary>Until a row is what it is to be; null for gone. What is told adds up to the answer; it may be told in more steps than were made.</summary>
    public async Task UntilAsync(string key, string? row)
    {
        while (Rows.GetValueOrDefault(key) != row) Assert.True(await ReadAsync(), "the stream ended early");
    }

    public void Dispose() => connection.Dispose();
}
