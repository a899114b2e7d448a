using CsCheck;

namespace Twin.Graph.Tests;

/// <summary>One step of a random history. <see cref="Match"/>: 0 any existing, 1 the present version, 2 a stale one, others none.</summary>
internal sealed record Step(TwinCommand[] Commands, int Match, Sample[] Samples, double Seconds)
{
    public override string ToString() => $"+{Seconds}s match {Match}: {string.Join("; ", Commands.Select(Tell))} samples: {string.Join("; ", Samples)}\n";

    private static string Tell(TwinCommand command) => command switch
    {
        PutTwin put => $"put {put.TwinId} {put.ModelId} {put.OnlyIfAbsent} [{string.Join(", ", put.Values)}]",
        PatchTwin patch => $"patch {patch.TwinId} [{string.Join(", ", patch.Operations)}]",
        _ => command.ToString(),
    };
}

/// <summary>Random commands, good and bad, over few ids so that they meet.</summary>
internal static class RandomSteps
{
    private static readonly Gen<string> Twin = Pick("a", "b", "c", "d", "lamp-ü", "missing");
    private static readonly Gen<string> Rid = Pick("r1", "r2", "r3", "r4");
    private static readonly Gen<string> Name = Pick("near", "near", "in", "contains", "nothing");
    private static readonly Gen<string> Model = Pick(TestModels.Lamp, TestModels.Lamp, TestModels.SmartLamp, TestModels.Room, "dtmi:test:None;1");

    private static readonly Gen<string> Path = Pick(
        "power", "count", "on", "mode", "label", "installed", "runtime", "address", "tags", "level", "temperature",
        "thermostat/target", "thermostat/note", "thermostat", "address/street", "address/number", "tags/x", "nonsense", "power/x", "thermostat/none");

    private static readonly Gen<PropertyValue> Value = Gen.OneOf(
        Gen.Double[-100, 100].Select(PropertyValue.From), Gen.Long[-3, 3].Select(PropertyValue.From), Gen.Bool.Select(PropertyValue.From),
        Pick("off", "low", "high", "wrong", "", "é", "2026-05-01T10:00:00.1234567Z", "PT1M30S").Select(PropertyValue.From),
        Pick("{\"street\":\"x\"}", "{\"street\":\"x\",\"number\":4}", "{\"x\":\"1\",\"y\":\"2\"}", "{}", "[1]", "{\"target\":21.5}", "{\"$metadata\":{},\"note\":\"n\"}").Select(TestModels.Json),
        Pick(double.NaN, double.PositiveInfinity, 1e300).Select(PropertyValue.From), Gen.Const(PropertyValue.None), Gen.Const(PropertyValue.From(5_000_000_000L)));

    /// <summary>A path with, three times in four, a value that suits it.</summary>
    private static readonly Gen<(string Path, PropertyValue Value)> Pair = Gen.Frequency(
        (1, Gen.Select(Path, Value)),
        (3, Gen.OneOf(
            Gen.Select(Pick("power", "thermostat/target", "temperature"), Gen.Double[-100, 100].Select(PropertyValue.From)),
            Gen.Select(Pick("count", "level"), Gen.Long[-3, 3].Select(PropertyValue.From)),
            Gen.Select(Pick("on"), Gen.Bool.Select(PropertyValue.From)),
            Gen.Select(Pick("mode", "label", "tags/x"), Pick("off", "low", "high").Select(PropertyValue.From)),
            Gen.Select(Pick("address"), Pick("{\"street\":\"x\"}", "{\"number\":4}").Select(TestModels.Json)),
            Gen.Select(Pick("tags"), Pick("{\"x\":\"1\"}", "{}").Select(TestModels.Json)),
            Gen.Select(Pick("installed"), Gen.Const(PropertyValue.From("2026-05-01T10:00:00Z"))),
            Gen.Select(Pick("runtime"), Gen.Const(PropertyValue.From("PT1M30S"))))));

    private static readonly Gen<PatchOperation> Operation = Gen.Frequency(
        (12, Gen.Select(Pick(PatchVerb.Add, PatchVerb.Add, PatchVerb.Replace, PatchVerb.Remove, PatchVerb.Test), Pair, (verb, pair) => new PatchOperation(verb, pair.Path, pair.Value))),
        (1, Gen.Select(Model, Pick(PatchVerb.Replace, PatchVerb.Replace, PatchVerb.Add, PatchVerb.Test), (m, verb) => new PatchOperation(verb, "$metadata/$model", PropertyValue.From(m)))));

    private static readonly Gen<Assignment[]> RelationshipValues = Gen.OneOf(
        Gen.Const(Array.Empty<Assignment>()),
        Gen.Double[0, 9].Select(d => new[] { new Assignment("distance", PropertyValue.From(d)) }),
        Gen.Const(new[] { new Assignment("distance", PropertyValue.From(1L)), new Assignment("seen", PropertyValue.From("2026-05-01T10:00:00.5Z")) }),
        Gen.Const(new[] { new Assignment("colour", PropertyValue.From(1L)) }));

    private static readonly Gen<TwinCommand> Command = Gen.Frequency(
        (6, Gen.Select(Twin, Model, Pair.Select(p => new Assignment(p.Path, p.Value)).Array[0, 3], Gen.Int[0, 9], (id, model, values, only) => (TwinCommand)new PutTwin(id, model, values) { OnlyIfAbsent = only == 0 })),
        (8, Gen.Select(Twin, Operation.Array[0, 4], (id, operations) => (TwinCommand)new PatchTwin(id, operations))),
        (2, Gen.Select(Twin, Gen.Bool, (id, cascade) => (TwinCommand)new DeleteTwin(id) { Cascade = cascade })),
        (6, Gen.Select(Twin, Rid, Name, Twin, RelationshipValues, Gen.Int[0, 9], (id, rid, name, target, values, only) => (TwinCommand)new PutRelationship(id, rid, name, target, values) { OnlyIfAbsent = only == 0 })),
        (2, Gen.Select(Twin, Rid, Gen.Select(Pick(PatchVerb.Add, PatchVerb.Replace, PatchVerb.Remove, PatchVerb.Test), Pick("distance", "seen", "colour"), Value, (verb, path, value) => new PatchOperation(verb, path, value)).Array[0, 2],
            (id, rid, operations) => (TwinCommand)new PatchRelationship(id, rid, operations))),
        (2, Gen.Select(Twin, Rid, (id, rid) => (TwinCommand)new DeleteRelationship(id, rid))));

    private static readonly Gen<Sample> Sample = Gen.Select(Twin, Pair, Gen.Int[-20, 400], (id, pair, offset) =>
        new Sample(id, pair.Path, pair.Value, offset > 350 ? WallTime.None : TestModels.At(1000 + offset)));

    private static readonly Sample[] NoSamples = [];

    /// <summary>Histories of up to 40 steps: single commands, batches, samples.</summary>
    public static readonly Gen<Step[]> Histories = Gen.Frequency(
        (8, Gen.Select(Command, Gen.Int[0, 9], Gen.Int[0, 30], (command, match, seconds) => new Step([command], match, NoSamples, seconds))),
        (1, Gen.Select(Command.Array[2, 4], Gen.Int[0, 30], (commands, seconds) => new Step(commands, 9, NoSamples, seconds))),
        (2, Gen.Select(Sample.Array[1, 6], Gen.Int[0, 30], (samples, seconds) => new Step([], 9, samples, seconds)))).Array[1, 40];

    private static Gen<T> Pick<T>(params T[] items) => Gen.Int[0, items.Length - 1].Select(i => items[i]);
}
