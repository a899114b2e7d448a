using System.Diagnostics;
using System.Net;

namespace Twin.EndToEnd.Tests;

/// <summary>What happens when the world under the silo fails. Nothing acknowledged is lost; the silo says what is wrong and heals.</summary>
public sealed class FaultTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_full_disk_refuses_writes_with_503_keeps_reads_and_heals_when_there_is_room()
    {
        var folder = SiloProcess.NewFolder();
        Assert.SkipUnless(await RunAsync("mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", folder) == 0, "mounting a small file system needs root");
        try
        {
            await using var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--history", "false");
            await Lamp.CreateAsync(silo.Http, 1, Cancel);
            var ballast = Path.Combine(folder, "ballast");
            await RunAsync("sh", "-c", $"dd if=/dev/zero of={ballast} bs=64k 2>/dev/null");
            var acknowledged = 0;
            var refused = await WriteUntilAsync(silo.Http, 503, value => acknowledged = value);
            Assert.Contains("problem+json", refused, StringComparison.Ordinal);
            Assert.Equal(acknowledged, await Lamp.PowerAsync(silo.Http, 0, Cancel));
            File.Delete(ballast);
            await Eventually.TrueAsync(async () =>
            {
                using var answer = await silo.Http.PatchAsync("/digitaltwins/lamp-0", Lamp.Patch(-1), Cancel);
                return answer.StatusCode == HttpStatusCode.NoContent;
            }, "writes to be taken again", Cancel);
            Assert.Equal(-1, await Lamp.PowerAsync(silo.Http, 0, Cancel));
        }
        finally
        {
            await RunAsync("umount", "-l", folder);
            Directory.Delete(folder);
        }
    }

    [Fact]
    public async Task Redis_gone_for_ten_seconds_delays_writes_and_loses_none()
    {
        await using var redis = await RedisServer.StartAsync();
        Assert.SkipWhen(redis is null, "redis-server is not installed");
        var folder = SiloProcess.NewFolder();
        await using (var silo = await SiloProcess.StartAsync(folder, false, "--scenario", "none", "--history", "false", "--redis", redis.Address))
        {
            await Lamp.CreateAsync(silo.Http, 1, Cancel);
            using var before = await silo.Http.PatchAsync("/digitaltwins/lamp-0", Lamp.Patch(7), Cancel);
            Assert.Equal(HttpStatusCode.NoContent, before.StatusCode);
            await redis.KillAsync();
            var during = silo.Http.PatchAsync("/digitaltwins/lamp-0", Lamp.Patch(8), Cancel);
            await Task.Delay(TimeSpan.FromSeconds(10), Cancel);
            using (var live = await silo.Http.GetAsync("/health/live", Cancel)) Assert.Equal(HttpStatusCode.OK, live.StatusCode);
            await redis.ResumeAsync();
            using var answer = await during;
            var known = await Eventually1Async(silo.Http);
            Assert.True(answer.StatusCode == HttpStatusCode.NoContent ? known == 8 : known is 7 or 8, $"{answer.StatusCode}, {known}");
            await Eventually.TrueAsync(async () =>
            {
                using var after = await silo.Http.PatchAsync("/digitaltwins/lamp-0", Lamp.Patch(9), Cancel);
                return after.StatusCode == HttpStatusCode.NoContent;
            }, "writes to be taken again", Cancel);
            Assert.Equal(9, await Lamp.PowerAsync(silo.Http, 0, Cancel));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task<double> Eventually1Async(HttpClient http)
    {
        var value = double.NaN;
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await http.GetAsync("/digitaltwins/lamp-0", Cancel);
            if (!answer.IsSuccessStatusCode) return false;
            value = await Lamp.PowerAsync(http, 0, Cancel);
            return true;
        }, "the lamp to answer", Cancel);
        return value;
    }

    private static async Task<string> WriteUntilAsync(HttpClient http, int status, Action<int> acknowledged)
    {
        for (var value = 1; value < 2_000_000; value++)
        {
            using var answer = await http.PatchAsync("/digitaltwins/lamp-0", Lamp.Patch(value), Cancel);
            if ((int)answer.StatusCode == status) return answer.Content.Headers.ContentType?.ToString() ?? "";
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
            acknowledged(value);
        }

        throw new InvalidOperationException("The disk never filled.");
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.WaitForExitAsync(Cancel);
        return process.ExitCode;
    }
}
