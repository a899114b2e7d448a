using System.Text.Json.Nodes;
using Twin.Grains.Devices;

namespace Twin.Grains.Tests.Devices;

public sealed class MergePatchTests
{
    private static JsonNode? Any(Random random, int depth) => random.Next(depth >= 4 ? 4 : 8) switch
    {
        0 => null,
        1 => JsonValue.Create(random.Next(3)),
        2 => JsonValue.Create(random.Next(2) == 0),
        3 => JsonValue.Create("x"),
        4 => new JsonArray([.. Enumerable.Range(0, random.Next(3)).Select(_ => Any(random, depth + 1))]),
        _ => AnyObject(random, depth + 1),
    };

    private static JsonObject AnyObject(Random random, int depth)
    {
        var made = new JsonObject();
        for (var left = random.Next(5); left > 0; left--) made[((char)('a' + random.Next(4))).ToString()] = Any(random, depth);
        return made;
    }

    /// <summary>The pseudo code of RFC 7396, section 2, word for word.</summary>
    private static JsonNode? Oracle(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes) return patch?.DeepClone();
        var result = target is JsonObject present ? (JsonObject)present.DeepClone() : [];
        foreach (var (name, value) in changes)
        {
            if (value is null) result.Remove(name);
            else result[name] = Oracle(result[name], value);
        }

        return result;
    }

    [Fact]
    public void Any_object_merged_into_any_object_is_what_the_RFC_says()
    {
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var (current, patch) = (AnyObject(random, 0), AnyObject(random, 0));
            Assert.Equal(DeviceUpdateStatus.Done, MergePatch.TryMerge(current.ToJsonString(), patch.ToJsonString(), out var merged, out _));
            Assert.True(JsonNode.DeepEquals(Oracle(current, patch), JsonNode.Parse(merged)), $"seed {seed}: {current.ToJsonString()} + {patch.ToJsonString()} = {merged}");
        }
    }

    /// <summary>The test cases of RFC 7396, appendix A, whose original and patch are objects.</summary>
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", """{}""")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("""{}""", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    public void The_examples_of_the_RFC_hold(string current, string patch, string expected)
    {
        Assert.Equal(DeviceUpdateStatus.Done, MergePatch.TryMerge(current, patch, out var merged, out _));
        Assert.Equal(expected, merged);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"a":{"b":1,"b":2}}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("""{"a":"\udc00"}""")]
    [InlineData("{'a':1}")]
    [InlineData("""{"a":NaN}""")]
    public void What_is_no_object_or_no_JSON_is_refused_and_changes_nothing(string patch)
    {
        Assert.Equal(DeviceUpdateStatus.Invalid, MergePatch.TryMerge("""{"k":1}""", patch, out var merged, out var detail));
        Assert.Equal("""{"k":1}""", merged);
        Assert.False(string.IsNullOrEmpty(detail));
    }

    [Theory]
    [InlineData(DeviceBounds.StateDepth, DeviceUpdateStatus.Done)]
    [InlineData(DeviceBounds.StateDepth + 1, DeviceUpdateStatus.Invalid)]
    [InlineData(30_000, DeviceUpdateStatus.Invalid)]
    public void Nesting_is_bounded(int levels, DeviceUpdateStatus expected) =>
        Assert.Equal(expected, MergePatch.TryMerge("{}", string.Concat(Enumerable.Repeat("""{"a":""", levels - 1)) + "{}" + new string('}', levels - 1), out _, out _));

    [Fact]
    public void Patches_and_states_are_bounded_and_a_state_at_its_bound_can_still_shrink()
    {
        var full = $$"""{"a":"{{new string('x', DeviceBounds.StateCharacters - 8)}}"}""";
        Assert.Equal(DeviceUpdateStatus.Done, MergePatch.TryMerge("{}", full, out var merged, out _));
        Assert.Equal(DeviceBounds.StateCharacters, merged.Length);
        Assert.Equal(DeviceUpdateStatus.TooLarge, MergePatch.TryMerge(merged, """{"b":1}""", out var same, out var detail));
        Assert.Same(merged, same);
        Assert.Contains($"{DeviceBounds.StateCharacters}", detail, StringComparison.Ordinal);
        Assert.Equal(DeviceUpdateStatus.Done, MergePatch.TryMerge(merged, """{"a":null,"b":1}""", out var less, out _));
        Assert.Equal("""{"b":1}""", less);
        Assert.Equal(DeviceUpdateStatus.TooLarge, MergePatch.TryMerge("{}", new string(' ', DeviceBounds.PatchCharacters) + "{}", out _, out _));
    }
}
