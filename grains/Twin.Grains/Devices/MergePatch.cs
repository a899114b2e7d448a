using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twin.Grains.Devices;

/// <summary>JSON Merge Patch (RFC 7396) of a device's desired or reported state, which is always an object. Pure.</summary>
internal static class MergePatch
{
    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = DeviceBounds.StateDepth, AllowDuplicateProperties = false };

    /// <summary>Merges. <paramref name="merged"/> is the new state when <see cref="DeviceUpdateStatus.Done"/>, else the present one, and <paramref name="detail"/> says why.</summary>
    public static DeviceUpdateStatus TryMerge(string current, string patch, out string merged, out string? detail)
    {
        merged = current;
        if (patch.Length > DeviceBounds.PatchCharacters)
        {
            detail = $"The merge patch has {patch.Length} characters; at most {DeviceBounds.PatchCharacters} are taken.";
            return DeviceUpdateStatus.TooLarge;
        }

        string text;
        try
        {
            if (JsonNode.Parse(patch, documentOptions: Reading) is not JsonObject changes)
            {
                detail = "The merge patch must be a JSON object.";
                return DeviceUpdateStatus.Invalid;
            }

            text = MergeInto(JsonNode.Parse(current) as JsonObject ?? [], changes).ToJsonString();
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException) // the latter: a text with half of a surrogate pair
        {
            detail = $"The merge patch is not JSON that can be kept: {fault.Message}";
            return DeviceUpdateStatus.Invalid;
        }

        if (text.Length > DeviceBounds.StateCharacters)
        {
            detail = $"The state would have {text.Length} characters; at most {DeviceBounds.StateCharacters} are kept.";
            return DeviceUpdateStatus.TooLarge;
        }

        (merged, detail) = (text, null);
        return DeviceUpdateStatus.Done;
    }

    private static JsonObject MergeInto(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null) target.Remove(name);
            else if (value is JsonObject inner) target[name] = MergeInto(target[name] is JsonObject kept ? (JsonObject)kept.DeepClone() : [], inner);
            else target[name] = value.DeepClone();
        }

        return target;
    }
}
