using System.Net;
using System.Text.Json;
using Twin.Gateway.Tests.Spaces;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Branches over HTTP: the routes of twins and queries under <c>/branches/{b}</c>.</summary>
[Collection("doors")]
public sealed class BranchDoorTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _branch = "plan-" + Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _door = await DoorWorld.OpenAsync(grains);

    public async ValueTask DisposeAsync()
    {
        using var dropped = await _door.Http.DeleteAsync($"/branches/{_branch}", CancellationToken.None);
        await _door.DisposeAsync();
    }

    [Fact]
    public async Task Reads_writes_relationships_batches_and_queries_of_a_branch_stay_on_it()
    {
        var (a, b) = (await _door.LampAsync("\"power\":1"), await _door.LampAsync("\"power\":2"));
        var fork = await SendAsync(HttpMethod.Put, $"/branches/{_branch}", 201, """{"note":"what if","expiresInSeconds":600}""");
        Assert.Equal((_branch, "live", "what if"), (fork.GetProperty("branch").GetString(), fork.GetProperty("from").GetString(), fork.GetProperty("note").GetString()));
        await SendAsync(HttpMethod.Patch, $"/branches/{_branch}/digitaltwins/{a}", 204, """[{"op":"replace","path":"/power","value":50}]""", "application/json-patch+json");
        await SendAsync(HttpMethod.Put, $"/branches/{_branch}/digitaltwins/{a}/relationships/r1", 200, $$"""{"$targetId":"{{b}}","$relationshipName":"feeds"}""");
        await SendAsync(HttpMethod.Delete, $"/branches/{_branch}/digitaltwins/{b}/relationships/none", 404);
        Assert.Equal(50, (await _door.GetAsync($"/branches/{_branch}/digitaltwins/{a}")).GetProperty("power").GetDouble());
        Assert.Equal(1, (await _door.GetAsync($"/digitaltwins/{a}")).GetProperty("power").GetDouble());
        Assert.Equal(1, (await _door.GetAsync($"/branches/{_branch}/digitaltwins/{b}/incomingrelationships")).GetProperty("value").GetArrayLength());
        Assert.Equal(0, (await _door.GetAsync($"/digitaltwins/{b}/incomingrelationships")).GetProperty("value").GetArrayLength());
        var text = $$"""{"query":"SELECT T.power AS p FROM DIGITALTWINS T WHERE T.$dtId = '{{a}}'"}""";
        Assert.Equal(50, (await SendAsync(HttpMethod.Post, $"/branches/{_branch}/query", 200, text)).GetProperty("value")[0].GetProperty("p").GetDouble());
        Assert.Equal(1, (await SendAsync(HttpMethod.Post, "/query", 200, text)).GetProperty("value")[0].GetProperty("p").GetDouble());
        text = $$"""{"query":"SELECT T.power AS p FROM DIGITALTWINS T IN BRANCH '{{_branch}}' WHERE T.$dtId = '{{a}}'"}""";
        Assert.Equal(50, (await SendAsync(HttpMethod.Post, "/query", 200, text)).GetProperty("value")[0].GetProperty("p").GetDouble());
        await SendAsync(HttpMethod.Delete, $"/digitaltwins/{b}", 204);
        Assert.Equal(2, (await _door.GetAsync($"/branches/{_branch}/digitaltwins/{b}")).GetProperty("power").GetDouble()); // there still
        Assert.Contains((await _door.GetAsync("/branches")).GetProperty("value").EnumerateArray(), o => o.GetProperty("branch").GetString() == _branch);
        await SendAsync(HttpMethod.Delete, $"/branches/{_branch}", 204);
        await SendAsync(HttpMethod.Get, $"/branches/{_branch}/digitaltwins/{a}", 404);
    }

    [Fact]
    public async Task What_is_wrong_with_a_branch_is_said_by_name()
    {
        Assert.Equal("BranchNotFound", (await _door.ProblemAsync(404, HttpMethod.Get, "/branches/none/digitaltwins/x")).Code);
        Assert.Equal("BranchNotFound", (await _door.ProblemAsync(404, HttpMethod.Get, "/branches/none")).Code);
        Assert.Equal("BranchNotFound", (await _door.ProblemAsync(404, HttpMethod.Delete, "/branches/none")).Code);
        Assert.Equal("BranchInvalid", (await _door.ProblemAsync(400, HttpMethod.Put, "/branches/No_good", DoorWorld.Json("{}"))).Code);
        Assert.Equal("expiresInSeconds", (await _door.ProblemAsync(400, HttpMethod.Put, $"/branches/{_branch}", DoorWorld.Json("""{"expiresInSeconds":-5}"""))).Where);
        Assert.Equal("BranchInvalid", (await _door.ProblemAsync(400, HttpMethod.Put, $"/branches/{_branch}", DoorWorld.Json("""{"form":"live"}"""))).Code);
        Assert.Equal("ParentNotFound", (await _door.ProblemAsync(404, HttpMethod.Put, $"/branches/{_branch}", DoorWorld.Json("""{"from":"none"}"""))).Code);
        Assert.Equal("BranchRouteUnknown", (await _door.ProblemAsync(404, HttpMethod.Get, "/branches/none/ledger")).Code);
        await SendAsync(HttpMethod.Put, $"/branches/{_branch}", 201, "{}");
        Assert.Equal("BranchExists", (await _door.ProblemAsync(409, HttpMethod.Put, $"/branches/{_branch}", DoorWorld.Json("{}"))).Code);
    }

    [Fact]
    public async Task Strangers_learn_nothing_of_branches_and_readers_may_not_fork()
    {
        await using var door = await KeyedDoor.OpenAsync(grains, ("root", "admin"), ("reader", "read"));
        await door.AskAsync("root", "PUT", $"/branches/{_branch}", 201, "{}");
        await door.AskAsync("reader", "GET", $"/branches/{_branch}", 200);
        await door.AskAsync("reader", "PUT", "/branches/other", 403, "{}");
        await door.AskAsync("reader", "DELETE", $"/branches/{_branch}", 403);
        await door.AskAsync("reader", "GET", $"/branches/{_branch}/digitaltwins/none", 404);
        foreach (var branch in new[] { _branch, "none" })
        {
            using var answer = await door.Door.Http.GetAsync($"/branches/{branch}/digitaltwins/x", Cancel);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }
    }

    private async Task<JsonElement> SendAsync(HttpMethod method, string path, int status, string? body = null, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, System.Text.Encoding.UTF8, type) };
        using var answer = await _door.Http.SendAsync(request, Cancel);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(status == (int)answer.StatusCode, $"{method} {path}: {(int)answer.StatusCode} {text}");
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }
}
