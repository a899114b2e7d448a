using System.Diagnostics.Metrics;

namespace Twin.Gateway.Audit;

/// <summary>What is repeated.</summary>
internal readonly record struct Denial(string Subject, string Action, string Outcome);

/// <summary>
/// Identical denials of ten seconds become two entries: the first, and one that counts the repeats. At most 1,024 kinds are told apart; beyond
/// those, actions of one subject are <see cref="Various"/>, and beyond twice as many, subjects too: who knocks at ever new doors cannot push the
/// log's older entries out. Not thread-safe: the log's lock guards it.
/// </summary>
internal sealed class DenialRepeats(TimeProvider clock)
{
    public const string Various = "(various)";
    public const int MostKinds = 1_024;
    private static readonly Counter<long> Coalesced = new Meter("Twin").CreateCounter<long>("twin_audit_coalesced_total", description: "Denials counted in an entry of others of their kind.");
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Denial, (long Since, long Repeats)> _kinds = [];

    /// <summary>Kinds of denials of the last ten seconds.</summary>
    public int Kinds => _kinds.Count;

    /// <summary>True when a denial, under the name it is given here, is to be written now; else it is counted.</summary>
    public bool IsNew(ref Denial denial, long count)
    {
        if (!_kinds.ContainsKey(denial) && _kinds.Count >= MostKinds) denial = denial with { Action = Various };
        if (!_kinds.ContainsKey(denial) && _kinds.Count >= 2 * MostKinds) denial = new Denial(Various, Various, Various);
        if (!_kinds.TryGetValue(denial, out var kind))
        {
            _kinds.Add(denial, (clock.GetTimestamp(), 0));
            return true;
        }

        _kinds[denial] = kind with { Repeats = kind.Repeats + count };
        Coalesced.Add(count);
        return false;
    }

    /// <summary>Takes out what is over, or everything; those with repeats are to be written.</summary>
    public List<(Denial Denial, long Repeats)> TakeOver(bool everything)
    {
        var over = new List<(Denial, long)>();
        foreach (var (denial, kind) in _kinds)
        {
            if (!everything && clock.GetElapsedTime(kind.Since) < Window) continue;
            _kinds.Remove(denial);
            if (kind.Repeats > 0) over.Add((denial, kind.Repeats));
        }

        return over;
    }
}
