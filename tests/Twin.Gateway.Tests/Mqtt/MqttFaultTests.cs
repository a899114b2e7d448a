using System.Text;
using CsCheck;
using MQTTnet.Protocol;
using MQTTnet;
using Twin.Gateway.Mqtt;
using Twin.Model;
using Twin.Pipelines.Ingest;
using Twin.Wire.Mqtt;
using static Twin.Gateway.Tests.Mqtt.DoorUnderTest;

namespace Twin.Gateway.Tests.Mqtt;

[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class Alone;

/// <summary>Alone: one of these measures what the process allocates.</summary>
[Collection("alone")]
public sealed class MqttFaultTests
{
    [Fact]
    public async Task A_packet_of_ten_megabytes_is_refused_with_0x95_before_it_is_buffered()
    {
        await using var test = new DoorUnderTest();
        using var client = await RawClient.ConnectAsync(test.Port, "big");
        Assert.Equal(1u << 20, client.ConnAck.MaximumPacketSize);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var body = new byte[10 << 20];
        var mine = GC.GetTotalAllocatedBytes(precise: true) - before;
        before += mine;
        var sending = Task.Run(() =>
        {
            try
            {
                client.Send([0x32, 0x84, 0x80, 0x80, 0x05, 0, 1, (byte)'t', 0, 1]);
                client.Send(body);
            }
            catch (System.Net.Sockets.SocketException)
            {
                // the broker hung up in mid-packet
            }
        });
        Assert.Equal(MqttReason.PacketTooLarge, await client.ReadDisconnectAsync());
        await sending;
        Assert.True(GC.GetTotalAllocatedBytes(precise: true) - before < 2 << 20, "the packet was buffered");
        Assert.Equal(1, test.Door.Metrics.Limited);
        var (other, _) = await test.ConnectAsync("other");
        Assert.True((await other.PublishStringAsync("twins/a/properties", "{}", MqttQualityOfServiceLevel.AtLeastOnce)).IsSuccess);
    }

    [Fact]
    public async Task An_acknowledgement_comes_only_after_the_chunk_is_complete_and_in_order()
    {
        await using var test = new DoorUnderTest();
        test.Entrance.Hold = true;
        using var client = await RawClient.ConnectAsync(test.Port, "c");
        client.Publish("twins/a/properties", "1", 1, 11);
        await Until(() => test.Entrance.Held.Count == 1, "first chunk");
        client.Publish("twins/a/properties", "2", 1, 12);
        await Until(() => test.Entrance.Held.Count == 2, "second chunk");
        client.Send(w => MqttWriter.WritePing(w, MqttPacketType.PingReq));
        Assert.Equal(MqttPacketType.PingResp, (await client.ReadAsync()).Frame.Type); // the broker answers, but acknowledges nothing
        test.Entrance.Held.TryDequeue(out var first);
        test.Entrance.Held.TryDequeue(out var second);
        test.Entrance.Finish(second!);
        client.Send(w => MqttWriter.WritePing(w, MqttPacketType.PingReq));
        Assert.Equal(MqttPacketType.PingResp, (await client.ReadAsync()).Frame.Type);
        test.Entrance.Finish(first!);
        Assert.Equal(11, (await client.ReadAckAsync(MqttPacketType.PubAck)).PacketId);
        Assert.Equal(12, (await client.ReadAckAsync(MqttPacketType.PubAck)).PacketId);
    }

    [Fact]
    public async Task A_pipeline_that_stalls_stops_the_reading_so_that_memory_stays_bounded()
    {
        await using var test = new DoorUnderTest();
        test.Entrance.Stall = new TaskCompletionSource();
        using var client = await RawClient.ConnectAsync(test.Port, "firehose");
        var one = new byte[1000];
        var packet = new System.Buffers.ArrayBufferWriter<byte>();
        MqttWriter.WritePublish(packet, MqttVersion.V5, "twins/a/properties"u8, one, new MqttPublishOptions(0));
        client.Socket.SendTimeout = 500; // milliseconds; real sockets keep real time
        var sent = 0;
        var refused = false;
        for (var i = 0; i < 100_000 && !refused; i++)
        {
            try
            {
                client.Send(packet.WrittenSpan);
                sent++;
            }
            catch (System.Net.Sockets.SocketException)
            {
                refused = true;
            }
        }

        Assert.True(refused, "100 MB went into a stalled broker");
        Assert.True(test.Door.UnderWay <= 1_000, $"{test.Door.UnderWay} messages under way");
        var stall = test.Entrance.Stall;
        test.Entrance.Stall = null;
        stall.SetResult();
        await Until(() => test.Entrance.Messages.Count >= sent, "everything that was sent arrives once the pipeline moves");
    }

    [Fact]
    public async Task More_unacknowledged_messages_than_the_receive_maximum_end_the_connection()
    {
        await using var test = new DoorUnderTest(o => o.ReceiveMaximum = 5);
        test.Entrance.Hold = true;
        using var client = await RawClient.ConnectAsync(test.Port, "greedy");
        Assert.Equal(5, client.ConnAck.ReceiveMaximum);
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        for (ushort i = 1; i <= 6; i++) MqttWriter.WritePublish(bytes, MqttVersion.V5, "twins/a/properties"u8, "{}"u8, new MqttPublishOptions(1, PacketId: i));
        client.Send(bytes.WrittenSpan);
        Assert.Equal(MqttReason.ReceiveMaximumExceeded, await client.ReadDisconnectAsync());
    }

    [Fact]
    public async Task A_QoS_2_message_sent_again_after_a_reconnect_reaches_the_pipeline_once()
    {
        await using var test = new DoorUnderTest();
        MqttConnect Keep(MqttConnect c) => c with { CleanStart = false, SessionExpirySeconds = 100 };
        using (var first = await RawClient.ConnectAsync(test.Port, "exact", Keep))
        {
            first.Publish("twins/a/properties", "once", 2, 7);
            Assert.Equal(new MqttAck(7, MqttReason.Success), await first.ReadAckAsync(MqttPacketType.PubRec));
        }

        using var second = await RawClient.ConnectAsync(test.Port, "exact", Keep);
        Assert.True(second.ConnAck.SessionPresent);
        second.Publish("twins/a/properties", "once", 2, 7, duplicate: true);
        Assert.Equal(7, (await second.ReadAckAsync(MqttPacketType.PubRec)).PacketId);
        second.Send(w => MqttWriter.WriteAck(w, MqttVersion.V5, MqttPacketType.PubRel, 7));
        Assert.Equal(new MqttAck(7, MqttReason.Success), await second.ReadAckAsync(MqttPacketType.PubComp));
        Assert.Single(test.Entrance.Messages);
        second.Send(w => MqttWriter.WriteAck(w, MqttVersion.V5, MqttPacketType.PubRel, 7));
        Assert.Equal(MqttReason.PacketIdNotFound, (await second.ReadAckAsync(MqttPacketType.PubComp)).Reason);
        second.Publish("twins/a/properties", "another", 2, 7); // the identifier is free again
        Assert.Equal(7, (await second.ReadAckAsync(MqttPacketType.PubRec)).PacketId);
        Assert.Equal(2, test.Entrance.Messages.Count);
    }

    [Fact]
    public async Task A_QoS_2_repeat_that_overtakes_the_journal_is_answered_when_the_journal_has_it()
    {
        await using var test = new DoorUnderTest();
        test.Entrance.Hold = true;
        MqttConnect Keep(MqttConnect c) => c with { CleanStart = false, SessionExpirySeconds = 100 };
        using var first = await RawClient.ConnectAsync(test.Port, "exact", Keep);
        first.Publish("twins/a/properties", "once", 2, 9);
        await Until(() => test.Entrance.Held.Count == 1, "the chunk");
        using var second = await RawClient.ConnectAsync(test.Port, "exact", Keep);
        second.Publish("twins/a/properties", "once", 2, 9, duplicate: true);
        second.Send(w => MqttWriter.WritePing(w, MqttPacketType.PingReq));
        Assert.Equal(MqttPacketType.PingResp, (await second.ReadAsync()).Frame.Type);
        test.Entrance.Held.TryDequeue(out var chunk);
        test.Entrance.Finish(chunk!);
        Assert.Equal(9, (await second.ReadAckAsync(MqttPacketType.PubRec)).PacketId);
        Assert.Single(test.Entrance.Messages);
    }

    [Fact]
    public async Task A_QoS_2_message_to_a_subscriber_is_sent_again_after_a_reconnect_until_it_is_complete()
    {
        await using var test = new DoorUnderTest();
        MqttConnect Keep(MqttConnect c) => c with { CleanStart = false, SessionExpirySeconds = 100 };
        var (publisher, _) = await test.ConnectAsync("p");
        ushort id;
        using (var first = await RawClient.ConnectAsync(test.Port, "s", Keep))
        {
            first.Send(w => MqttWriter.WriteSubscribe(w, MqttVersion.V5, new MqttSubscribe(1, 0, [new MqttFilter("x", 2)])));
            Assert.Equal(MqttPacketType.SubAck, (await first.ReadAsync()).Frame.Type);
            await publisher.PublishStringAsync("x", "v", MqttQualityOfServiceLevel.ExactlyOnce);
            var (frame, body) = await first.ReadAsync();
            id = MqttPublish.Read(frame.Flags, body, MqttVersion.V5).PacketId;
        }

        using (var second = await RawClient.ConnectAsync(test.Port, "s", Keep))
        {
            var (frame, body) = await second.ReadAsync();
            Assert.True(MqttPublish.Read(frame.Flags, body, MqttVersion.V5).IsDuplicate);
            second.Send(w => MqttWriter.WriteAck(w, MqttVersion.V5, MqttPacketType.PubRec, id));
            Assert.Equal(id, (await second.ReadAckAsync(MqttPacketType.PubRel)).PacketId);
        }

        using var third = await RawClient.ConnectAsync(test.Port, "s", Keep);
        Assert.Equal(id, (await third.ReadAckAsync(MqttPacketType.PubRel)).PacketId); // not the message again
        third.Send(w => MqttWriter.WriteAck(w, MqttVersion.V5, MqttPacketType.PubComp, id));
        third.Send(w => MqttWriter.WritePing(w, MqttPacketType.PingReq));
        Assert.Equal(MqttPacketType.PingResp, (await third.ReadAsync()).Frame.Type);
    }

    [Fact]
    public async Task A_subscriber_that_stops_reading_loses_QoS_0_and_is_sent_away_for_QoS_1()
    {
        await using var test = new DoorUnderTest(o => (o.MaxOutboundBytes, o.MaxOutboundMessages) = (256 * 1024, 500));
        using var sleeper = await RawClient.ConnectAsync(test.Port, "sleeper", c => c with { ReceiveMaximum = 10 });
        sleeper.Send(w => MqttWriter.WriteSubscribe(w, MqttVersion.V5, new MqttSubscribe(1, 0, [new MqttFilter("flood/#", 1)])));
        Assert.Equal(MqttPacketType.SubAck, (await sleeper.ReadAsync()).Frame.Type);
        var payload = new byte[64 * 1024];
        for (var i = 0; i < 200; i++) test.Door.Publish("flood/0", payload, 0);
        Assert.True(test.Door.Metrics.Dropped > 50, $"{test.Door.Metrics.Dropped} dropped");
        Assert.Equal(1, test.Door.ConnectionCount);
        for (var i = 0; i < 600; i++) test.Door.Publish("flood/1", new byte[100], 1);
        await Until(() => test.Door.ConnectionCount == 0, "the sleeper is gone");
        Assert.True(test.Door.Metrics.Limited > 0);
    }

    [Fact]
    public async Task A_flood_beyond_the_rate_is_slowed_not_lost()
    {
        var clock = new MovedClock();
        await using var test = new DoorUnderTest(o => o.MessagesPerSecond = 100, clock);
        using var client = await RawClient.ConnectAsync(test.Port, "flood", c => c with { KeepAliveSeconds = 0 });
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        for (var i = 0; i < 400; i++) MqttWriter.WritePublish(bytes, MqttVersion.V5, "twins/a/properties"u8, "{}"u8, new MqttPublishOptions(0));
        client.Send(bytes.WrittenSpan);
        await Until(() => test.Door.Metrics.Limited >= 1, "the limit is felt");
        var soFar = test.Entrance.Messages.Count;
        Assert.InRange(soFar, 101, 400);
        client.Publish("twins/b/properties", "after", 0, 0);
        for (var i = 0; i < 20 && test.Entrance.Messages.Count < 401; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
            if (i % 5 == 4) await Until(() => test.Entrance.Messages.Count > soFar, "more after time has passed");
        }

        await Until(() => test.Entrance.Messages.Count == 401, "nothing is lost");
    }

    [Fact]
    public async Task A_silent_client_is_sent_away_after_one_and_a_half_keep_alives_and_its_will_is_published()
    {
        var clock = new MovedClock();
        await using var test = new DoorUnderTest(null, clock);
        using var listener = await RawClient.ConnectAsync(test.Port, "listener", c => c with { KeepAliveSeconds = 0 });
        listener.Send(w => MqttWriter.WriteSubscribe(w, MqttVersion.V5, new MqttSubscribe(1, 0, [new MqttFilter("will", 0)])));
        Assert.Equal(MqttPacketType.SubAck, (await listener.ReadAsync()).Frame.Type);
        using var silent = await RawClient.ConnectAsync(test.Port, "silent", c => c with { KeepAliveSeconds = 10, Will = new MqttWill("will", "gone"u8.ToArray(), 0, false) });
        clock.Advance(TimeSpan.FromSeconds(14));
        silent.Send(w => MqttWriter.WritePing(w, MqttPacketType.PingReq));
        Assert.Equal(MqttPacketType.PingResp, (await silent.ReadAsync()).Frame.Type);
        clock.Advance(TimeSpan.FromSeconds(14));
        Assert.Equal(2, test.Door.ConnectionCount);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(MqttReason.KeepAliveTimeout, await silent.ReadDisconnectAsync());
        silent.Socket.Close();
        var (frame, body) = await listener.ReadAsync();
        Assert.Equal("will", MqttPublish.Read(frame.Flags, body, MqttVersion.V5).TopicText);
    }

    [Fact]
    public async Task A_delayed_will_waits_and_a_return_in_time_cancels_it()
    {
        var clock = new MovedClock();
        await using var test = new DoorUnderTest(null, clock);
        MqttConnect With(MqttConnect c) => c with { KeepAliveSeconds = 0, CleanStart = false, SessionExpirySeconds = 1000, Will = new MqttWill("will", "gone"u8.ToArray(), 0, true, DelaySeconds: 30) };
        (await RawClient.ConnectAsync(test.Port, "d", With)).Dispose();
        await Until(() => test.Door.ConnectionCount == 0, "gone");
        clock.Advance(TimeSpan.FromSeconds(20));
        var back = await RawClient.ConnectAsync(test.Port, "d", With);
        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(0, test.Door.RetainedCount);
        back.Dispose();
        await Until(() => test.Door.ConnectionCount == 0, "gone again");
        clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(0, test.Door.RetainedCount);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(1, test.Door.RetainedCount);
    }

    [Fact]
    public async Task Broken_packets_end_their_connection_and_nothing_else()
    {
        await using var test = new DoorUnderTest();
        var (witness, _) = await test.ConnectAsync("witness");
        var good = new System.Buffers.ArrayBufferWriter<byte>();
        MqttWriter.WritePublish(good, MqttVersion.V5, "twins/a/properties"u8, "{}"u8, new MqttPublishOptions(1, PacketId: 5, TopicAlias: 2));
        MqttWriter.WriteSubscribe(good, MqttVersion.V5, new MqttSubscribe(3, 9, [new MqttFilter("a/+/b", 1), new MqttFilter("$share/g/x", 2)]));
        MqttWriter.WriteAck(good, MqttVersion.V5, MqttPacketType.PubRel, 4);
        var valid = good.WrittenSpan.ToArray();
        var mutation = Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte);
        var attack = Gen.OneOf(Gen.Byte.Array[1, 200], mutation.Array[1, 6].Select(changes =>
        {
            var bytes = valid.ToArray();
            foreach (var (at, value) in changes) bytes[at] = value;
            return bytes;
        }));
        attack.Sample(
            bytes =>
            {
                using var client = RawClient.ConnectAsync(test.Port, "").GetAwaiter().GetResult();
                try
                {
                    client.Send(bytes);
                    client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
                    client.ReadDisconnectAsync().GetAwaiter().GetResult();
                }
                catch (System.Net.Sockets.SocketException)
                {
                    // the broker hung up first
                }
            },
            iter: 300, threads: 2);
        Assert.True((await witness.PublishStringAsync("twins/a/properties", "{}", MqttQualityOfServiceLevel.AtLeastOnce)).IsSuccess);
        await Until(() => test.Door.ConnectionCount == 1, "only the witness is left");
    }

    [Fact]
    public async Task A_3_1_1_client_whose_message_could_not_be_kept_is_cut_off_so_that_it_resends()
    {
        await using var test = new DoorUnderTest();
        test.Entrance.Fate = _ => new MessageFate(false, SampleFate.Unavailable, "disk full");
        var (client, _) = await test.ConnectAsync("old", o => o.WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V311));
        await Assert.ThrowsAnyAsync<Exception>(() => client.PublishStringAsync("twins/a/properties", "{}", MqttQualityOfServiceLevel.AtLeastOnce).WaitAsync(TimeSpan.FromSeconds(10)));
        await Until(() => test.Door.ConnectionCount == 0, "cut off");
    }

    [Fact]
    public async Task A_device_may_speak_for_itself_only()
    {
        await using var test = new DoorUnderTest(admission: new OneDevice());
        using (var stranger = await RawClient.ConnectAsync(test.Port, "lamp-1")) Assert.Equal(MqttReason.BadUserNameOrPassword, stranger.ConnAck.Reason);
        var (lamp, _) = await test.ConnectAsync("lamp-1", o => o.WithCredentials("lamp-1", "secret"));
        Assert.True((await lamp.PublishStringAsync("twins/lamp-1/properties", "{}", MqttQualityOfServiceLevel.AtLeastOnce)).IsSuccess);
        Assert.Equal(MqttClientPublishReasonCode.NotAuthorized, (await lamp.PublishStringAsync("twins/lamp-2/properties", "{}", MqttQualityOfServiceLevel.AtLeastOnce)).ReasonCode);
        Assert.Equal(MqttClientPublishReasonCode.NotAuthorized, (await lamp.PublishStringAsync("twins/batch", "[]", MqttQualityOfServiceLevel.AtLeastOnce)).ReasonCode);
        var answer = await lamp.SubscribeAsync("twins/+/desired");
        Assert.Equal(MqttClientSubscribeResultCode.NotAuthorized, answer.Items.Single().ResultCode);
        Assert.Single(test.Entrance.Messages);
    }

    [Fact]
    public void A_public_address_without_credentials_is_refused_at_start()
    {
        var refused = Assert.Throws<ArgumentException>(() => new DoorUnderTest(o => o.Endpoint = new System.Net.IPEndPoint(System.Net.IPAddress.Any, 0)));
        Assert.Contains("public", refused.Message);
    }

    [Fact]
    public async Task A_stop_waits_for_messages_under_way_and_says_why()
    {
        var test = new DoorUnderTest();
        test.Entrance.Hold = true;
        using var client = await RawClient.ConnectAsync(test.Port, "c");
        client.Publish("twins/a/properties", "1", 1, 3);
        await Until(() => test.Entrance.Held.Count == 1, "the chunk");
        var stopping = test.Door.StopAsync(default);
        test.Entrance.Held.TryDequeue(out var chunk);
        test.Entrance.Finish(chunk!);
        Assert.Equal(3, (await client.ReadAckAsync(MqttPacketType.PubAck)).PacketId);
        Assert.Equal(MqttReason.ServerShuttingDown, await client.ReadDisconnectAsync());
        client.Dispose();
        await stopping;
        await test.DisposeAsync();
    }

    private sealed class OneDevice : IMqttAdmission
    {
        public bool AdmitsAnonymous => false;

        public ValueTask<MqttAdmissionResult> AdmitAsync(MqttLogin login, CancellationToken cancellationToken) => new(
            login.UserName == "lamp-1" && Encoding.UTF8.GetString(login.Password.Span) == "secret"
                ? MqttAdmissionResult.Admit(new DeviceIdentity("lamp-1", "lamp-1"))
                : MqttAdmissionResult.Refuse(MqttReason.BadUserNameOrPassword, "no"));
    }
}
