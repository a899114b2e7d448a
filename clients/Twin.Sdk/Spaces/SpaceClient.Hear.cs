using System.Diagnostics.Metrics;
using Twin.Wire.Spaces;

namespace Twin.Sdk;

/// <content>What one sees and hears. Called by the connection's reader only.</content>
public sealed partial class SpaceClient
{
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Dropped = Meter.CreateCounter<long>("twin_client_space_dropped_total", null, "Events, moves and messages of space clients that were dropped, by kind");
    private static readonly Counter<long> Resumed = Meter.CreateCounter<long>("twin_client_space_resumes_total", null, "Space clients that came back after a loss");

    private readonly Lock _viewTurn = new();
    private readonly Dictionary<int, SpacePerson> _people = [];
    private readonly (long Trip, long Offset)[] _trips = new (long, long)[8];
    private ClientView _view = new();
    private WelcomeMessage? _welcome;
    private CrowdTiles? _crowd;
    private TaskCompletionSource<long>? _nextFrame;
    private int _tripCount;
    private int _hasTime;
    private long _tripMicroseconds;
    private long _offsetMicroseconds;
    private int _quality;
    private long _tick;
    private long _frames;
    private long _bytesRead;
    private long _eventsDropped;
    private int _resumes;

    /// <exception cref="SpaceWireException">It breaks the specification: the view is worthless.</exception>
    private void Hear(ReadOnlySpan<byte> message)
    {
        Volatile.Write(ref _bytesRead, _bytesRead + message.Length);
        if (FrameEnvelope.TryRead(message, out var body))
        {
            HearFrame(body);
            return;
        }

        switch (SpaceMessage.ReadFromServer(message))
        {
            case FrameMessage frame: // in a long-winded form
                HearFrame(frame.Body.Span);
                break;
            case WelcomeMessage welcome:
                HearWelcome(welcome);
                break;
            case TimeMessage time:
                HearTime(time);
                break;
            case CrowdMessage crowd:
                Volatile.Write(ref _crowd, CrowdTiles.Read(crowd.Body.Span));
                break;
            case { } other:
                if (other is PeopleMessage people) Meet(people);
                if (other is QualityMessage quality) Volatile.Write(ref _quality, quality.Level);
                Tell(new SpaceSaid(other));
                break;
        }
    }

    private void HearFrame(ReadOnlySpan<byte> body)
    {
        Correction? corrected;
        lock (_viewTurn)
        {
            _view.Apply(body);
            Volatile.Write(ref _tick, _tick + (short)((ushort)_view.Tick - (ushort)_tick)); // frames carry its low 16 bits
            corrected = _view.Corrected;
        }

        Volatile.Write(ref _frames, _frames + 1);
        if (corrected is { } put)
        {
            lock (_moveTurn) _place = _place with { X = put.X, Y = put.Y, Z = put.Z };
            Tell(new SpaceCorrected(put));
        }

        Interlocked.Exchange(ref _nextFrame, null)?.TrySetResult(_tick);
    }

    private void HearWelcome(WelcomeMessage welcome)
    {
        lock (_viewTurn) _view = new ClientView(); // the first frame of a connection begins anew
        lock (_moveTurn) (_place, _sequence, _nextMoveAt) = (welcome.Place, 0, 0);
        Volatile.Write(ref _tick, welcome.Tick);
        var isBack = _welcome is not null;
        Volatile.Write(ref _welcome, welcome);
        if (isBack)
        {
            Volatile.Write(ref _resumes, _resumes + 1);
            Resumed.Add(1);
        }

        Stand(SpaceStanding.Here, isBack ? welcome.IsResumed ? "back in the same place" : "back, as a newcomer" : "");
        Tell(new SpaceSaid(welcome));
        _firstWelcome.TrySetResult();
    }

    private void HearTime(TimeMessage time)
    {
        var now = Microseconds();
        var trip = now - time.ClientMicroseconds;
        if (trip < 0) return;
        _trips[_tripCount++ % _trips.Length] = (trip, time.ServerMicroseconds - (time.ClientMicroseconds + (trip / 2)));
        var best = _trips[0];
        for (var i = 1; i < Math.Min(_tripCount, _trips.Length); i++) if (_trips[i].Trip < best.Trip) best = _trips[i];
        Volatile.Write(ref _offsetMicroseconds, best.Offset);
        Volatile.Write(ref _tripMicroseconds, _hasTime == 0 ? trip : _tripMicroseconds + ((trip - _tripMicroseconds) / 8));
        Volatile.Write(ref _hasTime, 1);
    }

    private void Meet(PeopleMessage told)
    {
        lock (_people)
        {
            foreach (var person in told.People)
            {
                if (_people.Count >= MostPeople) _people.Clear(); // they are told again when they come into view of the next connection
                _people[person.Avatar] = person;
            }
        }
    }

    private void Stand(SpaceStanding standing, string why)
    {
        Volatile.Write(ref _standing, (int)standing);
        Tell(new SpaceStood(standing, why));
    }

    private void Tell(SpaceEvent one) => _events.Writer.TryWrite(one);

    private long Microseconds() => (long)(_clock.GetTimestamp() * (1_000_000.0 / _clock.TimestampFrequency));

    private static void Drop(ref long count, string kind)
    {
        Interlocked.Increment(ref count);
        Dropped.Add(1, new KeyValuePair<string, object?>("kind", kind));
    }
}
