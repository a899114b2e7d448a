namespace Twin.Wire.Mqtt;

/// <summary>Topic filters (clause 4.7). Pure functions.</summary>
public static class MqttTopicFilter
{
    /// <summary>Does a filter match a topic? Hot: allocates nothing.</summary>
    public static bool Matches(ReadOnlySpan<char> filter, ReadOnlySpan<char> topic)
    {
        if (topic.StartsWith('$') && (filter.StartsWith('+') || filter.StartsWith('#'))) return false;
        while (true)
        {
            if (filter is "#") return true;
            var f = filter.IndexOf('/');
            var t = topic.IndexOf('/');
            var level = f < 0 ? filter : filter[..f];
            if (level is not "+" && !level.SequenceEqual(t < 0 ? topic : topic[..t])) return false;
            if (t < 0) return f < 0 || filter[(f + 1)..] is "#";
            if (f < 0) return false;
            filter = filter[(f + 1)..];
            topic = topic[(t + 1)..];
        }
    }

    /// <summary>Splits <c>$share/group/filter</c> and checks the wildcard rules (clauses 4.7.1, 4.8.2); false when it is not a filter.</summary>
    public static bool TryParse(string text, out string filter, out string? group)
    {
        filter = text;
        group = null;
        if (text.StartsWith("$share/", StringComparison.Ordinal))
        {
            var slash = text.IndexOf('/', 7);
            if (slash <= 7) return false;
            group = text[7..slash];
            filter = text[(slash + 1)..];
            if (group.AsSpan().IndexOfAny('+', '#') >= 0) return false;
        }

        if (filter.Length == 0) return false;
        var levels = filter.Split('/');
        for (var i = 0; i < levels.Length; i++)
        {
            if (levels[i].Contains('#') && (levels[i].Length > 1 || i < levels.Length - 1)) return false;
            if (levels[i].Contains('+') && levels[i].Length > 1) return false;
        }

        return levels.Length <= 128;
    }
}
