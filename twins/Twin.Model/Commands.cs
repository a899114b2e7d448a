namespace Twin.Model;

/// <summary>A property and the value it shall have.</summary>
/// <param name="Path">Path without leading slash: <c>temperature</c>, <c>thermostat/target</c>, <c>address/street</c>.</param>
/// <param name="Value">The value.</param>
public readonly record struct Assignment(string Path, PropertyValue Value);

/// <summary>JSON Patch operations (RFC 6902) that twins take.</summary>
public enum PatchVerb : byte
{
    /// <summary>Set, whether or not it is there.</summary>
    Add = 0,
    /// <summary>Set; it must be there.</summary>
    Replace = 1,
    /// <summary>Remove; it must be there.</summary>
    Remove = 2,
    /// <summary>Fail unless equal.</summary>
    Test = 3,
}

/// <summary>One patch operation.</summary>
/// <param name="Verb">What to do.</param>
/// <param name="Path">As in <see cref="Assignment"/>.</param>
/// <param name="Value">For add, replace, test.</param>
public readonly record struct PatchOperation(PatchVerb Verb, string Path, PropertyValue Value);

/// <summary>Something asked of the shard that owns <see cref="TwinId"/>. Immutable once handed over.</summary>
/// <param name="TwinId">The twin whose owner decides.</param>
public abstract record TwinCommand(string TwinId)
{
    /// <summary>The version the caller saw (If-Match); null does not care, 0 means "any existing" (<c>*</c>).</summary>
    public long? IfMatch { get; init; }

    /// <summary>Who asks; null for the process itself and for callers no policy concerns. It is not kept: the owner decides when the command comes.</summary>
    public Policies.PolicySubject? Subject { get; init; }

    /// <summary>When it was true, by the caller; unknown takes the owner's clock.</summary>
    public WallTime SourceTime { get; init; }
}

/// <summary>Creates or replaces a twin.</summary>
public sealed record PutTwin(string TwinId, string ModelId, Assignment[] Values) : TwinCommand(TwinId)
{
    /// <summary>If-None-Match: * (refuse when it exists).</summary>
    public bool OnlyIfAbsent { get; init; }
}

/// <summary>Changes some of a twin's properties, all or none.</summary>
public sealed record PatchTwin(string TwinId, PatchOperation[] Operations) : TwinCommand(TwinId);

/// <summary>Deletes a twin. Refused while relationships lead to or from it, unless <see cref="Cascade"/>.</summary>
public sealed record DeleteTwin(string TwinId) : TwinCommand(TwinId)
{
    /// <summary>Delete its relationships too, in both directions.</summary>
    public bool Cascade { get; init; }
}

/// <summary>Creates or replaces a relationship; owned by its source twin.</summary>
public sealed record PutRelationship(string TwinId, string RelationshipId, string Name, string TargetId, Assignment[] Values) : TwinCommand(TwinId)
{
    /// <summary>If-None-Match: * (refuse when it exists).</summary>
    public bool OnlyIfAbsent { get; init; }
}

/// <summary>Changes some of a relationship's properties.</summary>
public sealed record PatchRelationship(string TwinId, string RelationshipId, PatchOperation[] Operations) : TwinCommand(TwinId);

/// <summary>Deletes a relationship.</summary>
public sealed record DeleteRelationship(string TwinId, string RelationshipId) : TwinCommand(TwinId);

/// <summary>The target's side of a new relationship; sent by the store, not by doors.</summary>
public sealed record LinkIncoming(string TwinId, string SourceId, string RelationshipId, string Name) : TwinCommand(TwinId)
{
    /// <summary>Model the target must be of, or extend, by the source's relationship definition; null accepts any.</summary>
    public string? TargetModel { get; init; }
}

/// <summary>The target's side of a deleted relationship; sent by the store, not by doors.</summary>
public sealed record UnlinkIncoming(string TwinId, string SourceId, string RelationshipId) : TwinCommand(TwinId);

/// <summary>A telemetry message: checked, journaled for the feed and history, not state.</summary>
public sealed record PublishTelemetry(string TwinId, string Component, PropertyValue Payload) : TwinCommand(TwinId);
