using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Gateway.Streams;

/// <summary>Changes for one subscriber and the cursor after them. Reset means: re-read state, then go on from the cursor.</summary>
internal readonly record struct StreamItem(ReadOnlyMemory<byte>[] Changes, Lazy<string>? Cursor, bool IsReset);

/// <summary>
/// One subscriber's queue. The hub adds, one sender takes everything there is. Bounded by bytes and changes: beyond the bound the
/// queue closes and the sender tells the client, which may come back with its cursor. Thread-safe.
/// </summary>
internal sealed class Subscriber(ChangeFilter? filter, int mostBytes, int mostChanges)
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _signal = new(0, 1);
    private List<StreamItem> _items = [];
    private int _bytes;
    private int _changes;

    /// <summary>What it wants; null for a standing query's rows.</summary>
    public ChangeFilter? Filter { get; } = filter;

    /// <summary>Whom policies concern; null for one who sees everything.</summary>
    public PolicySubject? Subject { get; init; }

    /// <summary>Number in the hub's filter set; -1 while catching up alone.</summary>
    public int Number { get; set; } = -1;

    /// <summary>Changes of the page being fanned out; the hub's own.</summary>
    public List<ReadOnlyMemory<byte>> Gathering { get; } = [];

    /// <summary>True when the bound was passed.</summary>
    public bool IsOverrun { get; private set; }

    /// <summary>The standing query it listens to; null for changes.</summary>
    public Standing.StandingFeed? Standing { get; set; }

    /// <summary>Why nothing more will come; null while more may.</summary>
    public string? Ended { get; private set; }

    /// <summary>Nothing more will come.</summary>
    public void End(string why)
    {
        lock (_lock) Ended = why;
        Signal();
    }

    public void Add(in StreamItem item)
    {
        lock (_lock)
        {
            if (IsOverrun) return;
            foreach (var change in item.Changes) _bytes += change.Length;
            _changes += item.Changes.Length;
            if (_bytes > mostBytes || _changes > mostChanges)
            {
                IsOverrun = true;
                _items.Clear();
            }
            else _items.Add(item);
        }

        Signal();
    }

    private void Signal()
    {
        if (_signal.CurrentCount > 0) return;
        try
        {
            _signal.Release();
        }
        catch (SemaphoreFullException)
        {
            // Signalled by another thread meanwhile.
        }
    }

    /// <summary>Waits for items or the time; then takes all there are. The list is the caller's until the next call.</summary>
    public async ValueTask<List<StreamItem>> TakeAsync(List<StreamItem> empty, TimeSpan wait, CancellationToken cancellationToken)
    {
        await _signal.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        lock (_lock)
        {
            var taken = _items;
            _items = empty;
            (_bytes, _changes) = (0, 0);
            return taken;
        }
    }
}
