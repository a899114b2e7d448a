using System.Buffers;
using System.Net;
using System.Text.Json;
using Twin.Devices.Mqtt;
using Twin.Grains;
using Twin.Model;
using Twin.Scenarios;

namespace Twin.Silo;

/// <summary>
/// The scenario's devices, speaking MQTT over loopback as real ones would: one connection a group, QoS 1, batches of what
/// the group's devices report in the same tick. A slow broker holds a group back; its devices then report what is true later.
/// </summary>
internal sealed class EmulatedFleet(IEnumerable<DeviceProfile> profiles, IPEndPoint broker, ITwinStore store, TimeProvider clock, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private readonly List<MqttDeviceClient> _clients = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var groups = profiles.GroupBy(p => p.Group).Select(g => new Group(g.Key, [.. g], this)).ToArray();
        log.LogInformation("Emulating {Devices} devices over {Connections} MQTT connections to {Broker}.", groups.Sum(g => g.Count), groups.Length, broker);
        var settings = new EmulatedSettings(groups.SelectMany(g => g.Settable), store, clock, log);
        await Task.WhenAll([.. groups.Select(g => g.RunAsync(cancellationToken)), settings.RunAsync(cancellationToken)]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) await client.DisposeAsync();
    }

    private sealed class Group(string name, DeviceProfile[] profiles, EmulatedFleet fleet)
    {
        private readonly Device[] _devices = [.. profiles.Select(p => new Device(p))];
        private readonly List<Assignment> _readings = [];
        private readonly ArrayBufferWriter<byte> _payload = new(16 * 1024);

        public int Count => _devices.Length;

        /// <summary>Those that heed a property people write.</summary>
        public IEnumerable<(string TwinId, DeviceSetting Setting, ISettableBehaviour Behaviour)> Settable =>
            _devices.Where(d => d.Profile.Setting is not null && d.Behaviour is ISettableBehaviour).Select(d => (d.TwinId, d.Profile.Setting!, (ISettableBehaviour)d.Behaviour));

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            var client = new MqttDeviceClient(new MqttDeviceClientOptions { Host = fleet.Host, Port = fleet.Port, ClientId = $"emulator-{name}" }, fleet.Clock, new Random(StableSeed(name)));
            lock (fleet._clients) fleet._clients.Add(client);
            await client.ConnectAsync(cancellationToken);
            var start = fleet.Clock.GetTimestamp();
            using var timer = new PeriodicTimer(Tick, fleet.Clock);
            while (await timer.WaitForNextTickAsync(cancellationToken))
                if (Report(fleet.Clock.GetElapsedTime(start))) await client.PublishAsync("twins/batch", _payload.WrittenMemory.ToArray(), 1, 0, cancellationToken);
        }

        /// <summary>Steps the devices that are due; true when there is something to send.</summary>
        private bool Report(TimeSpan elapsed)
        {
            _payload.ResetWrittenCount();
            using var json = new Utf8JsonWriter(_payload, new JsonWriterOptions { SkipValidation = true });
            json.WriteStartArray();
            var now = WallTime.Now(fleet.Clock);
            var any = false;
            foreach (var device in _devices)
            {
                if (!device.IsDue(elapsed)) continue;
                _readings.Clear();
                device.Step(now, elapsed, _readings);
                if (_readings.Count == 0) continue;
                any = true;
                Write(json, device.TwinId, now);
            }

            json.WriteEndArray();
            json.Flush();
            return any;
        }

        private void Write(Utf8JsonWriter json, string twinId, WallTime now)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, twinId);
            json.WriteNumber("t"u8, now.ToUnixMilliseconds());
            json.WriteStartObject("p"u8);
            foreach (var reading in _readings)
            {
                json.WritePropertyName(reading.Path);
                reading.Value.WriteJson(json);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        private static int StableSeed(string name) => (int)SeededRandom.EntityOf(name);
    }

    private string Host => broker.Address.ToString();

    private int Port => broker.Port;

    private TimeProvider Clock => clock;

    private sealed class Device(DeviceProfile profile)
    {
        private SeededRandom _random = profile.CreateRandom();
        private TimeSpan _due = profile.Offset;
        private TimeSpan? _last;

        public DeviceProfile Profile => profile;

        public IDeviceBehaviour Behaviour { get; } = profile.Start();

        public string TwinId => profile.TwinId;

        public bool IsDue(TimeSpan elapsed) => elapsed >= _due;

        public void Step(WallTime now, TimeSpan elapsed, List<Assignment> output)
        {
            Behaviour.Step(now, _last is { } last ? elapsed - last : TimeSpan.Zero, ref _random, output);
            _last = elapsed;
            // A group that was held back does not make up for missed reports.
            _due += profile.Period;
            if (_due < elapsed) _due = elapsed + profile.Period;
        }
    }
}
