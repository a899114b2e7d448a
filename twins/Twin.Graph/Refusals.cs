namespace Twin.Graph;

/// <summary>The refusals of the graph, worded once. Each returns false so that checks read as one line.</summary>
internal static class Refusals
{
    public static bool Give(TwinStatus status, string code, string detail, string? where, out CommandResult refusal, long version = 0)
    {
        refusal = new CommandResult(status, version, new Problem(code, detail, where));
        return false;
    }

    public static bool Invalid(string code, string detail, string? where, out CommandResult refusal) => Give(TwinStatus.Invalid, code, detail, where, out refusal);

    public static bool NoTwin(string twinId, out CommandResult refusal) =>
        Give(TwinStatus.NotFound, "DigitalTwinNotFound", $"There is no twin '{twinId}'.", twinId, out refusal);

    public static bool NoRelationship(string twinId, string id, out CommandResult refusal) =>
        Give(TwinStatus.NotFound, "RelationshipNotFound", $"Twin '{twinId}' has no relationship '{id}'.", id, out refusal);

    public static bool NoValue(string path, out CommandResult refusal) =>
        Give(TwinStatus.NotFound, "PropertyNotFound", $"There is no value at '{path}'; replace, remove and test need one, and add needs its parent.", path, out refusal);

    public static bool NoModel(string modelId, out CommandResult refusal) =>
        Invalid("ModelNotFound", $"There is no model '{modelId}'.", "$metadata/$model", out refusal);

    public static bool ClosedModel(string modelId, out CommandResult refusal) =>
        Invalid("ModelDecommissioned", $"Model '{modelId}' takes no new twins.", "$metadata/$model", out refusal);

    public static bool NoProperty(InterfaceDefinition model, string path, out CommandResult refusal) =>
        Invalid("PropertyNotInModel", $"Model '{model.Id}' has no property '{path}'.", path, out refusal);

    public static bool TestFailed(in PatchOperation operation, PropertyValue current, out CommandResult refusal) =>
        Give(TwinStatus.Conflict, "PatchTestFailed", $"The value at '{operation.Path}' is {SchemaText.Show(current)}, not {SchemaText.Show(operation.Value)}.", operation.Path, out refusal);

    public static bool Stale(long seen, long version, string what, out CommandResult refusal) =>
        Give(TwinStatus.PreconditionFailed, "PreconditionFailed", $"If-Match {ETag.Format(seen)} does not hold; {what} is at {(version == 0 ? "no version: it does not exist" : ETag.Format(version))}.", null, out refusal, version);

    public static bool Exists(string code, string what, long version, out CommandResult refusal) =>
        Give(TwinStatus.PreconditionFailed, code, $"If-None-Match: * does not hold; {what} exists.", null, out refusal, version);

    public static bool Reserved(string twinId, string transaction, out CommandResult refusal) =>
        Give(TwinStatus.Unavailable, "TwinReserved", $"Twin '{twinId}' is reserved by transaction '{transaction}'; try again when it is decided.", twinId, out refusal);
}

/// <summary>Values in messages, cut to a readable length.</summary>
internal static class SchemaText
{
    public static string Show(PropertyValue value)
    {
        var text = value.ToString();
        return text.Length > 64 ? text[..64] + "..." : text;
    }
}
