using Twin.Gateway.Audit;

namespace Twin.Gateway.Tests.Audit;

/// <summary>The audit log keeps what it acknowledged, within its bound, and shows tampering.</summary>
public sealed class AuditLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-audit-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private AuditLog Open(long bytes = 8_192, int files = 4) => new(_folder, TimeProvider.System, bytes, files);

    private string[] Files => [.. Directory.GetFiles(_folder).Order(StringComparer.Ordinal)];

    [Fact]
    public void What_was_written_is_there_after_another_start_and_the_chain_goes_on()
    {
        using (var log = Open())
        {
            log.Administered("key:root", "PUT /policies/a", "201");
            log.Denied("key:bob", "GET /audit", "403");
        }

        using var again = Open();
        again.Administered("key:root", "DELETE /policies/a", "204");
        Assert.Equal([1L, 2, 3], again.Read().Select(e => e.Number));
        Assert.Equal(["administered", "denied", "administered"], again.Read().Select(e => e.Kind));
        Assert.Equal((3L, 1L, null), again.Verify());
    }

    [Fact]
    public void An_act_is_in_the_file_before_the_call_returns()
    {
        using var log = Open();
        log.Administered("key:root", "PUT /routes/a", "201");
        using var reader = new StreamReader(new FileStream(Assert.Single(Files), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Contains("PUT /routes/a", reader.ReadToEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("key:bob", "key:eve")]
    [InlineData("\"403\"", "\"200\"")]
    [InlineData("\"Number\":2", "\"Number\":9")]
    public void A_changed_entry_is_found(string text, string other)
    {
        using (var log = Open())
            for (var i = 0; i < 3; i++) log.Denied("key:bob", $"GET /x/{i}", "403");
        var file = Assert.Single(Files);
        var lines = File.ReadAllLines(file);
        Assert.Contains(text, lines[1], StringComparison.Ordinal);
        lines[1] = lines[1].Replace(text, other, StringComparison.Ordinal);
        File.WriteAllLines(file, lines);
        using var again = Open();
        Assert.NotNull(again.Verify().Fault);
    }

    [Fact]
    public void An_entry_taken_out_is_found()
    {
        using (var log = Open())
            for (var i = 0; i < 4; i++) log.Denied("key:bob", $"GET /x/{i}", "403");
        var file = Assert.Single(Files);
        File.WriteAllLines(file, File.ReadAllLines(file).Where((_, i) => i != 2));
        using var again = Open();
        Assert.Contains("3 is missing", again.Verify().Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_torn_last_line_is_cut_off_and_the_chain_goes_on()
    {
        using (var log = Open())
            for (var i = 0; i < 2; i++) log.Administered("key:root", $"PUT /x/{i}", "200");
        File.AppendAllText(Assert.Single(Files), "{\"Number\":3,\"At\":\"20");
        using var again = Open();
        again.Administered("key:root", "PUT /x/2", "200");
        Assert.Equal((3L, 1L, null), again.Verify());
    }

    [Fact]
    public void Full_files_make_room_and_what_is_kept_is_still_whole()
    {
        using var log = Open(2_048, 3);
        for (var i = 0; i < 200; i++) log.Denied("key:bob", $"GET /some/path/{i}", "403");
        Assert.Equal(3, Files.Length);
        Assert.All(Files, f => Assert.InRange(new FileInfo(f).Length, 1, 2_048));
        var (entries, first, fault) = log.Verify();
        Assert.Null(fault);
        Assert.Equal(200, first + entries - 1);
        Assert.Equal([198L, 199, 200], log.Read(197).Select(e => e.Number));
    }

    [Fact]
    public void Identical_denials_become_one_entry_and_one_that_counts_the_others()
    {
        using (var log = Open())
        {
            for (var i = 0; i < 5; i++) log.Denied("key:bob", "GET /audit", "403");
            log.Denied("key:eve", "GET /audit", "403");
            Assert.Equal([("key:bob", 1L), ("key:eve", 1L)], log.Read().Select(e => (e.Subject, e.Count)));
        }

        using var again = Open();
        Assert.Equal([("key:bob", 1L), ("key:eve", 1L), ("key:bob", 4L)], again.Read().Select(e => (e.Subject, e.Count)));
        Assert.Equal((3L, 1L, null), again.Verify());
    }

    [Fact]
    public void Ever_new_denials_are_written_up_to_a_bound_and_all_are_counted()
    {
        const int Knocks = 5_000;
        using (var log = Open(1 << 20))
            for (var i = 0; i < Knocks; i++) log.Denied($"key:s{i / 2}", $"GET /x/{i}", "403");
        using var again = Open(1 << 20);
        var entries = again.Read().ToArray();
        Assert.Equal(Knocks, entries.Sum(e => e.Count));
        Assert.InRange(entries.Length, DenialRepeats.MostKinds, 2 * ((2 * DenialRepeats.MostKinds) + 1));
        Assert.Null(again.Verify().Fault);
    }
}
