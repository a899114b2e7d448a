using System.Text;
using System.Text.Json;
using CsCheck;
using Twin.Model.Dtdl;
using Twin.Model.Policies;

namespace Twin.Model.Tests.Policies;

/// <summary>The rule of conflict against an obvious evaluator; laws of grants, revokes and imports.</summary>
public sealed class PolicyTests
{
    private static readonly ModelSet Models = DtdlParser.Parse([
        """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:p:Base;1","@type":"Interface","contents":[{"@type":"Property","name":"a","schema":"double"},{"@type":"Property","name":"o","schema":{"@type":"Object","fields":[{"name":"x","schema":"double"}]}}]}""",
        """{"@context":"dtmi:dtdl:context;3","@id":"dtmi:p:Sub;1","@type":"Interface","extends":"dtmi:p:Base;1","contents":[{"@type":"Property","name":"b","schema":"double"},{"@type":"Component","name":"c","schema":"dtmi:p:Base;1"},{"@type":"Relationship","name":"r"}]}""",
    ], ModelSet.Empty).Models;

    private static readonly string[] Resources =
    [
        "*", "twins:", "twins:/a", "twins:/o/x", "model:dtmi:p:Base;1", "model:dtmi:p:Base;1/a", "model:dtmi:p:Sub;1", "model:dtmi:p:Sub;1/a", "model:dtmi:p:Sub;1/c", "model:dtmi:p:Sub;1/c/a",
        "prefix:t", "prefix:t-1/a", "prefix:t-1", "prefix:t-1/c", "twin:t-1", "twin:t-1/a", "twin:t-12/c/a", "twin:t-12", "twins:/$relationships/r",
    ];

    private static Gen<T> Pick<T>(params T[] items) => Gen.Int[0, items.Length - 1].Select(i => items[i]);

    private static readonly Gen<(string Resource, Permissions Grant, Permissions Revoke)> Rule =
        Gen.Select(Pick(Resources), Gen.Byte[0, 3], Gen.Byte[0, 3], (r, g, v) => (r, (Permissions)g, (Permissions)v));

    private static readonly Gen<(string Resource, Permissions Grant, Permissions Revoke)[]> RuleSet = Rule.Array[0, 8].Select(rules => rules.DistinctBy(r => r.Resource).ToArray());

    private static string Text(IEnumerable<(string Resource, Permissions Grant, Permissions Revoke)> rules) => "{" + string.Join(',', rules.Select(r =>
        $"\"{r.Resource}\":{{\"grant\":{Names(r.Grant)},\"revoke\":{Names(r.Revoke)}}}")) + "}";

    private static string Names(Permissions permissions) => JsonSerializer.Serialize(PermissionNames.Each.Where(p => (permissions & p) != 0).Select(p => p.ToText()));

    private static PolicyDocument Parse(string id, string json) =>
        PolicyDocument.TryParse(id, Encoding.UTF8.GetBytes(json), out var policy, out var problem) ? policy : throw new ArgumentException(problem.ToString());

    private static CompiledPolicies Compile(params PolicyDocument[] documents) => CompiledPolicies.TryCompile(1, documents, out var compiled, out var problem) ? compiled! : throw new ArgumentException(problem!.ToString());

    private static PolicyDocument One(IEnumerable<(string, Permissions, Permissions)> rules, string subject = "key:ann") => Parse("p", $$$"""{"entries":{"e":{"subjects":["{{{subject}}}"],"resources":{{{Text(rules)}}} } } } """);

    private static PolicySubject Ann(Permissions rights = Permissions.Read, params string[] roles) => new("key:ann", roles, rights);

