using Twin.Model;
using Twin.Model.Dtdl;

namespace Twin.Scenarios.Tests;

/// <summary>What every scenario promises, checked against its own models.</summary>
internal static class ScenarioChecks
{
    public static ModelSet Models(IReadOnlyList<string> texts)
    {
        var parsed = DtdlParser.Parse(texts, ModelSet.Empty);
        Assert.Empty(parsed.Errors.Select(e => e.ToString()));
        return parsed.Models;
    }

    public static void IsConsistent(Scenario scenario)
    {
        var models = Models(scenario.Models);
        var modelOf = new Dictionary<string, InterfaceDefinition>(StringComparer.Ordinal);
        foreach (var put in scenario.Twins.Cast<PutTwin>())
        {
            Assert.True(TwinJson.IsValidId(put.TwinId), put.TwinId);
            var model = models.Find(put.ModelId);
            Assert.NotNull(model);
            Assert.True(modelOf.TryAdd(put.TwinId, model), put.TwinId);
            foreach (var value in put.Values) Fits(model, value);
        }

        var ids = new HashSet<(string, string)>();
        foreach (var put in scenario.Relationships.Cast<PutRelationship>())
        {
            Assert.True(ids.Add((put.TwinId, put.RelationshipId)), put.RelationshipId);
            Assert.True(modelOf[put.TwinId].Relationships.TryGetValue(put.Name, out var definition), put.Name);
            if (definition!.Target is { } target) Assert.Contains(target, modelOf[put.TargetId].Bases.Items);
        }

        Assert.Equal(scenario.Devices.Count, scenario.Devices.Select(d => d.TwinId).Distinct().Count());
        Assert.All(scenario.Devices, d => Assert.InRange(d.Offset, TimeSpan.Zero, d.Period - TimeSpan.FromTicks(1)));
        foreach (var range in scenario.Scene.Ranges)
        {
            var property = models.Find(range.ModelId)!.FindProperty(range.Path);
            Assert.NotNull(property);
            Assert.Equal(range.Unit, property.Unit);
            Assert.True(range.Minimum < range.Maximum);
        }
    }

    /// <summary>The value fits the property's schema, judged by kind and, for enums, membership.</summary>
    public static void Fits(InterfaceDefinition model, Assignment assignment)
    {
        var property = model.FindProperty(assignment.Path);
        Assert.True(property is not null, $"{model.Id} has no {assignment.Path}");
        Assert.Equal(property!.Schema.Storage, assignment.Value.Kind);
        if (property.Schema.Kind == SchemaKind.Enum) Assert.Contains(assignment.Value, property.Schema.Members.Select(m => m.Value));
        if (assignment.Value.Kind == ValueKind.Double) Assert.True(double.IsFinite(assignment.Value.AsNumber), assignment.Path);
    }

    /// <summary>Runs devices for a while and hands on every report.</summary>
    public static void Run(IEnumerable<DeviceProfile> devices, WallTime from, TimeSpan length, Action<DeviceProfile, WallTime, List<Assignment>> report)
    {
        var output = new List<Assignment>();
        foreach (var device in devices)
        {
            var random = device.CreateRandom();
            var behaviour = device.Start();
            for (var at = TimeSpan.Zero; at <= length; at += device.Period)
            {
                output.Clear();
                behaviour.Step(from + at, at == TimeSpan.Zero ? TimeSpan.Zero : device.Period, ref random, output);
                Assert.Equal(output.Count, output.Select(o => o.Path).Distinct().Count());
                report(device, from + at, output);
            }
        }
    }
}
