using Orleans.Runtime;

namespace Twin.Grains.Tests.Devices;

public sealed class DeviceCommandTests
{
    private static async Task<DeviceUnderTest> ConnectedAsync() => await (await new DeviceUnderTest().RegisterAsync()).ConnectAsync();

    private static async Task EventuallyAsync(Func<bool> holds, string what)
    {
        for (var deadline = Environment.TickCount64 + 10_000; !holds(); await Task.Yield())
            if (Environment.TickCount64 > deadline) Assert.Fail(what);
    }

    [Fact]
    public async Task A_refusal_is_not_remembered_a_retry_after_the_reconnect_reaches_the_device()
    {
        var device = await new DeviceUnderTest().RegisterAsync();
        Assert.Equal(DeviceCommandStatus.NotConnected, (await device.Invoke("k")).Status);
        await device.ConnectAsync();
        device.Link.Listens = false;
        Assert.Equal(DeviceCommandStatus.NotConnected, (await device.Invoke("k")).Status);
        Assert.Empty(device.Book.Stored.Entries);
        device.Link.Listens = true;
        Assert.True(await device.Do(o => o.SetDisabledAsync(true)));
        Assert.Equal(DeviceCommandStatus.Refused, (await device.Invoke("k")).Status);
        Assert.True(await device.Do(o => o.SetDisabledAsync(false)));
        var call = device.Invoke("k");
        await device.Reply((await device.Link.CommandAsync()).Correlation, 201);
        Assert.Equal((DeviceCommandStatus.Replied, 201), ((await call).Status, (await call).Code));
    }

    [Fact]
    public async Task Busy_is_not_remembered_and_passes()
    {
        var device = await ConnectedAsync();
        var calls = Enumerable.Range(0, DeviceBounds.WaitingCommands).Select(i => device.Invoke($"k{i}")).ToArray();
        var sent = new List<string>();
        foreach (var _ in calls) sent.Add((await device.Link.CommandAsync()).Correlation);
        Assert.Equal(DeviceCommandStatus.Busy, (await device.Invoke("more")).Status);
        Assert.Equal(DeviceCommandStatus.Busy, (await device.Invoke()).Status);
        foreach (var correlation in sent) await device.Reply(correlation);
        Assert.All(await Task.WhenAll(calls), r => Assert.Equal(DeviceCommandStatus.Replied, r.Status));
        var again = device.Invoke("more");
        await device.Reply((await device.Link.CommandAsync()).Correlation);
        Assert.Equal(DeviceCommandStatus.Replied, (await again).Status);
    }

    [Fact]
    public async Task The_book_is_bounded_and_has_room_again_after_ten_minutes()
    {
        var device = await ConnectedAsync();
        for (var i = 0; i < DeviceBounds.KeptCommands; i++)
        {
            var call = device.Invoke($"k{i}");
            await device.Reply((await device.Link.CommandAsync()).Correlation);
            await call;
        }

        Assert.Equal(DeviceCommandStatus.Busy, (await device.Invoke("one-more")).Status);
        Assert.Equal(DeviceBounds.KeptCommands, device.Link.Sent);
        device.Clock.Advance(DeviceBounds.RepliesKept + TimeSpan.FromSeconds(1));
        var late = device.Invoke("one-more");
        await device.Reply((await device.Link.CommandAsync()).Correlation);
        Assert.Equal(DeviceCommandStatus.Replied, (await late).Status);
        Assert.Single(device.Book.Stored.Entries);
    }

    [Fact]
    public async Task A_retry_returns_the_first_reply_without_sending_also_after_a_restart_and_while_disconnected()
    {
        var device = await ConnectedAsync();
        var call = device.Invoke("k");
        await device.Reply((await device.Link.CommandAsync()).Correlation, 207, "[1,2]"u8.ToArray());
        await call;
        device.Restart();
        await device.Do(o => o.DisconnectedAsync(1));
        var retry = await device.Invoke("k");
        Assert.Equal((DeviceCommandStatus.Replied, 207, "[1,2]"), (retry.Status, retry.Code, System.Text.Encoding.UTF8.GetString(retry.Payload)));
        Assert.Equal(1, device.Link.Sent);
    }

    [Fact]
    public async Task A_restart_between_sending_and_reply_does_not_send_again_and_the_reply_still_counts()
    {
        var device = await ConnectedAsync();
        _ = device.Invoke("k");
        var (_, correlation) = await device.Link.CommandAsync();
        device.Restart();
        await device.ConnectAsync();
        var retry = device.Invoke("k");
        await device.Reply(correlation, 202);
        Assert.Equal((DeviceCommandStatus.Replied, 202), ((await retry).Status, (await retry).Code));
        Assert.Equal(1, device.Link.Sent);
    }

