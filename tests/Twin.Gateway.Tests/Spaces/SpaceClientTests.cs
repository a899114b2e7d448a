using System.Diagnostics;
using System.Numerics;
using Twin.Gateway.Tests.Doors;
using Twin.Sdk;
using Twin.Testing;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>The .NET client of spaces at a real door.</summary>
[Collection("doors")]
public sealed class SpaceClientTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _space = "sdk-" + Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _door = null!;
    private TwinClient _http = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private Uri Address => new($"http://127.0.0.1:{_door.Port}");

    public async ValueTask InitializeAsync()
    {
        _door = await DoorWorld.OpenAsync(grains);
        _http = new TwinClient(Address);
        await _http.PutSpaceAsync(_space, new { title = "Hall", width = 60, depth = 60, capacity = 3, maxSpeed = 6, entranceSpread = 1, moderators = new[] { "mod" } }, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _door.DisposeAsync();
    }

    [Fact]
    public async Task Two_who_come_in_see_each_other_walk_gesture_and_talk()
    {
        await using var anna = await EnterAsync("anna");
        await using var bert = await EnterAsync("bert");
        var goal = anna.Place;
        for (var i = 0; i < 20; i++) Assert.True(await anna.MoveAsync(goal = goal with { X = goal.X + 20 }, cancellationToken: Cancel));
        await UntilAsync(() => bert.Find(anna.Avatar) is { } seen && seen.X == goal.X && seen.Z == goal.Z, "bert sees where anna went");
        await UntilAsync(() => bert.WhoIs(anna.Avatar)?.Name == "Anna", "bert knows anna's name");
        Assert.Equal((goal.X, 0L), (anna.Place.X, anna.MovesDropped));
        Assert.True(anna.Gesture(5));
        await UntilAsync(() => bert.Find(anna.Avatar) is { } seen && (byte)seen.Flags >> 4 == 5 && seen.X == goal.X, "bert sees anna's gesture");
        Assert.True(anna.Chat(ChatScope.Near, "good evening"));
        await HearAsync<ChatMessage>(bert, c => c.From == anna.Avatar && c.Text == "good evening");
        Assert.True(anna.SetState(3, new byte[] { 1, 2, 3 }));
        await HearAsync<StateMessage>(bert, s => s.Avatar == anna.Avatar && s.Channel == 3 && s.Payload.Span.SequenceEqual(new byte[] { 1, 2, 3 }));
        await UntilAsync(() => anna.ServerMicroseconds is not null && anna.RoundTrip > TimeSpan.Zero && anna.Crowd is { Tiles.Count: > 0 }, "anna knows time and crowd");
        var (before, frame) = (anna.Tick, await anna.NextFrameAsync(Cancel));
        Assert.InRange(frame, before, before + 100);
    }

    [Fact]
    public async Task Moves_go_out_at_the_tick_rate_and_the_newest_always_does()
    {
        await using var anna = await EnterAsync("anna");
        await using var bert = await EnterAsync("bert");
        var (place, started) = (anna.Place, Stopwatch.GetTimestamp());
        for (var i = 0; i < 2_000; i++) Assert.True(anna.Move(place = place with { Rotation = RotationCode.From(Quaternion.CreateFromAxisAngle(Vector3.UnitY, i * 0.003f)) }));
        await UntilAsync(() => bert.Find(anna.Avatar) is { } seen && seen.Rotation == place.Rotation, "the newest move has arrived");
        var most = 3 + (Stopwatch.GetElapsedTime(started).TotalSeconds * anna.Welcome.TickHz * 1.1);
        Assert.InRange(2_000 - anna.MovesDropped, 1, most);
    }

    [Fact]
    public async Task A_cut_line_is_taken_up_at_the_next_server_in_the_same_place_and_nobody_sees_it()
    {
        await using CutLine first = new(_door.Port), second = new(_door.Port);
        await using var bert = await EnterAsync("bert");
        await using var anna = await SpaceClient.JoinAsync([first.Address, second.Address], _space, new SpaceGuest { User = "anna" }, cancellationToken: Cancel);
        var place = anna.Place with { X = anna.Place.X + 30 };
        Assert.True(await anna.MoveAsync(place, cancellationToken: Cancel));
        await UntilAsync(() => bert.Find(anna.Avatar)?.X == place.X, "bert sees anna");
        first.Cut();
        await UntilAsync(() => anna.Resumes == 1 && anna.Standing == SpaceStanding.Here, "anna is back");
        Assert.True(anna.Welcome.IsResumed);
        Assert.Equal(place.X, anna.Place.X);
        Assert.NotNull(bert.Find(anna.Avatar));
        var at = await anna.NextFrameAsync(Cancel);
        Assert.NotNull(anna.Find(bert.Avatar));
        second.CutOnce();
        await UntilAsync(() => anna.Resumes == 2 && anna.Tick > at, "anna is back again");
        Assert.True(await anna.MoveAsync(place with { Z = place.Z + 10 }, cancellationToken: Cancel));
        await UntilAsync(() => bert.Find(anna.Avatar)?.Z == place.Z + 10, "bert sees anna go on");
    }

    [Fact]
    public async Task One_who_waits_in_the_line_is_told_the_position_and_comes_in_when_a_seat_is_free()
    {
        await using var a = await EnterAsync("a");
        await using var b = await EnterAsync("b");
        await using var c = await EnterAsync("c");
        var positions = new System.Collections.Concurrent.ConcurrentQueue<int>();
        var joining = SpaceClient.JoinAsync(Address, _space, new SpaceGuest { User = "d" }, waiting: positions.Enqueue, cancellationToken: Cancel);
        await UntilAsync(() => !positions.IsEmpty, "d waits");
        Assert.False(joining.IsCompleted);
        await b.LeaveAsync(Cancel);
        await b.Ended;
        await _http.LeaveSpaceAsync(_space, "b", Cancel);
        await using var d = await joining.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.All(positions, p => Assert.Equal(1, p));
        await UntilAsync(() => d.Find(a.Avatar) is not null && d.Find(b.Avatar) is null, "d sees who is there");
    }

    [Fact]
    public async Task One_who_jumps_is_put_back_and_told_so()
    {
        await using var anna = await EnterAsync("anna");
        var place = anna.Place;
        Assert.True(await anna.MoveAsync(AvatarPose.From(new Vector3(1, 0, 1), Quaternion.Identity), cancellationToken: Cancel));
        await foreach (var one in anna.ReadEventsAsync(Cancel))
        {
            if (one is not SpaceCorrected corrected) continue;
            Assert.Equal((CorrectionCause.Speed, place.X, place.Z), (corrected.Correction.Cause, corrected.Correction.X, corrected.Correction.Z));
            break;
        }

        Assert.Equal((place.X, place.Z), (anna.Place.X, anna.Place.Z));
    }

    [Fact]
    public async Task What_ends_a_session_is_told_by_name()
    {
        Assert.Equal("SpaceNotFound", (await Assert.ThrowsAsync<TwinException>(() => SpaceClient.JoinAsync(Address, "nowhere", cancellationToken: Cancel))).Code);
        await using var anna = await EnterAsync("anna");
        await _http.ModerateSpaceAsync(_space, "kick", "anna", cancellationToken: Cancel);
        Assert.Equal("Kicked", (await Assert.ThrowsAsync<TwinException>(() => anna.Ended.WaitAsync(TimeSpan.FromSeconds(10), Cancel))).Code);
        Assert.Equal("Kicked", (await Assert.ThrowsAsync<TwinException>(() => anna.MoveAsync(anna.Place, cancellationToken: Cancel))).Code);
        Assert.False(anna.Move(anna.Place));
        await using var again = await EnterAsync("anna");
        await using var other = await EnterAsync("anna");
        Assert.Equal("ResumedElsewhere", (await Assert.ThrowsAsync<TwinException>(() => again.Ended.WaitAsync(TimeSpan.FromSeconds(10), Cancel))).Code);
        await _http.ModerateSpaceAsync(_space, "ban", "anna", 3_600, Cancel);
        Assert.Equal("Banned", (await Assert.ThrowsAsync<TwinException>(() => other.Ended.WaitAsync(TimeSpan.FromSeconds(10), Cancel))).Code);
        Assert.Equal("Banned", (await Assert.ThrowsAsync<TwinException>(() => EnterAsync("anna"))).Code);
        await using var bert = await EnterAsync("bert");
        await bert.LeaveAsync(Cancel);
        Assert.True(bert.Ended.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Events_nobody_reads_are_dropped_and_counted_while_frames_go_on()
    {
        await using var anna = await SpaceClient.JoinAsync(Address, _space, new SpaceGuest { User = "anna" }, new SpaceClientOptions { MostEvents = 2, IsAdaptive = false }, cancellationToken: Cancel);
        await using var bert = await EnterAsync("bert");
        await UntilAsync(() => anna.WhoIs(bert.Avatar) is not null, "anna knows bert: from now on she is told each of his states");
        for (var i = 0; i < 6; i++) Assert.True(bert.SetState(1, new[] { (byte)(i + 1) }));
        await UntilAsync(() => anna.EventsDropped > 2, "events are dropped");
        var frames = anna.Frames;
        await UntilAsync(() => anna.Frames > frames + 5, "frames go on");
        await foreach (var one in anna.ReadEventsAsync(Cancel))
        {
            if (one is SpaceSaid { Message: StateMessage { Payload.Length: 1 } state } && state.Payload.Span[0] == 6) break; // the newest were kept
        }
    }

    [Fact]
    public async Task What_the_wire_cannot_carry_is_refused_where_it_is_said()
    {
        await using var anna = await EnterAsync("anna");
        Assert.Throws<ArgumentOutOfRangeException>(() => anna.Move(anna.Place with { X = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => anna.Move(anna.Place, velocityX: 5_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => anna.Chat(ChatScope.Space, new string('x', 501)));
        Assert.Throws<ArgumentOutOfRangeException>(() => anna.SetState(256, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => anna.Gesture(16));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SpaceClient.JoinAsync(Address, _space, options: new SpaceClientOptions { ByteBudgetPerSecond = 10 }, cancellationToken: Cancel));
    }

    private Task<SpaceClient> EnterAsync(string user) => SpaceClient.JoinAsync(Address, _space, new SpaceGuest { User = user, Name = char.ToUpperInvariant(user[0]) + user[1..] }, cancellationToken: Cancel);

    private static Task UntilAsync(Func<bool> holds, string what) => Eventually.TrueAsync(() => Task.FromResult(holds()), what, Cancel, 15);

    private static async Task HearAsync<T>(SpaceClient client, Func<T, bool> isIt)
        where T : SpaceMessage
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(15));
        await foreach (var one in client.ReadEventsAsync(limit.Token)) if (one is SpaceSaid { Message: T message } && isIt(message)) return;
    }
}
