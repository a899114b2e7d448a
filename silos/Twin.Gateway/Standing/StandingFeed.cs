using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Twin.Gateway.Streams;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query.Standing;

namespace Twin.Gateway.Standing;

/// <summary>A standing query's subscribers and the changes kept for those that come back. One user at a time.</summary>
internal sealed class StandingFeed((string Query, PolicySubject? Subject) key, StandingMember member, KeptChanges.Room room)
{
    private const int ChunkRows = 500;

    private readonly string _instance = Convert.ToHexStringLower(Guid.NewGuid().ToByteArray().AsSpan(0, 8));
    private readonly KeptChanges _kept = new(room); // the last of those given out, one sequence number each
    private long _sequence;

    /// <summary>What the query is found by.</summary>
    public (string Query, PolicySubject? Subject) Key { get; } = key;

    public StandingMember Member { get; } = member;

    public List<Subscriber> Subscribers { get; } = [];

    /// <summary>Those who wait for the first answer.</summary>
    public List<StandingOpening> Openings { get; } = [];

    /// <summary>When the last subscriber left; null while there are some.</summary>
    public long? IdleSince { get; set; }

    /// <summary>Its answer is being read.</summary>
    public bool IsLoading { get; set; }

    /// <summary>Not read again before this timestamp.</summary>
    public long NotBefore { get; set; }

    /// <summary>After all that was given out.</summary>
    public string Cursor => string.Create(CultureInfo.InvariantCulture, $"{_instance}.{_sequence}");

    /// <summary>Gives out changes.</summary>
    public void Publish(ReadOnlyMemory<byte>[] changes)
    {
        foreach (var change in changes) _kept.Add(change.Span);
        _sequence += changes.Length;
        if (Subscribers.Count == 0) return;
        var cursor = new Lazy<string>(Cursor);
        foreach (var subscriber in Subscribers) subscriber.Add(new StreamItem(changes, cursor, false));
    }

    /// <summary>Adds a subscriber: it gets what it missed since its cursor, or, when that is not kept, a reset and all rows.</summary>
    public void Join(Subscriber subscriber, string? cursor)
    {
        Subscribers.Add(subscriber);
        IdleSince = null;
        var now = new Lazy<string>(Cursor);
        if (TryResume(cursor, out var missed))
        {
            subscriber.Add(new StreamItem(missed, now, false));
            return;
        }

        var none = new Lazy<string>(""); // until all rows are there a break begins anew
        var rows = Member.Answer.Select(Encode).Chunk(ChunkRows).ToList();
        if (rows.Count == 0) rows.Add([]);
        for (var i = 0; i < rows.Count; i++) subscriber.Add(new StreamItem(rows[i], i == rows.Count - 1 ? now : none, i == 0));
    }

    /// <summary>Gives back what it kept.</summary>
    public void Close() => _kept.Clear();

    /// <summary>One change as subscribers read it.</summary>
    public static ReadOnlyMemory<byte> Encode(RowChange change)
    {
        var bytes = new ArrayBufferWriter<byte>(change.Row.Length + change.Id.Length + 48);
        bytes.Write(change.Kind switch
        {
            RowChangeKind.Added => "{\"kind\":\"rowAdded\",\"key\":\""u8,
            RowChangeKind.Changed => "{\"kind\":\"rowChanged\",\"key\":\""u8,
            _ => "{\"kind\":\"rowRemoved\",\"key\":\""u8,
        });
        bytes.Write(Encoding.UTF8.GetBytes(JsonEncodedText.Encode(change.Id, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).Value));
        bytes.Write("\""u8);
        if (change.Kind != RowChangeKind.Removed)
        {
            bytes.Write(",\"row\":"u8);
            bytes.Write(change.Row.Span);
        }

        bytes.Write("}"u8);
        return bytes.WrittenMemory;
    }

    private bool TryResume(string? cursor, out ReadOnlyMemory<byte>[] missed)
    {
        missed = [];
        if (cursor is null || !cursor.StartsWith(_instance + ".", StringComparison.Ordinal) || !long.TryParse(cursor.AsSpan(_instance.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)) return false;
        var behind = _sequence - sequence;
        if (behind < 0 || behind > _kept.Count) return false;
        missed = _kept.Last((int)behind);
        return true;
    }
}

/// <summary>A subscriber that waits for its query's rows.</summary>
/// <param name="Subscriber">Who.</param>
/// <param name="Cursor">Where it stood before; null or empty begins anew.</param>
/// <param name="After">By shard the position up to which the rows must know the feed.</param>
/// <param name="Done">Ok when the rows are queued, else why they cannot be had.</param>
internal sealed record StandingOpening(Subscriber Subscriber, string? Cursor, long[] After, TaskCompletionSource<(TwinStatus Status, Problem? Problem)> Done);
