using System.Globalization;
using System.Text.Json.Nodes;

namespace Twin.Benchmarks.Claims;

/// <summary>Figures the silo tells of itself.</summary>
internal static class SystemPage
{
    public static async Task<JsonNode> ReadAsync(SiloProcess silo) =>
        JsonNode.Parse(await silo.Http.GetStringAsync(new Uri("/system", UriKind.Relative)))!;

    public static async Task<long> TwinsAsync(SiloProcess silo) => (await ReadAsync(silo))["twins"]!.GetValue<long>();

    public static async Task<long> HistoryPointsAsync(SiloProcess silo) => (await ReadAsync(silo))["history"]!["points"]!.GetValue<long>();

    /// <summary>What the collector did since the process began: collections of any generation, seconds of pause, bytes allocated.</summary>
    public static async Task<(long Count, double PauseS, long Bytes)> CollectedAsync(SiloProcess silo)
    {
        var (count, pause, bytes) = (0L, 0.0, 0L);
        foreach (var line in (await silo.Http.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Split('\n'))
        {
            var value = line.Length > 0 && line[0] != '#' && double.TryParse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture, out var number) ? number : 0;
            if (line.StartsWith("dotnet_gc_collections_total", StringComparison.Ordinal)) count += (long)value;
            else if (line.StartsWith("dotnet_gc_pause_time_seconds_total", StringComparison.Ordinal)) pause += value;
            else if (line.StartsWith("dotnet_gc_heap_total_allocated_bytes_total", StringComparison.Ordinal)) bytes += (long)value;
        }

        return (count, pause, bytes);
    }
}