    // Straight from the documentation: gather what covers the path, sort by (depth, nearness), last place decides, revoke beats grant.
    private static bool Slow((string Resource, Permissions Grant, Permissions Revoke)[] rules, Permissions asked, InterfaceDefinition model, string twin, string path, bool otherwise)
    {
        var best = (Key: "", Allowed: otherwise);
        foreach (var (text, grant, revoke) in rules)
        {
            if (((grant | revoke) & asked) == 0) continue;
            string kind = text == "*" ? "*" : text[..text.IndexOf(':', StringComparison.Ordinal)], rest = text == "*" ? "" : text[(kind.Length + 1)..];
            var name = rest.Contains('/', StringComparison.Ordinal) ? rest[..rest.IndexOf('/', StringComparison.Ordinal)] : rest;
            var below = name.Length == rest.Length ? "" : rest[(name.Length + 1)..];
            var isOf = kind switch { "*" or "twins" => true, "model" => model.Bases.Contains(name), "prefix" => twin.StartsWith(name, StringComparison.Ordinal), _ => twin == name };
            if (!isOf || !(below.Length == 0 || path == below || path.StartsWith(below + "/", StringComparison.Ordinal))) continue;
            var near = kind switch { "*" => "0", "twins" => "1", "model" => name == model.Id ? "2b" : "2a", "prefix" => $"3{name.Length:D4}", _ => "4" };
            var key = $"{(below.Length == 0 ? 0 : below.Split('/').Length):D4} {near}";
            var allowed = (revoke & asked) == 0;
            var order = string.CompareOrdinal(key, best.Key);
            if (order > 0) best = (key, allowed);
            else if (order == 0) best = (key, best.Allowed && allowed);
        }

        return best.Allowed;
    }

    [Fact]
    public void Decisions_are_those_of_the_obvious_evaluator() => Gen.Select(RuleSet, Pick("dtmi:p:Base;1", "dtmi:p:Sub;1"), Pick("t-1", "t-12", "t-2", "u"), Pick("", "a", "o", "o/x", "b", "c", "c/a", "$relationships/r"), Pick(Permissions.Read, Permissions.Write), Gen.Bool)
        .Sample((rules, dtmi, twin, path, asked, right) =>
        {
            var model = Models.Find(dtmi)!;
            var view = Compile(One(rules)).For(Ann(right ? asked : Permissions.None)).ViewsOf(model).ViewOf(twin);
            Assert.Equal(Slow(rules, asked, model, twin, path, right), view.Decide(asked, path).IsAllowed);
        }, iter: 20_000);

    [Fact]
    public void A_property_is_hidden_when_it_or_anything_below_it_is() => Gen.Select(RuleSet, Pick("t-1", "t-12", "u"), Gen.Bool).Sample((rules, twin, right) =>
    {
        var model = Models.Find("dtmi:p:Sub;1")!;
        var view = Compile(One(rules)).For(Ann(right ? Permissions.Read : Permissions.None)).ViewsOf(model).ViewOf(twin);
        foreach (var property in model.Properties)
        {
            var below = rules.Select(r => r.Resource).Where(r => r.Contains('/', StringComparison.Ordinal)).Select(r => r[(r.IndexOf('/', StringComparison.Ordinal) + 1)..]).Where(p => p.StartsWith(property.Path + "/", StringComparison.Ordinal));
            var shown = below.Prepend(property.Path).All(p => Slow(rules, Permissions.Read, model, twin, p, right));
            Assert.Equal(!shown, view.Hides(property.Ordinal));
        }
    }, iter: 5_000);

    [Fact]
    public void Unrestricted_means_that_no_path_of_any_twin_is_refused() => Gen.Select(RuleSet, Gen.Bool).Sample((rules, right) =>
    {
        var subject = Compile(One(rules)).For(Ann(right ? Permissions.Read : Permissions.None));
        if (!subject.ReadsAllTwins) return;
        foreach (var model in Models.Interfaces.Values)
            foreach (var twin in (string[])["t-1", "t-12", "u"])
                Assert.False(subject.ViewsOf(model).ViewOf(twin).HidesAny);
    }, iter: 5_000);

    [Fact]
    public void An_imported_entry_says_what_it_would_say_if_written_here() => RuleSet.Sample(rules =>
    {
        var template = Parse("base", $$$"""{"entries":{"t":{"resources":{{{Text(rules)}}} } } } """);
        var importing = Parse("q", """{"entries":{"e":{"subjects":["key:ann"],"imports":["base/t"]}}}""");
        var (direct, imported) = (Compile(One(rules)).For(Ann()), Compile(template, importing).For(Ann()));
        foreach (var path in (string[])["", "a", "o/x", "c/a"])
            Assert.Equal(direct.ViewsOf(Models.Find("dtmi:p:Sub;1")!).ViewOf("t-1").Decide(Permissions.Read, path).IsAllowed, imported.ViewsOf(Models.Find("dtmi:p:Sub;1")!).ViewOf("t-1").Decide(Permissions.Read, path).IsAllowed);
    }, iter: 1_000);

