using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MQTTnet;
using MQTTnet.Server;
using Twin.Model;
using Twin.Pipelines.Routes;

namespace Twin.Pipelines.Tests.Routes;

public sealed class RouteHostTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-pipelines-").FullName;
    private readonly TestFeed _feed = new(2);

    private static readonly RouteOptions Quick = new()
    {
        RetryPause = TimeSpan.FromMilliseconds(5),
        MaxRetryPause = TimeSpan.FromMilliseconds(20),
        BreakFor = TimeSpan.FromMilliseconds(500),
        BreakAfter = 1_000,
        MaxAttempts = 4,
    };

    private RouteHost Host(RouteOptions? options = null, TimeProvider? clock = null) => new(_folder, 2, _feed.ReadAsync, options ?? Quick, clock ?? TimeProvider.System);

    private static Route To(RouteTarget target, string id = "out") => new() { Id = id, Filter = c => c.Value.AsNumber >= 0, Target = target, FromOldest = true, BatchSize = 10 };

    private double[] Expected(int count) => [.. Enumerable.Range(0, count).Select(i => (double)i)];

    [Fact]
    public async Task Matching_changes_reach_the_webhook_signed_and_in_order_within_a_shard()
    {
        using var receiver = new TestReceiver();
        await using var host = Host();
        await host.PutAsync(To(new WebhookTarget(receiver.Url, "secret")));
        for (var i = 0; i < 60; i++) _feed.Add($"t{i % 7}", i % 3 == 0 ? -1 : i);
        _feed.Add("t1", 99, ChangeKind.IncomingLinked);
        await Eventually.True(() => receiver.Values.Length == 40, "forty changes match");
        foreach (var (key, signature, body) in receiver.Received)
        {
            Assert.Equal("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("secret"u8, body)), signature);
            var json = JsonDocument.Parse(body).RootElement;
            Assert.Equal(("out", $"out/{json.GetProperty("shard").GetInt32()}/"), (json.GetProperty("route").GetString(), key[..6]));
            var numbers = json.GetProperty("changes").EnumerateArray().Select(c => c.GetProperty("seq").GetInt64()).ToArray();
            Assert.Equal(numbers.Order(), numbers);
        }
        await Eventually.True(() => host.Statuses[0] is { Delivered: 40, Dead: 0, LagSeconds: 0 }, "the status tells it");
    }

    [Fact]
    public async Task A_flapping_webhook_loses_nothing()
    {
        using var receiver = new TestReceiver { Answer = n => n % 3 == 0 ? 200 : n % 3 == 1 ? 503 : 429 };
        await using var host = Host(Quick with { MaxAttempts = 100 }); // two shards share the pattern, so one may meet many refusals in a row
        await host.PutAsync(To(new WebhookTarget(receiver.Url)));
        for (var i = 0; i < 200; i++) _feed.Add($"t{i % 9}", i);
        await Eventually.True(() => receiver.Values.Distinct().Count() == 200, "all arrive");
        Assert.Equal(Expected(200), receiver.Values.Order());
        Assert.Equal(0, host.Statuses[0].Dead);
        Assert.True(host.Statuses[0].Retried > 0);
    }

    [Fact]
    public async Task A_new_process_goes_on_where_the_old_one_had_delivered()
    {
        using var receiver = new TestReceiver();
        var allowed = 3;
        receiver.Answer = n => n <= Volatile.Read(ref allowed) ? 200 : 503;
        for (var i = 0; i < 100; i++) _feed.Add($"t{i % 9}", i);
        await using (var first = Host(Quick with { MaxAttempts = 100 }))
        {
            await first.PutAsync(To(new WebhookTarget(receiver.Url)));
            await Eventually.True(() => receiver.Requests > 6, "the target refuses after three batches");
        }
        var before = receiver.Values.Length;
        Assert.InRange(before, 1, 99);
        allowed = int.MaxValue;
        await using (var second = Host())
        {
            await second.PutAsync(To(new WebhookTarget(receiver.Url)));
            await Eventually.True(() => receiver.Values.Distinct().Count() == 100, "the rest arrives");
        }
        Assert.Equal(Expected(100), receiver.Values.Distinct().Order());
        Assert.Equal(100, receiver.Values.Length);
    }

    [Fact]
    public async Task A_batch_delivered_just_before_a_crash_comes_again_with_the_same_key()
    {
        using var receiver = new TestReceiver();
        for (var i = 0; i < 5; i++) _feed.Add("t1", i);
        await using (var first = Host())
        {
            await first.PutAsync(To(new WebhookTarget(receiver.Url)));
            await Eventually.True(() => receiver.Values.Length == 5, "all arrive");
        }
        File.WriteAllText(Path.Combine(_folder, "out", "cursor.json"), "{\"0\":0,\"1\":0}"); // as if the crash came before the cursor was written
        await using (var second = Host())
        {
            await second.PutAsync(To(new WebhookTarget(receiver.Url)));
            await Eventually.True(() => receiver.Received.Count == 2, "the batch comes again");
        }
        Assert.Single(receiver.Received.Select(r => r.Key).Distinct());
    }

    [Fact]
    public async Task A_route_that_starts_now_remembers_when_that_was()
    {
        using var receiver = new TestReceiver();
        _feed.Add("t1", 1);
        var cursor = Path.Combine(_folder, "out", "cursor.json");
        await using (var first = Host())
        {
            await first.PutAsync(To(new WebhookTarget(receiver.Url)) with { FromOldest = false });
            await Eventually.True(() => File.Exists(cursor) && File.ReadAllText(cursor).Contains("\"1\"") && File.ReadAllText(cursor).Contains("\"0\""), "the start is written down");
        }
        _feed.Add("t1", 2);
        await using var second = Host();
        await second.PutAsync(To(new WebhookTarget(receiver.Url)) with { FromOldest = false });
        await Eventually.True(() => receiver.Values.Length == 1, "what came between the processes arrives");
        Assert.Equal([2.0], receiver.Values);
    }

    [Fact]
    public async Task A_batch_that_fails_every_attempt_becomes_a_dead_letter_that_can_be_redelivered()
    {
        using var receiver = new TestReceiver { Answer = _ => 500 };
        await using var host = Host();
        await host.PutAsync(To(new WebhookTarget(receiver.Url)));
        for (var i = 0; i < 25; i++) _feed.Add("t1", i);
        await Eventually.True(() => host.Statuses[0].Dead == 25, "all are dead letters");
        var letters = host.ReadDeadLetters("out", 100)!;
        Assert.Equal(25, letters.Sum(l => l.Batch.Changes.Count));
        Assert.All(letters, l => Assert.Contains("500", l.Error));
        Assert.Equal(4, receiver.Requests / letters.Count);
        Assert.Equal(0, await host.RedeliverAsync("out", default));
        receiver.Answer = _ => 200;
        Assert.Equal(25, await host.RedeliverAsync("out", default));
        Assert.Equal(Expected(25), receiver.Values);
        Assert.Empty(host.ReadDeadLetters("out", 100)!);
        Assert.Equal(0, host.Statuses[0].DeadBytes);
        Assert.Null(host.ReadDeadLetters("none", 1));
    }

    [Fact]
    public async Task A_refusal_is_not_tried_again_and_a_redirect_is_not_followed()
    {
        using var receiver = new TestReceiver { Answer = n => n == 1 ? 400 : 302 };
        await using var host = Host();
        await host.PutAsync(To(new WebhookTarget(receiver.Url)) with { BatchSize = 1 });
        _feed.Add("t1", 1);
        _feed.Add("t1", 2);
        await Eventually.True(() => host.Statuses[0].Dead == 2, "both are dead letters");
        Assert.Equal(2, receiver.Requests);
    }

    [Fact]
    public async Task The_oldest_dead_letters_are_dropped_at_the_bound_and_counted()
    {
        using var receiver = new TestReceiver { Answer = _ => 400 };
        await using var host = Host(Quick with { MaxDeadLetterBytes = 64 << 10 });
        await host.PutAsync(To(new WebhookTarget(receiver.Url)));
        for (var i = 0; i < 1_000; i++) _feed.Add("t1", i);
        await Eventually.True(() => host.Statuses[0].Dead == 1_000, "all are dead letters");
        var status = host.Statuses[0];
        Assert.InRange(status.DeadBytes, 1, 64 << 10);
        var kept = host.ReadDeadLetters("out", 1_000)!.SelectMany(l => l.Batch.Changes).Count();
        Assert.Equal(1_000, kept + status.DeadDropped);
        Assert.True(status.DeadDropped > 0);
    }

    [Fact]
    public async Task An_open_breaker_holds_the_cursor_instead_of_burning_attempts()
    {
        using var receiver = new TestReceiver { Answer = n => n <= 3 ? 503 : 200 };
        var clock = new ManualTime();
        await using var host = Host(Quick with { BreakAfter = 2, BreakFor = TimeSpan.FromSeconds(60), MaxAttempts = 5 }, clock);
        await host.PutAsync(To(new WebhookTarget(receiver.Url)));
        _feed.Add("t1", 1);
        await Eventually.True(
            () =>
            {
                if (!host.Statuses[0].BreakerOpen) clock.Advance(TimeSpan.FromMilliseconds(20));
                return host.Statuses[0].BreakerOpen;
            },
            "the breaker opens");
        Assert.Equal(2, receiver.Requests);
        Assert.True(host.Statuses[0].LagSeconds >= 0);
        await Eventually.True(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(10));
                return receiver.Values.Length == 1;
            },
            "the half-open attempts bring it back");
        Assert.Equal((0L, 4), (host.Statuses[0].Dead, receiver.Requests));
    }

    [Fact]
    public async Task A_slow_route_does_not_hold_up_another()
    {
        using var slow = new TestReceiver();
        using var gate = new ManualResetEventSlim();
        slow.Answer = _ =>
        {
            gate.Wait();
            return 200;
        };
        await using var host = Host();
        await host.PutAsync(To(new WebhookTarget(slow.Url), "slow"));
        await host.PutAsync(To(new FileTarget(Path.Combine(_folder, "files")), "files"));
        for (var i = 0; i < 300; i++) _feed.Add($"t{i % 5}", i);
        await Eventually.True(() => host.Statuses[0].Delivered == 300, "the other route has delivered all");
        Assert.Empty(slow.Received);
        gate.Set();
        await Eventually.True(() => host.Statuses[1].Delivered == 300, "the slow one follows");
    }

    [Fact]
    public async Task Files_hold_one_change_a_line_rotate_and_keep_the_newest()
    {
        var files = Path.Combine(_folder, "files");
        await using (var host = Host())
        {
            await host.PutAsync(To(new FileTarget(files, MaxFileBytes: 4096, MaxFiles: 3)));
            for (var i = 0; i < 500; i++) _feed.Add("t1", i);
            await Eventually.True(() => host.Statuses[0].Delivered == 500, "all are written");
        }
        var paths = Directory.GetFiles(files).Order().ToArray();
        Assert.Equal(3, paths.Length);
        var values = paths.SelectMany(File.ReadLines).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("value").GetDouble()).ToArray();
        Assert.Equal(Enumerable.Range(500 - values.Length, values.Length).Select(i => (double)i), values);
        Assert.All(paths[..^1], p => Assert.InRange(new FileInfo(p).Length, 4096, 4096 + 4096));
    }

    [Fact]
    public async Task The_mqtt_bridge_survives_a_broker_that_restarts()
    {
        var port = TestReceiver.FreePort();
        var received = new ConcurrentQueue<(string Topic, double Value)>();
        async Task<MqttServer> StartAsync()
        {
            var server = new MqttServerFactory().CreateMqttServer(new MqttServerOptionsBuilder().WithDefaultEndpoint().WithDefaultEndpointPort(port).WithDefaultEndpointBoundIPAddress(IPAddress.Loopback).WithDefaultEndpointBoundIPV6Address(IPAddress.None).Build());
            server.InterceptingPublishAsync += message =>
            {
                received.Enqueue((message.ApplicationMessage.Topic, JsonDocument.Parse(message.ApplicationMessage.Payload).RootElement.GetProperty("value").GetDouble()));
                return Task.CompletedTask;
            };
            await server.StartAsync();
            return server;
        }

        var broker = await StartAsync();
        await using var host = Host(Quick with { MaxAttempts = 100 });
        await host.PutAsync(To(new MqttTarget("127.0.0.1", port, "city")));
        for (var i = 0; i < 30; i++) _feed.Add("lamp-1", i);
        await Eventually.True(() => received.Count >= 30, "the first thirty arrive");
        Assert.Equal(("city/lamp-1/changes", 0.0), received.First());
        await broker.StopAsync();
        broker.Dispose();
        for (var i = 30; i < 60; i++) _feed.Add("lamp-1", i);
        await Eventually.True(() => host.Statuses[0].Retried > 0, "the bridge tries again");
        broker = await StartAsync();
        await Eventually.True(() => host.Statuses[0].Delivered == 60, "the rest arrives");
        Assert.Equal(Expected(60), received.Select(r => r.Value).Distinct().Order());
        await broker.StopAsync();
        broker.Dispose();
    }

    [Fact]
    public async Task A_feed_that_lost_the_position_is_counted_and_followed_from_where_it_is()
    {
        using var receiver = new TestReceiver();
        for (var i = 0; i < 10; i++) _feed.Add("t1", i);
        _feed.ResetBefore = 5;
        await using var host = Host();
        await host.PutAsync(To(new WebhookTarget(receiver.Url)));
        await Eventually.True(() => receiver.Values.Length == 5, "what is kept arrives");
        Assert.True(host.Statuses[0].Resets >= 1);
    }

    [Fact]
    public async Task With_private_targets_switched_off_loopback_is_refused_at_connection()
    {
        using var receiver = new TestReceiver();
        await using var host = Host(Quick with { AllowPrivateTargets = false });
        await host.PutAsync(To(new WebhookTarget(new Uri($"http://localhost:{receiver.Url.Port}/hook/"))));
        _feed.Add("t1", 1);
        await Eventually.True(() => host.Statuses[0].Dead == 1, "it is a dead letter");
        Assert.Contains("switched off", host.Statuses[0].LastError);
        Assert.Equal(0, receiver.Requests);
    }

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.32.0.1", true)]
    [InlineData("192.168.1.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fd00::1", false)]
    [InlineData("2606:4700::1111", true)]
    public void Only_addresses_of_the_public_internet_are_public(string address, bool isPublic) =>
        Assert.Equal(isPublic, AddressGuard.IsPublic(IPAddress.Parse(address)));

    [Fact]
    public async Task A_wrong_route_is_refused_by_field()
    {
        await using var host = Host(Quick with { MaxRoutes = 1 });
        await Refused(To(new WebhookTarget(new Uri("ftp://127.0.0.1/"))), "http or https");
        await Refused(To(new WebhookTarget(new Uri("http://user:pass@127.0.0.1/"))), "user information");
        await Refused(To(new MqttTarget("h", 0, "t")), "port from 1 to 65535");
        await Refused(To(new MqttTarget("h", 1, "t/#")), "without wildcards");
        await Refused(To(new FileTarget("f")) with { Id = "../x" }, "Route id '../x'");
        await Refused(To(new FileTarget("f")) with { BatchSize = 0 }, "BatchSize 0");
        await host.PutAsync(To(new FileTarget(Path.Combine(_folder, "files"))));
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.PutAsync(To(new FileTarget("f"), "second")));
        Assert.True(await host.DeleteAsync("out"));
        Assert.False(await host.DeleteAsync("out"));
        Assert.False(Directory.Exists(Path.Combine(_folder, "out")));

        async Task Refused(Route route, string reason) =>
            Assert.Contains(reason, (await Assert.ThrowsAsync<ArgumentException>(() => host.PutAsync(route))).Message);
    }
}
