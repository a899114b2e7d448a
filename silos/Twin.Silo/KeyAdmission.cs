using System.Text;
using Orleans;
using Twin.Gateway.Mqtt;
using Twin.Gateway.Security;
using Twin.Grains;
using Twin.Model.Policies;
using Twin.Wire.Mqtt;

namespace Twin.Silo;

/// <summary>MQTT logins where authentication is configured: an API key or JWT as password comes in with its rights; else the device's own secret.</summary>
internal sealed class KeyAdmission(CredentialCheck credentials, IPolicyStore policies, IGrainFactory grains) : IMqttAdmission
{
    private readonly GrainAdmission _devices = new(grains, false, null);

    public bool AdmitsAnonymous => false;

    public async ValueTask<MqttAdmissionResult> AdmitAsync(MqttLogin login, CancellationToken cancellationToken)
    {
        var password = Encoding.UTF8.GetString(login.Password.Span);
        var caller = credentials.FindByKey(password) ?? await credentials.FindByTokenAsync(password);
        if (caller is not null) return MqttAdmissionResult.Admit(new CallerIdentity(caller, policies));
        return await _devices.AdmitAsync(login, cancellationToken);
    }

    // Messages are not looked into here, so a caller publishes where it may write everything and subscribes where it may read everything.
    private sealed class CallerIdentity(Caller caller, IPolicyStore policies) : MqttIdentity(caller.Name)
    {
        public override string SubjectName => caller.SubjectName;

        public override bool MayPublish(string topic, string twinId) => caller.Subject is not { } subject || MayAll(policies.Current.For(subject), Permissions.Write, twinId);

        public override bool MaySubscribe(string filter) => caller.Subject is not { } subject || MayAll(policies.Current.For(subject), Permissions.Read, TwinOf(filter));

        private static bool MayAll(SubjectRules rules, Permissions permission, string twinId) =>
            (permission == Permissions.Read ? rules.ReadsAllTwins : rules.WritesAllTwins) || (twinId.Length > 0 && rules.ViewOfUnknown(twinId).MayAll(permission, ""));

        private static string TwinOf(string filter) => filter.Split('/') is ["twins", { Length: > 0 } id, ..] && id is not ("+" or "#" or "batch") ? id : "";
    }
}
