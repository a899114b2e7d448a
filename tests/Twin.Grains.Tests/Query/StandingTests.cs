using System.Globalization;
using System.Text;
using System.Text.Json;
using Twin.Grains.Query;
using Twin.Graph.Tests.Query;
using Twin.Model;
using Twin.Model.Query;
using Twin.Model.Query.Standing;

namespace Twin.Grains.Tests.Query;

/// <summary>What standing queries were told, added up, against the queries asked anew and against nested loops. TWIN_STANDING_WORLDS sets how many worlds are tried.</summary>
public class StandingTests
{
    private static readonly int Worlds = int.TryParse(Environment.GetEnvironmentVariable("TWIN_STANDING_WORLDS"), CultureInfo.InvariantCulture, out var worlds) ? worlds : 60;
    private static readonly int FirstSeed = int.TryParse(Environment.GetEnvironmentVariable("TWIN_STANDING_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : 0;

    [Fact]
    public async Task The_sum_of_what_a_query_was_told_is_its_answer_asked_anew_whatever_is_edited_meanwhile()
    {
        var (rows, told) = (0L, 0L);
        for (var seed = FirstSeed; seed < FirstSeed + Worlds; seed++)
        {
            var random = new Random(seed);
            using var world = new QueryWorld(seed, random.Next(1, 5), random.Next(2, 25));
            world.Populate();
            world.Relate(random.Next(50));
            var desk = new Desk(world, random, seed);
            for (var round = 0; round < 6; round++)
            {
                for (var i = random.Next(3); i > 0; i--) await desk.AddAsync();
                if (random.Next(4) == 0) desk.RemoveAny();
                world.Edit(random.Next(12));
                await desk.SettleAsync(random.Next(2) == 0 ? () => world.Edit(random.Next(2)) : null);
                rows += await desk.CheckAsync();
            }

            told += desk.Told;
        }

        Assert.True(rows > Worlds * 20L && told > Worlds * 20L, $"{rows} rows, {told} told");
    }

    [Fact]
    public async Task Queries_that_differ_in_values_alone_are_worked_out_together_and_only_those_that_may_care_are_asked_for()
    {
        using var world = new QueryWorld(1, 2, 1);
        for (var i = 0; i < 40; i++) world.Execute(new PutTwin("lamp" + i, QueryWorld.Lamp, [new Assignment("power", PropertyValue.From((double)i)), new Assignment("mode", PropertyValue.From(i % 2 == 0 ? "low" : "high"))]));
        var desk = new Desk(world, new Random(1), 1);
        var members = new List<StandingMember>();
        for (var i = 0; i < 200; i++) members.Add(await desk.AddAsync($"SELECT T.$dtId FROM DIGITALTWINS T WHERE T.power > {100 + i} AND T.mode = '{(i % 2 == 0 ? "low" : "high")}'"));
        Assert.Equal(1, desk.Set.GroupCount);
        await desk.SettleAsync(null);
        desk.Asked = 0;
        world.Execute(Power("lamp2", 99));
        await desk.SettleAsync(null);
        Assert.Equal(0, desk.Asked);
        world.Execute(Power("lamp2", 105.5));
        await desk.SettleAsync(null);
        Assert.Equal(1, desk.Asked);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 2 == 0 && i <= 4 ? 1 : 0), members.Select(m => m.RowCount));
        world.Execute(Power("lamp2", 5));
        await desk.SettleAsync(null);
        Assert.All(members, m => Assert.Equal(0, m.RowCount));
        await desk.CheckAsync();
    }

