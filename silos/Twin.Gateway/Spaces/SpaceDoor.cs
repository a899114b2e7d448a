using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Hosting;
using Twin.Gateway.Spaces.Sockets;
using Twin.Grains.Spaces;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>Whom a token lets in. Called on the loop's thread: must not block.</summary>
internal interface ISpaceTokens
{
    /// <summary>Whether tokens can be checked yet.</summary>
    bool IsReady { get; }

    /// <summary>Reads and checks a token.</summary>
    /// <param name="token">As in the socket's address.</param>
    /// <param name="who">Whom it lets in.</param>
    /// <param name="why">Why it does not.</param>
    bool TryRead(ReadOnlySpan<byte> token, out Admitted? who, out string? why);
}

/// <summary>
/// The door of spaces: one loop for all spaces of the silo. Sockets come from the ordinary port (<see cref="SpaceListenerFactory"/>) or, over TLS, from Kestrel's WebSockets. Everything below <see cref="Post"/> happens on the loop's thread.
/// </summary>
internal sealed partial class SpaceDoor : ISocketHandler, IHostedService
{
    /// <summary>Most views of recordings on one silo.</summary>
    public const int MostViews = 64;

    private readonly ConcurrentDictionary<string, SpaceHall> _halls = new(StringComparer.Ordinal);
    private readonly Dictionary<SocketId, Waiting> _waiting = [];
    private readonly Dictionary<SocketId, (SpaceHall Hall, HallSession Session)> _seats = [];
    private readonly ConcurrentDictionary<string, ReplayView> _views = new(StringComparer.Ordinal);
    private readonly Dictionary<SocketId, ReplayView> _watching = [];
    private readonly ISpaceTokens _tokens;
    private readonly TimeProvider _clock;
    private SocketLoop? _loop;

    /// <summary>A door without spaces; the loop starts with the first listener.</summary>
    public SpaceDoor(ISpaceTokens tokens, TimeProvider clock) => (_tokens, _clock) = (tokens, clock);

    /// <summary>The loop that takes the sockets.</summary>
    /// <exception cref="InvalidOperationException">It has not started yet.</exception>
    public SocketLoop Loop => _loop ?? throw new InvalidOperationException("The spaces of this silo have not started yet; try again.");

    /// <summary>Told of spaces that someone with a good token asks for and that are not open here. Must not block.</summary>
    public Action<string>? Missed { get; set; }

    /// <summary>How spaces of other silos reach those here; set before the first space opens.</summary>
    public SpaceSeat? Here { get; set; }

    /// <summary>Whether the loop runs.</summary>
    public bool IsStarted => _loop is not null;

    /// <summary>What the spaces do.</summary>
    public SpaceMetrics Metrics { get; } = new();

    /// <summary>The halls open on this silo. Any thread; their contents are the loop's.</summary>
    public ICollection<SpaceHall> Halls => _halls.Values;

    /// <summary>Opens a space on this silo, or does nothing when it is open. Any thread.</summary>
    public SpaceHall Open(string id, HallRules rules) => _halls.GetOrAdd(id, static (name, of) =>
    {
        var hall = new SpaceHall(name, of.rules, of.door.Loop, of.door.Metrics, of.door._clock) { Seat = of.door.Here };
        hall.Record(of.door.Recordings);
        return hall;
    }, (rules, door: this));

    /// <summary>Where recordings are kept; null for nowhere.</summary>
    public SpaceRecordings? Recordings { get; set; }

    /// <summary>A view of a recording by its name, or null. Any thread.</summary>
    public ReplayView? FindView(string name) => _views.GetValueOrDefault(name);

    /// <summary>Keeps a view until its client goes, or for half a minute when none comes. Any thread.</summary>
    /// <returns>False when there are too many.</returns>
    public bool Add(ReplayView view)
    {
        foreach (var old in _views.Values) if (!old.IsStarted && _clock.GetUtcNow() - old.Made > TimeSpan.FromSeconds(30)) EndView(old);
        return _views.Count < MostViews && _views.TryAdd(view.Id, view);
    }

    private void EndView(ReplayView view)
    {
        _views.TryRemove(view.Id, out _);
        view.Dispose();
    }

    /// <summary>The hall of a space, or null. Any thread.</summary>
    public SpaceHall? Find(string id) => _halls.GetValueOrDefault(id);

    /// <summary>Ends a space on this silo: everyone is let go with code 4503.</summary>
    public Task CloseAsync(string id) => RunAsync(() =>
    {
        if (_halls.TryRemove(id, out var hall)) hall.CloseAll();
        return true;
    });

    /// <summary>Does something on the loop's thread and gives what came of it.</summary>
    /// <exception cref="InvalidOperationException">Too much waits for the loop already.</exception>
    public Task<T> RunAsync<T>(Func<T> act)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var isTaken = Loop.Post((_, _) =>
        {
            try
            {
                done.SetResult(act());
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        }, null);
        return isTaken ? done.Task : throw new InvalidOperationException("Too much waits for the spaces of this silo; try again.");
    }

    /// <summary>Takes a batch of another silo. Any thread; one too many for the loop is lost, and the next says more.</summary>
    public void Hear(SpaceBatch batch)
    {
        if (Find(batch.Space) is not { } hall) return;
        if (!Loop.Post(static (_, state) => (((SpaceHall Hall, SpaceBatch Batch))state!).Hall.HearNeighbour((((SpaceHall Hall, SpaceBatch Batch))state!).Batch), (hall, batch))) Metrics.BatchRefused();
    }

