using Twin.Grains.Devices;

namespace Twin.Grains.Tests.Devices;

public sealed class DeviceStandingTests
{
    private static async Task EventuallyAsync(Func<bool> holds, string what)
    {
        for (var deadline = Environment.TickCount64 + 10_000; !holds(); await Task.Yield())
            if (Environment.TickCount64 > deadline) Assert.Fail(what);
    }

    [Fact]
    public async Task Of_two_registrations_at_the_same_time_one_secret_is_kept_and_the_other_told_so()
    {
        var device = new DeviceUnderTest();
        var answers = await Task.WhenAll(new[] { "a", "b" }.Select(h => device.Do(o => o.RegisterAsync("pump-1", h, TimeSpan.FromMinutes(1)))));
        Assert.Single(answers, true);
        Assert.Equal(answers[0] ? "a" : "b", device.State.Stored.SecretHash);
        Assert.True(await device.Do(o => o.RegisterAsync("pump-1", device.State.Stored.SecretHash!, TimeSpan.FromMinutes(1))));
    }

    [Fact]
    public async Task A_registration_outside_its_bounds_is_a_callers_mistake()
    {
        var device = new DeviceUnderTest();
        await Assert.ThrowsAsync<ArgumentException>(() => device.Do(o => o.RegisterAsync("a b", "h", TimeSpan.FromMinutes(1))));
        await Assert.ThrowsAsync<ArgumentException>(() => device.Do(o => o.RegisterAsync("a", "", TimeSpan.FromMinutes(1))));
        foreach (var silence in new[] { TimeSpan.Zero, TimeSpan.FromTicks(-1), TimeSpan.FromDays(367) })
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => device.Do(o => o.RegisterAsync("a", "h", silence)));
    }

    [Fact]
    public async Task What_was_not_stored_is_not_seen_and_is_not_stored_later_by_accident()
    {
        var device = await new DeviceUnderTest().RegisterAsync();
        await device.Do(o => o.SetDesiredAsync("""{"speed":1}"""));
        device.State.IsDown = true;
        await Assert.ThrowsAsync<IOException>(() => device.Do(o => o.SetDesiredAsync("""{"speed":2}""")));
        await Assert.ThrowsAsync<IOException>(() => device.Do(o => o.ReportAsync("""{"speed":2}""")));
        await Assert.ThrowsAsync<IOException>(() => device.Do(o => o.SetDisabledAsync(true)));
        await Assert.ThrowsAsync<IOException>(() => device.Do(o => o.MarkAsync(true, device.Clock.GetUtcNow())));
        await Assert.ThrowsAsync<IOException>(() => device.Do(o => o.ConnectedAsync(device.Link, "door", 7)));
        var seen = await device.StatusAsync();
        Assert.Equal(("""{"speed":1}""", 1, "{}", false, false, null), (seen.DesiredJson, seen.DesiredVersion, seen.ReportedJson, seen.IsDisabled, seen.IsConnected, seen.StaleSince));
        device.State.IsDown = false;
        Assert.Equal(2, (await device.Do(o => o.SetDesiredAsync("""{"light":true}"""))).Version);
        var stored = device.State.Stored;
        Assert.Equal(("""{"speed":1,"light":true}""", "{}", false, 0L, false), (stored.Desired, stored.Reported, stored.IsDisabled, stored.Session, stored.IsBehindEdge));
    }

    [Fact]
    public async Task A_write_whose_answer_was_lost_is_found_out_before_the_next_change()
    {
        var device = await new DeviceUnderTest().RegisterAsync();
        device.State.LosesAnswer = true;
        await Assert.ThrowsAsync<TimeoutException>(() => device.Do(o => o.SetDesiredAsync("""{"a":1}""")));
        Assert.Equal(2, (await device.Do(o => o.SetDesiredAsync("""{"b":2}"""))).Version);
        Assert.Equal("""{"a":1,"b":2}""", (await device.StatusAsync()).DesiredJson);
    }

    [Fact]
    public async Task Nobody_sees_a_change_before_it_is_stored()
    {
        var device = await new DeviceUnderTest().RegisterAsync();
        var gate = device.State.Gate = new TaskCompletionSource();
        var before = device.State.Begun;
        var change = device.Do(o => o.SetDesiredAsync("""{"a":1}"""));
        await EventuallyAsync(() => device.State.Begun > before, "it is being written");
        Assert.Equal(("{}", 0), ((await device.StatusAsync()).DesiredJson, (await device.StatusAsync()).DesiredVersion));
        gate.SetResult();
        await change;
        Assert.Equal("""{"a":1}""", (await device.StatusAsync()).DesiredJson);
    }

    [Fact]
    public async Task Changes_at_the_same_time_are_all_kept_each_with_its_version_and_too_many_are_refused_as_busy()
    {
        var device = await new DeviceUnderTest().RegisterAsync();
        var gate = device.State.Gate = new TaskCompletionSource();
        var changes = Enumerable.Range(0, DeviceBounds.WaitingChanges + 6).Select(i => device.Do(o => o.SetDesiredAsync($$"""{"p{{i}}":{{i}}}"""))).ToArray();
        Assert.All(await Task.WhenAll(changes[DeviceBounds.WaitingChanges..]), u => Assert.Equal(DeviceUpdateStatus.Busy, u.Status));
        gate.SetResult();
        var done = await Task.WhenAll(changes[..DeviceBounds.WaitingChanges]);
        Assert.Equal(DeviceBounds.WaitingChanges, device.State.Stored.DesiredVersion);
        Assert.Equal(DeviceBounds.WaitingChanges, System.Text.Json.Nodes.JsonNode.Parse(device.State.Stored.Desired)!.AsObject().Count);
        Assert.All(done, u => Assert.Equal(DeviceUpdateStatus.Done, u.Status));
    }

    [Fact]
    public async Task The_later_session_wins_in_every_order_and_over_restarts()
    {
        var device = await (await new DeviceUnderTest().RegisterAsync()).ConnectAsync(5);
        Assert.Equal(new DeviceConnection(true, 5), await device.Do(o => o.ConnectedAsync(new FakeLink(), "old", 4)));
        Assert.Equal("door", (await device.StatusAsync()).Connection);
        await device.Do(o => o.DisconnectedAsync(4));
        Assert.True((await device.StatusAsync()).IsConnected);
        device.Restart();
        Assert.Equal(new DeviceConnection(true, 5), await device.Do(o => o.ConnectedAsync(new FakeLink(), "old", 4)));
        Assert.False((await device.StatusAsync()).IsConnected);
        await device.ConnectAsync(5); // told again
        await device.Do(o => o.DisconnectedAsync(5));
        Assert.False((await device.StatusAsync()).IsConnected);
        Assert.Equal(new DeviceConnection(true, 5), await device.Do(o => o.ConnectedAsync(new FakeLink(), "late", 5))); // ended before its beginning was heard of
        device.Restart();
        Assert.Equal(new DeviceConnection(true, 5), await device.Do(o => o.ConnectedAsync(new FakeLink(), "late", 5)));
        await device.ConnectAsync(6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Sessions_that_come_and_go_while_the_store_is_slow_leave_the_latest_open_one(int seed)
    {
        var random = new Random(seed);
        var device = await new DeviceUnderTest().RegisterAsync();
        var (latest, isOpen, calls) = (0L, false, new List<Task>());
        for (var step = 0; step < 200; step++)
        {
            if (random.Next(4) == 0) device.State.Gate = device.State.Gate is { } gate && Release(gate) ? null : new TaskCompletionSource();
            if (random.Next(2) == 0)
            {
                latest++;
                isOpen = true;
                var session = latest;
                calls.Add(device.Do(o => o.ConnectedAsync(device.Link, $"door {session}", session)));
            }
            else if (random.Next(2) == 0)
            {
                var session = random.NextInt64(1, latest + 1);
                if (session == latest) isOpen = false;
                if (latest > 0) calls.Add(device.Do(o => o.DisconnectedAsync(session)));
            }
            else if (latest > 1)
            {
                var session = random.NextInt64(1, latest); // an old one, late
                calls.Add(device.Do(o => o.ConnectedAsync(new FakeLink(), "old", session)));
            }
        }

        if (device.State.Gate is { } last) Release(last);
        device.State.Gate = null;
        await Task.WhenAll(calls);
        var status = await device.StatusAsync();
        Assert.Equal((isOpen, isOpen ? $"door {latest}" : null), (status.IsConnected, status.Connection));

        static bool Release(TaskCompletionSource gate) => gate.TrySetResult();
    }

    [Fact]
    public async Task An_owner_that_forgot_the_link_asks_for_it()
    {
        var device = await (await new DeviceUnderTest().RegisterAsync()).ConnectAsync();
        Assert.True(await device.Ask(o => o.Seen(device.Clock.GetUtcNow())));
        device.Restart();
        Assert.False(await device.Ask(o => o.Seen(device.Clock.GetUtcNow())));
        await device.ConnectAsync();
        Assert.True(await device.Ask(o => o.Seen(device.Clock.GetUtcNow())));
    }

    [Fact]
    public async Task A_device_gets_what_it_should_be_at_connect_at_change_and_when_it_begins_to_listen()
    {
        var device = await new DeviceUnderTest().RegisterAsync();
        await device.Do(o => o.SetDesiredAsync("""{"a":1}"""));
        await device.ConnectAsync();
        Assert.Equal(("""{"a":1}""", 1), await device.Link.DesiredAsync());
        device.Link.Listens = false;
        await device.Do(o => o.SetDesiredAsync("""{"a":2}"""));
        await device.Do(o => o.SetDesiredAsync("""{"a":3}"""));
        Assert.False(device.Link.HasDesired);
        device.Link.Listens = true;
        await device.Ask(o => o.Seen(device.Clock.GetUtcNow()));
        Assert.Equal(("""{"a":3}""", 3), await device.Link.DesiredAsync());
        await device.Ask(o => o.Seen(device.Clock.GetUtcNow()));
        Assert.False(device.Link.HasDesired); // once
        await device.ConnectAsync(2);
        Assert.Equal(("""{"a":3}""", 3), await device.Link.DesiredAsync());
    }

    [Fact]
    public async Task A_link_that_fails_or_hangs_never_fails_who_sets_or_connects()
    {
        var device = await new DeviceUnderTest().RegisterAsync();
        device.Link.Fault = new IOException("gone");
        await device.Do(o => o.SetDesiredAsync("""{"a":1}"""));
        await device.ConnectAsync();
        Assert.Equal(2, (await device.Do(o => o.SetDesiredAsync("""{"a":2}"""))).Version);
        (device.Link.Fault, device.Link.Hangs) = (null, true);
        await device.ConnectAsync(2);
        Assert.Equal(3, (await device.Do(o => o.SetDesiredAsync("""{"a":3}"""))).Version);
        Assert.True((await device.StatusAsync()).IsConnected);
        device.Clock.Advance(TimeSpan.FromSeconds(6));
        await EventuallyAsync(() => !device.StatusAsync().Result.IsConnected, "the link that hangs is let go of");
        device.Link.Hangs = false;
        Assert.False(await device.Ask(o => o.Seen(device.Clock.GetUtcNow())));
        await device.ConnectAsync(2);
        Assert.Equal(("""{"a":3}""", 3), await device.Link.DesiredAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_device_that_is_disabled_loses_its_connection_and_a_gateway_that_fails_does_not_keep_it_enabled(bool fails)
    {
        var device = await (await new DeviceUnderTest().RegisterAsync()).ConnectAsync();
        if (fails) device.Link.Fault = new TimeoutException("No answer.");
        Assert.True(await device.Do(o => o.SetDisabledAsync(true)));
        Assert.Equal((fails ? 0 : 1, true), (device.Link.Dropped, device.State.Stored.IsDisabled));
        Assert.Equal(DeviceCommandStatus.Refused, (await device.Invoke()).Status);
        Assert.True(await device.Do(o => o.SetDisabledAsync(false)));
        Assert.Equal(fails ? 0 : 1, device.Link.Dropped);
    }

    [Fact]
    public async Task A_device_goes_stale_by_silence_and_fresh_by_a_word()
    {
        var device = await (await new DeviceUnderTest().RegisterAsync()).ConnectAsync();
        device.Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.False((await device.StatusAsync()).IsStale);
        device.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await device.StatusAsync()).IsStale);
        await device.Ask(o => o.Seen(device.Clock.GetUtcNow()));
        Assert.False((await device.StatusAsync()).IsStale);
        device.Clock.Advance(TimeSpan.FromMinutes(6));
        await device.Do(o => o.ReportAsync("""{"a":1}"""));
        Assert.False((await device.StatusAsync()).IsStale);
    }

    [Fact]
    public async Task A_gateway_whose_clock_is_ahead_does_not_keep_a_device_fresh_and_one_behind_does_not_make_it_stale()
    {
        var device = await (await new DeviceUnderTest().RegisterAsync()).ConnectAsync();
        await device.Ask(o => o.Seen(device.Clock.GetUtcNow().AddHours(1)));
        Assert.Equal(device.Clock.GetUtcNow(), (await device.StatusAsync()).LastSeen);
        device.Clock.Advance(TimeSpan.FromMinutes(1));
        await device.Ask(o => o.Seen(device.Clock.GetUtcNow()));
        await device.Ask(o => o.Seen(device.Clock.GetUtcNow().AddHours(-1)));
        Assert.Equal(device.Clock.GetUtcNow(), (await device.StatusAsync()).LastSeen);
        device.Clock.Advance(TimeSpan.FromMinutes(5.1));
        Assert.True((await device.StatusAsync()).IsStale);
    }

    [Fact]
    public async Task When_it_was_last_seen_outlives_a_disconnect_and_an_orderly_leave()
    {
        var device = await (await new DeviceUnderTest().RegisterAsync()).ConnectAsync();
        device.Clock.Advance(TimeSpan.FromMinutes(1));
        await device.Ask(o => o.Seen(device.Clock.GetUtcNow()));
        await device.Do(o => o.LeaveAsync());
        device.Restart();
        Assert.Equal(device.Clock.GetUtcNow(), (await device.StatusAsync()).LastSeen);
    }

    [Fact]
    public async Task Marks_in_any_order_leave_the_newest_also_while_the_store_is_slow()
    {
        var device = new DeviceUnderTest();
        var noon = device.Clock.GetUtcNow();
        device.Clock.Advance(TimeSpan.FromHours(1));
        var gate = device.State.Gate = new TaskCompletionSource();
        Task[] marks = [device.Do(o => o.MarkAsync(true, noon.AddSeconds(1))), device.Do(o => o.MarkAsync(false, noon.AddSeconds(2))), device.Do(o => o.MarkAsync(true, noon.AddSeconds(3))), device.Do(o => o.MarkAsync(false, noon.AddSeconds(2)))];
        gate.SetResult();
        await Task.WhenAll(marks);
        Assert.Equal((noon.AddSeconds(3), true), ((await device.StatusAsync()).StaleSince, (await device.StatusAsync()).IsBehindEdge));
        device.Restart();
        await device.Do(o => o.MarkAsync(false, noon.AddSeconds(2.5)));
        Assert.Equal(noon.AddSeconds(3), (await device.StatusAsync()).StaleSince);
        await device.Do(o => o.MarkAsync(false, noon.AddSeconds(4)));
        Assert.False((await device.StatusAsync()).IsStale);
    }
}
