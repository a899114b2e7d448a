using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Numerics;
using System.Text.Json;
using Twin.Gateway.Tests.Doors;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>One person in a space, on a WebSocket of the framework's.</summary>
internal sealed class Person : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly ClientView _view = new();
    private readonly Lock _turn = new();
    private readonly List<SpaceMessage> _heard = [];
    private readonly List<Correction> _corrections = [];
    private Task _reading = Task.CompletedTask;
    private int _frames;

    public WelcomeMessage Welcome { get; private set; } = null!;

    public JsonElement Session { get; private init; }

    public int Avatar => Welcome.OwnAvatar;

    public Vector3 Place => Welcome.Place.PlaceMetres;

    public bool IsOpen => _socket.State == WebSocketState.Open;

    public int Frames => Volatile.Read(ref _frames);

    /// <summary>Frames read, ticks that they span, and whether the silo ever said that it does less: a frame is due each tick unless it did.</summary>
    public (int Frames, long Ticks, int WorstQuality) Pace => Locked(() => (_frames, _view.Tick, _heard.OfType<QualityMessage>().Select(q => q.Level).DefaultIfEmpty(0).Max()));

    public IReadOnlyList<SpaceMessage> Heard => Locked(() => _heard.ToArray());

    public IReadOnlyList<Correction> Corrections => Locked(() => _corrections.ToArray());

    public IReadOnlyList<int> Known => Locked(() => Enumerable.Range(0, _view.SlotEnd).Select(_view.NumberAt).Where(n => n >= 0).ToArray());

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<Person> EnterAsync(DoorWorld door, string space, string user)
    {
        for (var tries = 0; ; tries++)
        {
            using var answer = await door.Http.PostAsJsonAsync($"/spaces/{space}/sessions", new { user, name = user }, Cancel);
            if (answer.StatusCode == HttpStatusCode.Created) return await OpenAsync(door, space, await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel));
            Assert.True(answer.StatusCode == HttpStatusCode.Accepted && tries < 100, await answer.Content.ReadAsStringAsync(Cancel));
            await Task.Delay(100, Cancel);
        }
    }

    public static async Task<Person> OpenAsync(DoorWorld door, string space, JsonElement session)
    {
        var person = new Person { Session = session };
        await person._socket.ConnectAsync(new Uri($"ws://127.0.0.1:{door.Port}/spaces/{space}/socket?token={session.GetProperty("sessionToken").GetString()}"), Cancel);
        await person.SendAsync(new HelloMessage(1, 1, "test", IsAdaptive: false));
        person._reading = person.ReadAsync();
        await person.UntilAsync(() => person.Welcome is not null);
        return person;
    }

    /// <summary>The code that a socket is closed with instead of a welcome.</summary>
    public static async Task<int> RefusedAsync(DoorWorld door, string space, JsonElement session)
    {
        await using var person = new Person { Session = session };
        await person._socket.ConnectAsync(new Uri($"ws://127.0.0.1:{door.Port}/spaces/{space}/socket?token={session.GetProperty("sessionToken").GetString()}"), Cancel);
        await person.SendAsync(new HelloMessage(1, 1, "test"));
        person._reading = person.ReadAsync();
        return await person.ClosedAsync();
    }

    public static async Task<HttpStatusCode> StatusOfAsync(DoorWorld door, string address)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(new Uri($"ws://127.0.0.1:{door.Port}{address}"), Cancel));
        return socket.HttpStatusCode;
    }

    public Task SendAsync(SpaceMessage message) => SendRawAsync(message.ToBytes());

    public async Task SendRawAsync(byte[] message)
    {
        try
        {
            await _socket.SendAsync(message, WebSocketMessageType.Binary, true, Cancel);
        }
        catch (Exception fault) when (fault is WebSocketException or IOException or ObjectDisposedException && !Cancel.IsCancellationRequested)
        {
            // Closed by the other side: the test looks at the code.
        }
    }

    public AvatarPose? Knows(int avatar)
    {
        lock (_turn)
        {
            for (var slot = 0; slot < _view.SlotEnd; slot++) if (_view.NumberAt(slot) == avatar) return _view.ShadowAt(slot).Pose;
            return null;
        }
    }

    public async Task UntilAsync(Func<bool> holds)
    {
        for (var waited = 0; !holds(); waited += 10)
        {
            Assert.True(waited < 15_000, $"It did not come to hold. Heard: {string.Join(", ", Heard.Select(m => m.Type))}; closed with {_socket.CloseStatus} {_socket.CloseStatusDescription}");
            await Task.Delay(10, Cancel);
        }
    }

    public async Task<int> ClosedAsync()
    {
        await _reading.WaitAsync(TimeSpan.FromSeconds(15), Cancel);
        return (int)(_socket.CloseStatus ?? 0);
    }

    public void Abort() => _socket.Abort();

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _reading.WaitAsync(TimeSpan.FromSeconds(5));
        _socket.Dispose();
    }

    private T Locked<T>(Func<T> read)
    {
        lock (_turn) return read();
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[256 * 1024];
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await _socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                    length += part.Count;
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close) return;
                lock (_turn) Hear(buffer.AsSpan(0, length));
            }
        }
        catch (Exception fault) when (fault is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Aborted by this side, or lost.
        }
    }

    private void Hear(ReadOnlySpan<byte> message)
    {
        if (FrameEnvelope.TryRead(message, out var body))
        {
            _view.Apply(body);
            _frames++;
            if (_view.Corrected is { } correction) _corrections.Add(correction);
        }
        else if (SpaceMessage.ReadFromServer(message) is { } heard)
        {
            _heard.Add(heard);
            if (heard is WelcomeMessage welcome) Welcome = welcome;
        }
    }
}
