using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Numerics;
using System.Text.Json;
using Twin.Gateway.Tests.Doors;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>Spaces as a client meets them: HTTP to come in, the socket for everything else.</summary>
[Collection("doors")]
public sealed class SpaceDoorTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _space = "hall-" + Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _door = await DoorWorld.OpenAsync(grains);
        await PutAsync("""{"title":"Hall","width":60,"depth":60,"capacity":3,"maxSpeed":6,"entranceSpread":1,"moderators":["mod"]}""", HttpStatusCode.Created);
    }

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    [Fact]
    public async Task Two_who_come_in_see_each_other_move_and_hear_each_other()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await using var bert = await Person.EnterAsync(_door, _space, "bert");
        var step = anna.Place;
        for (var i = 0; i < 10; i++)
        {
            step += new Vector3(0.1f, 0, 0);
            await anna.SendAsync(new InputMessage(new AvatarInput((ushort)(i + 1), AvatarPose.From(step, Quaternion.Identity))));
            await bert.UntilAsync(() => bert.Knows(anna.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - step.X) < 0.01f);
        }

        await bert.UntilAsync(() => bert.Heard.OfType<PeopleMessage>().Any(p => p.People.Any(one => one.Avatar == anna.Avatar && one.Name == "anna")));
        await anna.SendAsync(new ClientChatMessage(ChatScope.Near, "good evening"));
        await bert.UntilAsync(() => bert.Heard.OfType<ChatMessage>().Any(c => c.From == anna.Avatar && c.Text == "good evening"));
        await anna.SendAsync(new ClientStateMessage(3, new byte[] { 1, 2, 3 }));
        await bert.UntilAsync(() => bert.Heard.OfType<StateMessage>().Any(s => s.Avatar == anna.Avatar && s.Channel == 3 && s.Payload.Span.SequenceEqual(new byte[] { 1, 2, 3 })));
    }

    [Fact]
    public async Task One_who_jumps_across_the_hall_is_put_back_and_nobody_sees_the_jump()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await using var bert = await Person.EnterAsync(_door, _space, "bert");
        await bert.UntilAsync(() => bert.Knows(anna.Avatar) is not null);
        await anna.SendAsync(new InputMessage(new AvatarInput(1, AvatarPose.From(new Vector3(1, 0, 1), Quaternion.Identity))));
        await anna.UntilAsync(() => anna.Corrections.Any(c => c.Cause == CorrectionCause.Speed));
        Assert.True(Vector3.Distance(bert.Knows(anna.Avatar)!.Value.PlaceMetres, anna.Place) < 0.1f);
        Assert.Contains((await PeopleAsync()).EnumerateArray(), p => p.GetProperty("user").GetString() == "anna" && p.GetProperty("refused").GetInt32() == 1);
    }

    [Fact]
    public async Task A_lost_socket_comes_back_with_the_same_token_to_the_same_place_and_a_second_one_takes_over()
    {
        var session = await JoinAsync("anna");
        await using var bert = await Person.EnterAsync(_door, _space, "bert");
        var first = await Person.OpenAsync(_door, _space, session);
        await first.SendAsync(new InputMessage(new AvatarInput(1, AvatarPose.From(first.Place + new Vector3(0.5f, 0, 0), Quaternion.Identity))));
        await bert.UntilAsync(() => bert.Knows(first.Avatar) is { } known && known.PlaceMetres.X > first.Place.X + 0.4f);
        first.Abort();
        await using var again = await Person.OpenAsync(_door, _space, session);
        Assert.True(again.Welcome.IsResumed);
        Assert.Equal(first.Place.X + 0.5f, again.Place.X, 0.01f);
        await using var third = await Person.OpenAsync(_door, _space, session);
        Assert.Equal(4001, await again.ClosedAsync());
        await bert.UntilAsync(() => bert.Known.Count(n => n == first.Avatar) == 1);
        Assert.Equal(2, (await PeopleAsync()).GetArrayLength());
    }

    [Fact]
    public async Task Beyond_the_capacity_one_waits_and_comes_in_when_another_leaves()
    {
        await using var a = await Person.EnterAsync(_door, _space, "a");
        await using var b = await Person.EnterAsync(_door, _space, "b");
        await using var c = await Person.EnterAsync(_door, _space, "c");
        using (var waiting = await AskAsync("d"))
        {
            Assert.Equal(HttpStatusCode.Accepted, waiting.StatusCode);
            Assert.Equal(1, (await waiting.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("position").GetInt32());
        }

        await b.SendAsync(new LeaveMessage());
        using var left = await _door.Http.DeleteAsync($"/spaces/{_space}/sessions/b", Cancel);
        await using var d = await Person.EnterAsync(_door, _space, "d");
        await d.UntilAsync(() => d.Knows(a.Avatar) is not null && d.Knows(b.Avatar) is null);
    }

    [Fact]
    public async Task Moderators_mute_freeze_send_out_and_keep_out()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await using var bert = await Person.EnterAsync(_door, _space, "bert");
        await ModerateAsync("mute", "anna", 60);
        await anna.UntilAsync(() => anna.Heard.OfType<ModerationMessage>().Any(m => m.Kind == "muted"));
        await anna.SendAsync(new ClientChatMessage(ChatScope.Space, "you cannot hear this"));
        await anna.UntilAsync(() => anna.Heard.OfType<RefusedMessage>().Any(r => r.Code == "Muted"));
        Assert.DoesNotContain(bert.Heard, m => m is ChatMessage);
        await anna.SendAsync(new LeaveMessage());
        await anna.ClosedAsync();
        await using var annaAgain = await Person.EnterAsync(_door, _space, "anna");
        await annaAgain.SendAsync(new ClientChatMessage(ChatScope.Space, "nor this"));
        await annaAgain.UntilAsync(() => annaAgain.Heard.OfType<RefusedMessage>().Any(r => r.Code == "Muted")); // coming back does not help
        await ModerateAsync("freeze", "", 1);
        await bert.SendAsync(new InputMessage(new AvatarInput(1, AvatarPose.From(bert.Place + new Vector3(0.1f, 0, 0), Quaternion.Identity))));
        await bert.UntilAsync(() => bert.Corrections.Any(c => c.Cause == CorrectionCause.Frozen));
        await ModerateAsync("ban", "bert", 3_600);
        Assert.Equal(4004, await bert.ClosedAsync());
        Assert.Equal(4004, await Person.RefusedAsync(_door, _space, bert.Session)); // a token from before does not help
        using var refused = await AskAsync("bert");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        await ModerateAsync("kick", "anna", 0);
        Assert.Equal(4003, await annaAgain.ClosedAsync());
        await using var again = await Person.EnterAsync(_door, _space, "anna"); // sent out is not kept out
        Assert.False(again.Welcome.IsResumed);
    }

    [Fact]
    public async Task What_is_no_token_no_message_or_no_space_is_refused_by_name()
    {
        var session = await JoinAsync("anna");
        var token = session.GetProperty("sessionToken").GetString()!;
        Assert.Equal(HttpStatusCode.Unauthorized, await Person.StatusOfAsync(_door, $"/spaces/{_space}/socket?token={token[..^6]}AAAAAA"));
        Assert.Equal(HttpStatusCode.Unauthorized, await Person.StatusOfAsync(_door, $"/spaces/{_space}/socket"));
        Assert.Equal(HttpStatusCode.Forbidden, await Person.StatusOfAsync(_door, $"/spaces/other/socket?token={token}"));
        using var nowhere = await _door.Http.PostAsJsonAsync("/spaces/nowhere/sessions", new { user = "anna" }, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, nowhere.StatusCode);
        await PutAsync("""{"width":-1}""", HttpStatusCode.BadRequest);
        await using var anna = await Person.OpenAsync(_door, _space, session);
        await anna.SendRawAsync([0xC1, 0xFF, 0x00]);
        Assert.Equal(4400, await anna.ClosedAsync());
    }

    [Fact]
    public async Task A_flood_ends_the_flooder_and_nobody_else()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await using var bert = await Person.EnterAsync(_door, _space, "bert");
        var time = new TimeSyncMessage(1).ToBytes();
        for (var i = 0; i < 400 && anna.IsOpen; i++) await anna.SendRawAsync(time);
        Assert.Equal(4029, await anna.ClosedAsync());
        var frames = bert.Frames;
        await bert.UntilAsync(() => bert.Frames > frames + 5);
    }

    private async Task PutAsync(string definition, HttpStatusCode expected)
    {
        using var put = await _door.Http.PutAsync($"/spaces/{_space}", new StringContent(definition, System.Text.Encoding.UTF8, "application/json"), Cancel);
        Assert.True(put.StatusCode == expected, await put.Content.ReadAsStringAsync(Cancel));
    }

    private async Task ModerateAsync(string act, string user, int seconds)
    {
        using var answer = await _door.Http.PostAsJsonAsync($"/spaces/{_space}/moderation", new { act, user, seconds }, Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.NoContent, await answer.Content.ReadAsStringAsync(Cancel));
    }

    private Task<HttpResponseMessage> AskAsync(string user) => _door.Http.PostAsJsonAsync($"/spaces/{_space}/sessions", new { user }, Cancel);

    private async Task<JsonElement> JoinAsync(string user)
    {
        using var answer = await AskAsync(user);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(Cancel));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }

    private async Task<JsonElement> PeopleAsync() => (await _door.Http.GetFromJsonAsync<JsonElement>($"/spaces/{_space}/people", Cancel)).GetProperty("value");
}
