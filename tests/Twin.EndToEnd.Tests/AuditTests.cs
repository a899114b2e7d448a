using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;

namespace Twin.EndToEnd.Tests;

/// <summary>The audit log of real processes: killed under load, and of two as one.</summary>
public sealed class AuditTests
{
    private const string Policy = """{"entries":{"e":{"subjects":["key:nobody"],"resources":{"twins:":{"revoke":["write"]}}}}}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Administrative_acts_answered_before_a_kill_are_all_in_the_log_after_the_restart()
    {
        var folder = SiloProcess.NewFolder();
        string[] settings = ["--scenario", "none", "--history", "false"];
        var answered = new ConcurrentQueue<string>();
        var silo = await SiloProcess.StartAsync(folder, false, settings);
        await using (silo)
        {
            var working = Enumerable.Range(0, 4).Select(w => ActUntilGoneAsync(silo.Http, w, answered)).ToArray();
            await Eventually.TrueAsync(() => Task.FromResult(answered.Count > 60), "acts to be answered", Cancel);
            await silo.KillAsync();
            await Task.WhenAll(working);
        }

        await using var again = await SiloProcess.StartAsync(folder, false, settings);
        var entries = await ReadAllAsync(again.Http, "kind=administered&act=/policies/&top=37");
        var kept = entries.Select(e => $"{e["action"]} {e["outcome"]}").ToHashSet(StringComparer.Ordinal);
        Assert.Equal([], answered.Where(a => !kept.Contains(a)));
        var verified = JsonNode.Parse(await again.Http.GetStringAsync("/audit/verify", Cancel))!;
        Assert.True((bool)verified["whole"]!, verified.ToJsonString());
        var told = await TwinProgram.JsonAsync(again, 0, "audit", "--kind", "administered", "--act", "/policies/", "--count", "100000");
        Assert.Equal(entries.Count, (int)told["count"]!);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Two_silos_answer_as_one_log_and_one_that_cannot_be_reached_is_named()
    {
        await using var redis = await RedisServer.StartAsync();
        Assert.SkipWhen(redis is null, "redis-server is not installed");
        var (folderA, folderB) = (SiloProcess.NewFolder(), SiloProcess.NewFolder());
        string[] common = ["--scenario", "none", "--redis", redis.Address, "--history", "false"];
        await using var a = await SiloProcess.StartAsync(folderA, false, common);
        var b = await SiloProcess.StartAsync(folderB, false, common);
        for (var i = 0; i < 12; i++) await PutAsync((i % 3 == 0 ? b : a).Http, $"both-{i}");
        await Eventually.TrueAsync(async () => (await ReadAllAsync(a.Http, "act=/policies/both-")).Count == 12 && (await ReadAllAsync(b.Http, "act=/policies/both-")).Count == 12, "both to know each other", Cancel);
        foreach (var http in new[] { a.Http, b.Http })
        {
            var entries = await ReadAllAsync(http, "act=/policies/both-&top=5");
            Assert.Equal(Enumerable.Range(0, 12).Select(i => $"PUT /policies/both-{i}"), entries.Select(e => (string)e["action"]!));
            Assert.Equal(2, entries.Select(e => (string)e["member"]!).Distinct().Count());
        }

        var member = (string)(await ReadAllAsync(a.Http, "act=/policies/both-0"))[0]["member"]!;
        await b.KillAsync();
        await b.DisposeAsync();
        var page = JsonNode.Parse(await a.Http.GetStringAsync("/audit?act=/policies/both-", Cancel))!;
        Assert.Equal([member], page["unreachable"]!.AsArray().Select(u => (string)u!));
        Assert.Equal(8, page["value"]!.AsArray().Count);
        await using var back = await SiloProcess.StartAsync(folderB, false, common);
        await Eventually.TrueAsync(async () => (await ReadAllAsync(a.Http, "act=/policies/both-")).Count == 12, "the silo that came back to be heard", Cancel);
        var missed = JsonNode.Parse(await a.Http.GetStringAsync($"/audit?act=/policies/both-&continuationToken={page["position"]}", Cancel))!;
        Assert.Equal(["both-0", "both-3", "both-6", "both-9"], missed["value"]!.AsArray().Select(e => ((string)e!["action"]!).Split('/')[^1]));
        Directory.Delete(folderA, recursive: true);
    }

    private static async Task ActUntilGoneAsync(HttpClient http, int worker, ConcurrentQueue<string> answered)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                var path = $"/policies/w{worker}-{i}";
                using var put = await http.PutAsync(path, Body(), Cancel);
                answered.Enqueue($"PUT {path} {(int)put.StatusCode}");
                using var gone = await http.DeleteAsync(path, Cancel);
                answered.Enqueue($"DELETE {path} {(int)gone.StatusCode}");
            }
            catch (HttpRequestException)
            {
                return; // killed
            }
        }
    }

    private static async Task PutAsync(HttpClient http, string id)
    {
        using var put = await http.PutAsync($"/policies/{id}", Body(), Cancel);
        Assert.Equal(201, (int)put.StatusCode);
    }

    private static StringContent Body() => new(Policy, Encoding.UTF8, "application/json");

    private static async Task<List<JsonNode>> ReadAllAsync(HttpClient http, string query)
    {
        var all = new List<JsonNode>();
        for (string? next = ""; next is not null;)
        {
            var page = JsonNode.Parse(await http.GetStringAsync($"/audit?{query}{(next.Length == 0 ? "" : $"&continuationToken={next}")}", Cancel))!;
            all.AddRange(page["value"]!.AsArray().Select(e => e!));
            next = (string?)page["continuationToken"];
        }

        return all;
    }
}
