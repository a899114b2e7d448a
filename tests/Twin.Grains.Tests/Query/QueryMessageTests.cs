using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Cloning;
using Twin.Grains.Query;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Grains.Tests.Query;

public class QueryMessageTests
{
    private static readonly ShardPosition Position = new(3, 2, 1, "r1");
    private static readonly OrderKey Place = new([PropertyValue.From(1.5), default, PropertyValue.From("é"), QueryValues.Null, PropertyValue.From(true)], "twin", "link");

    private static FoundLink Link { get; } = new("far", "link", true, [PropertyValue.From(2L)]);

    private static ShardQuery Query => new("SELECT", [PropertyValue.From(7L), PropertyValue.From(new WallTime(5)), PropertyValue.FromJson("[1]"u8.ToArray())], 20, 5_000_000_000, TimeSpan.FromSeconds(9))
    {
        Position = Position,
        After = Place,
        Pattern = new PatternSlice(2, 1, -1, [new TwinVisit("a", [Link]), new TwinVisit("b", [], Link with { Values = null })]),
        IsEstimate = true,
    };

    private static ShardRows Rows => new(TwinStatus.TooMuch, ["{}"u8.ToArray(), "{\"a\":1}"u8.ToArray()], 12_345, new Problem("Code", "detail", null))
    {
        Next = Position, Count = 9, Places = [Place], Plan = "{}"u8.ToArray(), Estimates = [3, 1L << 40],
        Visited = [new VisitedTwin("a", true, [PropertyValue.From(1.0)], [null, [], [default]], [Link, Link with { IsIncoming = false }], Link) { Next = Position }, new VisitedTwin("b", false, [], [], [], null)],
        Groups = [new GroupRow([PropertyValue.From("k"), default], [new AggregateState(3, 1.5, true, PropertyValue.From(9L))])],
    };

    [Fact]
    public void Messages_come_through_the_cluster_s_serializer_as_they_went()
    {
        using var services = new ServiceCollection().AddSerializer(b => b.AddAssembly(typeof(QueryCodec).Assembly)).BuildServiceProvider();
        var serializer = services.GetRequiredService<Serializer>();
        Same(Query, serializer.Deserialize<ShardQuery>(serializer.SerializeToArray(Query))!);
        Same(Rows, serializer.Deserialize<ShardRows>(serializer.SerializeToArray(Rows))!);
    }

    [Fact]
    public void Within_a_silo_messages_are_not_copied()
    {
        using var services = new ServiceCollection().AddSerializer(b => b.AddAssembly(typeof(QueryCodec).Assembly)).BuildServiceProvider();
        var copier = services.GetRequiredService<DeepCopier>();
        var (query, rows) = (Query, Rows);
        Assert.Same(query, copier.Copy(query));
        Assert.Same(rows, copier.Copy(rows));
    }

    [Fact]
    public void Damaged_messages_are_refused_and_never_run_away()
    {
        foreach (var bytes in (byte[][])[QueryCodec.Encode(Query), QueryCodec.Encode(Rows)])
        {
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.Throws<InvalidDataException>(() => QueryCodec.DecodeQuery(bytes[..length]));
            }
        }
        Assert.Throws<InvalidDataException>(() => QueryCodec.DecodeRows([1, 0, 0]));
        Assert.Throws<InvalidDataException>(() => QueryCodec.DecodeRows([2, 0, 0xff, 0xff, 0xff, 0xff, 0x07]));
    }

    private static void Same(ShardQuery expected, ShardQuery actual)
    {
        Assert.Equal(expected with { Parameters = [], After = null, Pattern = null }, actual with { Parameters = [], After = null, Pattern = null });
        Assert.Equal(expected.Parameters, actual.Parameters);
        Same(expected.After!, actual.After!);
        Assert.Equivalent(expected.Pattern, actual.Pattern, strict: true);
        Assert.Equal(expected.Pattern!.Visits![0].Links[0].Values, actual.Pattern!.Visits![0].Links[0].Values);
    }

    private static void Same(ShardRows expected, ShardRows actual)
    {
        Assert.Equal((expected.Status, expected.Examined, expected.Problem, expected.Next, expected.Count), (actual.Status, actual.Examined, actual.Problem, actual.Next, actual.Count));
        Assert.Equal(expected.Rows.Select(r => r.ToArray()), actual.Rows.Select(r => r.ToArray()));
        Assert.Equal(expected.Plan.ToArray(), actual.Plan.ToArray());
        Assert.Equal(expected.Estimates, actual.Estimates);
        Same(Assert.Single(expected.Places), Assert.Single(actual.Places));
        Assert.Equivalent(expected.Visited, actual.Visited, strict: true);
        Assert.Equal(expected.Visited[0].Values, actual.Visited[0].Values);
        Assert.Equal(expected.Visited[0].Found.Select(f => f.Values![0]), actual.Visited[0].Found.Select(f => f.Values![0]));
        Assert.Equal(Assert.Single(expected.Groups).Keys, Assert.Single(actual.Groups).Keys);
        Assert.Equal(expected.Groups[0].States, actual.Groups[0].States);
    }

    private static void Same(OrderKey expected, OrderKey actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.Equal((expected.TwinId, expected.LinkId), (actual.TwinId, actual.LinkId));
    }
}
