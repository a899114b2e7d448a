using System.Net.Http.Json;
using System.Text.Json;
using System.Numerics;
using Twin.Gateway.Tests.Doors;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>Avatars: figure, belongings, place; cells that are frozen; who talks to all.</summary>
[Collection("doors")]
public sealed class AvatarDoorTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _tag = Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Space => "square-" + _tag;

    public async ValueTask InitializeAsync() => _door = await DoorWorld.OpenAsync(grains);

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    [Fact]
    public async Task An_avatar_has_a_figure_of_its_own_that_those_inside_are_told_and_a_place_that_is_kept_when_it_leaves()
    {
        await SendAsync("PUT", $"/spaces/{Space}", """{"width":60,"depth":60,"entranceSpread":1}""");
        var (a, b) = ("anna" + _tag, "bert" + _tag);
        await SendAsync("PUT", $"/users/{a}", """{"name":"Anna","appearance":"fox"}""");
        await using var anna = await Person.OpenAsync(_door, Space, await JoinAsync(a));
        await using var bert = await Person.EnterAsync(_door, Space, b);
        await bert.UntilAsync(() => Known(bert, anna) is { Name: "Anna", Appearance: "fox" });
        var path = $"/spaces/{Space}/avatars/{anna.Avatar}";
        await SendAsync("PUT", path, """{"name":"The Heron","appearance":"heron"}""");
        await bert.UntilAsync(() => Known(bert, anna) is { Name: "The Heron", Appearance: "heron" });
        var place = anna.Place;
        for (var i = 1; i <= 20; i++)
        {
            await anna.SendAsync(new InputMessage(new AvatarInput((ushort)i, AvatarPose.From(place + new Vector3(0.1f * i, 0, 0), Quaternion.Identity))));
            await bert.UntilAsync(() => bert.Knows(anna.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - (place.X + (0.1f * i))) < 0.02f);
        }

        var view = await _door.GetAsync(path);
        Assert.Equal((a, "The Heron", true, true), (view.GetProperty("user").GetString(), view.GetProperty("name").GetString(), view.GetProperty("here").GetBoolean(), view.GetProperty("place").GetProperty("isConnected").GetBoolean()));
        Assert.Equal(place.X + 2, view.GetProperty("place").GetProperty("x").GetSingle(), 0.02f);
        Assert.False(view.TryGetProperty("left", out _));
        await anna.SendAsync(new LeaveMessage());
        await anna.ClosedAsync();
        for (var tries = 0; (view = await _door.GetAsync(path)).GetProperty("here").GetBoolean() || !view.TryGetProperty("left", out _); tries++)
        {
            Assert.True(tries < 100, view.ToString());
            await Task.Delay(50, Cancel);
        }

        Assert.Equal(place.X + 2, view.GetProperty("place").GetProperty("x").GetSingle(), 0.02f);
        Assert.False(view.GetProperty("place").GetProperty("isConnected").GetBoolean());
        await using var again = await Person.OpenAsync(_door, Space, await JoinAsync(a));
        await bert.UntilAsync(() => Known(bert, again) is { Name: "The Heron", Appearance: "heron" }); // it is kept
        await SendAsync("PUT", path, """{"name":"","appearance":""}""");
        await bert.UntilAsync(() => Known(bert, again) is { Name: "Anna", Appearance: "fox" });
        Assert.Equal("AvatarNotFound", (await _door.ProblemAsync(404, HttpMethod.Get, $"/spaces/{Space}/avatars/77")).Code);
        Assert.Equal("AvatarInvalid", (await _door.ProblemAsync(400, HttpMethod.Put, path, DoorWorld.Json("""{"nmae":"x"}"""))).Code);
    }

    [Fact]
    public async Task An_avatar_carries_what_its_user_holds_and_what_was_sold_is_not_shown_any_more()
    {
        var (anna, bert) = ("anna" + _tag, "bert" + _tag);
        await using var door = await KeyedDoor.OpenAsync(grains, ("root", "admin"), (anna, "read"), (bert, "read"));
        await door.AskAsync("root", "PUT", $"/spaces/{Space}", 201, """{"width":60,"depth":60}""");
        var book = "hats-" + _tag;
        await door.AskAsync("root", "PUT", $"/ledger/{book}", 201, "{}");
        await door.AskAsync("root", "POST", $"/ledger/{book}/accounts", 200, $$"""{"accounts":[{"id":"mint","kind":"issuing"},{"id":"a","owner":"key:{{anna}}"},{"id":"b","owner":"key:{{bert}}"}]}""");
        await door.AskAsync("root", "PUT", $"/ledger/{book}/assets/hat", 201, """{"kind":"unique","issuer":"mint"}""");
        await door.AskAsync("root", "POST", $"/ledger/{book}/tickets", 201, $$"""{"key":"{{Guid.CreateVersion7()}}","asset":"hat","to":"a","items":["hat-1","hat-2"]}""");
        var avatar = (await door.AskAsync(anna, "POST", $"/spaces/{Space}/sessions", 201, "{}")).GetProperty("avatar").GetInt32();
        var path = $"/spaces/{Space}/avatars/{avatar}";
        string Carried(string account, string item) => $$"""{"carries":[{"book":"{{book}}","account":"{{account}}","asset":"hat","item":"{{item}}"}]}""";
        await door.AskAsync(bert, "PUT", path, 403, Carried("a", "hat-1"));
        var wrong = await door.AskAsync(anna, "PUT", path, 400, Carried("b", "hat-1"));
        Assert.Equal(("ItemNotHeld", "carries[0]"), (wrong.GetProperty("code").GetString(), wrong.GetProperty("where").GetString()));
        await door.AskAsync(anna, "PUT", path, 400, Carried("a", "hat-9"));
        await door.AskAsync(anna, "PUT", path, 400, """{"carries":[{"book":"x"}]}""");
        await door.AskAsync(anna, "PUT", path, 204, Carried("a", "hat-1"));
        Assert.Equal("hat-1", (await door.AskAsync(bert, "GET", path, 200)).GetProperty("carries")[0].GetProperty("item").GetString());
        await door.AskAsync("root", "POST", $"/ledger/{book}/transfers", 201, $$"""{"key":"{{Guid.CreateVersion7()}}","from":"a","to":"b","asset":"hat","amount":"1","item":"hat-1"}""");
        Assert.Equal(0, (await door.AskAsync(bert, "GET", path, 200)).GetProperty("carries").GetArrayLength());
    }

    [Fact]
    public async Task A_frozen_cell_holds_those_in_it_and_nobody_else()
    {
        await SendAsync("PUT", $"/spaces/{Space}", """{"width":40,"depth":40,"cellsAcross":2,"entrance":[20,10],"entranceSpread":0,"maxSpeed":20}""");
        await using var anna = await Person.EnterAsync(_door, Space, "anna" + _tag);
        await using var bert = await Person.EnterAsync(_door, Space, "bert" + _tag);
        await WalkAsync(anna, bert, -1); // into the south-west cell, 0
        await WalkAsync(bert, anna, 1); // into the south-east one, 1
        await SendAsync("POST", $"/spaces/{Space}/moderation", """{"act":"freeze","cell":0,"seconds":1}""");
        await anna.UntilAsync(() => anna.Heard.OfType<ModerationMessage>().Any(m => m.Kind == "frozen"));
        await anna.SendAsync(new InputMessage(new AvatarInput(50, AvatarPose.From(anna.Place + new Vector3(-3.2f, 0, 0), Quaternion.Identity))));
        await anna.UntilAsync(() => anna.Corrections.Any(c => c.Cause == CorrectionCause.Frozen));
        await bert.SendAsync(new InputMessage(new AvatarInput(50, AvatarPose.From(bert.Place + new Vector3(3.2f, 0, 0), Quaternion.Identity))));
        await anna.UntilAsync(() => anna.Knows(bert.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - (bert.Place.X + 3.2f)) < 0.02f);
        Assert.Empty(bert.Corrections);
        Assert.DoesNotContain(bert.Heard, m => m is ModerationMessage { Kind: "frozen" });
        Assert.Equal(0, (await _door.GetAsync($"/spaces/{Space}")).GetProperty("frozenCells")[0].GetInt32());
        Assert.Equal("cell", (await _door.ProblemAsync(400, HttpMethod.Post, $"/spaces/{Space}/moderation", DoorWorld.Json("""{"act":"freeze","cell":4,"seconds":1}"""))).Where);
        Assert.Equal("cell", (await _door.ProblemAsync(400, HttpMethod.Post, $"/spaces/{Space}/moderation", DoorWorld.Json("""{"act":"mute","user":"x","cell":1,"seconds":1}"""))).Where);
        await SendAsync("POST", $"/spaces/{Space}/moderation", """{"act":"freeze","cell":0,"seconds":0}""");
        await anna.UntilAsync(() => anna.Heard.OfType<ModerationMessage>().Any(m => m.Kind == "thawed"));
        await anna.SendAsync(new InputMessage(new AvatarInput(51, AvatarPose.From(anna.Place + new Vector3(-3.2f, 0, 0), Quaternion.Identity))));
        await bert.UntilAsync(() => bert.Knows(anna.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - (anna.Place.X - 3.2f)) < 0.02f);
    }

    [Fact]
    public async Task Where_only_speakers_talk_to_all_the_others_talk_to_those_near_them()
    {
        var (anna, bert) = ("anna" + _tag, "bert" + _tag);
        await SendAsync("PUT", $"/spaces/{Space}", $$"""{"width":60,"depth":60,"speakersOnly":true,"speakers":["{{anna}}"]}""");
        await using var speaker = await Person.EnterAsync(_door, Space, anna);
        await using var guest = await Person.EnterAsync(_door, Space, bert);
        await guest.SendAsync(new ClientChatMessage(ChatScope.Space, "may I"));
        await guest.UntilAsync(() => guest.Heard.OfType<RefusedMessage>().Any(r => r.Code == "SpeakersOnly"));
        await speaker.UntilAsync(() => speaker.Knows(guest.Avatar) is not null);
        await guest.SendAsync(new ClientChatMessage(ChatScope.Near, "hello"));
        await speaker.UntilAsync(() => speaker.Heard.OfType<ChatMessage>().Any(c => c.Text == "hello"));
        await speaker.SendAsync(new ClientChatMessage(ChatScope.Space, "welcome"));
        await guest.UntilAsync(() => guest.Heard.OfType<ChatMessage>().Any(c => c.Text == "welcome"));
        Assert.DoesNotContain(speaker.Heard, m => m is ChatMessage { Text: "may I" });
        await SendAsync("PUT", $"/spaces/{Space}", """{"width":60,"depth":60}"""); // holds at once
        await guest.SendAsync(new ClientChatMessage(ChatScope.Space, "now"));
        await speaker.UntilAsync(() => speaker.Heard.OfType<ChatMessage>().Any(c => c.Text == "now"));
    }

    private static SpacePerson? Known(Person to, Person of) => to.Heard.OfType<PeopleMessage>().SelectMany(p => p.People).LastOrDefault(p => p.Avatar == of.Avatar);

    /// <summary>Three metres along X, as fast as others see it.</summary>
    private static async Task WalkAsync(Person who, Person seenBy, int way)
    {
        for (var i = 1; i <= 30; i++)
        {
            var x = who.Place.X + (way * 0.1f * i);
            await who.SendAsync(new InputMessage(new AvatarInput((ushort)i, AvatarPose.From(who.Place with { X = x }, Quaternion.Identity))));
            await seenBy.UntilAsync(() => seenBy.Knows(who.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - x) < 0.02f);
        }
    }

    private async Task<JsonElement> JoinAsync(string user)
    {
        using var answer = await _door.Http.PostAsJsonAsync($"/spaces/{Space}/sessions", new { user }, Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }

    private async Task SendAsync(string method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : DoorWorld.Json(body) };
        using var answer = await _door.Http.SendAsync(request, Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {await answer.Content.ReadAsStringAsync(Cancel)}");
    }
}
