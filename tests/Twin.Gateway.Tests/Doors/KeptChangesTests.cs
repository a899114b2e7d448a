using System.Text;
using CsCheck;
using Twin.Gateway.Standing;

namespace Twin.Gateway.Tests.Doors;

/// <summary>The ring against a plain list.</summary>
public class KeptChangesTests
{
    [Fact]
    public void The_last_changes_are_those_that_were_added_last_and_never_more_than_the_room() =>
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 0, 400].Array[0, 300], Gen.Int[0, 20_000]).Sample((changes, bytes) =>
        {
            var room = new KeptChanges.Room(bytes);
            var kept = new KeptChanges(room);
            for (var i = 0; i < changes.Length; i++)
            {
                kept.Add(Encoding.UTF8.GetBytes(changes[i]));
                Assert.InRange(kept.Count, 0, i + 1);
                Assert.True(room.Used <= bytes);
            }

            var last = kept.Last(kept.Count).Select(c => Encoding.UTF8.GetString(c.Span));
            Assert.Equal(changes.TakeLast(kept.Count), last);
            if (bytes >= 2_048 && changes.Length > 0) Assert.True(kept.Count >= Math.Min(changes.Length, 2));
            kept.Clear();
            Assert.Equal((0, 0L), (kept.Count, room.Used));
        });
}
