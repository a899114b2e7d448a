using System.Collections.Concurrent;
using MQTTnet;
using Twin.Gateway.Mqtt;
using Twin.Wire.Mqtt;
using static Twin.Gateway.Tests.Mqtt.DoorUnderTest;

namespace Twin.Gateway.Tests.Mqtt;

/// <summary>Rights that change while clients are connected, and sessions that are not anyone's.</summary>
public class MqttRightsTests
{
    private static MqttConnect As(MqttConnect connect, string user) => connect with { UserName = user, CleanStart = false, SessionExpirySeconds = 100 };

    [Fact]
    public async Task Who_may_no_longer_read_what_it_subscribes_to_is_sent_away_and_gets_nothing_more()
    {
        var rights = new Named();
        await using var test = new DoorUnderTest(admission: rights);
        var (anna, annas) = await test.ConnectAsync("a", o => o.WithCredentials("anna", "x"), "plant/lamp");
        var (bert, berts) = await test.ConnectAsync("b", o => o.WithCredentials("bert", "x"), "plant/lamp", "plant/desk");
        test.Door.RecheckSubscriptions();
        await anna.PublishStringAsync("plant/lamp", "1");
        await Until(() => annas.Count == 1 && berts.Count == 1, "both read");
        var left = new TaskCompletionSource<MqttClientDisconnectReason>();
        bert.DisconnectedAsync += e =>
        {
            left.TrySetResult(e.Reason);
            return Task.CompletedTask;
        };
        rights.Hidden["bert"] = "plant/lamp";
        test.Door.RecheckSubscriptions();
        Assert.Equal(MqttClientDisconnectReason.NotAuthorized, await left.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        await anna.PublishStringAsync("plant/lamp", "2");
        await Until(() => annas.Count == 2, "one reads");
        Assert.Single(berts);
        using var again = await RawClient.ConnectAsync(test.Port, "b", c => As(c, "bert"));
        Assert.False(again.ConnAck.SessionPresent);
    }

    [Fact]
    public async Task Refused_subscriptions_and_lost_rights_are_told_to_the_audit()
    {
        var rights = new Named { Hidden = { ["bert"] = "plant/lamp" } };
        await using var test = new DoorUnderTest(admission: rights);
        var told = new ConcurrentQueue<string>();
        test.Door.Denied = (subject, action, outcome, _) => told.Enqueue($"{subject} {action} {outcome}");
        var (bert, _) = await test.ConnectAsync("b", o => o.WithCredentials("bert", "x"), "plant/desk");
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            var answer = await bert.SubscribeAsync("plant/lamp");
            if (answer.Items.Any(i => (int)i.ResultCode >= 0x80)) throw new InvalidOperationException("refused");
        });
        Assert.Equal(["bert MQTT SUBSCRIBE plant/lamp NotAuthorized"], told);
        rights.Hidden["bert"] = "plant/desk";
        test.Door.RecheckSubscriptions();
        Assert.Equal("bert MQTT SESSION no longer authorized", told.Last());
    }

    [Fact]
    public async Task A_session_is_its_users_another_under_the_same_client_identifier_begins_anew()
    {
        await using var test = new DoorUnderTest(admission: new Named());
        using (var first = await RawClient.ConnectAsync(test.Port, "shared", c => As(c, "anna"))) Assert.False(first.ConnAck.SessionPresent);
        using (var same = await RawClient.ConnectAsync(test.Port, "shared", c => As(c, "anna"))) Assert.True(same.ConnAck.SessionPresent);
        using var other = await RawClient.ConnectAsync(test.Port, "shared", c => As(c, "bert"));
        Assert.False(other.ConnAck.SessionPresent);
    }

    /// <summary>Admits by user name; what begins with a user's hidden text it may not subscribe to.</summary>
    private sealed class Named : IMqttAdmission
    {
        public ConcurrentDictionary<string, string> Hidden { get; } = new(StringComparer.Ordinal);

        public bool AdmitsAnonymous => false;

        public ValueTask<MqttAdmissionResult> AdmitAsync(MqttLogin login, CancellationToken cancellationToken) => new(MqttAdmissionResult.Admit(new Someone(login.UserName!, this)));

        private sealed class Someone(string name, Named all) : MqttIdentity(name)
        {
            public override bool MayPublish(string topic, string twinId) => true;

            public override bool MaySubscribe(string filter) => !all.Hidden.TryGetValue(Name, out var hidden) || !filter.StartsWith(hidden, StringComparison.Ordinal);
        }
    }
}
