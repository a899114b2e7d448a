using System.Text.Json;
using Twin.Grains;
using Twin.Model;
using Twin.Scenarios;

namespace Twin.Silo;

/// <summary>
/// Brings what people wrote on twins to the emulated devices that heed it, as a device management would: every two seconds
/// it asks for the twins whose setting is not the ordinary one, which are few. A device whose setting is ordinary again is
/// told so once. When the store does not answer, devices keep what they have.
/// </summary>
internal sealed class EmulatedSettings(IEnumerable<(string TwinId, DeviceSetting Setting, ISettableBehaviour Behaviour)> devices, ITwinStore store, TimeProvider clock, ILogger log)
{
    private const int PageRows = 1_000;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private readonly Dictionary<DeviceSetting, Dictionary<string, ISettableBehaviour>> _bySetting =
        devices.GroupBy(d => d.Setting).ToDictionary(g => g.Key, g => g.ToDictionary(d => d.TwinId, d => d.Behaviour, StringComparer.Ordinal));

    private readonly Dictionary<DeviceSetting, HashSet<string>> _told = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (_bySetting.Count == 0) return;
        using var timer = new PeriodicTimer(Every, clock);
        do
        {
            foreach (var (setting, behaviours) in _bySetting) await ApplyAsync(setting, behaviours, cancellationToken);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    private async Task ApplyAsync(DeviceSetting setting, Dictionary<string, ISettableBehaviour> behaviours, CancellationToken cancellationToken)
    {
        if (await ReadAsync(setting, cancellationToken) is not { } wanted) return;
        foreach (var (id, value) in wanted)
            if (behaviours.TryGetValue(id, out var behaviour)) behaviour.Set(value);
        if (_told.TryGetValue(setting, out var before))
            foreach (var id in before)
                if (!wanted.ContainsKey(id) && behaviours.TryGetValue(id, out var behaviour)) behaviour.Set(setting.Ordinary);
        _told[setting] = [.. wanted.Keys];
    }

    /// <summary>Settings that are not ordinary, by twin; null when they cannot be read now.</summary>
    private async Task<Dictionary<string, double>?> ReadAsync(DeviceSetting setting, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, double>(StringComparer.Ordinal);
        var parameters = new Dictionary<string, PropertyValue> { ["ordinary"] = PropertyValue.From(setting.Ordinary) };
        string? continuation = null;
        do
        {
            var page = await store.QueryAsync(
                new QueryRequest($"SELECT T.$dtId, T.{setting.Path} FROM DIGITALTWINS T WHERE IS_NUMBER(T.{setting.Path}) AND T.{setting.Path} != $ordinary", parameters, PageRows, continuation), cancellationToken);
            if (page.Status != TwinStatus.Ok)
            {
                log.LogWarning("What is set for emulated devices cannot be read: {Reason}", page.Problem?.Detail);
                return null;
            }

            foreach (var row in page.Rows)
            {
                using var document = JsonDocument.Parse(row);
                found[document.RootElement.GetProperty("$dtId").GetString()!] = document.RootElement.GetProperty(setting.Path).GetDouble();
            }

            continuation = page.Continuation;
        }
        while (continuation is not null);
        return found;
    }
}
