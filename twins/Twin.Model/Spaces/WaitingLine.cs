namespace Twin.Model.Spaces;

/// <summary>
/// Seats of a space and the line before it: first come, first in, and nobody beyond the capacity. A seat is held by who keeps saying it is there; a place in the line by who keeps asking. Pure; one thread at a time.
/// </summary>
/// <param name="mostWaiting">One more is refused.</param>
/// <param name="hold">How long a seat or a place is kept without a word.</param>
public sealed class WaitingLine(int mostWaiting, TimeSpan hold)
{
    private readonly Dictionary<string, DateTimeOffset> _seats = new(StringComparer.Ordinal);
    private static readonly TimeSpan Forgotten = TimeSpan.FromSeconds(10); // by then every silo knows that one has left
    private const int MostLeft = 100_000; // one beyond is given a seat again if a silo still knows it, until the silo tells otherwise
    private readonly Dictionary<string, DateTimeOffset> _left = new(StringComparer.Ordinal);
    private readonly LinePlaces _line = new(mostWaiting);
    private DateTimeOffset _expired;
    private readonly Dictionary<string, DateTimeOffset> _waiting = new(StringComparer.Ordinal);

    /// <summary>Seats taken.</summary>
    public int Seated => _seats.Count;

    /// <summary>Whether one has a seat.</summary>
    public bool IsSeated(string user) => _seats.ContainsKey(user);

    /// <summary>Places taken in the line.</summary>
    public int Waiting => _line.Count;

    /// <summary>Asks for a seat, or again for one.</summary>
    /// <param name="user">Who.</param>
    /// <param name="capacity">Seats there are.</param>
    /// <param name="now">The time; never goes back.</param>
    /// <returns>0: seated. Above 0: the place in the line, 1 the first. -1: the line is full.</returns>
    public int Ask(string user, int capacity, DateTimeOffset now)
    {
        Expire(now);
        if (_seats.ContainsKey(user))
        {
            _seats[user] = now;
            return 0;
        }

        if (_line.Has(user)) _waiting[user] = now;
        else if (_seats.Count + _line.Count < capacity) return Seat(user, now);
        else if (_line.Count >= mostWaiting) return -1;
        else
        {
            _line.Add(user);
            _waiting[user] = now;
        }

        var position = _line.PositionOf(user);
        return position <= capacity - _seats.Count ? Seat(user, now) : position;
    }

    /// <summary>Someone is there still: a silo says so. One it did not know of, after a restart, gets a seat too; one who has just left does not.</summary>
    public void Keep(string user, DateTimeOffset now)
    {
        Expire(now);
        if (_seats.ContainsKey(user) || !_left.TryGetValue(user, out var left) || now - left > Forgotten) Seat(user, now);
    }

    /// <summary>Someone has left.</summary>
    /// <param name="user">Who.</param>
    /// <param name="now">The time.</param>
    public void Leave(string user, DateTimeOffset now)
    {
        Expire(now);
        if (_left.Count < MostLeft) _left[user] = now;
        _seats.Remove(user);
        if (_waiting.Remove(user)) _line.Remove(user);
    }

    private int Seat(string user, DateTimeOffset now)
    {
        _left.Remove(user);
        if (_waiting.Remove(user)) _line.Remove(user);
        _seats[user] = now;
        return 0;
    }

    private void Expire(DateTimeOffset now)
    {
        if (now - _expired < TimeSpan.FromSeconds(1)) return;
        _expired = now;
        foreach (var user in _left.Where(l => now - l.Value > Forgotten).Select(l => l.Key).ToArray()) _left.Remove(user);
        foreach (var user in _seats.Where(s => now - s.Value > hold).Select(s => s.Key).ToArray()) _seats.Remove(user);
        foreach (var user in _waiting.Where(w => now - w.Value > hold).Select(w => w.Key).ToArray())
        {
            _waiting.Remove(user);
            _line.Remove(user);
        }
    }
}
