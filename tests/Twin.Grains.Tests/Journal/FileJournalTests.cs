using Twin.Graph.Journal;
using Twin.Model;

namespace Twin.Grains.Tests.Journal;

public sealed class FileJournalTests : JournalConformance
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), "twin-journal-" + Guid.NewGuid().ToString("n"));

    public override ValueTask InitializeAsync()
    {
        Store = Open();
        return default;
    }

    public override async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        Directory.Delete(_root, true);
    }

    private FileJournalStore Open(FsyncPolicy policy = FsyncPolicy.Os) => new(_root, policy, TimeProvider.System) { SegmentBytes = 1_000 };

    [Fact]
    public async Task A_second_process_is_refused_with_the_folders_name()
    {
        var refused = Assert.Throws<IOException>(() => Open());
        Assert.Contains(_root, refused.Message, StringComparison.Ordinal);
        await Store.DisposeAsync();
        Store = Open();
    }

    [Fact]
    public async Task A_last_frame_torn_at_any_byte_is_left_out_and_appends_go_on()
    {
        var journal = await OpenAsync();
        var start = FeedSequence.StartOf(journal.Epoch);
        var first = await AppendAsync(journal, start + 1, 1);
        var second = await AppendAsync(journal, start + 2, 2);
        await journal.DisposeAsync();
        var path = Directory.GetFiles(_root, "*.journal", SearchOption.AllDirectories).Single();
        var whole = await File.ReadAllBytesAsync(path);
        for (var cut = first.Length; cut < whole.Length; cut++)
        {
            await File.WriteAllBytesAsync(path, whole[..cut]);
            var again = await OpenAsync();
            Assert.Equal([first], await ReadAsync(again, 0));
            var next = await AppendAsync(again, FeedSequence.StartOf(again.Epoch) + 1, 1);
            Assert.Equal([first, next], await ReadAsync(again, 0));
            await again.DisposeAsync();
        }

        Assert.Equal(whole.Length, first.Length + second.Length);
    }

    [Fact]
    public async Task Damage_before_good_frames_names_file_and_offset()
    {
        var journal = await OpenAsync();
        var start = FeedSequence.StartOf(journal.Epoch);
        var first = await AppendAsync(journal, start + 1, 1);
        await AppendAsync(journal, start + 2, 1);
        await AppendAsync(journal, start + 3, 1);
        await journal.DisposeAsync();
        var path = Directory.GetFiles(_root, "*.journal", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[first.Length + 20] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        var told = await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync());
        Assert.Contains(path, told.Message, StringComparison.Ordinal);
        Assert.Contains(first.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_length_before_good_frames_is_damage_and_not_a_torn_tail()
    {
        var journal = await OpenAsync();
        var start = FeedSequence.StartOf(journal.Epoch);
        var first = await AppendAsync(journal, start + 1, 1);
        await AppendAsync(journal, start + 2, 1);
        await AppendAsync(journal, start + 3, 1);
        await journal.DisposeAsync();
        var path = Directory.GetFiles(_root, "*.journal", SearchOption.AllDirectories).Single();
        var whole = await File.ReadAllBytesAsync(path);
        for (var at = 0; at < 2 * first.Length; at++)
        {
            var bytes = (byte[])whole.Clone();
            bytes[at] ^= 0x40;
            await File.WriteAllBytesAsync(path, bytes);
            var told = await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync());
            Assert.Contains($"{path} is damaged at byte {(at < first.Length ? 0 : first.Length)}:", told.Message, StringComparison.Ordinal);
        }

        Assert.Equal(whole.Length, (await File.ReadAllBytesAsync(path)).Length); // a refusal cuts nothing
    }

    [Theory]
    [InlineData(FsyncPolicy.Always, 1_000_000)]
    [InlineData(FsyncPolicy.Always, 200)]
    [InlineData(FsyncPolicy.Every100Ms, 1_000_000)]
    [InlineData(FsyncPolicy.Every100Ms, 200)]
    public async Task After_failed_flushes_appends_go_on_and_every_acknowledged_frame_is_there(FsyncPolicy policy, int segmentBytes)
    {
        await Store.DisposeAsync();
        var isBroken = false;
        void FlushOrFail(Microsoft.Win32.SafeHandles.SafeFileHandle file)
        {
            if (isBroken) throw new IOException("Input/output error");
            RandomAccess.FlushToDisk(file);
        }

        Store = new FileJournalStore(_root, policy, TimeProvider.System) { SegmentBytes = segmentBytes, FlushToDisk = FlushOrFail };
        var journal = await OpenAsync();
        var next = FeedSequence.StartOf(journal.Epoch) + 1;
        var acknowledged = new List<byte[]>();
        var refused = 0;
        for (var round = 0; round < 3; round++)
        {
            isBroken = false;
            for (var i = 0; i < 5; i++) acknowledged.Add(await AppendAsync(journal, next++, 1));
            isBroken = true;
            for (var i = 0; i < 10_000 && refused <= round; i++)
            {
                try
                {
                    acknowledged.Add(await AppendAsync(journal, next, 1));
                    next++;
                    await Task.Yield();
                    (journal as FileShardJournal)!.FlushWritten();
                }
                catch (IOException fault)
                {
                    Assert.Contains("Input/output error", fault.Message, StringComparison.Ordinal);
                    refused++;
                }
            }

            Assert.Equal(acknowledged, await ReadAsync(journal, 0)); // reads go on meanwhile
        }

        Assert.Equal(3, refused);
        isBroken = false;
        acknowledged.Add(await AppendAsync(journal, next, 1));
        await journal.DisposeAsync();
        Assert.Equal(acknowledged, await ReadAsync(await OpenAsync(), 0));
    }

    [Theory]
    [InlineData(FsyncPolicy.Always)]
    [InlineData(FsyncPolicy.Every100Ms)]
    public async Task Every_policy_keeps_frames(FsyncPolicy policy)
    {
        await Store.DisposeAsync();
        Store = Open(policy);
        var journal = await OpenAsync();
        var frame = await AppendAsync(journal, FeedSequence.StartOf(1) + 1, 1);
        Assert.Equal([frame], await ReadAsync(journal, 0));
    }
}
