using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Twin.Presence;

namespace Twin.Gateway.Spaces;

/// <summary>A recording on this silo.</summary>
/// <param name="Name">Its name within the space: when it began, in milliseconds of Unix time.</param>
/// <param name="Files">In order.</param>
/// <param name="Chunks">Their heads, in order.</param>
internal sealed record SpaceRecordingEntry(string Name, IReadOnlyList<string> Files, IReadOnlyList<SpaceChunk> Chunks);

/// <summary>
/// Keeps recordings in files, <c>spaces/{space}/{began}-{part}.twsr</c>, compressed; the oldest go when a space has too many bytes. Chunks come through a bounded queue: a disk that is too slow makes a gap in the recording and never a late tick.
/// </summary>
internal sealed class SpaceRecordings(string folder, SpaceMetrics metrics, ILogger<SpaceRecordings> log) : BackgroundService
{
    /// <summary>Of one space; of more, the oldest files go.</summary>
    public const long MostBytes = 4L * 1024 * 1024 * 1024;

    /// <summary>Bytes after which a file is followed by another.</summary>
    public const long FileBytes = 64 * 1024 * 1024;

    private const int MostWaiting = 16;
    private readonly Channel<(string Space, string Name, byte[] Chunk)> _waiting = Channel.CreateBounded<(string, string, byte[])>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    private readonly Dictionary<(string Space, string Name), int> _parts = [];

    /// <summary>Takes a chunk to be kept. Any thread; does not block.</summary>
    public void Take(string space, string name, byte[] chunk)
    {
        if (!_waiting.Writer.TryWrite((space, name, chunk))) metrics.ChunkLost();
    }

    /// <summary>The recordings of a space that are on this silo's disk, the newest first. A damaged file is left out.</summary>
    public IReadOnlyList<SpaceRecordingEntry> List(string space)
    {
        var files = FilesOf(space).GroupBy(f => Path.GetFileName(f).Split('-')[0], StringComparer.Ordinal);
        return [.. files.Select(f => Read(f.Key, [.. f])).Where(r => r.Chunks.Count > 0).OrderByDescending(r => r.Name, StringComparer.Ordinal)];
    }

    /// <summary>One recording, or null.</summary>
    public SpaceRecordingEntry? Find(string space, string name)
    {
        if (name.Length is 0 or > 20 || !name.All(char.IsAsciiDigit)) return null;
        var found = Read(name, [.. FilesOf(space).Where(f => Path.GetFileName(f).StartsWith(name + "-", StringComparison.Ordinal))]);
        return found.Chunks.Count > 0 ? found : null;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var (space, name, chunk) in _waiting.Reader.ReadAllAsync(stoppingToken).ConfigureAwait(false)) Keep(space, name, chunk);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            while (_waiting.Reader.TryRead(out var rest)) Keep(rest.Space, rest.Name, rest.Chunk);
        }
    }

    private void Keep(string space, string name, byte[] chunk)
    {
        try
        {
            var read = SpaceChunk.Read(chunk)!;
            var packed = SpaceChunk.ToBytes(read.Body().Span, read.FirstTick, read.Ticks, read.TickHz, read.At, true);
            Directory.CreateDirectory(FolderOf(space));
            var part = _parts.GetValueOrDefault((space, name));
            var path = PathOf(space, name, part);
            if (File.Exists(path) && new FileInfo(path).Length + packed.Length > FileBytes) path = PathOf(space, name, ++part);
            if (_parts.Count > 10_000) _parts.Clear();
            _parts[(space, name)] = part;
            Append(path, packed);
            metrics.ChunkKept(packed.Length);
            Trim(space, path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            metrics.ChunkLost();
            log.LogWarning("A part of the recording of space {Space} is lost: {Fault}", space, fault.Message);
        }
    }

    /// <summary>All of it or nothing: what came after a part of a chunk, as a full disk leaves it, could not be read.</summary>
    private static void Append(string path, byte[] chunk)
    {
        using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var before = file.Length;
        try
        {
            file.Write(chunk);
        }
        catch (IOException)
        {
            file.SetLength(before);
            throw;
        }
    }

    private void Trim(string space, string newest)
    {
        var files = FilesOf(space).Select(f => new FileInfo(f)).ToList();
        var bytes = files.Sum(f => f.Length);
        foreach (var old in files.Where(f => f.FullName != Path.GetFullPath(newest)))
        {
            if (bytes <= MostBytes) return;
            bytes -= old.Length;
            old.Delete();
        }
    }

    private static SpaceRecordingEntry Read(string name, string[] files)
    {
        var chunks = new List<SpaceChunk>();
        foreach (var file in files)
        {
            try
            {
                chunks.AddRange(SpaceChunk.ReadFile(file));
            }
            catch (Exception fault) when (fault is SpaceRecordingException or IOException)
            {
                break; // what comes after a damaged part is not the same recording any more
            }
        }

        return new SpaceRecordingEntry(name, files, chunks);
    }

    private string FolderOf(string space) => Path.Combine(folder, "spaces", Uri.EscapeDataString(space).Replace(".", "%2E", StringComparison.Ordinal));

    private string PathOf(string space, string name, int part) => Path.Combine(FolderOf(space), string.Create(CultureInfo.InvariantCulture, $"{name}-{part:D4}.twsr"));

    private string[] FilesOf(string space) => Directory.Exists(FolderOf(space)) ? [.. Directory.GetFiles(FolderOf(space), "*.twsr").Order(StringComparer.Ordinal)] : [];
}
