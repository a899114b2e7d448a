namespace Twin.Benchmarks.Claims;

/// <summary>What does a hot twin cost? Resident memory of the whole silo process over 1,000,000 twins of eight doubles each. Above 1.5 KB the columns are not dense enough.</summary>
internal static class TwinsMemory
{
    public static Claim Claim { get; } = new("twins.memory", "B", true, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var twins = run.Count(1_000_000, 20_000);
        var folder = SiloProcess.NewFolder();
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none");
            var empty = silo.ResidentBytes();
            await ImportLoad.RunAsync(silo, twins, run.Log);
            await Task.Delay(run.Seconds(10, 1));
            var full = silo.ResidentBytes();
            var known = await SystemPage.TwinsAsync(silo);
            return known != twins
                ? Figure.None($"{known} of {twins} twins are there.")
                : new Figure((double)full / twins, new() { ["twins"] = twins, ["properties"] = BenchGraph.Properties, ["residentMB"] = full >> 20, ["emptySiloMB"] = empty >> 20 });
        }
        finally { Directory.Delete(folder, recursive: true); }
    }
}
