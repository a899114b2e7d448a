namespace Twin.Gateway.Mqtt;

/// <summary>One filter of one session. Immutable.</summary>
internal sealed record Subscription(MqttSession Session, string Filter, string? Group, byte Qos, bool NoLocal, bool RetainAsPublished, int Id);

/// <summary>A subscription that matched; shared groups give one member.</summary>
internal readonly record struct SubscriptionMatch(Subscription Subscription);

/// <summary>
/// Topic filters as a tree of levels (clause 4.7). Matching costs the number of levels, not the number of filters.
/// Thread-safe by one lock; <see cref="MayMatch"/> answers without it.
/// </summary>
internal sealed class SubscriptionTree
{
    private static readonly string[][] Shapes = // sample topics of each kind, by TopicKind; "?" is a twin id
    [
        [], ["twins", "\u0001", "properties", "mp"], ["twins", "\u0001", "telemetry"], ["twins", "\u0001", "reported"],
        ["twins", "\u0001", "replies", "\u0001"], ["twins", "\u0001", "changes"], ["spBv1.0", "\u0001", "\u0001", "\u0001", "\u0001"],
    ];

    private readonly Lock _lock = new();
    private readonly Node _root = new();
    private readonly int[] _mayMatch = new int[Shapes.Length];
    private int _count;

    private sealed class Node
    {
        public Dictionary<string, Node>? Children;
        public Node? Plus;
        public Dictionary<MqttSession, Subscription>? Here;
        public Dictionary<MqttSession, Subscription>? Below; // "#"
        public Dictionary<string, Group>? GroupsHere;
        public Dictionary<string, Group>? GroupsBelow;

        public bool IsEmpty => Children is not { Count: > 0 } && Plus is null && Here is not { Count: > 0 } && Below is not { Count: > 0 }
            && GroupsHere is not { Count: > 0 } && GroupsBelow is not { Count: > 0 };
    }

    private sealed class Group
    {
        public readonly List<Subscription> Members = [];
        public int Next;
    }

    /// <summary>Filters kept.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>False when certainly nobody listens to topics of that kind: the hot path then does nothing at all.</summary>
    public bool MayMatch(TopicKind kind) => Volatile.Read(ref _count) != 0 && (kind == TopicKind.Ordinary || Volatile.Read(ref _mayMatch[(int)kind]) != 0);

    /// <summary>Adds or replaces; returns true when it was not there.</summary>
    public bool Add(Subscription subscription)
    {
        lock (_lock)
        {
            var added = Change(subscription, add: true);
            if (added) CountShapes(subscription.Filter, +1);
            return added;
        }
    }

    /// <summary>Removes; returns true when it was there.</summary>
    public bool Remove(Subscription subscription)
    {
        lock (_lock)
        {
            var removed = Change(subscription, add: false);
            if (removed) CountShapes(subscription.Filter, -1);
            return removed;
        }
    }

    /// <summary>Collects the matches of a topic, one a session at most for each filter; shared groups take their next live member.</summary>
    public void Match(string topic, List<SubscriptionMatch> into)
    {
        lock (_lock) Walk(_root, topic, 0, first: true, into);
    }

    private static void Walk(Node node, ReadOnlySpan<char> topic, int at, bool first, List<SubscriptionMatch> into)
    {
        var hidden = first && topic.StartsWith('$'); // clause 4.7.2: wildcards do not match $ topics at the first level
        if (!hidden) Collect(node.Below, node.GroupsBelow, into);
        if (at > topic.Length)
        {
            Collect(node.Here, node.GroupsHere, into);
            return;
        }

        var rest = topic[at..];
        var slash = rest.IndexOf('/');
        var level = slash < 0 ? rest : rest[..slash];
        var next = at + level.Length + 1;
        if (node.Children is not null && node.Children.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(level, out var child)) Walk(child, topic, next, false, into);
        if (node.Plus is not null && !hidden) Walk(node.Plus, topic, next, false, into);
    }