    [Fact]
    public async Task A_command_that_times_out_says_so_then_and_a_reply_that_comes_later_is_what_a_retry_gets()
    {
        var device = await ConnectedAsync();
        var call = device.Invoke("k", seconds: 10);
        var (_, correlation) = await device.Link.CommandAsync();
        await EventuallyAsync(() => device.Clock.Pending > 0, "it waits");
        device.Clock.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(call.IsCompleted);
        device.Clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(DeviceCommandStatus.TimedOut, (await call).Status);
        Assert.Equal(DeviceCommandStatus.TimedOut, (await device.Invoke("k")).Status); // not sent again: it may have acted
        await device.Reply(correlation, 200);
        Assert.Equal(DeviceCommandStatus.Replied, (await device.Invoke("k")).Status);
        Assert.Equal(1, device.Link.Sent);
    }

    [Fact]
    public async Task A_wall_clock_that_is_set_back_does_not_prolong_the_wait()
    {
        var device = await ConnectedAsync();
        var call = device.Invoke(seconds: 10);
        await device.Link.CommandAsync();
        await EventuallyAsync(() => device.Clock.Pending > 0, "it waits");
        device.Clock.StepWall(TimeSpan.FromHours(-1));
        device.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(DeviceCommandStatus.TimedOut, (await call).Status);
    }

    [Fact]
    public async Task A_command_outlives_its_session_and_the_reply_of_the_next_one_counts()
    {
        var device = await ConnectedAsync();
        var call = device.Invoke("k");
        var (_, correlation) = await device.Link.CommandAsync();
        await device.Do(o => o.DisconnectedAsync(1));
        Assert.False(call.IsCompleted);
        await device.ConnectAsync(2);
        await device.Reply(correlation);
        Assert.Equal(DeviceCommandStatus.Replied, (await call).Status);
    }

    [Fact]
    public async Task A_device_that_leaves_while_the_key_is_written_is_not_sent_to_and_the_key_stays_free()
    {
        var device = await ConnectedAsync();
        device.Book.Gate = new TaskCompletionSource();
        var call = device.Invoke("k");
        await EventuallyAsync(() => device.Book.Begun == 1, "the key is being written");
        await device.Do(o => o.DisconnectedAsync(1));
        device.Book.Gate.SetResult();
        device.Book.Gate = null;
        Assert.Equal(DeviceCommandStatus.NotConnected, (await call).Status);
        Assert.Equal(0, device.Link.Sent);
        Assert.Empty(device.Book.Stored.Entries);
    }

    [Fact]
    public async Task Two_calls_with_one_key_at_the_same_time_send_once_and_get_the_same_reply()
    {
        var device = await ConnectedAsync();
        var (first, second) = (device.Invoke("k"), device.Invoke("k"));
        await device.Reply((await device.Link.CommandAsync()).Correlation, 299);
        Assert.Equal([299, 299], (await Task.WhenAll(first, second)).Select(r => r.Code));
        Assert.Equal(1, device.Link.Sent);
    }

    [Fact]
    public async Task A_key_used_for_another_command_or_payload_is_refused_while_and_after_the_first()
    {
        var device = await ConnectedAsync();
        var first = device.Invoke("k", "open", "1"u8.ToArray());
        var (_, correlation) = await device.Link.CommandAsync();
        Assert.Equal(DeviceCommandStatus.KeyReused, (await device.Invoke("k", "open", "2"u8.ToArray())).Status);
        await device.Reply(correlation);
        await first;
        Assert.Equal(DeviceCommandStatus.KeyReused, (await device.Invoke("k", "shut", "1"u8.ToArray())).Status);
        Assert.Equal(DeviceCommandStatus.Replied, (await device.Invoke("k", "open", "1"u8.ToArray())).Status);
    }

    [Fact]
    public async Task A_command_whose_key_cannot_be_stored_is_not_sent_and_a_retry_sends_it()
    {
        var device = await ConnectedAsync();
        device.Book.IsDown = true;
        await Assert.ThrowsAsync<IOException>(() => device.Invoke("k"));
        Assert.Equal(0, device.Link.Sent);
        device.Book.IsDown = false;
        var call = device.Invoke("k");
        await device.Reply((await device.Link.CommandAsync()).Correlation);
        Assert.Equal(DeviceCommandStatus.Replied, (await call).Status);
    }

