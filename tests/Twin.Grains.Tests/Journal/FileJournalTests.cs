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
