using System.Net;
using System.Net.Http.Json;
using System.Numerics;
using System.Text.Json;
using Twin.Gateway.Tests.Doors;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>What happened in a space, watched again over the same wire.</summary>
[Collection("doors")]
public sealed class SpaceRecordingTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _space = "stage-" + Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _door = await DoorWorld.OpenAsync(grains);
        using var put = await _door.Http.PutAsync($"/spaces/{_space}", JsonContent.Create(new { width = 60, depth = 60, entranceSpread = 1, recording = "all" }), Cancel);
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
    }

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    [Fact]
    public async Task What_people_did_and_said_is_seen_again_by_one_who_watches_the_recording()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await using var bert = await Person.EnterAsync(_door, _space, "bert");
        var step = anna.Place;
        for (var i = 0; i < 20; i++)
        {
            step += new Vector3(0.1f, 0, 0);
            await anna.SendAsync(new InputMessage(new AvatarInput((ushort)(i + 1), AvatarPose.From(step, Quaternion.Identity))));
            await bert.UntilAsync(() => bert.Knows(anna.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - step.X) < 0.01f);
        }

        await anna.SendAsync(new ClientChatMessage(ChatScope.Space, "remember this"));
        await bert.UntilAsync(() => bert.Heard.OfType<ChatMessage>().Any(c => c.Text == "remember this"));
        await bert.SendAsync(new ClientChatMessage(ChatScope.Whisper, "but not this", anna.Avatar));
        await anna.UntilAsync(() => anna.Heard.OfType<ChatMessage>().Any(c => c.Text == "but not this"));
        var frames = anna.Frames;
        await anna.UntilAsync(() => anna.Frames > frames + 5); // the tick in which it was said is over

        await using var watcher = await WatchAsync("live", new { speed = 1 });
        await watcher.UntilAsync(() => watcher.Known.Contains(anna.Avatar) && watcher.Known.Contains(bert.Avatar));
        await watcher.UntilAsync(() => watcher.Heard.OfType<PeopleMessage>().Any(p => p.People.Any(one => one.Avatar == anna.Avatar && one.Name == "anna")));
        await watcher.UntilAsync(() => watcher.Heard.OfType<ChatMessage>().Any(c => c.Text == "remember this"));
        await watcher.UntilAsync(() => watcher.Knows(anna.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - step.X) < 0.01f);
        Assert.DoesNotContain(watcher.Heard, m => m is ChatMessage { Text: "but not this" });
        Assert.Contains(watcher.Heard, m => m is ReplayMessage);

        await watcher.SendAsync(new SeekMessage(0, 0)); // back to the beginning, and stand still: nobody was there
        await watcher.UntilAsync(() => watcher.Known.Count == 0);
    }

    [Fact]
    public async Task A_recording_is_listed_taken_away_and_read_and_what_is_wrong_is_said()
    {
        await using var anna = await Person.EnterAsync(_door, _space, "anna");
        await anna.UntilAsync(() => anna.Frames > 30);
        var list = (await _door.Http.GetFromJsonAsync<JsonElement>($"/spaces/{_space}/recordings", Cancel)).GetProperty("value");
        Assert.True(list[0].GetProperty("live").GetBoolean());
        Assert.Equal("live", list[0].GetProperty("recording").GetString());
        var chunks = SpaceChunk.ReadAll(await _door.Http.GetByteArrayAsync($"/spaces/{_space}/recordings/live", Cancel));
        var replay = new SpaceReplay(chunks);
        replay.Seek(replay.LastTick);
        Assert.True(replay.Stage.Mirror.IndexOf(anna.Avatar) >= 0);
        Assert.Equal(_space, replay.Space);

        await StatusAsync(HttpStatusCode.NotFound, $"/spaces/{_space}/recordings/17", null);
        await StatusAsync(HttpStatusCode.NotFound, $"/spaces/nowhere-{_space}/recordings", null);
        await StatusAsync(HttpStatusCode.RequestedRangeNotSatisfiable, $"/spaces/{_space}/recordings/live?from=99999999", null);
        await StatusAsync(HttpStatusCode.BadRequest, $"/spaces/{_space}/recordings/live/views", new { speed = -1 });
        await StatusAsync(HttpStatusCode.NotFound, $"/spaces/{_space}/recordings/live/views/none", new { at = 5 });
    }

    [Fact]
    public async Task When_a_space_closes_its_recording_is_on_disk_and_can_be_watched()
    {
        await using (var anna = await Person.EnterAsync(_door, _space, "anna")) await anna.UntilAsync(() => anna.Frames > 10);
        await _door.Spaces.CloseAsync(_space); // as when the silo stops
        await using var again = await Person.EnterAsync(_door, _space, "bert");
        JsonElement kept = default;
        await again.UntilAsync(() =>
        {
            kept = _door.Http.GetFromJsonAsync<JsonElement>($"/spaces/{_space}/recordings", Cancel).GetAwaiter().GetResult().GetProperty("value");
            return kept.EnumerateArray().Any(r => !r.GetProperty("live").GetBoolean());
        });
        var name = kept.EnumerateArray().Last().GetProperty("recording").GetString()!;
        await using var watcher = await WatchAsync(name, new { speed = 8 });
        await watcher.UntilAsync(() => watcher.Heard.OfType<PeopleMessage>().Any(p => p.People.Any(one => one.Name == "anna")));
    }

    private async Task<Person> WatchAsync(string recording, object asked)
    {
        using var answer = await _door.Http.PostAsJsonAsync($"/spaces/{_space}/recordings/{recording}/views", asked, Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(Cancel));
        return await Person.OpenAsync(_door, _space, await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel));
    }

    private async Task StatusAsync(HttpStatusCode expected, string address, object? body)
    {
        using var answer = body is null ? await _door.Http.GetAsync(address, Cancel) : await _door.Http.PostAsJsonAsync(address, body, Cancel);
        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
    }
}
