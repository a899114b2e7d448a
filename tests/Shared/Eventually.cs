namespace Twin.Testing;

/// <summary>Waiting for a real process: asks again until it is so, and says what it waited for when it never is.</summary>
internal static class Eventually
{
    public static async Task TrueAsync(Func<Task<bool>> isSo, string what, CancellationToken cancel, double seconds = 30)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(seconds); !await isSo();)
        {
            if (DateTime.UtcNow > deadline) throw new TimeoutException($"Waited {seconds} s for {what}.");
            await Task.Delay(50, cancel);
        }
    }
}