    void ISocketHandler.Started(SocketLoop loop) => _loop = loop;

    UpgradeAnswer ISocketHandler.TryOpen(SocketId id, in UpgradeRequest request)
    {
        if (SpaceIn(request.Path) is not { } space) return UpgradeAnswer.Refuse(404, "NotFound", "The address must be /spaces/{id}/socket.");
        var token = TokenIn(request, out var subprotocol);
        if (token.IsEmpty) return UpgradeAnswer.Refuse(401, "TokenMissing", "POST /spaces/{id}/sessions gives a token: send it as ?token= or as subprotocol token.<token>.");
        if (!_tokens.IsReady) return UpgradeAnswer.Refuse(503, "NotReady", "This silo has just started; try again in a second.");
        if (!_tokens.TryRead(token, out var who, out var why)) return UpgradeAnswer.Refuse(401, "TokenInvalid", why ?? "The token is not valid.");
        if (who!.Space != space) return UpgradeAnswer.Refuse(403, "TokenOfOtherSpace", $"The token is for space '{who.Space}'.");
        if (who.View is { } name && !_views.ContainsKey(name)) return UpgradeAnswer.Refuse(410, "ViewEnded", "The view of the recording has ended, or is at another silo; ask for a new one.");
        if (who.View is null && Find(space) is null)
        {
            Missed?.Invoke(space);
            return UpgradeAnswer.Refuse(503, "SpaceNotHere", "The space is opening on this silo; try again in half a second.");
        }

        _waiting[id] = new Waiting(who, _clock.GetTimestamp());
        return UpgradeAnswer.Accept(subprotocol);
    }

    void ISocketHandler.Opened(SocketId id)
    {
    }

    void ISocketHandler.Message(SocketId id, ReadOnlySpan<byte> payload, bool isText)
    {
        try
        {
            if (_seats.TryGetValue(id, out var seat))
            {
                if (seat.Session.IsConnected && seat.Session.Socket == id) seat.Hall.Hear(seat.Session, payload);
            }
            else if (_watching.TryGetValue(id, out var view)) view.Hear(payload);
            else if (_waiting.Remove(id, out var waiting)) Seat(id, waiting, HallMessages.ReadHello(payload));
        }
        catch (SpaceWireException fault)
        {
            Loop.Close(id, 4400, fault.Message);
        }
    }

    void ISocketHandler.Writable(SocketId id)
    {
        if (_seats.TryGetValue(id, out var seat) && seat.Session.Socket == id) seat.Session.StuckSince = 0;
    }

    void ISocketHandler.Closed(SocketId id, CloseCause cause)
    {
        _waiting.Remove(id);
        if (_watching.Remove(id, out var view)) EndView(view);
        if (!_seats.Remove(id, out var seat)) return;
        if (seat.Session.IsConnected && seat.Session.Socket == id) seat.Hall.Away(seat.Session);
    }

    long ISocketHandler.Turn(long now)
    {
        var next = now + (_clock.TimestampFrequency / 4);
        LetSilentGo(now);
        foreach (var (_, hall) in _halls)
        {
            hall.Turn(now);
            next = Math.Min(next, hall.Due);
        }

        return next;
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var id in _halls.Keys.ToArray()) await CloseAsync(id).ConfigureAwait(false);
    }

    private void Seat(SocketId id, Waiting waiting, HelloMessage hello)
    {
        if (waiting.Who.View is { } name)
        {
            if (!_views.TryGetValue(name, out var view) || view.IsStarted) Loop.Close(id, 4001, "the view is open already, or has ended");
            else
            {
                _watching[id] = view;
                view.Start(id);
            }

            return;
        }

        if (Find(waiting.Who.Space) is not { } hall)
        {
            Loop.Close(id, 4503, "the space has closed");
            return;
        }

        if (hall.Enter(id, waiting.Who, hello) is { } refusal)
        {
            Loop.Close(id, refusal.Code, refusal.Words);
            return;
        }

        _seats[id] = (hall, hall.Find(waiting.Who.Avatar)!);
    }

    private static string? SpaceIn(ReadOnlySpan<byte> path)
    {
        if (!path.StartsWith("/spaces/"u8) || !path.EndsWith("/socket"u8) || path.Length < 16) return null;
        var id = Uri.UnescapeDataString(Encoding.ASCII.GetString(path[8..^7]));
        return id.Length is 0 or > 128 || id.Contains('/', StringComparison.Ordinal) ? null : id;
    }

    /// <summary>Browsers cannot set headers: they send the token as a subprotocol or in the address.</summary>
    private static ReadOnlySpan<byte> TokenIn(in UpgradeRequest request, out string? subprotocol)
    {
        subprotocol = request.Subprotocols.IndexOf("twin.spaces.1"u8) >= 0 ? "twin.spaces.1" : null;
        foreach (var part in request.Subprotocols.Split((byte)','))
        {
            var one = request.Subprotocols[part].Trim((byte)' ');
            if (one.StartsWith("token."u8)) return one[6..];
        }

        foreach (var part in request.Query.Split((byte)'&')) if (request.Query[part].StartsWith("token="u8)) return request.Query[part][6..];
        return default;
    }

    private readonly record struct Waiting(Admitted Who, long Since);
}