    [Fact]
    public async Task A_reply_that_cannot_be_stored_still_reaches_who_waits()
    {
        var device = await ConnectedAsync();
        var call = device.Invoke("k");
        var (_, correlation) = await device.Link.CommandAsync();
        device.Book.IsDown = true;
        await Assert.ThrowsAsync<IOException>(() => device.Reply(correlation, 204));
        Assert.Equal(204, (await call).Code);
        device.Book.IsDown = false;
        await device.Reply(correlation, 204); // a device that was not acknowledged says it again
        Assert.Equal(204, (await device.Invoke("k")).Code);
        Assert.Equal(1, device.Link.Sent);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_link_that_fails_is_let_go_of_and_only_a_certain_failure_frees_the_key(bool isCertain)
    {
        var device = await ConnectedAsync();
        device.Link.Fault = isCertain ? (Exception)System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(typeof(ClientNotAvailableException)) : new TimeoutException("No answer.");
        var call = device.Invoke("k");
        if (!isCertain)
        {
            await EventuallyAsync(() => device.Clock.Pending > 0, "it waits, because the device may have it");
            device.Clock.Advance(TimeSpan.FromSeconds(11));
        }

        Assert.Equal(isCertain ? DeviceCommandStatus.NotConnected : DeviceCommandStatus.TimedOut, (await call).Status);
        Assert.False((await device.StatusAsync()).IsConnected);
        Assert.False(await device.Ask(o => o.Seen(device.Clock.GetUtcNow()))); // asks the gateway to tell again
        device.Link.Fault = null;
        await device.ConnectAsync();
        Assert.Equal(isCertain ? 0 : 1, device.Book.Stored.Entries.Length);
    }

    [Fact]
    public async Task A_gateway_that_hangs_does_not_hold_a_call_longer_than_its_timeout()
    {
        var device = await ConnectedAsync();
        device.Link.Hangs = true;
        var call = device.Invoke("k", seconds: 3);
        await EventuallyAsync(() => device.Clock.Pending > 0, "it waits");
        device.Clock.Advance(TimeSpan.FromSeconds(3.1));
        Assert.Equal(DeviceCommandStatus.TimedOut, (await call).Status);
    }

    [Fact]
    public async Task Replies_are_bounded_one_and_all()
    {
        var device = await ConnectedAsync();
        var large = device.Invoke("large");
        await device.Reply((await device.Link.CommandAsync()).Correlation, 200, new byte[DeviceBounds.ReplyPayloadBytes + 1]);
        Assert.Equal((DeviceCommandStatus.ReplyTooLarge, 0), ((await large).Status, (await large).Payload.Length));
        var fit = DeviceBounds.KeptReplyBytes / DeviceBounds.ReplyPayloadBytes;
        for (var i = 0; i <= fit; i++)
        {
            var call = device.Invoke($"k{i}");
            await device.Reply((await device.Link.CommandAsync()).Correlation, 200 + i, new byte[DeviceBounds.ReplyPayloadBytes]);
            Assert.Equal(DeviceBounds.ReplyPayloadBytes, (await call).Payload.Length); // who waits gets it all
        }

        Assert.Equal(DeviceBounds.ReplyPayloadBytes, (await device.Invoke("k0")).Payload.Length);
        var dropped = await device.Invoke($"k{fit}");
        Assert.Equal((200 + fit, 0), (dropped.Code, dropped.Payload.Length));
        Assert.Contains("are not kept", dropped.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_a_command_is_a_callers_mistake()
    {
        var device = await ConnectedAsync();
        string[] names = ["", "a/b", "+", "#", "a b", "ä", new('a', DeviceBounds.CommandNameLength + 1)];
        foreach (var name in names) Assert.Equal("command", (await Assert.ThrowsAsync<ArgumentException>(() => device.Invoke(command: name))).ParamName);
        string[] keys = ["a b", "ä", "\n", new('a', DeviceBounds.KeyLength + 1)];
        foreach (var key in keys) Assert.Equal("key", (await Assert.ThrowsAsync<ArgumentException>(() => device.Invoke(key))).ParamName);
        await Assert.ThrowsAsync<ArgumentException>(() => device.Invoke(payload: new byte[DeviceBounds.CommandPayloadBytes + 1]));
        foreach (var seconds in new[] { 0, -1, 300.1 }) await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => device.Invoke(seconds: seconds));
        Assert.Equal(0, device.Link.Sent);
    }

    [Fact]
    public async Task Replies_nobody_asked_for_change_nothing()
    {
        var device = await ConnectedAsync();
        await device.Reply("");
        await device.Reply("1-1");
        var call = device.Invoke("k");
        var (_, correlation) = await device.Link.CommandAsync();
        await device.Reply(correlation, 1);
        await device.Reply(correlation, 2);
        Assert.Equal((1, 1), ((await call).Code, (await device.Invoke("k")).Code));
        Assert.Equal(2, device.Book.Writes);
    }

    [Fact]
    public async Task An_unregistered_device_is_told_apart_and_leaves_nothing_behind()
    {
        var device = new DeviceUnderTest();
        Assert.Equal(DeviceCommandStatus.NotRegistered, (await device.Invoke("k")).Status);
        Assert.False(await device.Do(o => o.SetDisabledAsync(true)));
        Assert.Equal(new DeviceConnection(false, 0), await device.Do(o => o.ConnectedAsync(device.Link, "door", 1)));
        Assert.Equal(DeviceUpdateStatus.NotRegistered, (await device.Do(o => o.SetDesiredAsync("""{"a":1}"""))).Status);
        Assert.Equal(DeviceUpdateStatus.NotRegistered, (await device.Do(o => o.ReportAsync("""{"a":1}"""))).Status);
        await device.Do(o => o.DisconnectedAsync(1));
        await device.Do(o => o.LeaveAsync());
        Assert.Equal((0, 0, 0), (device.State.Writes, device.Book.Writes, device.Listed));
    }
}
