using System.Runtime.CompilerServices;

namespace Twin.Graph;

/// <summary>
/// One property of every twin of a model: values by row, with the time each was true and the time it was accepted. Numbers,
/// booleans, times and durations are 64-bit; text and JSON are references, repeated short texts shared. A column that was
/// never written holds no memory. Spans may be shorter than the table's row count: rows beyond their end are absent, and
/// spans are valid until the next write. Not thread-safe. Hot.
/// </summary>
public sealed class Column
{
    private const int MostInterned = 1024;
    private const int LongestInterned = 64;

    private long[] _bits = [];
    private object?[] _references = [];
    private long[] _sourceTimes = [];
    private long[] _updateTimes = [];
    private HashSet<string>? _interned;
    private bool _isShared; // the arrays are another state's too: copied before the first write
    private int _unindexed = -1; // rows that an index is promised for and not built over yet

    internal Column(PropertyDefinition definition)
    {
        Definition = definition;
        Storage = definition.Schema.Storage;
        IsReference = Storage is ValueKind.Text or ValueKind.Json;
        if (Storage == ValueKind.Text) _interned = new HashSet<string>(StringComparer.Ordinal);
    }

    /// <summary>The property.</summary>
    public PropertyDefinition Definition { get; }

    /// <summary>Kind of every value held.</summary>
    public ValueKind Storage { get; }

    /// <summary>True for text and JSON, which have no <see cref="Bits"/>.</summary>
    public bool IsReference { get; }

    /// <summary>Values by row: 0/1, the integer, the double's IEEE bits, or ticks; 0 where absent. Empty for references.</summary>
    public ReadOnlySpan<long> Bits => _bits;

    /// <summary>Strings or UTF-8 JSON arrays by row; null where absent. Empty for 64-bit columns. Not to be changed.</summary>
    public ReadOnlySpan<object?> References => _references;

    /// <summary>When each value was true, as <see cref="WallTime.UtcTicks"/>; 0 where absent: this is the presence mark.</summary>
    public ReadOnlySpan<long> SourceTimes => _sourceTimes;

    /// <summary>When each value was accepted, as <see cref="WallTime.UtcTicks"/>.</summary>
    public ReadOnlySpan<long> UpdateTimes => _updateTimes;

    /// <summary>The secondary index; null when none is kept. In a fork it is built when first asked for.</summary>
    public PropertyIndex? Index
    {
        get
        {
            if (_unindexed < 0) return field;
            field = new PropertyIndex(Storage);
            for (var row = 0; row < Math.Min(_unindexed, _sourceTimes.Length); row++)
                if (_sourceTimes[row] != 0) field.Add(row, this);
            _unindexed = -1;
            return field;
        }
        private set;
    }

    private PropertyIndex? BuiltIndex => _unindexed < 0 ? Index : null;

    /// <summary>The index of places this column is part of; null when none is kept.</summary>
    public SpatialIndex? Places { get; internal set; }

    /// <summary>True when the row has a value.</summary>
    public bool Has(int row) => (uint)row < (uint)_sourceTimes.Length && _sourceTimes[row] != 0;

    /// <summary>The row's value; false when absent.</summary>
    public bool TryGet(int row, out PropertyValue value)
    {
        value = Get(row);
        return value.Kind != ValueKind.None;
    }

    /// <summary>The row's value; None when absent.</summary>
    public PropertyValue Get(int row)
    {
        if (!Has(row)) return default;
        if (!IsReference) return PropertyValue.FromBits(Storage, _bits[row]);
        return Storage == ValueKind.Text
            ? PropertyValue.From(Unsafe.As<string>(_references[row]!))
            : PropertyValue.FromJson(Unsafe.As<byte[]>(_references[row]!));
    }

    /// <summary>When the row's value was true; None when absent.</summary>
    public WallTime SourceTimeOf(int row) => (uint)row < (uint)_sourceTimes.Length ? new WallTime(_sourceTimes[row]) : default;

    /// <summary>When the row's value was accepted; None when absent.</summary>
    public WallTime UpdateTimeOf(int row) => (uint)row < (uint)_updateTimes.Length ? new WallTime(_updateTimes[row]) : default;

