using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using Twin.Gateway.Tests.Doors;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>Seats are given by the owner only: what a token is good for, and when a seat is free again.</summary>
[Collection("doors")]
public sealed class SpaceSeatTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _space = "seats-" + Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _door = await DoorWorld.OpenAsync(grains);
        await PutAsync(1);
    }

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    [Fact]
    public async Task A_token_brings_nobody_in_again_who_has_left()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await anna.SendAsync(new LeaveMessage());
        Assert.Equal(4000, await anna.ClosedAsync());
        Assert.Equal(4401, await Person.RefusedAsync(_door, _space, anna.Session));
        await using var bert = await Person.EnterAsync(_door, _space, "bert"); // nobody said DELETE: the socket's leave was enough
        Assert.Equal(4401, await Person.RefusedAsync(_door, _space, anna.Session));
        using var waits = await AskAsync("anna");
        Assert.Equal(HttpStatusCode.Accepted, waits.StatusCode);
    }

    [Fact]
    public async Task Giving_up_the_seat_over_HTTP_ends_the_socket_and_a_token_that_was_not_used_yet()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await DeleteAsync("anna");
        Assert.Equal(4000, await anna.ClosedAsync());
        using var answer = await AskAsync("bert");
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var unused = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        await DeleteAsync("bert");
        await using var carl = await Person.EnterAsync(_door, _space, "carl");
        Assert.Equal(4503, await Person.RefusedAsync(_door, _space, unused)); // full: the token alone gives no seat
        await DeleteAsync("carl");
        await using var late = await Person.OpenAsync(_door, _space, unused);
        Assert.Equal(4000, await late.ClosedAsync()); // and where there is room the owner sends it out
    }

    [Fact]
    public async Task More_seats_and_fewer_seats_hold_at_once()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        using (var waits = await AskAsync("bert")) Assert.Equal(HttpStatusCode.Accepted, waits.StatusCode);
        await PutAsync(2);
        await using var bert = await Person.EnterAsync(_door, _space, "bert");
        await PutAsync(1);
        await bert.SendAsync(new LeaveMessage());
        await bert.ClosedAsync();
        using var again = await AskAsync("carl");
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
    }

    [Fact]
    public async Task A_newer_token_brings_its_name_and_an_older_one_keeps_the_newer()
    {
        var first = await JoinAsync("anna", "Anna");
        var second = await JoinAsync("anna", "Anna the second");
        await using var a = await Person.OpenAsync(_door, _space, first);
        await using var b = await Person.OpenAsync(_door, _space, second);
        Assert.Equal("Anna the second", await NameAsync());
        await using var c = await Person.OpenAsync(_door, _space, first);
        Assert.True(c.Welcome.IsResumed);
        Assert.Equal("Anna the second", await NameAsync());
    }

    [Fact]
    public async Task A_socket_that_says_nothing_is_let_go()
    {
        var session = await JoinAsync("anna", "anna");
        using var socket = new ClientWebSocket(); // answers pings by itself
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{_door.Port}/spaces/{_space}/socket?token={session.GetProperty("sessionToken").GetString()}"), Cancel);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        await socket.ReceiveAsync(new byte[1_024], limit.Token);
        Assert.Equal(4408, (int)socket.CloseStatus!);
    }

    [Fact]
    public async Task A_long_user_has_a_short_name()
    {
        var user = new string('u', 128);
        await using var person = await Person.OpenAsync(_door, _space, await JoinAsync(user, null));
        Assert.Equal(new string('u', 63) + "\u2026", await NameAsync());
    }

    [Fact]
    public async Task Who_is_kept_out_is_shown_to_those_who_moderate_only()
    {
        await using var door = await KeyedDoor.OpenAsync(grains, ("root", "admin"), ("mod", "read"), ("guest", "read"));
        async Task<JsonElement> ShowAsync(string who) => await door.AskAsync(who, "GET", $"/spaces/{_space}", 200);
        using (var put = await _door.Http.PutAsJsonAsync($"/spaces/{_space}", new { moderators = new[] { "key:mod" } }, Cancel)) Assert.True(put.IsSuccessStatusCode);
        using (var act = await _door.Http.PostAsJsonAsync($"/spaces/{_space}/moderation", new { act = "ban", user = "bad", seconds = 60 }, Cancel)) Assert.Equal(HttpStatusCode.NoContent, act.StatusCode);
        Assert.True((await ShowAsync("root")).GetProperty("banned").TryGetProperty("bad", out _));
        Assert.True((await ShowAsync("mod")).GetProperty("banned").TryGetProperty("bad", out _));
        var shown = await ShowAsync("guest");
        Assert.False(shown.TryGetProperty("banned", out _) || shown.TryGetProperty("muted", out _));
        Assert.Equal("key:mod", shown.GetProperty("definition").GetProperty("moderators")[0].GetString());
    }

    private async Task<string?> NameAsync() => (await _door.Http.GetFromJsonAsync<JsonElement>($"/spaces/{_space}/people", Cancel)).GetProperty("value")[0].GetProperty("name").GetString();

    private async Task PutAsync(int capacity)
    {
        using var put = await _door.Http.PutAsJsonAsync($"/spaces/{_space}", new { width = 60, depth = 60, capacity }, Cancel);
        Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
    }

    private async Task DeleteAsync(string user)
    {
        using var left = await _door.Http.DeleteAsync($"/spaces/{_space}/sessions/{user}", Cancel);
        Assert.Equal(HttpStatusCode.NoContent, left.StatusCode);
    }

    private Task<HttpResponseMessage> AskAsync(string user, string? name = null) => _door.Http.PostAsJsonAsync($"/spaces/{_space}/sessions", new { user, name }, Cancel);

    private async Task<JsonElement> JoinAsync(string user, string? name)
    {
        using var answer = await AskAsync(user, name);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(Cancel));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }
}
