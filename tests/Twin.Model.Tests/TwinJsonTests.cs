using System.Globalization;
using System.Text;
using CsCheck;

namespace Twin.Model.Tests;

public class TwinJsonTests
{
    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static Problem RefusedPatch(string text)
    {
        Assert.False(TwinJson.TryReadPatch(Utf8(text), out var operations, out var problem));
        Assert.Empty(operations);
        return problem;
    }

    private static Problem RefusedTwin(string text, string id = "t")
    {
        Assert.False(TwinJson.TryReadTwin(id, Utf8(text), out _, out var problem));
        return problem;
    }

    [Fact]
    public void A_twin_becomes_one_command_with_its_components_below_their_names()
    {
        const string body = """
            {"$dtId":"room-1","$etag":"W/\"1\"","$metadata":{"$model":"dtmi:x:Room;1","name":{"lastUpdateTime":"2020-01-01T00:00:00Z"}},
             "name":"Hall","size":12,"thermostat":{"$metadata":{},"target":20.5,"inner":{"$metadata":{},"deep":true}},
             "address":{"street":"A","no":[1,2]},"gone":null}
            """;
        Assert.True(TwinJson.TryReadTwin("room-1", Utf8(body), out var command, out _));
        Assert.Equal("dtmi:x:Room;1", command.ModelId);
        Assert.Equal(
            ["name=Hall", "size=12", "thermostat/target=20.5", "thermostat/inner/deep=true", "address={\"street\":\"A\",\"no\":[1,2]}"],
            command.Values.Select(v => $"{v.Path}={v.Value}"));
    }

    [Fact]
    public void A_twin_must_name_its_model_and_agree_with_its_address()
    {
        Assert.Equal("/$metadata/$model", RefusedTwin("""{"a":1}""").Where);
        Assert.Equal("IdMismatch", RefusedTwin("""{"$dtId":"u","$metadata":{"$model":"m"}}""").Code);
        Assert.Equal("IdInvalid", RefusedTwin("""{"$metadata":{"$model":"m"}}""", "a/b").Code);
        Assert.Contains("twice", RefusedTwin("""{"$metadata":{"$model":"m"},"a":1,"a":2}""").Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"a\":")]
    [InlineData("{\"a\":1e999,\"$metadata\":{\"$model\":\"m\"}}")]
    [InlineData("{\"a\":\"\\ud800\",\"$metadata\":{\"$model\":\"m\"}}")]
    [InlineData("{\"$metadata\":{\"$model\":\"m\"}} x")]
    [InlineData("{\"$metadata\":7}")]
    public void Malformed_twins_are_refused_with_a_sentence(string text) => Assert.NotEmpty(RefusedTwin(text).Detail);

    [Fact]
    public void Malformed_JSON_is_told_with_line_and_byte() => Assert.Equal("line 2, byte 5", RefusedTwin("{\n\"a\":x}").Where);

    [Fact]
    public void Bytes_that_are_not_UTF_8_are_refused()
    {
        byte[] body = [.. Utf8("{\"$metadata\":{\"$model\":\"m\"},\"a"), 0xff, .. Utf8("\":1}")];
        Assert.False(TwinJson.TryReadTwin("t", body, out _, out _));
    }

    [Fact]
    public void Nesting_size_and_count_have_bounds()
    {
        var deep = new string('[', 40) + new string(']', 40);
        Assert.NotNull(RefusedTwin($$$"""{"$metadata":{"$model":"m"},"a":{{{deep}}}}"""));
        Assert.Contains("1048576", RefusedTwin(new string(' ', TwinJson.LongestDocument + 1)).Detail, StringComparison.Ordinal);
        var many = "[" + string.Join(',', Enumerable.Repeat("""{"op":"remove","path":"/a"}""", 1_001)) + "]";
        Assert.Equal("/1000", RefusedPatch(many).Where);
        var allowed = "[" + string.Join(',', Enumerable.Repeat("""{"op":"remove","path":"/a"}""", 1_000)) + "]";
        Assert.True(TwinJson.TryReadPatch(Utf8(allowed), out var operations, out _));
        Assert.Equal(1_000, operations.Length);
    }

