using System.Text;
using Orleans;
using Twin.Gateway.Mqtt;
using Twin.Gateway.Security;
using Twin.Wire.Mqtt;

namespace Twin.Silo;

/// <summary>MQTT logins where authentication is configured: an API key or JWT as password comes in with its rights; else the device's own secret.</summary>
internal sealed class KeyAdmission(CredentialCheck credentials, IGrainFactory grains) : IMqttAdmission
{
    private readonly GrainAdmission _devices = new(grains, false, null);

    public bool AdmitsAnonymous => false;

    public async ValueTask<MqttAdmissionResult> AdmitAsync(MqttLogin login, CancellationToken cancellationToken)
    {
        var password = Encoding.UTF8.GetString(login.Password.Span);
        var caller = credentials.FindByKey(password) ?? await credentials.FindByTokenAsync(password);
        if (caller is not null) return MqttAdmissionResult.Admit(new CallerIdentity(caller));
        return await _devices.AdmitAsync(login, cancellationToken);
    }

    private sealed class CallerIdentity(Caller caller) : MqttIdentity(caller.Name)
    {
        public override bool MayPublish(string topic, string twinId) => caller.May(Permission.Write);

        public override bool MaySubscribe(string filter) => caller.May(Permission.Read);
    }
}