    /// <summary>Sets the row's value, which must already be of <see cref="Storage"/> kind. <paramref name="capacity"/> is the table's.</summary>
    internal void Set(int row, PropertyValue value, WallTime sourceTime, WallTime updateTime, int capacity)
    {
        if (row >= _sourceTimes.Length) Grow(capacity);
        if (_isShared) Own();
        BuiltIndex?.Remove(row, this);
        if (IsReference) _references[row] = Storage == ValueKind.Text ? Intern(value.AsText!) : JsonOf(value);
        else _bits[row] = value.Bits;
        _sourceTimes[row] = sourceTime.UtcTicks;
        _updateTimes[row] = updateTime.UtcTicks;
        if (row >= _unindexed && _unindexed >= 0) _unindexed = row + 1;
        BuiltIndex?.Add(row, this);
        Places?.Mark(row);
    }

    /// <summary>The same values in another state; the arrays are copied by whichever of the two writes first.</summary>
    /// <param name="rowCount">Rows of the table.</param>
    internal Column Fork(int rowCount)
    {
        _isShared = true;
        return new Column(Definition) { _bits = _bits, _references = _references, _sourceTimes = _sourceTimes, _updateTimes = _updateTimes, _isShared = true, _unindexed = _unindexed >= 0 || Index is not null ? rowCount : -1 };
    }

    private void Own()
    {
        if (IsReference) _references = [.. _references];
        else _bits = [.. _bits];
        (_sourceTimes, _updateTimes, _isShared) = ([.. _sourceTimes], [.. _updateTimes], false);
    }

    /// <summary>Asks the processor to fetch what <see cref="Set"/> will touch.</summary>
    internal void Prefetch(int row)
    {
        if ((uint)row >= (uint)_sourceTimes.Length) return;
        Memory.Prefetch(ref _sourceTimes[row]);
        Memory.Prefetch(ref _updateTimes[row]);
        if (!IsReference) Memory.Prefetch(ref _bits[row]);
    }

    /// <summary>Makes the row absent.</summary>
    internal void Clear(int row)
    {
        if (!Has(row)) return;
        if (_isShared) Own();
        BuiltIndex?.Remove(row, this);
        if (IsReference) _references[row] = null;
        else _bits[row] = 0;
        _sourceTimes[row] = 0;
        _updateTimes[row] = 0;
        Places?.Mark(row);
    }

    /// <summary>Starts keeping an index over what is there and what comes.</summary>
    internal void KeepIndex(int rowCount)
    {
        if (Index is not null || Storage == ValueKind.Json) return;
        Index = new PropertyIndex(Storage);
        for (var row = 0; row < Math.Min(rowCount, _sourceTimes.Length); row++)
            if (_sourceTimes[row] != 0) Index.Add(row, this);
    }

    /// <summary>Gives the whole arrays to a snapshot load, which fills them and calls <see cref="Filled"/>.</summary>
    internal (long[] Bits, object?[] References, long[] SourceTimes, long[] UpdateTimes) Fill(int capacity)
    {
        Grow(capacity);
        return (_bits, _references, _sourceTimes, _updateTimes);
    }

    /// <summary>Indexes what a snapshot load filled in.</summary>
    internal void Filled(int rowCount)
    {
        Places?.MarkAll(rowCount);
        for (var row = 0; Index is not null && row < rowCount; row++)
            if (_sourceTimes[row] != 0) Index.Add(row, this);
    }

    internal string Intern(string text)
    {
        if (_interned is null || text.Length > LongestInterned) return text;
        if (_interned.TryGetValue(text, out var shared)) return shared;
        if (_interned.Count == MostInterned) _interned = null; // values do not repeat here: stop paying for it
        else _interned.Add(text);
        return text;
    }

    private static byte[] JsonOf(PropertyValue value) => value.JsonArray;

    private void Grow(int capacity)
    {
        if (IsReference) Array.Resize(ref _references, capacity);
        else Array.Resize(ref _bits, capacity);
        Array.Resize(ref _sourceTimes, capacity);
        Array.Resize(ref _updateTimes, capacity);
        _isShared = false; // larger arrays are new ones
    }
}
