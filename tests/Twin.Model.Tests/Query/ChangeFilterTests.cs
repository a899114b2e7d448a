using Twin.Model.Query;

namespace Twin.Model.Tests.Query;

public class ChangeFilterTests
{
    private static readonly ModelSet Models = new([Model("dtmi:t:Base;1"), Model("dtmi:t:Lamp;1", "dtmi:t:Base;1"), Model("dtmi:t:Room;1")]);

    private static readonly string[] ModelIds = ["dtmi:t:Base;1", "dtmi:t:Lamp;1", "dtmi:t:Room;1", "dtmi:t:Unknown;1"];

    private static readonly string[] Paths = ["power", "temperature", "thermostat/target", "address", "address/street", "a", "a/b", "a/b/c"];

    [Theory]
    [InlineData("temperature > 30 AND humidity < 2", "'temperature' and 'humidity'")]
    [InlineData("temperature > ", "expected a property")]
    [InlineData("temperature > $limit", "parameters")]
    [InlineData("$etag = 'x'", "'$etag'")]
    public void A_condition_that_one_change_cannot_decide_is_refused(string where, string told)
    {
        Assert.False(ChangeFilter.TryCreate(new ChangeFilterRequest(Where: where), Models, out _, out var problem));
        Assert.Contains(told, problem!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_other_than_the_condition_s_is_refused()
    {
        Assert.False(ChangeFilter.TryCreate(new ChangeFilterRequest(Path: "power", Where: "temperature > 1"), Models, out _, out var problem));
        Assert.Equal(("FilterInvalid", "where"), (problem!.Code, problem.Where));
    }

    [Theory]
    [InlineData("temperature > 30 AND STARTSWITH($dtId, 'room')", "room-1", "temperature", 31.0, true)]
    [InlineData("temperature > 30 AND STARTSWITH($dtId, 'room')", "hall-1", "temperature", 31.0, false)]
    [InlineData("temperature > 30", "room-1", "temperature", 30.0, false)]
    [InlineData("NOT temperature > 30", "room-1", "temperature", 30.0, true)]
    [InlineData("NOT temperature > 30", "room-1", "humidity", 1.0, false)]
    [InlineData("thermostat.target < 5", "room-1", "thermostat/target", 4.0, true)]
    [InlineData("IS_OF_MODEL('dtmi:t:Base;1')", "room-1", "humidity", 1.0, true)]
    [InlineData("IS_OF_MODEL('dtmi:t:Base;1', exact)", "room-1", "humidity", 1.0, false)]
    public void A_change_is_wanted_when_its_condition_holds_for_the_changed_property(string where, string id, string path, double value, bool expected)
    {
        var change = new Change(1, ChangeKind.PropertyChanged, id, "dtmi:t:Lamp;1", path, PropertyValue.From(value), default, default);
        Assert.Equal(expected, Create(new ChangeFilterRequest(Where: where)).Matches(change));
    }

    [Fact]
    public void A_whole_object_s_change_is_asked_about_its_fields()
    {
        var filter = Create(new ChangeFilterRequest(Where: "address.number > 3"));
        Change Address(string json) => new(1, ChangeKind.PropertyChanged, "x", "dtmi:t:Lamp;1", "address", PropertyValue.FromJson(System.Text.Encoding.UTF8.GetBytes(json)), default, default);
        Assert.True(filter.Matches(Address("{\"street\":\"x\",\"number\":4}")));
        Assert.False(filter.Matches(Address("{\"number\":3}")));
        Assert.False(filter.Matches(Address("{}")));
    }

    [Fact]
    public void The_set_finds_what_asking_each_filter_finds_while_filters_come_and_go()
    {
        var hitsInAll = 0;
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var set = new ChangeFilterSet(Models);
            var held = new Dictionary<int, ChangeFilter>();
            var hits = new List<int>();
            for (var step = 0; step < 300; step++)
            {
                if (random.Next(3) > 0)
                {
                    var filter = RandomFilter(random);
                    held.Add(set.Add(filter), filter);
                }
                else if (held.Count > 0)
                {
                    var gone = held.Keys.ElementAt(random.Next(held.Count));
                    set.Remove(gone);
                    held.Remove(gone);
                }
                Assert.Equal(held.Count, set.Count);
                var change = RandomChange(random);
                hits.Clear();
                set.Match(change, hits);
                var expected = held.Where(h => h.Value.Matches(change)).Select(h => h.Key).Order().ToList();
                Assert.Equal(expected, hits.Order());
                hitsInAll += hits.Count;
            }
            foreach (var number in held.Keys) set.Remove(number);
            for (var i = 0; i < 50; i++) set.Match(RandomChange(random), hits = []);
            Assert.Empty(hits);
        }
        Assert.InRange(hitsInAll, 20_000, int.MaxValue);
    }

    [Fact]
    public void Matching_against_ten_thousand_filters_allocates_nothing()
    {
        var set = new ChangeFilterSet(Models);
        for (var i = 0; i < 10_000; i++)
            set.Add(Create((i % 4) switch
            {
                0 => new ChangeFilterRequest(Twins: ["t" + i]),
                1 => new ChangeFilterRequest(Path: "p" + i),
                2 => new ChangeFilterRequest(Where: "temperature > " + i),
                _ => new ChangeFilterRequest(Prefix: "room-" + i),
            }));
        var hits = new List<int>(100);
        var change = new Change(1, ChangeKind.PropertyChanged, "room-3", "dtmi:t:Lamp;1", "temperature", PropertyValue.From(20.5), default, default);
        set.Match(change, hits);
        Assert.Equal(5 + 1, hits.Count); // thresholds 2, 6, 10, 14, 18 and prefix room-3
        hits.Clear();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++, hits.Clear()) set.Match(change, hits);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static ChangeFilter RandomFilter(Random random)
    {
        string? Sometimes(Func<string> make, int odds) => random.Next(odds) == 0 ? make() : null;
        var path = Sometimes(() => Paths[random.Next(Paths.Length)], 3);
        var op = ((string[])["<", "<=", ">", ">=", "=", "!="])[random.Next(6)];
        var where = random.Next(5) switch
        {
            0 => $"{(path ?? Paths[random.Next(Paths.Length)]).Replace('/', '.')} {op} {random.Next(-3, 4)}",
            1 => $"{random.Next(-6, 7) / 2.0} {op} {(path ?? Paths[random.Next(Paths.Length)]).Replace('/', '.')}",
            2 => $"STARTSWITH($dtId, 't{random.Next(3)}') OR IS_OF_MODEL('{ModelIds[random.Next(4)]}')",
            _ => null,
        };
        return Create(new ChangeFilterRequest(
            random.Next(4) == 0 ? [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => "t" + random.Next(30))] : null,
            Sometimes(() => "t" + random.Next(4), 4), Sometimes(() => ModelIds[random.Next(4)], 4), path, where));
    }

    private static Change RandomChange(Random random)
    {
        var kind = random.Next(3) > 0 ? ChangeKind.PropertyChanged : (ChangeKind)random.Next(1, 14);
        var value = random.Next(6) switch
        {
            0 => PropertyValue.From("text"),
            1 => PropertyValue.FromJson("{\"street\":1,\"b\":{\"c\":2}}"u8.ToArray()),
            2 => default,
            3 => PropertyValue.From((long)random.Next(-3, 4)),
            _ => PropertyValue.From(random.Next(-6, 7) / 2.0),
        };
        return new Change(1, kind, "t" + random.Next(30), ModelIds[random.Next(4)], Paths[random.Next(Paths.Length)], value, default, default);
    }

    private static ChangeFilter Create(ChangeFilterRequest request)
    {
        Assert.True(ChangeFilter.TryCreate(request, Models, out var filter, out var problem), problem?.Detail);
        return filter;
    }

    private static InterfaceDefinition Model(string id, params string[] bases) => new(id, id, [id, .. bases], [], [], [], [], []);
}
