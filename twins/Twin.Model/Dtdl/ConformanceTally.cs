using System.Text.Json;

namespace Twin.Model.Dtdl;

/// <summary>Something judged otherwise than the corpus does.</summary>
/// <param name="File">File within the corpus.</param>
/// <param name="Index">Place in the file's list, 0-based.</param>
/// <param name="Expected">What the corpus says.</param>
/// <param name="Got">What the parser says.</param>
public sealed record ConformanceMiss(string File, int Index, string Expected, string Got);

/// <summary>
/// Counts how far the parser agrees with a corpus of cases <c>{valid, options, input, expect, instances}</c>. A case may
/// also hold <c>resolution</c> (texts a resolver gives), <c>maxDtdlVersion</c>, <c>acceptableLimits</c> and <c>quirks</c>;
/// one with <c>idText</c> in place of <c>input</c> is about an identifier alone. Not thread-safe.
/// </summary>
public sealed class ConformanceTally
{
    private readonly List<ConformanceMiss> _misses = [];
    private int _valid, _validRight, _invalid, _invalidRight, _ids, _idsRight, _instances, _instancesRight;

    /// <summary>Cases judged.</summary>
    public int Cases => _valid + _invalid;

    /// <summary>Share of the valid cases that were accepted; null when there are none.</summary>
    public double? ValidAccuracy => Share(_validRight, _valid);

    /// <summary>Share of the invalid cases that were refused; null when there are none.</summary>
    public double? InvalidAccuracy => Share(_invalidRight, _invalid);

    /// <summary>Share of the values judged right; null when there are none.</summary>
    public double? InstanceAccuracy => Share(_instancesRight, _instances);

    /// <summary>Share of the cases with an expected error whose errors have its id; null when there are none.</summary>
    public double? ErrorIdMatch => Share(_idsRight, _ids);

    /// <summary>Valid, invalid, instances and error ids: how many were judged.</summary>
    public (int Valid, int Invalid, int Instances, int ErrorIds) Counts => (_valid, _invalid, _instances, _ids);

    /// <summary>True when nothing was judged wrong; error ids aside.</summary>
    public bool IsPerfect => _validRight == _valid && _invalidRight == _invalid && _instancesRight == _instances;

    /// <summary>What was judged wrong, error ids included, in order of the corpus.</summary>
    public IReadOnlyList<ConformanceMiss> Misses => _misses;

