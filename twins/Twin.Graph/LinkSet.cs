using System.Collections;

namespace Twin.Graph;

/// <summary>An entry of a <see cref="LinkSet{T}"/>: ordered and equal by its key alone.</summary>
public interface ILink<TSelf> : IComparable<TSelf> where TSelf : class;

/// <summary>A relationship at its source. Immutable.</summary>
/// <param name="Id">Unique among the source's relationships.</param>
/// <param name="Name">Its name in the source's model.</param>
/// <param name="TargetId">The twin it leads to, on any shard.</param>
/// <param name="Properties">Its own properties, by name.</param>
/// <param name="Version">Sequence of its last change: its ETag.</param>
/// <param name="UpdateTime">When it last changed, by the owner's clock.</param>
public sealed record Relationship(string Id, string Name, string TargetId, Assignment[] Properties, long Version, WallTime UpdateTime) : ILink<Relationship>
{
    /// <inheritdoc/>
    public int CompareTo(Relationship? other) => string.CompareOrdinal(Id, other?.Id);

    /// <summary>A property's value; None when absent.</summary>
    public PropertyValue Find(ReadOnlySpan<char> name)
    {
        foreach (var property in Properties)
            if (name.SequenceEqual(property.Path)) return property.Value;
        return default;
    }

    /// <summary>A key for <see cref="LinkSet{T}.After"/> and <see cref="LinkSet{T}.Find"/>.</summary>
    public static Relationship Key(string id) => new(id, "", "", [], 0, default);
}

/// <summary>A relationship at its target. Immutable.</summary>
/// <param name="SourceId">The twin it comes from, on any shard.</param>
/// <param name="RelationshipId">Its id at the source.</param>
/// <param name="Name">Its name.</param>
public sealed record IncomingLink(string SourceId, string RelationshipId, string Name) : ILink<IncomingLink>
{
    /// <inheritdoc/>
    public int CompareTo(IncomingLink? other)
    {
        var bySource = string.CompareOrdinal(SourceId, other?.SourceId);
        return bySource != 0 ? bySource : string.CompareOrdinal(RelationshipId, other?.RelationshipId);
    }

    /// <summary>A key for <see cref="LinkSet{T}.After"/> and <see cref="LinkSet{T}.Find"/>.</summary>
    public static IncomingLink Key(string sourceId, string relationshipId) => new(sourceId, relationshipId, "");
}

/// <summary>Links in order of key: a sorted array while few, a balanced tree when many. Not thread-safe.</summary>
public sealed class LinkSet<T> : IReadOnlyCollection<T> where T : class, ILink<T>
{
    private const int MostInArray = 128; // beyond it, moving array elements costs more than following tree nodes

    internal static readonly LinkSet<T> Empty = new();

    private T[] _array = [];
    private int _count;
    private SortedSet<T>? _tree;
    private object? _owner;

    /// <summary>The set when it is the owner's, else a copy that is; an empty one for null.</summary>
    internal static LinkSet<T> Owned(LinkSet<T>? set, object owner) => set is null ? new LinkSet<T> { _owner = owner } : ReferenceEquals(set._owner, owner) ? set
        : new LinkSet<T> { _owner = owner, _array = [.. set._array], _count = set._count, _tree = set._tree is null ? null : new SortedSet<T>(set._tree) };

    /// <summary>Links held.</summary>
    public int Count => _tree?.Count ?? _count;

    /// <summary>The link with the key, or null.</summary>
    public T? Find(T key)
    {
        if (_tree is not null) return _tree.TryGetValue(key, out var found) ? found : null;
        var at = Array.BinarySearch(_array, 0, _count, key);
        return at >= 0 ? _array[at] : null;
    }

    /// <summary>Links whose key comes after the given one, in order; for pages.</summary>
    public IEnumerable<T> After(T key)
    {
        if (_tree is not null)
        {
            if (_tree.Max is not { } last || last.CompareTo(key) <= 0) yield break;
            foreach (var link in _tree.GetViewBetween(key, last))
                if (link.CompareTo(key) > 0) yield return link;
            yield break;
        }
        var at = Array.BinarySearch(_array, 0, _count, key);
        for (at = at >= 0 ? at + 1 : ~at; at < _count; at++) yield return _array[at];
    }

    /// <summary>Links whose key is the given one or comes after it, in order.</summary>
    public IEnumerable<T> From(T key)
    {
        if (Find(key) is { } first) yield return first;
        foreach (var link in After(key)) yield return link;
    }

    /// <summary>All links in order. Allocates only for large sets.</summary>
    public Enumerator GetEnumerator() => new(_array, _count, _tree);

    IEnumerator<T> IEnumerable<T>.GetEnumerator() => _tree is not null ? _tree.GetEnumerator() : _array.Take(_count).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<T>)this).GetEnumerator();

    /// <summary>Adds the link, or replaces the one with its key.</summary>
    internal void Put(T link)
    {
        if (_tree is not null)
        {
            if (_tree.Add(link)) return;
            _tree.Remove(link);
            _tree.Add(link);
            return;
        }
        var at = Array.BinarySearch(_array, 0, _count, link);
        if (at >= 0) _array[at] = link;
        else if (_count == MostInArray) Plant(link);
        else Insert(~at, link);
    }

    internal bool Remove(T key)
    {
        if (_tree is not null) return _tree.Remove(key);
        var at = Array.BinarySearch(_array, 0, _count, key);
        if (at < 0) return false;
        Array.Copy(_array, at + 1, _array, at, --_count - at);
        _array[_count] = null!;
        return true;
    }

    private void Insert(int at, T link)
    {
        if (_count == _array.Length) Array.Resize(ref _array, Math.Max(1, _count * 2));
        Array.Copy(_array, at, _array, at + 1, _count - at);
        _array[at] = link;
        _count++;
    }

    private void Plant(T link)
    {
        _tree = new SortedSet<T>(_array) { link };
        _array = [];
        _count = 0;
    }

    /// <summary>Walks the links in order.</summary>
    public struct Enumerator
    {
        private readonly T[] _array;
        private readonly int _count;
        private readonly bool _isTree;
        private SortedSet<T>.Enumerator _tree;
        private int _at;

        internal Enumerator(T[] array, int count, SortedSet<T>? tree)
        {
            _array = array;
            _count = count;
            _isTree = tree is not null;
            if (tree is not null) _tree = tree.GetEnumerator();
            _at = -1;
        }

        /// <summary>The link it stands on.</summary>
        public readonly T Current => _isTree ? _tree.Current : _array[_at];

        /// <summary>Steps to the next.</summary>
        public bool MoveNext() => _isTree ? _tree.MoveNext() : ++_at < _count;
    }
}
