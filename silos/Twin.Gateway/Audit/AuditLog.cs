using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json;

namespace Twin.Gateway.Audit;

/// <summary>
/// The audit log of this process: lines of JSON in files below one folder, chained by hashes over all of them. An administrative act is on the
/// disk before it is answered; denials are written at once and flushed within a second, identical ones of ten seconds as one entry and one that
/// counts (after a crash the count of the last ten seconds is missing). Full files are kept up to <c>mostFiles</c>; the
/// oldest goes, and its absence shows in the first number kept and in <c>twin_audit_files_dropped_total</c>. Thread-safe.
/// </summary>
internal sealed class AuditLog : IDisposable
{
    public const string NoHash = "0000000000000000000000000000000000000000000000000000000000000000";
    private const int MostText = 512;
    private static readonly Meter Meter = new("Twin");
    private static readonly Counter<long> Entries = Meter.CreateCounter<long>("twin_audit_entries_total", description: "Entries written, by kind.");
    private static readonly Counter<long> Dropped = Meter.CreateCounter<long>("twin_audit_files_dropped_total", description: "Full files that made room.");
    private static readonly Counter<long> Lost = Meter.CreateCounter<long>("twin_audit_lost_total", description: "Denials that could not be written.");

    private readonly Lock _lock = new();
    private readonly string _folder;
    private readonly TimeProvider _clock;
    private readonly long _mostBytes;
    private readonly int _mostFiles;
    private readonly ITimer _flusher;
    private readonly Meter _gauges = new("Twin");
    private FileStream? _file;
    private bool _isDirty;
    private bool _isDisposed;
    private long _number;
    private string _last = NoHash;
    private string _at = "";
    private readonly DenialRepeats _repeats;

