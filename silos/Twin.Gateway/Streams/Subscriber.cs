using System.Threading.Tasks.Sources;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Gateway.Streams;

/// <summary>Changes for one subscriber and the cursor after them. Reset means: re-read state, then go on from the cursor.</summary>
internal readonly record struct StreamItem(ReadOnlyMemory<byte>[] Changes, Lazy<string>? Cursor, bool IsReset);

/// <summary>What waits in many queues together. Thread-safe.</summary>
/// <param name="bytes">When so much waits, those who would add much more are refused.</param>
internal sealed class QueueRoom(long bytes)
{
    private long _used;

    /// <summary>Bytes that wait now.</summary>
    public long Used => Interlocked.Read(ref _used);

    /// <summary>The bound.</summary>
    public long Bytes => bytes;

    /// <summary>Counts bytes that wait, or with a minus that wait no longer.</summary>
    public void Take(int some) => Interlocked.Add(ref _used, some);
}

/// <summary>
/// One subscriber's queue. The hub adds, one sender takes everything there is. Bounded by bytes and changes: beyond the bound the
/// queue closes and the sender tells the client, which may come back with its cursor. Waiting allocates nothing: thousands wait at
/// once. Thread-safe.
/// </summary>
internal sealed class Subscriber(ChangeFilter? filter, int mostBytes, int mostChanges, QueueRoom? room = null) : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _ready = new() { RunContinuationsAsynchronously = true };
    private List<StreamItem> _items = [];
    private int _bytes;
    private int _changes;
    private bool _isWaiting;
    private bool _isWoken;

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

    /// <summary>When the sender last took something, or nothing after a wake; a timestamp of the clock it is given.</summary>
    public long LastTaken { get; set; }

    /// <summary>Nothing more will come.</summary>
    public void End(string why)
    {
        lock (_lock) Ended = why;
        Wake();
    }

    public void Add(in StreamItem item)
    {
        lock (_lock)
        {
            if (IsOverrun) return;
            var bytes = 0;
            foreach (var change in item.Changes) bytes += change.Length;
            _bytes += bytes;
            _changes += item.Changes.Length;
            room?.Take(bytes);
            if (_bytes > mostBytes || _changes > mostChanges)
            {
                IsOverrun = true;
                _items.Clear();
                room?.Take(-_bytes);
                _bytes = 0;
            }
            else _items.Add(item);
        }

        Wake();
    }

    /// <summary>Lets the sender's <see cref="WaitAsync"/> return, now or the next time, though there may be nothing.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            if (!_isWaiting)
            {
                _isWoken = true;
                return;
            }

            _isWaiting = false;
        }

        _ready.SetResult(true);
    }

    /// <summary>Takes all there are. The list is the caller's until the next call.</summary>
    public List<StreamItem> Take(List<StreamItem> empty)
    {
        lock (_lock)
        {
            var taken = _items;
            _items = empty;
            room?.Take(-_bytes);
            (_bytes, _changes, _isWoken) = (0, 0, false);
            return taken;
        }
    }

    /// <summary>Waits for items or a wake. One caller at a time.</summary>
    public ValueTask WaitAsync()
    {
        lock (_lock)
        {
            if (_isWoken || _items.Count > 0) return default;
            _ready.Reset();
            _isWaiting = true;
            return new ValueTask(this, _ready.Version);
        }
    }

    void IValueTaskSource.GetResult(short token) => _ready.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _ready.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _ready.OnCompleted(continuation, state, token, flags);
}
