using System.Text.Json.Nodes;

namespace Twin.Benchmarks.Claims;

/// <summary>Figures the silo tells of itself.</summary>
internal static class SystemPage
{
    public static async Task<JsonNode> ReadAsync(SiloProcess silo) =>
        JsonNode.Parse(await silo.Http.GetStringAsync(new Uri("/system", UriKind.Relative)))!;

    public static async Task<long> TwinsAsync(SiloProcess silo) => (await ReadAsync(silo))["twins"]!.GetValue<long>();

    public static async Task<long> HistoryPointsAsync(SiloProcess silo) => (await ReadAsync(silo))["history"]!["points"]!.GetValue<long>();
}