    /// <summary>Opens the log and finds its end; a last line that was torn by a crash is cut off (it was never acknowledged).</summary>
    /// <exception cref="IOException">The folder cannot be used.</exception>
    public AuditLog(string folder, TimeProvider clock, long mostBytes = 8 * 1024 * 1024, int mostFiles = 16)
    {
        (_folder, _clock, _mostBytes, _mostFiles) = (folder, clock, mostBytes, mostFiles);
        _repeats = new DenialRepeats(clock);
        Directory.CreateDirectory(folder);
        foreach (var file in Files()) CutTornLine(file);
        if (ReadFiles(Files().TakeLast(2)).LastOrDefault() is { } last) (_number, _last, _at) = (last.Number, last.Hash, last.At);
        _flusher = clock.CreateTimer(static log => ((AuditLog)log!).Tick(), this, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        _gauges.CreateObservableGauge("twin_audit_bytes", () => Files().Sum(f => new FileInfo(f).Length), "By", "Bytes of the audit log on disk.");
        _gauges.CreateObservableGauge("twin_audit_bytes_bound", () => _mostBytes * _mostFiles, "By", "Most bytes the audit log may have.");
        _gauges.CreateObservableGauge("twin_audit_kinds", () => _repeats.Kinds, description: "Kinds of denials told apart in the last ten seconds.");
        _gauges.CreateObservableGauge("twin_audit_kinds_bound", () => 2 * DenialRepeats.MostKinds + 1, description: "Most kinds of denials told apart; beyond half of it actions are no longer, then subjects.");
    }

    /// <summary>Writes an administrative act; it is on the disk when this returns.</summary>
    /// <exception cref="IOException">It could not be kept; the caller must not acknowledge the act.</exception>
    public void Administered(string subject, string action, string outcome)
    {
        lock (_lock)
        {
            Write("administered", subject, action, outcome);
            _file!.Flush(flushToDisk: true);
            _isDirty = false;
        }
    }

    /// <summary>Writes a denial, or counts it when it was written in the last ten seconds; on the disk within a second.</summary>
    public void Denied(string subject, string action, string outcome, long count = 1)
    {
        try
        {
            lock (_lock)
            {
                var denial = new Denial(Short(subject), Short(action), Short(outcome));
                if (!_repeats.IsNew(ref denial, count)) return;
                Write("denied", denial.Subject, denial.Action, denial.Outcome, count);
                _file!.Flush();
                _isDirty = true;
            }
        }
        catch (IOException)
        {
            Lost.Add(count); // the denial itself stands
        }
    }

    /// <summary>Entries in order, after a number.</summary>
    public IEnumerable<AuditEntry> Read(long after = 0)
    {
        string[] files;
        lock (_lock) files = Files();
        var first = 0;
        while (first + 1 < files.Length && FirstOf(files[first + 1]) <= after + 1) first++;
        return ReadFiles(files.Skip(first)).Where(e => e.Number > after);
    }

    /// <summary>Follows the chain from the oldest entry kept: null when whole, else what is wrong and where.</summary>
    public (long Entries, long First, string? Fault) Verify()
    {
        var (count, first, next, previous) = (0L, 0L, 0L, NoHash);
        string[] files;
        lock (_lock) files = Files();
        foreach (var entry in ReadFiles(files))
        {
            if (count++ == 0) (first, next, previous) = (entry.Number, entry.Number, entry.Number == 1 ? NoHash : entry.Previous);
            if (entry.Number != next) return (count, first, $"Entry {next} is missing: {entry.Number} follows.");
            if (!entry.IsWhole || entry.Previous != previous) return (count, first, $"Entry {entry.Number} was changed, or the one before it was.");
            (next, previous) = (entry.Number + 1, entry.Hash);
        }

        lock (_lock)
            if (count > 0 && next - 1 < _number && files.SequenceEqual(Files()) && ReadFiles(files).LastOrDefault()?.Number < _number) return (count, first, $"Entries {next} to {_number} are missing.");
        return (count, first, null);
    }

    public void Dispose()
    {
        _flusher.Dispose();
        _gauges.Dispose();
        lock (_lock)
        {
            Tell(everything: true);
            _isDisposed = true;
            _file?.Dispose();
            _file = null;
        }
    }

    private void Write(string kind, string subject, string action, string outcome, long count = 1)
    {
        var at = _clock.GetUtcNow().UtcDateTime.ToString("o", CultureInfo.InvariantCulture);
        if (string.CompareOrdinal(at, _at) < 0) at = _at; // a clock set back must not mix the order
        (subject, action, outcome) = (Short(subject), Short(action), Short(outcome));
        var entry = new AuditEntry(_number + 1, at, kind, subject, action, outcome, _last, AuditEntry.HashOf(_number + 1, at, kind, subject, action, outcome, _last, count), count);
        var line = JsonSerializer.SerializeToUtf8Bytes(entry);
        if (_file is null || _file.Length + line.Length > _mostBytes) Turn(entry.Number);
        _file!.Write([.. line, (byte)'\n']);
        (_number, _last, _at) = (entry.Number, entry.Hash, at);
        Entries.Add(1, new KeyValuePair<string, object?>("kind", kind));
    }

    private void Turn(long number)
    {
        if (_file is null && Files().LastOrDefault() is { } latest && new FileInfo(latest).Length < _mostBytes / 2)
        {
            _file = new FileStream(latest, FileMode.Append, FileAccess.Write, FileShare.Read);
            return;
        }

        _file?.Flush(flushToDisk: true);
        _file?.Dispose();
        _file = new FileStream(Path.Combine(_folder, $"audit-{number:D16}.jsonl"), FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
        foreach (var old in Files().SkipLast(_mostFiles))
        {
            File.Delete(old);
            Dropped.Add(1);
        }
    }

    private void Tell(bool everything)
    {
        foreach (var (denial, repeats) in _repeats.TakeOver(everything))
        {
            try
            {
                Write("denied", denial.Subject, denial.Action, denial.Outcome, repeats);
                _file!.Flush();
                _isDirty = true;
            }
            catch (IOException)
            {
                Lost.Add(repeats);
            }
        }
    }

    private void Tick()
    {
        lock (_lock)
        {
            if (_isDisposed) return;
            Tell(everything: false);
            if (!_isDirty || _file is null) return;
            try
            {
                _file.Flush(flushToDisk: true);
                _isDirty = false;
            }
            catch (IOException)
            {
                Lost.Add(1);
            }
        }
    }

    private string[] Files() => [.. Directory.GetFiles(_folder, "audit-*.jsonl").Order(StringComparer.Ordinal)];

    private static long FirstOf(string file) => long.Parse(Path.GetFileNameWithoutExtension(file)["audit-".Length..], CultureInfo.InvariantCulture);

    private static IEnumerable<AuditEntry> ReadFiles(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            while (reader.ReadLine() is { } line)
            {
                AuditEntry? entry;
                try
                {
                    entry = JsonSerializer.Deserialize<AuditEntry>(line);
                }
                catch (JsonException)
                {
                    continue; // being written, or damaged: then the next number shows the gap
                }

                if (entry is not null) yield return entry;
            }
        }
    }

    private static void CutTornLine(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        var end = stream.Length;
        while (end > 0)
        {
            stream.Position = end - 1;
            if (stream.ReadByte() == '\n') break;
            end--;
        }

        if (end != stream.Length) stream.SetLength(end);
    }

    private static string Short(string text) => text.Length <= MostText ? text : text[..MostText];
}
