using System.Diagnostics;

namespace Twin.Pipelines.Tests;

/// <summary>Polls real processes with a deadline.</summary>
public static class Eventually
{
    public static async Task True(Func<bool> claim, string what, int seconds = 20)
    {
        var watch = Stopwatch.StartNew();
        while (!claim())
        {
            if (watch.Elapsed.TotalSeconds > seconds) Assert.Fail($"Not within {seconds} s: {what}");
            await Task.Delay(2);
        }
    }
}