    [Fact]
    public void A_relationship_needs_a_target_and_a_name()
    {
        Assert.True(TwinJson.TryReadRelationship("a", "r", Utf8("""{"$targetId":"b","$relationshipName":"feeds","load":3}"""), out var command, out _));
        Assert.Equal(("a", "r", "feeds", "b"), (command.TwinId, command.RelationshipId, command.Name, command.TargetId));
        Assert.Equal("load", Assert.Single(command.Values).Path);
        Assert.False(TwinJson.TryReadRelationship("a", "r", Utf8("""{"$relationshipName":"feeds"}"""), out _, out var problem));
        Assert.Equal("/$targetId", problem.Where);
        Assert.False(TwinJson.TryReadRelationship("a", "r", Utf8("""{"$targetId":"b"}"""), out _, out problem));
        Assert.Equal("/$relationshipName", problem.Where);
    }

    [Fact]
    public void Patches_keep_order_verbs_paths_and_values()
    {
        const string patch = """
            [{"op":"add","path":"/a","value":1},{"value":"x","path":"/b/c","op":"replace"},{"op":"remove","path":"/d~1e"},{"op":"test","path":"/f","value":null,"note":{}}]
            """;
        Assert.True(TwinJson.TryReadPatch(Utf8(patch), out var operations, out _));
        Assert.Equal(
            [
                new(PatchVerb.Add, "a", PropertyValue.From(1)), new(PatchVerb.Replace, "b/c", PropertyValue.From("x")),
                new(PatchVerb.Remove, "d~1e", default), new PatchOperation(PatchVerb.Test, "f", default),
            ],
            operations);
    }

    [Theory]
    [InlineData("""{"op":"add"}""", "/")]
    [InlineData("""[{"op":"move","from":"/a","path":"/b"}]""", "/0/op")]
    [InlineData("""[{"op":"remove","path":"/a"},{"op":"add","path":"b","value":1}]""", "/1/path")]
    [InlineData("""[{"op":"add","path":"/a~2","value":1}]""", "/0/path")]
    [InlineData("""[{"op":"add","path":"/a~","value":1}]""", "/0/path")]
    [InlineData("""[{"op":"add","path":"/","value":1}]""", "/0/path")]
    [InlineData("""[{"op":"add","path":"/a"}]""", "/0/value")]
    [InlineData("""[{"op":"replace","path":"/a","value":null}]""", "/0/value")]
    [InlineData("""[{"path":"/a","value":1}]""", "/0/op")]
    [InlineData("""[1]""", "/0")]
    public void A_wrong_operation_is_told_with_its_pointer(string text, string where) => Assert.Equal(where, RefusedPatch(text).Where);

    [Fact]
    public void Escaped_paths_mean_the_same_as_plain_ones()
    {
        Assert.True(TwinJson.TryReadPatch(Utf8("""[{"op":"remove","path":"\/caf\u00e9"}]"""), out var operations, out _));
        Assert.Equal("café", operations[0].Path);
    }

    [Fact]
    public void Doubles_come_back_to_the_bit() => Gen.Double[-1e300, 1e300].Sample(number =>
    {
        var text = $$"""[{"op":"replace","path":"/x","value":{{number.ToString("E17", CultureInfo.InvariantCulture)}}}]""";
        return TwinJson.TryReadPatch(Utf8(text), out var operations, out _) && operations[0].Value.AsNumber.Equals(number);
    });

    [Fact]
    public void Arbitrary_bytes_never_throw() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        TwinJson.TryReadPatch(bytes, out _, out _);
        TwinJson.TryReadTwin("t", bytes, out _, out _);
        TwinJson.TryReadRelationship("a", "r", bytes, out _, out _);
        return true;
    });

    [Fact]
    public void Damaged_twins_never_throw()
    {
        var good = Utf8("""{"$metadata":{"$model":"dtmi:x;1"},"a":1.5,"b":{"$metadata":{},"c":"\u0041"},"d":[{"e":null}]}""");
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, good.Length]).Sample((at, unit, length) =>
        {
            var bytes = good.ToArray();
            bytes[at] = unit;
            TwinJson.TryReadTwin("t", bytes.AsSpan(0, length), out _, out _);
            return true;
        });
    }

    [Fact]
    public void A_single_number_patch_allocates_only_its_array()
    {
        var patch = Utf8("""[{"op":"replace","path":"/temperature","value":21.5}]""");
        for (var i = 0; i < 100; i++) TwinJson.TryReadPatch(patch, out _, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++) TwinJson.TryReadPatch(patch, out _, out _);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1_000, 0, 80);
    }

    [Fact]
    public void A_flood_of_new_paths_leaves_the_pool_bounded_and_right()
    {
        var pool = new TextPool();
        for (var i = 0; i < 20_000; i++) Assert.Equal($"p{i}", pool.Get(Utf8($"p{i}")));
        Assert.Same(pool.Get("p19999"u8), pool.Get("p19999"u8));
    }
}
