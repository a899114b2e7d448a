using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <summary>
/// One person in a space: comes in over HTTP, says where it is, sees and hears others, and comes back by itself when the connection is lost, at the same server or the next one given, until the grace has passed.
/// Any thread may call any member. What it keeps is bounded: the view, names of at most 4,096 avatars, and the two queues of <see cref="SpaceClientOptions"/>.
/// </summary>
/// <remarks>Events wait in a queue for <see cref="ReadEventsAsync"/> and are called on no thread of the connection: a slow reader loses old events, never frames. Moves have one place: a newer one takes it.</remarks>
public sealed partial class SpaceClient : IAsyncDisposable
{
    /// <summary>Most avatars whose names are kept.</summary>
    public const int MostPeople = 4_096;

    private readonly IReadOnlyList<Uri> _addresses;
    private readonly SpaceClientOptions _options;
    private readonly SpaceGuest _guest;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<SpaceEvent> _events;
    private readonly Channel<byte[]> _waiting;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _firstWelcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _living = Task.CompletedTask;

    private SpaceClient(IReadOnlyList<Uri> addresses, int at, SpaceSession session, SpaceGuest guest, SpaceClientOptions options)
    {
        (_addresses, _at, _session, _guest, _options, _clock) = (addresses, at, session, guest, options, options.Http.Clock);
        _events = Channel.CreateBounded<SpaceEvent>(new BoundedChannelOptions(options.MostEvents) { FullMode = BoundedChannelFullMode.DropOldest }, _ => Drop(ref _eventsDropped, "event"));
        _waiting = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(options.MostWaiting) { SingleReader = true });
        _budget = options.ByteBudgetPerSecond;
    }

    /// <summary>Comes into a space; completes when the avatar stands there.</summary>
    /// <param name="address">The server, such as <c>http://localhost:5080</c>.</param>
    /// <param name="space">Its id.</param>
    /// <param name="guest">Who comes; null is a new guest.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="waiting">Called with the position in the waiting line each time it is told.</param>
    /// <param name="cancellationToken">Gives it up; a place in the line is lost after 45 s.</param>
    /// <exception cref="TwinException">Refused, at the door or at the socket: <see cref="TwinException.Code"/> says why.</exception>
    /// <exception cref="HttpRequestException">No server can be reached.</exception>
    /// <exception cref="TimeoutException">No server answers.</exception>
    public static Task<SpaceClient> JoinAsync(Uri address, string space, SpaceGuest? guest = null, SpaceClientOptions? options = null, Action<int>? waiting = null, CancellationToken cancellationToken = default) =>
        JoinAsync([address], space, guest, options, waiting, cancellationToken);

    /// <summary>The same with several servers of one cluster: the next is tried where one does not answer, now and whenever the connection is lost.</summary>
    /// <param name="addresses">1 to 64 servers.</param>
    /// <param name="space">Its id.</param>
    /// <param name="guest">Who comes; null is a new guest.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="waiting">Called with the position in the waiting line each time it is told.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <inheritdoc cref="JoinAsync(Uri, string, SpaceGuest?, SpaceClientOptions?, Action{int}?, CancellationToken)" path="/exception"/>
    public static async Task<SpaceClient> JoinAsync(IReadOnlyList<Uri> addresses, string space, SpaceGuest? guest = null, SpaceClientOptions? options = null, Action<int>? waiting = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        ArgumentException.ThrowIfNullOrEmpty(space);
        if (addresses.Count is < 1 or > 64) throw new ArgumentOutOfRangeException(nameof(addresses), addresses.Count, "Allowed: 1 to 64 servers.");
        var (checkedOptions, who) = ((options ?? new SpaceClientOptions()).Checked(), guest ?? new SpaceGuest { User = "guest-" + Guid.NewGuid().ToString("N")[..12] });
        var (session, at) = await AskAsync(addresses, 0, space, who, checkedOptions, waiting, cancellationToken).ConfigureAwait(false);
        var client = new SpaceClient(addresses, at, session, who with { User = session.User.Length > 0 ? session.User : who.User }, checkedOptions);
        client._living = Task.Run(client.LiveAsync, CancellationToken.None);
        try
        {
            await client._firstWelcome.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What the server said when one came in, or last came back: the avatar's number, rules, ticks a second.</summary>
    public WelcomeMessage Welcome => Volatile.Read(ref _welcome)!;

    /// <summary>Whom the server takes one for.</summary>
    public string User => _guest.User ?? "";

    /// <summary>One's own avatar.</summary>
    public int Avatar => Welcome.OwnAvatar;

    /// <summary>Where the client stands.</summary>
    public SpaceStanding Standing => (SpaceStanding)Volatile.Read(ref _standing);

    /// <summary>Completes when one has left; fails with the <see cref="TwinException"/> that ended it otherwise: <c>Kicked</c>, <c>Banned</c>, <c>ResumedElsewhere</c>, <c>Flood</c>, <c>Protocol</c>, <c>GraceOver</c> and so on.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Round trip to the server, smoothed; zero until known.</summary>
    public TimeSpan RoundTrip => TimeSpan.FromMicroseconds(Volatile.Read(ref _tripMicroseconds));

    /// <summary>The server's clock now, in its own microseconds, from the quickest of the last eight round trips; it errs by at most half of that trip. Null until known.</summary>
    public long? ServerMicroseconds => Volatile.Read(ref _hasTime) == 0 ? null : Microseconds() + Volatile.Read(ref _offsetMicroseconds);

    /// <summary>What the server does less of at present: 0 nothing, to 5.</summary>
    public int QualityLevel => Volatile.Read(ref _quality);

    /// <summary>How many are where in the whole space, as last told, at most a second or two ago.</summary>
    public CrowdTiles? Crowd => Volatile.Read(ref _crowd);

    /// <summary>The tick of the newest frame.</summary>
    public long Tick => Volatile.Read(ref _tick);

    /// <summary>Frames read.</summary>
    public long Frames => Volatile.Read(ref _frames);

    /// <summary>Bytes of messages read.</summary>
    public long BytesRead => Volatile.Read(ref _bytesRead);

    /// <summary>Times that one came back after a loss.</summary>
    public int Resumes => Volatile.Read(ref _resumes);

    /// <summary>Events dropped because nobody read them.</summary>
    public long EventsDropped => Volatile.Read(ref _eventsDropped);

    /// <summary>Moves that a newer one replaced before they were sent, or that the loss of the connection took.</summary>
    public long MovesDropped => Volatile.Read(ref _movesDropped);

    /// <summary>Chats, states and reports refused because too many wait to be sent or there is no connection.</summary>
    public long MessagesRefused => Volatile.Read(ref _messagesRefused);

    /// <summary>Looks at those around. The view must not be kept; the connection waits meanwhile, so look and go.</summary>
    public T Look<T>(Func<ClientView, T> look)
    {
        ArgumentNullException.ThrowIfNull(look);
        lock (_viewTurn) return look(_view);
    }

    /// <summary>Where an avatar in view is, or null.</summary>
    public AvatarPose? Find(int avatar)
    {
        lock (_viewTurn)
        {
            for (var slot = 0; slot < _view.SlotEnd; slot++) if (_view.NumberAt(slot) == avatar) return _view.ShadowAt(slot).Pose;
            return null;
        }
    }

    /// <summary>Who an avatar is, where it was told.</summary>
    public SpacePerson? WhoIs(int avatar)
    {
        lock (_people) return _people.GetValueOrDefault(avatar);
    }

    /// <summary>Waits for the next frame and gives its tick.</summary>
    /// <exception cref="TwinException">The session has ended.</exception>
    public async Task<long> NextFrameAsync(CancellationToken cancellationToken = default)
    {
        var mine = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var next = Interlocked.CompareExchange(ref _nextFrame, mine, null) ?? mine;
        if (await Task.WhenAny(next.Task, _ended.Task).WaitAsync(cancellationToken).ConfigureAwait(false) == next.Task) return await next.Task.ConfigureAwait(false);
        await _ended.Task.ConfigureAwait(false);
        throw HasLeft();
    }

    /// <summary>What happened, as it happens; ends with the session. Each event goes to one reader.</summary>
    /// <exception cref="TwinException">What ended the session, unless one left.</exception>
    public async IAsyncEnumerable<SpaceEvent> ReadEventsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var one in _events.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false)) yield return one;
        await _ended.Task.ConfigureAwait(false);
    }

    /// <summary>Leaves for good: the seat is free at once.</summary>
    public async Task LeaveAsync(CancellationToken cancellationToken = default)
    {
        if (_ended.Task.IsCompleted) return;
        if (Volatile.Read(ref _socket) is { } socket && Standing == SpaceStanding.Here)
        {
            _isLeaving = true;
            try
            {
                await socket.SendAsync(new LeaveMessage().ToBytes(), cancellationToken).ConfigureAwait(false);
                await Task.WhenAny(_ended.Task).WaitAsync(TimeSpan.FromSeconds(2), _clock, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is System.Net.WebSockets.WebSocketException or IOException or ObjectDisposedException or TimeoutException)
            {
                // It was lost meanwhile: the avatar goes when the grace has passed.
            }
        }
        else await GiveUpAsync(cancellationToken).ConfigureAwait(false);

        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Without a connection the seat is given up over HTTP; where that fails too it is free when the grace has passed.</summary>
    private async Task GiveUpAsync(CancellationToken cancellationToken)
    {
        using var http = new TwinClient(_addresses[_at], _options.Http with { Timeout = TimeSpan.FromSeconds(2), Retries = 0 });
        try
        {
            await http.LeaveSpaceAsync(_session.Space, User, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is HttpRequestException or TimeoutException or TwinException)
        {
            // As said above.
        }
    }

    /// <summary>Closes the connection. Without <see cref="LeaveAsync"/> before it, the avatar stands until the grace has passed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _living.ConfigureAwait(false);
    }

    private static TwinException HasLeft() => new(System.Net.HttpStatusCode.Gone, "Left", "The session has ended: one has left.", null);
}
