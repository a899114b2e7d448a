namespace Twin.Grains.Journal;

/// <summary>The scripts; sequences are compared as text, since Lua's numbers hold 53 bits.</summary>
internal static class RedisScripts
{
    public const long Fenced = -1;
    public const long Misplaced = -2;

    /// <summary>
    /// KEYS epoch, frames, last, bytes. ARGV epoch, sequence before the frame ('*' where an epoch starts), last sequence, the
    /// append's own tag, frame. A frame whose tag is there already is not pushed again; one that does not follow is refused.
    /// </summary>
    public const string Append = """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
        local tail = redis.call('HMGET', KEYS[3], 'sequence', 'tag')
        if tail[2] == ARGV[4] then return 0 end
        if ARGV[2] ~= '*' and tail[1] and tail[1] ~= ARGV[2] then return -2 end
        redis.call('RPUSH', KEYS[2], ARGV[5])
        redis.call('HSET', KEYS[3], 'sequence', ARGV[3], 'tag', ARGV[4])
        redis.call('INCRBY', KEYS[4], string.len(ARGV[5]))
        return 0
        """;

    /// <summary>KEYS frames, base. ARGV absolute number of the first frame, most frames. Answers the number of the first given, then the frames.</summary>
    public const string Read = """
        local base = tonumber(redis.call('GET', KEYS[2]) or '0')
        local start = tonumber(ARGV[1])
        if start < base then start = base end
        local frames = redis.call('LRANGE', KEYS[1], start - base, start - base + tonumber(ARGV[2]) - 1)
        table.insert(frames, 1, tostring(start))
        return frames
        """;

    /// <summary>KEYS epoch, snapshot pointer. ARGV epoch, new pointer. Answers the old pointer, '' for none, or -1.</summary>
    public const string Point = """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return '-1' end
        local old = redis.call('GET', KEYS[2])
        redis.call('SET', KEYS[2], ARGV[2])
        return old or ''
        """;

    /// <summary>KEYS epoch, frames, base, bytes. ARGV epoch, expected base, frames to drop, their bytes. A repeated trim finds another base and does nothing.</summary>
    public const string Trim = """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
        if (redis.call('GET', KEYS[3]) or '0') ~= ARGV[2] then return 0 end
        redis.call('LTRIM', KEYS[2], ARGV[3], -1)
        redis.call('INCRBY', KEYS[3], ARGV[3])
        redis.call('DECRBY', KEYS[4], ARGV[4])
        return 0
        """;
}
