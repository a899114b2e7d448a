using System.Net;
using System.Net.Http.Json;
using System.Numerics;
using Twin.Gateway.Tests.Doors;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>One space behind two doors: people of either are together.</summary>
[Collection("doors")]
public sealed class SharedHallTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _space = "plaza-" + Guid.NewGuid().ToString("N")[..8];
    private DoorWorld _left = null!;
    private DoorWorld _right = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _left = await DoorWorld.OpenAsync(grains);
        _right = await DoorWorld.OpenAsync(grains);
        using var put = await _left.Http.PutAsync($"/spaces/{_space}", JsonContent.Create(new { width = 40, depth = 40, entranceSpread = 1, maxSpeed = 8, cellsAcross = 4, nearRadius = 60, middleRadius = 0 }), Cancel);
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        await _left.DisposeAsync();
        await _right.DisposeAsync();
    }

    [Fact]
    public async Task People_of_two_silos_see_hear_and_name_one_another_wherever_they_walk()
    {
        await using var anna = await Person.EnterAsync(_left, _space, "anna");
        await using var bert = await Person.EnterAsync(_right, _space, "bert");
        await bert.UntilAsync(() => bert.Knows(anna.Avatar) is not null);
        await anna.UntilAsync(() => anna.Knows(bert.Avatar) is not null);
        await anna.UntilAsync(() => anna.Heard.OfType<PeopleMessage>().Any(p => p.People.Any(one => one.Name == "bert")));
        await anna.SendAsync(new ClientStateMessage(2, new byte[] { 7 }));
        await bert.UntilAsync(() => bert.Heard.OfType<StateMessage>().Any(s => s.Avatar == anna.Avatar && s.Channel == 2));
        await bert.SendAsync(new ClientChatMessage(ChatScope.Near, "hello over there"));
        await anna.UntilAsync(() => anna.Heard.OfType<ChatMessage>().Any(c => c.From == bert.Avatar && c.Text == "hello over there"));

        var (place, sequence) = (anna.Place, (ushort)0); // through all rows of cells: some are this silo's, some the other's
        for (var leg = 0; leg < 3; leg++)
        {
            var to = leg switch { 0 => new Vector3(2, 0, 2), 1 => new Vector3(38, 0, 38), _ => new Vector3(38, 0, 2) };
            while (Vector3.Distance(place, to) > 0.4f)
            {
                place += Vector3.Normalize(to - place) * 0.35f;
                await anna.SendAsync(new InputMessage(new AvatarInput(++sequence, AvatarPose.From(place, Quaternion.Identity))));
                await Task.Delay(50, Cancel);
            }

            await bert.UntilAsync(() => bert.Knows(anna.Avatar) is { } known && Vector3.Distance(known.PlaceMetres, place) < 0.05f);
        }

        Assert.Empty(anna.Corrections);
        await anna.SendAsync(new InputMessage(new AvatarInput(++sequence, AvatarPose.From(new Vector3(2, 0, 38), Quaternion.Identity))));
        await anna.UntilAsync(() => anna.Corrections.Any(c => c.Cause == CorrectionCause.Speed));
        await anna.SendAsync(new LeaveMessage());
        await bert.UntilAsync(() => bert.Knows(anna.Avatar) is null);
    }

    [Fact]
    public async Task One_who_comes_back_at_another_silo_is_there_once_and_where_it_was_and_those_of_a_closed_silo_come_back_too()
    {
        await using var bert = await Person.EnterAsync(_right, _space, "bert");
        await using var anna = await Person.EnterAsync(_left, _space, "anna");
        var place = anna.Place;
        for (var i = 1; i <= 20; i++)
        {
            place += new Vector3(0.2f, 0, 0);
            await anna.SendAsync(new InputMessage(new AvatarInput((ushort)i, AvatarPose.From(place, Quaternion.Identity))));
            await Task.Delay(50, Cancel);
        }

        await bert.UntilAsync(() => bert.Knows(anna.Avatar) is { } known && Vector3.Distance(known.PlaceMetres, place) < 0.05f);
        await using var again = await Person.OpenAsync(_right, _space, anna.Session);
        Assert.True(again.Welcome.IsResumed);
        Assert.True(Vector3.Distance(again.Place, place) < 0.05f, $"{again.Place} is not {place}");
        Assert.Equal(4001, await anna.ClosedAsync());
        await bert.UntilAsync(() => bert.Known.Count(n => n == again.Avatar) == 1);

        await using var carl = await Person.EnterAsync(_left, _space, "carl");
        await bert.UntilAsync(() => bert.Knows(carl.Avatar) is not null);
        await _left.Spaces.CloseAsync(_space);
        Assert.Equal(4503, await carl.ClosedAsync());
        await using var carlAgain = await Person.OpenAsync(_right, _space, carl.Session);
        await bert.UntilAsync(() => bert.Known.Order().SequenceEqual(new[] { again.Avatar, carlAgain.Avatar }.Order()));
    }
}
