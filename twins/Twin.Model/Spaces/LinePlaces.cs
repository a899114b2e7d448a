namespace Twin.Model.Spaces;

/// <summary>
/// Places of a line: who comes gets the last one, anyone may go from the middle, and one's position is counted in O(log n).
/// A Fenwick tree counts the taken numbers (P. Fenwick, "A new data structure for cumulative frequency tables", 1994). Numbers are given in rising order; when they are used up those still taken are numbered anew, at most once in as many arrivals as there is room: O(log n) amortised.
/// </summary>
internal sealed class LinePlaces
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly string?[] _users;
    private readonly int[] _sums;
    private int _last;

    /// <summary>An empty line.</summary>
    /// <param name="most">Places, at least 1.</param>
    public LinePlaces(int most)
    {
        var room = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(most, 1) * 2);
        (_users, _sums) = (new string?[room + 1], new int[room + 1]);
    }

    /// <summary>Places taken.</summary>
    public int Count => _numbers.Count;

    /// <summary>Whether one is in the line.</summary>
    public bool Has(string user) => _numbers.ContainsKey(user);

    /// <summary>Takes the last place; the caller keeps to the most.</summary>
    public void Add(string user)
    {
        if (_last == _users.Length - 1) Renumber();
        _numbers.Add(user, ++_last);
        _users[_last] = user;
        Tally(_last, 1);
    }

    /// <summary>Gives a place up; those behind move up.</summary>
    public void Remove(string user)
    {
        if (!_numbers.Remove(user, out var number)) return;
        _users[number] = null;
        Tally(number, -1);
    }

    /// <summary>One's position, 1 the first; 0 for who is not in the line.</summary>
    public int PositionOf(string user)
    {
        var position = 0;
        for (var i = _numbers.GetValueOrDefault(user); i > 0; i &= i - 1) position += _sums[i];
        return position;
    }

    private void Tally(int number, int by)
    {
        for (var i = number; i < _sums.Length; i += i & -i) _sums[i] += by;
    }

    private void Renumber()
    {
        var last = 0;
        Array.Clear(_sums);
        for (var i = 1; i < _users.Length; i++)
        {
            if (_users[i] is not { } user) continue;
            _users[i] = null;
            _users[++last] = user;
            _numbers[user] = last;
            Tally(last, 1);
        }

        _last = last;
    }
}
