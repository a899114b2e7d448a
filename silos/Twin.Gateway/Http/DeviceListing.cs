using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Http;
using Orleans;
using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;

namespace Twin.Gateway.Http;

/// <summary>
/// Pages through the devices in order of their ids: the directory tells the names, each device its own standing, so a row is true when it
/// is read. A page costs at most <see cref="MostExamined"/> devices, whatever the filter. Thread-safe.
/// </summary>
internal sealed class DeviceListing(IGrainFactory grains)
{
    public const int MostRows = 1_000;
    public const int MostExamined = 2_000;
    private const int DefaultRows = 100;
    private const int Chunk = 250;

    public async Task<IResult> AnswerAsync(int? top, string? token, string? state, string? prefix, SubjectRules? rules, CancellationToken cancellationToken)
    {
        if (top is < 1 or > MostRows) return TwinProblems.Result(400, "TopInvalid", $"top is {top}; it must be 1 to {MostRows}.", "top");
        if (FilterOf(state) is not { } filter) return TwinProblems.Result(400, "StateInvalid", "state must be connected, disconnected, stale, fresh or disabled.", "state");
        if (!string.IsNullOrEmpty(prefix) && !TwinJson.IsValidId(prefix)) return TwinProblems.Result(400, "PrefixInvalid", "prefix must be what a device id can begin with.", "prefix");
        if (!TryRead(token, out var after)) return TwinProblems.Result(400, "ContinuationInvalid", "continuationToken is not one that this server gave.", "continuationToken");
        var (rows, next) = await ReadAsync(after, prefix ?? "", filter, top ?? DefaultRows, cancellationToken).ConfigureAwait(false);
        return Results.Json(new { value = rows.Where(r => rules is null || rules.Decide(Permissions.Read, ResourceKind.Devices, r.DeviceId).IsAllowed).Select(Show), continuationToken = next });
    }

    private async Task<(List<DeviceStatus> Rows, string? Next)> ReadAsync(string after, string prefix, Func<DeviceStatus, bool> filter, int top, CancellationToken cancellationToken)
    {
        var rows = new List<DeviceStatus>();
        for (var examined = 0; ;)
        {
            var want = Math.Min(Chunk, MostExamined - examined);
            var ids = await NamesAsync(after, prefix, want, cancellationToken).ConfigureAwait(false);
            var standings = await Task.WhenAll(ids.Select(id => grains.GetGrain<IDeviceGrain>(id).GetStatusAsync())).WaitAsync(cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < standings.Length; i++)
            {
                after = ids[i];
                if (!(standings[i].IsRegistered || standings[i].IsBehindEdge) || !filter(standings[i])) continue;
                rows.Add(standings[i]);
                if (rows.Count == top) return (rows, i == ids.Length - 1 && ids.Length < want ? null : TokenOf(after));
            }

            if (ids.Length < want) return (rows, null);
            examined += ids.Length;
            if (examined >= MostExamined) return (rows, TokenOf(after));
        }
    }

    /// <summary>The next names over all parts of the directory: each part's first ones, merged.</summary>
    private async Task<string[]> NamesAsync(string after, string prefix, int most, CancellationToken cancellationToken)
    {
        var parts = await Task.WhenAll(Enumerable.Range(0, DeviceDirectory.Parts).Select(p => grains.GetGrain<IDeviceDirectoryGrain>(p).ListAsync(after, prefix, most))).WaitAsync(cancellationToken).ConfigureAwait(false);
        var names = parts.SelectMany(p => p).ToArray();
        Array.Sort(names, StringComparer.Ordinal);
        return names.Length <= most ? names : names[..most];
    }

    private static Func<DeviceStatus, bool>? FilterOf(string? state) => state switch
    {
        null or "" => static _ => true,
        "connected" => static s => s.IsConnected,
        "disconnected" => static s => !s.IsConnected,
        "stale" => static s => s.IsStale,
        "fresh" => static s => !s.IsStale,
        "disabled" => static s => s.IsDisabled,
        _ => null,
    };

    private static string TokenOf(string id) => Base64Url.EncodeToString(Encoding.ASCII.GetBytes(id));

    private static bool TryRead(string? token, out string after)
    {
        after = "";
        if (string.IsNullOrEmpty(token)) return true;
        if (token.Length > 256 || !Base64Url.IsValid(token)) return false;
        after = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(token));
        return TwinJson.IsValidId(after);
    }

    private static object Show(DeviceStatus status) => new
    {
        deviceId = status.DeviceId, registered = status.IsRegistered, connected = status.IsConnected, stale = status.IsStale, staleSince = status.StaleSince, behindEdge = status.IsBehindEdge,
        lastSeen = status.LastSeen, connection = status.Connection, disabled = status.IsDisabled, desiredVersion = status.DesiredVersion,
    };
}
