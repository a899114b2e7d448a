using System.Numerics;
using Twin.Gateway.Tests.Doors;
using Twin.Model;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>The machine's clock is set back and forward under a space with people in it.</summary>
[Collection("doors")]
public sealed class SpaceClockTests : IAsyncLifetime
{
    private readonly SetClock _machine = new();
    private GrainsUnderTest _grains = null!;
    private DoorWorld _door = null!;

    public async ValueTask InitializeAsync()
    {
        _grains = new GrainsUnderTest { Clock = new ForwardTime(_machine) };
        await _grains.InitializeAsync();
        _door = await DoorWorld.OpenAsync(_grains);
        using var put = await _door.Http.PutAsync("/spaces/hall", DoorWorld.Json("""{"width":60,"depth":60,"entranceSpread":1}"""), TestContext.Current.CancellationToken);
        Assert.True(put.IsSuccessStatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        await _door.DisposeAsync();
        await _grains.DisposeAsync();
    }

    [Theory]
    [InlineData(-3_600)]
    [InlineData(7_200)]
    [InlineData(-86_400)]
    public async Task People_go_on_leave_come_again_and_are_joined_by_others_however_the_clock_is_set(int seconds)
    {
        await using var anna = await Person.EnterAsync(_door, "hall", "anna");
        await using var bert = await Person.EnterAsync(_door, "hall", "bert");
        await SeenAsync(bert, anna, 1, 0.1f);
        _machine.Set(TimeSpan.FromSeconds(seconds));
        await SeenAsync(bert, anna, 2, 0.2f); // those inside go on
        await anna.SendAsync(new LeaveMessage());
        Assert.Equal(4000, await anna.ClosedAsync());
        await bert.UntilAsync(() => bert.Knows(anna.Avatar) is null);
        await using var again = await Person.EnterAsync(_door, "hall", "anna"); // one who left may come again
        await using var carl = await Person.EnterAsync(_door, "hall", "carl"); // and a newcomer
        await SeenAsync(bert, again, 1, 0.1f);
        await SeenAsync(again, carl, 1, 0.1f);
        bert.Abort();
        await using var back = await Person.OpenAsync(_door, "hall", bert.Session); // a lost line is taken up with a token from before
        Assert.True(back.Welcome.IsResumed);
        await SeenAsync(again, back, 1, 0.1f);
        foreach (var one in new[] { again, carl, back })
        {
            await one.SendAsync(new LeaveMessage());
            await one.ClosedAsync();
        }
    }

    private static async Task SeenAsync(Person by, Person who, ushort sequence, float ahead)
    {
        await by.UntilAsync(() => by.Knows(who.Avatar) is not null);
        await who.SendAsync(new InputMessage(new AvatarInput(sequence, AvatarPose.From(who.Place + new Vector3(ahead, 0, 0), Quaternion.Identity))));
        await by.UntilAsync(() => by.Knows(who.Avatar) is { } known && Math.Abs(known.PlaceMetres.X - who.Place.X - ahead) < 0.02f);
    }

    /// <summary>The system's clock and timers, the time of day as it is set.</summary>
    private sealed class SetClock : TimeProvider
    {
        private long _by;

        public void Set(TimeSpan by) => Interlocked.Add(ref _by, by.Ticks);

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _by));
    }
}
