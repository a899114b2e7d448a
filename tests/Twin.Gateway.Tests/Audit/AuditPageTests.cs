using System.Globalization;
using Twin.Gateway.Audit;
using Twin.Grains;

namespace Twin.Gateway.Tests.Audit;

/// <summary>Pages over several logs neither skip nor repeat.</summary>
public sealed class AuditPageTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Every_entry_comes_once_whatever_is_written_or_out_of_reach_meanwhile(int seed)
    {
        var random = new Random(seed);
        var logs = Enumerable.Range(0, 4).ToDictionary(m => $"m{m}", _ => new List<AuditRow>());
        var clock = 1_000;
        void Write(int most)
        {
            for (var i = random.Next(most); i > 0; i--)
            {
                var (name, log) = logs.ElementAt(random.Next(logs.Count));
                clock += random.Next(2);
                log.Add(new AuditRow(log.Count + 1, clock.ToString("D8", CultureInfo.InvariantCulture), "denied", "s", random.Next(3) == 0 ? "wanted" : "other", "403", $"{name}/{log.Count + 1}", 1));
            }
        }

        Write(200);
        var seen = new List<string>();
        var token = "";
        for (var turn = 0; turn < 400; turn++)
        {
            if (turn < 60) Write(8);
            Assert.True(AuditPage.TryParse(token, out var positions));
            var top = random.Next(1, 9);
            var reached = logs.Where(_ => turn >= 60 ? true : random.Next(4) > 0).ToDictionary(l => l.Key, l => Slice(l.Value, positions.GetValueOrDefault(l.Key), top));
            var page = AuditPage.Merge(positions, reached, top);
            Assert.InRange(page.Rows.Count, 0, top);
            Assert.Equal(page.Rows.OrderBy(r => r.Row.At, StringComparer.Ordinal).Select(r => r.Row.At), page.Rows.Select(r => r.Row.At));
            seen.AddRange(page.Rows.Select(r => r.Row.Hash));
            token = AuditPage.Format(page.Positions);
            if (turn >= 60 && page.IsEnd) break;
        }

        Assert.Equal(logs.Values.SelectMany(l => l).Where(r => r.Action == "wanted").Select(r => r.Hash).Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
    }

    // As a desk answers, with a small bound on what it looks at.
    private static AuditSlice Slice(List<AuditRow> log, long after, int top)
    {
        var rows = new List<AuditRow>();
        var (through, examined) = (after, 0);
        foreach (var row in log.Skip((int)after))
        {
            if (rows.Count == top || examined++ == 7) return new AuditSlice([.. rows], through, false);
            through = row.Number;
            if (row.Action == "wanted") rows.Add(row);
        }

        return new AuditSlice([.. rows], through, true);
    }

    [Theory]
    [InlineData("!")]
    [InlineData("YQ")]
    [InlineData("YT1i")]
    [InlineData("YT0tMQ")]
    public void A_token_that_was_not_given_is_refused(string token) => Assert.False(AuditPage.TryParse(token, out _));
}
