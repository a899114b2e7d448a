using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Twin.Gateway.Tests.Doors;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>What users say of themselves, whom they block, and what tickets let in.</summary>
[Collection("doors")]
public sealed class UserDoorTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _tag = Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Space => "club-" + _tag;

    public async ValueTask InitializeAsync() => _door = await DoorWorld.OpenAsync(grains);

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    [Fact]
    public async Task A_user_reads_and_changes_itself_and_others_see_name_and_appearance()
    {
        var (anna, bert) = ("anna" + _tag, "bert" + _tag);
        await using var door = await KeyedDoor.OpenAsync(grains, ("root", "admin"), (anna, "read"), (bert, "read"));
        await door.AskAsync(anna, "PUT", $"/users/key:{anna}", 204, """{"name":"Anna","appearance":"fox","birthYear":1990}""");
        await door.AskAsync(anna, "PUT", $"/users/key:{anna}/consents/photos", 204);
        await door.AskAsync(anna, "PUT", $"/users/key:{anna}/blocks/key:{bert}", 204);
        await door.AskAsync(bert, "PUT", $"/users/key:{anna}", 403, """{"name":"Bad"}""");
        await door.AskAsync(bert, "DELETE", $"/users/key:{anna}/blocks/key:{bert}", 403);
        await door.AskAsync(bert, "PUT", $"/users/key:{anna}/consents/all", 403);
        await door.AskAsync(anna, "PUT", $"/users/key:{anna}", 400, """{"birthYear":1500}""");
        await door.AskAsync(anna, "PUT", $"/users/key:{anna}", 400, """{"nmae":"x"}""");
        await door.AskAsync(anna, "PUT", $"/users/key:{anna}/blocks/key:{anna}", 400);
        var seen = await door.AskAsync(bert, "GET", $"/users/key:{anna}", 200);
        Assert.Equal(["appearance", "name", "user"], seen.EnumerateObject().Select(p => p.Name).Order());
        foreach (var who in new[] { anna, "root" })
        {
            var whole = await door.AskAsync(who, "GET", $"/users/key:{anna}", 200);
            Assert.Equal((1990, "key:" + bert, "fox"), (whole.GetProperty("birthYear").GetInt32(), whole.GetProperty("blocks")[0].GetString(), whole.GetProperty("appearance").GetString()));
            Assert.Equal(TimeProvider.System.GetUtcNow().Year - 1991, whole.GetProperty("age").GetInt32());
            Assert.True(whole.GetProperty("consents").TryGetProperty("photos", out _));
        }
    }

    [Fact]
    public async Task Age_and_consents_are_the_users_and_a_consent_taken_back_holds_at_the_next_join()
    {
        await PutAsync("""{"leastAge":18,"consents":["photos"]}""");
        var user = "carl" + _tag;
        Assert.Equal("TooYoung", await RefusedAsync(new { user }, 403));
        await SendAsync("PUT", $"/users/{user}", """{"age":20,"name":"Carl","appearance":"bear"}""");
        Assert.Equal("ConsentMissing", await RefusedAsync(new { user }, 403));
        await SendAsync("PUT", $"/users/{user}/consents/photos");
        await JoinAsync(new { user });
        var placed = await _door.GetAsync($"/users/{user}");
        Assert.Equal(Space, placed.GetProperty("space").GetString());
        await SendAsync("DELETE", $"/users/{user}/consents/photos");
        Assert.Equal("ConsentMissing", await RefusedAsync(new { user }, 403));
        await JoinAsync(new { user, consents = new[] { "photos" } }); // said at the door, and kept
        await using var carl = await Person.OpenAsync(_door, Space, await JoinAsync(new { user }));
        Assert.Equal("Carl", (await PeopleAsync())[0].GetProperty("name").GetString());
        await SendAsync("DELETE", $"/spaces/{Space}/sessions/{user}");
        Assert.False((await _door.GetAsync($"/users/{user}")).TryGetProperty("space", out _));
    }

    [Fact]
    public async Task Who_blocks_another_neither_hears_it_nor_is_heard_and_it_holds_for_those_inside_within_a_second()
    {
        await PutAsync("""{"width":60,"depth":60,"entranceSpread":1}""");
        var (a, b, c) = ("anna" + _tag, "bert" + _tag, "carl" + _tag);
        await using var anna = await Person.EnterAsync(_door, Space, a);
        await using var bert = await Person.EnterAsync(_door, Space, b);
        await using var carl = await Person.EnterAsync(_door, Space, c);
        await anna.UntilAsync(() => NameOf(anna, bert) == b && NameOf(anna, carl) == c);
        await bert.UntilAsync(() => NameOf(bert, anna) == a);
        await SendAsync("PUT", $"/users/{a}/blocks/{b}");
        var since = TimeProvider.System.GetTimestamp();
        await anna.UntilAsync(() => NameOf(anna, bert) == "");
        await bert.UntilAsync(() => NameOf(bert, anna) == "");
        Assert.True(TimeProvider.System.GetElapsedTime(since) < TimeSpan.FromSeconds(3), "names were told late"); // a second and what a busy machine adds
        Assert.NotNull(anna.Knows(bert.Avatar)); // still seen
        await bert.SendAsync(new ClientChatMessage(ChatScope.Space, "to annoy"));
        await bert.SendAsync(new ClientChatMessage(ChatScope.Whisper, "to annoy", anna.Avatar));
        await bert.SendAsync(new ClientStateMessage(1, new byte[] { 1 }));
        await anna.SendAsync(new ClientChatMessage(ChatScope.Space, "from anna"));
        await carl.UntilAsync(() => Heard(carl, "to annoy") && Heard(carl, "from anna") && carl.Heard.OfType<StateMessage>().Any(s => s.Avatar == bert.Avatar));
        await carl.SendAsync(new ClientChatMessage(ChatScope.Space, "last"));
        await anna.UntilAsync(() => Heard(anna, "last"));
        await bert.UntilAsync(() => Heard(bert, "last"));
        Assert.False(Heard(anna, "to annoy") || Heard(bert, "from anna") || anna.Heard.OfType<StateMessage>().Any());
        await SendAsync("DELETE", $"/users/{a}/blocks/{b}");
        await anna.UntilAsync(() => NameOf(anna, bert) == b);
        await bert.SendAsync(new ClientChatMessage(ChatScope.Space, "peace"));
        await anna.UntilAsync(() => Heard(anna, "peace"));
    }

    [Fact]
    public async Task A_ticket_brings_in_its_holder_once_and_again_and_nobody_else()
    {
        var book = "gig-" + _tag;
        var (anna, bert) = ("key:anna" + _tag, "key:bert" + _tag);
        await SendAsync("PUT", $"/ledger/{book}", "{}");
        await SendAsync("POST", $"/ledger/{book}/accounts", $$"""{"accounts":[{"id":"mint","kind":"issuing"},{"id":"a","owner":"{{anna}}"},{"id":"b","owner":"{{bert}}"}]}""");
        await SendAsync("PUT", $"/ledger/{book}/assets/gig", """{"kind":"unique","issuer":"mint"}""");
        await SendAsync("POST", $"/ledger/{book}/tickets", $$"""{"key":"{{Guid.CreateVersion7()}}","asset":"gig","to":"a","items":["seat-1"]}""");
        await PutAsync($$"""{"ticketBook":"{{book}}","ticketAsset":"gig"}""");
        Assert.Equal("TicketMissing", await RefusedAsync(new { user = anna }, 403));
        Assert.Equal("ItemNotFound", await RefusedAsync(new { user = anna, ticket = "seat-9" }, 403));
        Assert.Equal("TicketNotHeld", await RefusedAsync(new { user = bert, ticket = "seat-1" }, 403));
        var first = await JoinAsync(new { user = anna, ticket = "seat-1" });
        var again = await JoinAsync(new { user = anna });
        Assert.Equal(first.GetProperty("avatar").GetInt32(), again.GetProperty("avatar").GetInt32());
        var ticket = await _door.GetAsync($"/ledger/{book}/tickets/gig/seat-1");
        Assert.Equal("space:" + Space, ticket.GetProperty("gate").GetString());
        Assert.NotNull(ticket.GetProperty("usedAt").GetString());
        Assert.Equal("TicketNotHeld", await RefusedAsync(new { user = bert, ticket = "seat-1" }, 403));
        Assert.True((await _door.GetAsync($"/ledger/{book}/audit")).GetProperty("whole").GetBoolean());
    }

    [Fact]
    public async Task A_report_is_kept_for_moderators_and_closed_by_them_only()
    {
        var (anna, bert) = ("anna" + _tag, "bert" + _tag);
        await PutAsync($$"""{"width":60,"depth":60,"moderators":["key:mod{{_tag}}"]}""");
        await using var one = await Person.EnterAsync(_door, Space, anna);
        await using var other = await Person.EnterAsync(_door, Space, bert);
        await one.SendAsync(new ReportMessage(9_999, "nobody"));
        await one.UntilAsync(() => one.Heard.OfType<RefusedMessage>().Any(r => r.Code == "NotHere"));
        await one.SendAsync(new ReportMessage(other.Avatar, "shouts"));
        await one.UntilAsync(() => one.Heard.OfType<ModerationMessage>().Any(m => m.Kind == "reported"));
        await using var door = await KeyedDoor.OpenAsync(grains, ("mod" + _tag, "read"), ("guest", "read"));
        await door.AskAsync("guest", "GET", $"/spaces/{Space}/reports", 403);
        await door.AskAsync("guest", "POST", $"/spaces/{Space}/reports/1/close", 403);
        var report = (await door.AskAsync("mod" + _tag, "GET", $"/spaces/{Space}/reports", 200)).GetProperty("value")[0];
        Assert.Equal((anna, bert, "shouts", 1), (report.GetProperty("by").GetString(), report.GetProperty("of").GetString(), report.GetProperty("words").GetString(), report.GetProperty("number").GetInt32()));
        Assert.Equal(other.Place.X, report.GetProperty("x").GetSingle(), 0.01f);
        await door.AskAsync("mod" + _tag, "POST", $"/spaces/{Space}/reports/7/close", 404);
        await door.AskAsync("mod" + _tag, "POST", $"/spaces/{Space}/reports/1/close", 204);
        report = (await door.AskAsync("mod" + _tag, "GET", $"/spaces/{Space}/reports", 200)).GetProperty("value")[0];
        Assert.Equal("key:mod" + _tag, report.GetProperty("closedBy").GetString());
    }

    private static bool Heard(Person who, string text) => who.Heard.OfType<ChatMessage>().Any(m => m.Text == text);

    private static string? NameOf(Person to, Person of) => to.Heard.OfType<PeopleMessage>().SelectMany(p => p.People).LastOrDefault(p => p.Avatar == of.Avatar)?.Name;

    private async Task<JsonElement> PeopleAsync() => (await _door.GetAsync($"/spaces/{Space}/people")).GetProperty("value");

    private Task PutAsync(string definition) => SendAsync("PUT", $"/spaces/{Space}", definition);

    private async Task SendAsync(string method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : DoorWorld.Json(body) };
        using var answer = await _door.Http.SendAsync(request, Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {await answer.Content.ReadAsStringAsync(Cancel)}");
    }

    private async Task<JsonElement> JoinAsync(object body)
    {
        using var answer = await _door.Http.PostAsJsonAsync($"/spaces/{Space}/sessions", body, Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(Cancel));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }

    private async Task<string> RefusedAsync(object body, int status) => (await _door.ProblemAsync(status, HttpMethod.Post, $"/spaces/{Space}/sessions", JsonContent.Create(body))).Code;
}
