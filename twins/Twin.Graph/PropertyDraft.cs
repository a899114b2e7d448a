using System.Text.Json;

namespace Twin.Graph;

/// <summary>
/// A twin's properties as a command would leave them: the stored row under a few drafted values. Reused; allocates nothing for
/// plain values. Hot.
/// </summary>
internal sealed class PropertyDraft
{
    private int[] _slotOf = []; // ordinal -> slot + 1
    private Slot[] _slots = new Slot[8];
    private int _count;
    private ModelTable? _base;
    private int _row;

    internal struct Slot
    {
        public int Ordinal;
        public PropertyValue Value; // None = removed
        public bool IsCarried; // unchanged value of a twin under migration
    }

    public InterfaceDefinition Model { get; private set; } = null!;

    public ReadOnlySpan<Slot> Slots => _slots.AsSpan(0, _count);

    /// <summary>Starts anew over a row (or over nothing).</summary>
    public void Begin(InterfaceDefinition model, ModelTable? table, int row)
    {
        for (var i = 0; i < _count; i++) _slotOf[_slots[i].Ordinal] = 0;
        Array.Clear(_slots, 0, _count);
        _count = 0;
        Model = model;
        _base = table;
        _row = row;
        if (_slotOf.Length < model.Properties.Count) Array.Resize(ref _slotOf, model.Properties.Count);
    }

    public PropertyValue Current(int ordinal) => _slotOf[ordinal] is > 0 and var slot ? _slots[slot - 1].Value : _base?.Column(ordinal).Get(_row) ?? default;

    public void Set(int ordinal, PropertyValue value, bool isCarried = false)
    {
        ref var slot = ref _slotOf[ordinal];
        if (slot == 0)
        {
            if (_count == _slots.Length) Array.Resize(ref _slots, _count * 2);
            slot = ++_count;
        }
        _slots[slot - 1] = new Slot { Ordinal = ordinal, Value = value, IsCarried = isCarried };
    }

    /// <summary>Applies one operation to a property, below one, or to a whole component.</summary>
    public bool TryApply(in PatchOperation operation, out CommandResult refusal)
    {
        var path = operation.Path.AsSpan();
        if (path.StartsWith("/")) path = path[1..];
        if (Model.FindProperty(path) is { } whole) return TryApply(whole, default, operation, out refusal);
        if (Model.Components.TryGetValue(path.ToString(), out var component)) return TryApplyComponent(component, operation, out refusal);
        for (var slash = path.LastIndexOf('/'); slash > 0; slash = path[..slash].LastIndexOf('/'))
            if (Model.FindProperty(path[..slash]) is { Schema.Kind: SchemaKind.Object or SchemaKind.Map or SchemaKind.Array } property)
                return TryApply(property, path[(slash + 1)..], operation, out refusal);
        return Refusals.NoProperty(Model, operation.Path, out refusal);
    }

    private bool TryApply(PropertyDefinition property, ReadOnlySpan<char> below, in PatchOperation operation, out CommandResult refusal)
    {
        if (!PropertyEdit.TryApply(property.Schema, Current(property.Ordinal), below, operation, out var next, out refusal)) return false;
        if (operation.Verb != PatchVerb.Test) Set(property.Ordinal, next);
        return true;
    }

    /// <summary>A component is replaced as a JSON object of its properties; <c>$metadata</c> in it is passed over.</summary>
    private bool TryApplyComponent(ComponentDefinition component, in PatchOperation operation, out CommandResult refusal)
    {
        if (operation.Verb is PatchVerb.Remove or PatchVerb.Test || operation.Value.Kind != ValueKind.Json)
            return Refusals.Invalid("JsonPatchInvalid", $"Component '{component.Name}' takes add and replace with a JSON object of its properties.", operation.Path, out refusal);
        foreach (var property in component.Interface.Properties)
            if (Model.FindProperty($"{component.Name}/{property.Path}") is { } mine && Current(mine.Ordinal).Kind != ValueKind.None) Set(mine.Ordinal, default);
        var reader = new Utf8JsonReader(operation.Value.AsJson);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return Refusals.Invalid("JsonPatchInvalid", $"Component '{component.Name}' must be a JSON object.", operation.Path, out refusal);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                var value = PropertyValue.ReadJson(ref reader);
                if (name.StartsWith('$')) continue;
                if (!TryApply(new PatchOperation(PatchVerb.Add, $"{component.Name}/{name}", value), out refusal)) return false;
            }
            reader.Read(); // throws when anything follows the object
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return Refusals.Invalid("JsonPatchInvalid", $"Component '{component.Name}' is malformed JSON: {malformed.Message}", operation.Path, out refusal);
        }
        refusal = default;
        return true;
    }
}