    /// <summary>Judges a file's case or list of cases; JSON that is neither is passed over.</summary>
    public void JudgeFile(string file, string text)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text.TrimStart('\uFEFF'), new JsonDocumentOptions { MaxDepth = 256 });
        }
        catch (JsonException)
        {
            return;
        }

        using (document)
        {
            var index = 0;
            if (document.RootElement.ValueKind != JsonValueKind.Array) JudgeCase(file, 0, document.RootElement);
            else foreach (var item in document.RootElement.EnumerateArray()) JudgeCase(file, index++, item);
        }
    }

    private void JudgeCase(string file, int index, JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("valid", out var valid) || valid.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) return;
        var expected = valid.GetBoolean();
        if (item.TryGetProperty("idText", out var id))
        {
            Count(file, index, expected, IsIdRight(item, id.GetString() ?? "", out var isWellFormed) == expected && isWellFormed == expected, isWellFormed ? "valid" : "no valid identifier, or other parts");
            return;
        }

        if (!item.TryGetProperty("input", out var input)) return;
        string[] texts = input.ValueKind == JsonValueKind.Array ? [.. input.EnumerateArray().Select(t => t.GetRawText())] : [input.GetRawText()];
        var result = Parse(item, texts);
        Count(file, index, expected, result.IsValid == expected, result.IsValid ? "valid" : result.Errors[0].ToString());
        JudgeErrorIds(file, index, item, result);
        if (!expected || !result.IsValid) return;
        if (item.TryGetProperty("expect", out var expect) && expect.TryGetProperty("elementCount", out var count) && count.GetInt32() != result.ElementCount)
            _misses.Add(new(file, index, $"{count.GetInt32()} elements", $"{result.ElementCount}"));
        if (item.TryGetProperty("instances", out var instances) && instances.ValueKind == JsonValueKind.Array)
            foreach (var instance in instances.EnumerateArray()) JudgeInstance(file, index, result, instance);
    }

    private static bool IsIdRight(JsonElement item, string id, out bool isWellFormed)
    {
        isWellFormed = Dtmi.TryParse(id, out var parts);
        if (!isWellFormed || !item.TryGetProperty("expect", out var expect)) return isWellFormed;
        return (!expect.TryGetProperty("MajorVersion", out var major) || major.GetInt32() == parts.Major)
            && (!expect.TryGetProperty("MinorVersion", out var minor) || minor.GetInt32() == parts.Minor)
            && (!expect.TryGetProperty("Versionless", out var versionless) || versionless.GetString() == parts.Versionless + parts.Fragment)
            && (!expect.TryGetProperty("Fragment", out var fragment) || (fragment.GetString() ?? "") == parts.Fragment)
            && (!expect.TryGetProperty("IsReserved", out var reserved) || reserved.GetBoolean() == Dtmi.IsDerived(id));
    }

    private static DtdlParseResult Parse(JsonElement item, string[] texts)
    {
        var options = new DtdlOptions
        {
            UndefinedExtensions = Has(item, "options", "AllowUndefinedExtensions") ? UndefinedExtensions.Allow
                : Has(item, "options", "DisallowUndefinedExtensions") ? UndefinedExtensions.Refuse : UndefinedExtensions.ByVersion,
            AllowIdReferences = Has(item, "options", "AllowIdReferenceSyntax") || Has(item, "quirks", "TolerateSolecismsInParse"),
            NewestVersion = item.TryGetProperty("maxDtdlVersion", out var newest) ? newest.GetInt32() : DtdlOptions.Default.NewestVersion,
            LimitContexts = item.TryGetProperty("acceptableLimits", out var limits) ? [.. limits.EnumerateArray().Select(l => l.GetString()!)] : [],
        };
        if (!item.TryGetProperty("resolution", out var resolution)) return DtdlParser.Parse(texts, ModelSet.Empty, options);
        var parse = DtdlParser.ParseAsync(texts, ModelSet.Empty, options, (asked, _) => new(Answer(resolution, asked)));
        return parse.IsCompleted ? parse.Result : parse.AsTask().GetAwaiter().GetResult(); // the resolver answers at once
    }

    private static IReadOnlyList<string> Answer(JsonElement resolution, IReadOnlyList<string> asked)
    {
        foreach (var exchange in resolution.EnumerateArray())
        {
            var request = exchange.GetProperty("request").EnumerateArray().Select(r => r.GetString()!).ToHashSet(StringComparer.Ordinal);
            if (request.SetEquals(asked) && exchange.TryGetProperty("response", out var response) && response.ValueKind == JsonValueKind.Array)
                return [.. response.EnumerateArray().Select(r => r.GetRawText())];
        }

        return [];
    }

    private void Count(string file, int index, bool expected, bool isRight, string got)
    {
        if (expected) (_valid, _validRight) = (_valid + 1, _validRight + (isRight ? 1 : 0));
        else (_invalid, _invalidRight) = (_invalid + 1, _invalidRight + (isRight ? 1 : 0));
        if (!isRight) _misses.Add(new(file, index, expected ? "valid" : "invalid", got));
    }

    private void JudgeErrorIds(string file, int index, JsonElement item, DtdlParseResult result)
    {
        if (!item.TryGetProperty("expect", out var expect) || expect.ValueKind != JsonValueKind.Object
            || !expect.TryGetProperty("parsingErrors", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0) return;
        var ids = list.EnumerateArray().Select(e => e.TryGetProperty("ValidationID", out var id) ? id.GetString() : null).ToHashSet();
        _ids++;
        if (result.Errors.Any(e => ids.Contains(e.Id))) _idsRight++;
        else if (!result.IsValid) _misses.Add(new(file, index, "error " + string.Join(", ", ids), string.Join(", ", result.Errors.Select(e => e.Id).Distinct())));
    }

    private void JudgeInstance(string file, int index, DtdlParseResult result, JsonElement instance)
    {
        if (!instance.TryGetProperty("subject", out var subject) || !instance.TryGetProperty("submit", out var submit)) return;
        var expected = IsTrue(instance, "throws") ? "no schema" : IsTrue(instance, "conforms") ? "conforms" : "does not conform";
        var id = subject.GetString()!;
        var schema = result.Schemas.GetValueOrDefault(id) ?? LanguageSchemas.Find(id);
        var got = schema is null ? "no schema" : InstanceValidation.Check(schema, submit.GetString() ?? "").Count == 0 ? "conforms" : "does not conform";
        _instances++;
        if (got == expected) _instancesRight++;
        else _misses.Add(new(file, index, $"instance {submit} of {subject}: {expected}", got));
    }

    private static bool IsTrue(JsonElement instance, string name) => instance.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;

    private static bool Has(JsonElement item, string list, string word) =>
        item.TryGetProperty(list, out var words) && words.ValueKind == JsonValueKind.Array && words.EnumerateArray().Any(o => o.ValueKind == JsonValueKind.String && o.GetString() == word);

    private static double? Share(int right, int all) => all == 0 ? null : (double)right / all;
}