    [Theory]
    [InlineData("SELECT TOP(3) * FROM DIGITALTWINS", "TOP")]
    [InlineData("SELECT COUNT() FROM DIGITALTWINS", "COUNT")]
    [InlineData("SELECT T.mode, COUNT() FROM DIGITALTWINS T GROUP BY T.mode", "GROUP BY")]
    [InlineData("SELECT * FROM DIGITALTWINS T ORDER BY T.power", "ORDER BY")]
    [InlineData("SELECT * FROM DIGITALTWINS AS OF '2026-01-01T00:00:00Z'", "AS OF")]
    [InlineData("EXPLAIN SELECT * FROM DIGITALTWINS", "EXPLAIN")]
    public void What_depends_on_other_rows_or_times_is_refused_by_name(string text, string part)
    {
        Assert.False(StandingForm.TryRead(text, null, out _, out var problem));
        Assert.Equal("StandingQueryInvalid", problem.Code);
        Assert.Contains($" {part}", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_query_with_more_rows_than_are_kept_is_refused()
    {
        using var world = new QueryWorld(1, 2, 30);
        world.Populate();
        Assert.True(StandingForm.TryRead("SELECT * FROM DIGITALTWINS", null, out var form, out _));
        var set = new StandingSet(5);
        var answer = await new QueryCoordinator(new PlainShards(world), TimeProvider.System).RunBoundAsync(set.AnswerOf(set.Add(form, null)), TestContext.Current.CancellationToken);
        Assert.Equal((TwinStatus.TooMuch, "QueryTooCostly"), (answer.Status, answer.Problem!.Code));
    }

    private static PatchTwin Power(string id, double power) => new(id, [new PatchOperation(PatchVerb.Add, "power", PropertyValue.From(power))]);

    /// <summary>A set of standing queries at work, as a process would keep it, and what a subscriber of each has added up.</summary>
    private sealed class Desk
    {
        private readonly QueryWorld _world;
        private readonly Random _random;
        private readonly int _seed;
        private readonly QueryCoordinator _queries;
        private readonly Queue<Change> _changes = new();
        private readonly Dictionary<StandingMember, (string Text, PatternOracle? Oracle, Dictionary<string, string> Rows)> _members = [];

        public Desk(QueryWorld world, Random random, int seed)
        {
            (_world, _random, _seed) = (world, random, seed);
            _queries = new QueryCoordinator(new PlainShards(world), TimeProvider.System, new QueryBounds(JoinBatch: random.Next(1, 100), MaxTime: TimeSpan.FromMinutes(5)));
            world.Changed = _changes.Enqueue;
        }

        public StandingSet Set { get; } = new(5_000) { Models = QueryWorld.Models };

        public long Told { get; private set; }

        public int Asked { get; set; }

        public async Task AddAsync()
        {
            var pattern = new PatternOracle(_random, _world.AnyId);
            string[] names = [.. pattern.Aliases, .. pattern.Links];
            switch (_random.Next(4))
            {
                case 0: await AddAsync("SELECT * FROM DIGITALTWINS T WHERE " + new QueryOracle(_random, ["T"], null, _world.AnyId).Condition(_random.Next(3)).Text); break;
                case 1: await AddAsync("SELECT R.distance, R.$targetId FROM RELATIONSHIPS R WHERE " + new QueryOracle(_random, [], "R", _world.AnyId).Condition(_random.Next(3)).Text); break;
                default: await AddAsync($"SELECT {string.Join(", ", names)} {pattern.Text}", pattern); break;
            }
        }

        public async Task<StandingMember> AddAsync(string text, PatternOracle? oracle = null)
        {
            Assert.True(StandingForm.TryRead(text, null, out var form, out var problem), $"{text}: {problem}");
            var member = Set.Add(form, null);
            _members[member] = (text, oracle, []);
            await LoadAsync(member, oracle is null ? null : () => _world.Edit(_random.Next(3)));
            Publish();
            return member;
        }

        public void RemoveAny()
        {
            if (_members.Count == 0) return;
            var member = _members.Keys.ElementAt(_random.Next(_members.Count));
            Set.Remove(member);
            _members.Remove(member);
        }

        public async Task SettleAsync(Action? meanwhile)
        {
            for (var turn = 0; turn == 0 || _changes.Count > 0 || Set.Stale.Count > 0 || Set.HasWork; turn++)
            {
                foreach (var member in Set.TakeStale().Where(_members.ContainsKey).ToList()) await LoadAsync(member, turn < 3 ? meanwhile : null);
                if (turn < 3) meanwhile?.Invoke();
                await NoteAsync(turn < 3 ? meanwhile : null);
                Publish();
            }
        }

        public async Task<int> CheckAsync()
        {
            var count = 0;
            var twins = _world.Twins().ToDictionary(t => t.GetProperty("$dtId").GetString()!);
            var links = _world.Relationships();
            foreach (var (member, (text, oracle, rows)) in _members)
            {
                var context = $"seed {_seed}: {text}";
                var anew = (await RunAsync(Set.AnswerOf(member)))!.ToDictionary(r => r.Id, r => Encoding.UTF8.GetString(r.Row.Span));
                Assert.True(anew.OrderBy(r => r.Key, StringComparer.Ordinal).SequenceEqual(rows.OrderBy(r => r.Key, StringComparer.Ordinal)), context + Difference(anew, rows));
                Assert.Equal(rows.Count, member.RowCount);
                count += rows.Count;
                if (oracle?.Rows(twins, links, 3_000) is not { } expected) continue;
                string[] names = [.. oracle.Aliases, .. oracle.Links];
                Assert.Equal(expected.Select(r => "{" + string.Join(',', names.Select(n => $"\"{n}\":{r[n].GetRawText()}")) + "}").Order(StringComparer.Ordinal), rows.Values.Order(StringComparer.Ordinal));
            }

            return count;
        }

        private static string Difference(Dictionary<string, string> anew, Dictionary<string, string> rows) =>
            "\nmissing " + string.Join("; ", anew.Where(r => !rows.ContainsKey(r.Key)).Select(r => r.Key).Take(3))
            + "\nleft " + string.Join("; ", rows.Where(r => !anew.ContainsKey(r.Key)).Select(r => r.Key).Take(3))
            + "\nolder " + string.Join("; ", anew.Where(r => rows.TryGetValue(r.Key, out var row) && row != r.Value).Select(r => r.Value + " was " + rows[r.Key]).Take(2));

        // The answer is read, then others are worked out, then it arrives: older than what was noted meanwhile.
        private async Task LoadAsync(StandingMember member, Action? meanwhile)
        {
            var answer = await RunAsync(Set.BeginLoad(member));
            meanwhile?.Invoke();
            await NoteAsync(null);
            if (answer is not null)
            {
                Set.Load(member, answer);
                return;
            }

            Set.Remove(member); // too costly: whoever asked is told so
            _members.Remove(member);
        }

        private async Task NoteAsync(Action? meanwhile)
        {
            while (_changes.TryDequeue(out var change)) Set.Touch(change);
            foreach (var work in Set.TakeWork())
            {
                if (await RunAsync(work.Query) is { } rows) Set.Exchange(work, rows);
                else Set.Fail(work);
                meanwhile?.Invoke();
            }
        }

        private async Task<IReadOnlyList<BoundRow>?> RunAsync(BoundQuery query)
        {
            Asked++;
            var answer = await _queries.RunBoundAsync(query, TestContext.Current.CancellationToken);
            if (answer.Status == TwinStatus.TooMuch) return null;
            Assert.True(answer.Status == TwinStatus.Ok, $"seed {_seed}: {query.Text}: {answer.Problem}");
            return answer.Rows;
        }

        private void Publish()
        {
            foreach (var member in Set.TakeChanged())
            {
                var rows = _members[member].Rows;
                foreach (var change in member.Changes)
                {
                    var row = Encoding.UTF8.GetString(change.Row.Span);
                    if (change.Kind == RowChangeKind.Added) rows.Add(change.Id, row);
                    else if (change.Kind == RowChangeKind.Removed) Assert.True(rows.Remove(change.Id));
                    else
                    {
                        Assert.NotEqual(rows[change.Id], row);
                        rows[change.Id] = row;
                    }
                }

                Told += member.Changes.Count;
                member.Changes.Clear();
            }
        }
    }
}
