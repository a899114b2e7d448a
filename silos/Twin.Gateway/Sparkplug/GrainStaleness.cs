using System.Diagnostics.Metrics;
using Orleans;
using Twin.Grains;
using Twin.Model;

namespace Twin.Gateway.Sparkplug;

/// <summary>Takes births and deaths of edges to the device grains of the twins they spoke for. Thread-safe. At most <see cref="AtOnce"/> calls under way a mark.</summary>
public sealed class GrainStaleness(IGrainFactory grains) : ITwinStalenessSink
{
    /// <summary>Calls under way at once for one birth or death.</summary>
    public const int AtOnce = 64;

    private const int Attempts = 3;
    private static readonly Counter<long> Marks = new Meter("Twin").CreateCounter<long>("twin_staleness_marks_total", description: "Twins marked by the births and deaths of their edges");
    private static readonly KeyValuePair<string, object?> Stale = new("to", "stale");
    private static readonly KeyValuePair<string, object?> Fresh = new("to", "fresh");
    private static readonly KeyValuePair<string, object?> Failed = new("to", "failed");

    /// <inheritdoc/>
    public async ValueTask MarkAsync(IReadOnlyCollection<string> twinIds, bool isStale, WallTime at, CancellationToken cancellationToken)
    {
        var time = new DateTimeOffset(at.UtcTicks, TimeSpan.Zero);
        var bound = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(twinIds.Where(t => TwinJson.IsValidId(t)), bound, async (twin, _) => await MarkAsync(twin, isStale, time).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private async Task MarkAsync(string twin, bool isStale, DateTimeOffset at)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await grains.GetGrain<IDeviceGrain>(twin).MarkAsync(isStale, at).ConfigureAwait(false);
                Marks.Add(1, isStale ? Stale : Fresh);
                return;
            }
            catch (Exception fault) when (Http.Unreachable.Is(fault) && attempt < Attempts)
            {
                // The owner is moving; a mark is harmless to repeat, because an older one than the last is ignored.
            }
            catch
            {
                Marks.Add(1, Failed);
                throw;
            }
        }
    }
}
