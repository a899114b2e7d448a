namespace Twin.Benchmarks.Claims;

/// <summary>How long does a newcomer wait? Process start to ready with the generated city, on an empty folder and on a recovered one (killed, not stopped). We would change our mind above 6 s and 4 s.</summary>
internal static class StartReady
{
    public static Claim Claim { get; } = new("start.ready", "s", true, false, MeasureAsync);

    private static async Task<Figure> MeasureAsync(ClaimRun run)
    {
        var folder = SiloProcess.NewFolder();
        try
        {
            double empty, recovered;
            long twins;
            await using (var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "city"))
            {
                empty = silo.ReadyAfter.TotalSeconds;
                twins = await SystemPage.TwinsAsync(silo);
                await Task.Delay(run.Seconds(5, 1));
                await silo.KillAsync();
            }

            await using (var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "city"))
            {
                recovered = silo.ReadyAfter.TotalSeconds;
                var back = await SystemPage.TwinsAsync(silo);
                if (back != twins) return Figure.None($"{twins} twins before the kill, {back} after.");
            }

            return new Figure(Math.Round(empty, 3), new() { ["recoveredS"] = Math.Round(recovered, 3), ["twins"] = twins });
        }
        finally { Directory.Delete(folder, recursive: true); }
    }
}