    [Fact]
    public void The_order_of_policies_and_rules_changes_nothing() => Gen.Select(RuleSet, Gen.Int[0, 8]).Sample((rules, cut) =>
    {
        cut = Math.Min(cut, rules.Length);
        var there = Compile(Parse("x", Entry(rules[..cut])), Parse("y", Entry(rules[cut..])));
        var back = Compile(Parse("x", Entry(rules[cut..].Reverse())), Parse("y", Entry(rules[..cut].Reverse())));
        foreach (var path in (string[])["", "a", "c/a"])
            Assert.Equal(there.For(Ann()).ViewsOf(Models.Find("dtmi:p:Sub;1")!).ViewOf("t-12").Decide(Permissions.Read, path).IsAllowed, back.For(Ann()).ViewsOf(Models.Find("dtmi:p:Sub;1")!).ViewOf("t-12").Decide(Permissions.Read, path).IsAllowed);

        static string Entry(IEnumerable<(string, Permissions, Permissions)> some) => $$$"""{"entries":{"e":{"subjects":["key:ann"],"resources":{{{Text(some)}}} } } } """;
    }, iter: 1_000);

    [Fact]
    public void Roles_and_everybody_are_meant_too()
    {
        var policies = Compile(Parse("p", """{"entries":{"night":{"subjects":["role:night"],"resources":{"twins:/a":{"revoke":["read"]}}},"all":{"subjects":["*"],"resources":{"twins:/b":{"revoke":["read"]}}}}}"""));
        var model = Models.Find("dtmi:p:Sub;1")!;
        var (day, night) = (policies.For(Ann()).ViewsOf(model).Common, policies.For(Ann(Permissions.Read, "night")).ViewsOf(model).Common);
        Assert.True(day.Decide(Permissions.Read, "a").IsAllowed);
        Assert.False(night.Decide(Permissions.Read, "a").IsAllowed);
        Assert.False(day.Decide(Permissions.Read, "b").IsAllowed);
        Assert.Equal("p/night", night.Decide(Permissions.Read, "a").By!.Origin);
    }

    [Fact]
    public void A_ring_of_imports_is_refused_with_its_way()
    {
        string Importing(string other) => $$$"""{"entries":{"e":{"subjects":["*"],"imports":["{{{other}}}"]} } } """;
        Assert.False(CompiledPolicies.TryCompile(1, [Parse("a", Importing("b")), Parse("b", Importing("c/e")), Parse("c", Importing("a"))], out _, out var problem));
        Assert.Equal("PolicyImportCycle", problem!.Code);
        Assert.Contains("a -> b -> c -> a", problem.Detail, StringComparison.Ordinal);
        Assert.False(CompiledPolicies.TryCompile(1, [Parse("a", Importing("b"))], out _, out problem));
        Assert.Equal("PolicyImportMissing", problem!.Code);
        var deep = Enumerable.Range(0, 12).Select(i => Parse($"d{i}", i == 11 ? """{"entries":{"e":{"subjects":["*"]}}}""" : Importing($"d{i + 1}"))).ToArray();
        Assert.False(CompiledPolicies.TryCompile(1, deep, out _, out problem));
        Assert.Equal("PolicyImportTooDeep", problem!.Code);
    }

    [Theory]
    [InlineData("""{}""", "entries")]
    [InlineData("""{"entries":{"e":{"subjects":["bob"]}}}""", "entries/e/subjects")]
    [InlineData("""{"entries":{"e":{"resources":{"lamp":{}}}}}""", "entries/e/resources/lamp")]
    [InlineData("""{"entries":{"e":{"resources":{"*":{"grant":["see"]}}}}}""", "entries/e/resources/*/grant")]
    [InlineData("""{"entries":{"e":{"resources":{"*":{"deny":[]}}}}}""", "entries/e/resources/*")]
    [InlineData("""{"entries":[]}""", "entries")]
    public void A_wrong_document_is_refused_at_its_place(string json, string where)
    {
        Assert.False(PolicyDocument.TryParse("p", Encoding.UTF8.GetBytes(json), out _, out var problem));
        Assert.Equal(("PolicyInvalid", where), (problem.Code, problem.Where));
    }

    [Fact]
    public void No_bytes_make_the_reader_throw() => Gen.Byte.Array[0, 64].Sample(bytes =>
    {
        PolicyDocument.TryParse("p", bytes, out _, out _);
    }, iter: 5_000);
}