    private static void Collect(Dictionary<MqttSession, Subscription>? plain, Dictionary<string, Group>? groups, List<SubscriptionMatch> into)
    {
        if (plain is not null)
            foreach (var subscription in plain.Values) into.Add(new SubscriptionMatch(subscription));
        if (groups is null) return;
        foreach (var group in groups.Values)
        {
            var chosen = Pick(group, live: true) ?? Pick(group, live: false);
            if (chosen is not null) into.Add(new SubscriptionMatch(chosen));
        }
    }

    private static Subscription? Pick(Group group, bool live)
    {
        for (var i = 0; i < group.Members.Count; i++)
        {
            var at = (group.Next + i) % group.Members.Count;
            if (live && !group.Members[at].Session.IsConnected) continue;
            group.Next = at + 1;
            return group.Members[at];
        }

        return null;
    }

    private bool Change(Subscription subscription, bool add)
    {
        var path = new Stack<(Node Parent, string Level, Node Child)>();
        var node = _root;
        var levels = subscription.Filter.Split('/');
        var below = levels[^1] == "#";
        foreach (var level in below ? levels.AsSpan()[..^1] : levels.AsSpan())
        {
            Node? child;
            if (level == "+") child = node.Plus ??= add ? new Node() : null;
            else if (!(node.Children ??= []).TryGetValue(level, out child) && add) node.Children[level] = child = new Node();
            if (child is null) return false;
            path.Push((node, level, child));
            node = child;
        }

        var changed = subscription.Group is null ? ChangePlain(node, subscription, below, add) : ChangeGroup(node, subscription, below, add);
        if (changed) Volatile.Write(ref _count, _count + (add ? 1 : -1));
        while (!add && path.TryPop(out var step) && step.Child.IsEmpty)
        {
            if (step.Level == "+") step.Parent.Plus = null;
            else step.Parent.Children!.Remove(step.Level);
        }

        return changed;
    }

    private static bool ChangePlain(Node node, Subscription subscription, bool below, bool add)
    {
        var set = below ? node.Below ??= [] : node.Here ??= [];
        if (!add) return set.Remove(subscription.Session);
        var isNew = !set.ContainsKey(subscription.Session);
        set[subscription.Session] = subscription;
        return isNew;
    }

    private static bool ChangeGroup(Node node, Subscription subscription, bool below, bool add)
    {
        var groups = below ? node.GroupsBelow ??= [] : node.GroupsHere ??= [];
        if (!groups.TryGetValue(subscription.Group!, out var group))
        {
            if (!add) return false;
            groups[subscription.Group!] = group = new Group();
        }

        var at = group.Members.FindIndex(m => ReferenceEquals(m.Session, subscription.Session));
        if (add)
        {
            if (at >= 0) group.Members[at] = subscription;
            else group.Members.Add(subscription);
            return at < 0;
        }

        if (at < 0) return false;
        group.Members.RemoveAt(at);
        if (group.Members.Count == 0) groups.Remove(subscription.Group!);
        return true;
    }

    private void CountShapes(string filter, int delta)
    {
        var levels = filter.Split('/');
        for (var kind = 1; kind < Shapes.Length; kind++)
            if (CouldMatch(levels, Shapes[kind])) Volatile.Write(ref _mayMatch[kind], _mayMatch[kind] + delta);
    }

    private static bool CouldMatch(string[] filter, string[] shape)
    {
        // A filter that ends earlier than the shape may still match a shorter topic of that kind (properties without /mp, twins/batch).
        for (var i = 0; i < Math.Min(filter.Length, shape.Length); i++)
        {
            if (filter[i] == "#") return true;
            if (filter[i] != "+" && shape[i] != "\u0001" && filter[i] != shape[i] && !(i == 2 && filter[2] == "mp")) return false;
        }

        return true;
    }
}
