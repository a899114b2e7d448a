using System.Diagnostics;
using Twin.Benchmarks;
using Twin.Benchmarks.Claims;

// dotnet run -c Release --project tests/Twin.Benchmarks -- CLAIM... [--quick] [--runs N] | all | list
Claim[] claims =
[
    StartReady.Claim, IngestMqtt.Claim, IngestBatch.Claim, TwinsPatch.Claim, TwinsMix.Claim, TwinsMemory.Claim, FeedLatency.Claim, Recover.Claim, Dtdl.Conformance, Dtdl.Parse, PolicyCost.Claim,
    QueryFilter.Claim, QueryMultihop.Claim, QueryStanding.Claim,
    SpaceCodec.Encode, SpaceCodec.Bytes, SpaceCodec.Crowd, SpaceClients.Clients, SpaceClients.Dense, SpaceHandover.Claim, SpaceReplayed.Claim, LedgerTransfers.Claim, BranchFork.Claim, SimJobShop.Claim,
    SimKernel.Kernel, SimKernel.Partitions, SimKernel.Snapshot,
];

var quick = args.Contains("--quick");
var runsAt = Array.IndexOf(args, "--runs");
var runs = runsAt >= 0 && runsAt + 1 < args.Length && int.TryParse(args[runsAt + 1], out var asked) && asked is >= 1 and <= 20 ? asked : 1;
var names = args.Where((a, i) => !a.StartsWith("--", StringComparison.Ordinal) && (runsAt < 0 || i != runsAt + 1)).ToArray();
if (names is ["all"]) names = [.. claims.Select(c => c.Name)];
var unknown = names.Where(n => claims.All(c => c.Name != n)).ToArray();
if (names.Length == 0 || unknown.Length > 0)
{
    await Console.Error.WriteLineAsync((unknown.Length > 0 ? $"There is no claim {string.Join(", ", unknown)}. " : "") + $"Claims: {string.Join(", ", claims.Select(c => c.Name))}. Switches: --quick, --runs 1..20.");
    return names is ["list"] ? 0 : 2;
}

var ok = true;
foreach (var name in names)
{
    var claim = claims.Single(c => c.Name == name);
    ok &= claim.Pinned && Environment.GetEnvironmentVariable("TWIN_BENCH_CHILD") is null ? RunPinned(name) : await RunHereAsync(claim);
}

return ok ? 0 : 3;

async Task<bool> RunHereAsync(Claim claim)
{
    try
    {
        return await claim.PrintAsync(new ClaimRun(quick, Console.Error.WriteLine), runs, Machine.Commit());
    }
    catch (Exception fault)
    {
        await Console.Error.WriteLineAsync(fault.ToString());
        Console.WriteLine(new System.Text.Json.Nodes.JsonObject { ["claim"] = claim.Name, ["value"] = null, ["unit"] = claim.Unit, ["why"] = fault.Message }.ToJsonString());
        return false;
    }
}

// The load runs in a process of its own on the last core, with socket completions inline: a closed loop without thread hops.
bool RunPinned(string name)
{
    var start = Machine.Start(Environment.ProcessPath!, [Environment.GetCommandLineArgs()[0], name, .. quick ? ["--quick"] : Array.Empty<string>(), "--runs", runs.ToString(System.Globalization.CultureInfo.InvariantCulture)], Machine.Cores - 1);
    if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) != "dotnet")
    {
        start.ArgumentList.Remove(Environment.GetCommandLineArgs()[0]);
    }

    start.Environment["TWIN_BENCH_CHILD"] = "1";
    start.Environment["TWIN_BENCH_CORES"] = Machine.Cores.ToString(System.Globalization.CultureInfo.InvariantCulture);
    start.Environment["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1";
    using var child = Process.Start(start)!;
    child.WaitForExit();
    return child.ExitCode == 0;
}
