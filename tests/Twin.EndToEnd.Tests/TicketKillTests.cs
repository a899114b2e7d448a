using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>The real silo is killed while people come in with tickets.</summary>
public sealed class TicketKillTests
{
    private const int People = 150;
    private const string Space = "gig";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_at_the_door_each_ticket_has_brought_in_its_holder_and_nobody_else_ever()
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            var silo = await StartAsync(folder);
            await PrepareAsync(silo);
            var admitted = new ConcurrentDictionary<int, int>(); // person to avatar, as answered
            var random = new Random(17);
            for (var kill = 0; kill < 4; kill++)
            {
                var turn = Enumerable.Range(kill * 30, 60).Where(p => p < People).ToArray(); // half of them anew: whoever was under way comes again
                var joins = Task.Run(() => Parallel.ForEachAsync(turn, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (p, _) =>
                {
                    try
                    {
                        var (status, answer) = await JoinAsync(silo, $"key:guest-{p}", $"seat-{p}");
                        if (status == 201) admitted[p] = answer["avatar"]!.GetValue<int>();
                    }
                    catch (HttpRequestException)
                    {
                        // Killed under it: it is not known what was done.
                    }
                }), Cancel);
                for (var (waited, before) = (0, admitted.Count); admitted.Count < before + 3 && waited < 1_000; waited++) await Task.Delay(20, Cancel); // after a start newcomers wait for three seconds
                await Task.Delay(random.Next(60), Cancel);
                await silo.KillAsync();
                await joins;
                await silo.DisposeAsync();
                silo = await StartAsync(folder);
            }

            Assert.InRange(admitted.Count, 12, People);
            foreach (var (person, avatar) in admitted)
            {
                var (status, answer) = await JoinAsync(silo, $"key:guest-{person}", null); // who was let in comes again without it
                Assert.True(status == 201, $"guest-{person} was admitted before the kill and is answered {status} {answer}");
                Assert.Equal(avatar, answer["avatar"]!.GetValue<int>());
            }

            for (var p = 0; p < People; p++) Assert.Equal(201, (await JoinAsync(silo, $"key:guest-{p}", $"seat-{p}")).Status); // each ticket is good for its holder, whatever died
            await OthersAreRefusedAsync(silo);
            var audit = JsonNode.Parse(await silo.Http.GetStringAsync("/ledger/door/audit", Cancel))!;
            Assert.True(audit["whole"]!.GetValue<bool>());
            for (var p = 0; p < People; p += 7) Assert.Equal("space:" + Space, JsonNode.Parse(await silo.Http.GetStringAsync($"/ledger/door/tickets/seat/seat-{p}", Cancel))!["gate"]!.GetValue<string>());
            await silo.DisposeAsync();
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>A used ticket that changes hands brings in nobody.</summary>
    private static async Task OthersAreRefusedAsync(SiloProcess silo)
    {
        var (status, answer) = await JoinAsync(silo, "key:thief", "seat-3");
        Assert.Equal((403, "TicketNotHeld"), (status, answer["code"]!.GetValue<string>()));
        using var sold = await silo.Http.PostAsync("/ledger/door/transfers", Json($$"""{"key":"{{Guid.CreateVersion7()}}","from":"acc-3","to":"acc-thief","asset":"seat","amount":"1","item":"seat-3"}"""), Cancel);
        (status, answer) = await JoinAsync(silo, "key:thief", "seat-3");
        Assert.Equal(sold.IsSuccessStatusCode ? (409, "TicketUsed") : (403, "TicketNotHeld"), (status, answer["code"]!.GetValue<string>()));
        Assert.Equal(201, (await JoinAsync(silo, "key:guest-3", null)).Status);
    }

    private static Task<SiloProcess> StartAsync(string folder) => SiloProcess.StartAsync(folder, false, "--scenario", "none", "--history", "false", "--fsync", "always");

    private static async Task PrepareAsync(SiloProcess silo)
    {
        async Task DoAsync(HttpMethod method, string path, string body)
        {
            using var answer = await silo.Http.SendAsync(new HttpRequestMessage(method, path) { Content = Json(body) }, Cancel);
            Assert.True(answer.IsSuccessStatusCode, $"{path}: {await answer.Content.ReadAsStringAsync(Cancel)}");
        }

        await DoAsync(HttpMethod.Put, "/ledger/door", "{}");
        var accounts = string.Join(",", Enumerable.Range(0, People).Select(p => $$"""{"id":"acc-{{p}}","owner":"key:guest-{{p}}"}""").Append("""{"id":"mint","kind":"issuing"}""").Append("""{"id":"acc-thief","owner":"key:thief"}"""));
        await DoAsync(HttpMethod.Post, "/ledger/door/accounts", $$"""{"accounts":[{{accounts}}]}""");
        await DoAsync(HttpMethod.Put, "/ledger/door/assets/seat", """{"kind":"unique","issuer":"mint"}""");
        for (var p = 0; p < People; p++) await DoAsync(HttpMethod.Post, "/ledger/door/tickets", $$"""{"key":"{{Guid.CreateVersion7()}}","asset":"seat","to":"acc-{{p}}","items":["seat-{{p}}"]}""");
        await DoAsync(HttpMethod.Put, $"/spaces/{Space}", """{"width":60,"depth":60,"capacity":500,"ticketBook":"door","ticketAsset":"seat","recording":"off"}""");
    }

    /// <summary>Asks until it is known; a place in the line, after a start, is waited out.</summary>
    private static async Task<(int Status, JsonNode Answer)> JoinAsync(SiloProcess silo, string user, string? ticket)
    {
        for (var tries = 0; ; tries++)
        {
            using var answer = await silo.Http.PostAsJsonAsync($"/spaces/{Space}/sessions", new { user, ticket }, Cancel);
            if (answer.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests && tries < 100)
            {
                await Task.Delay(100, Cancel);
                continue;
            }

            return ((int)answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!);
        }
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
