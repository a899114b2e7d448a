using System.Text.Json;

namespace Twin.Clients.Tests;

/// <summary><c>twin simulate jobshop</c> as the built program answers it.</summary>
public sealed class JobShopCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("twin-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private string Save(string text)
    {
        var path = Path.Combine(_folder, "shop.txt");
        File.WriteAllText(path, text);
        return path;
    }

    [Fact]
    public async Task A_job_shop_is_scheduled_proved_and_drawn()
    {
        // Two jobs that share both machines in opposite order: 3+2 and 4+1; machine 0 works 3+1, machine 1 works 2+4, so 6 is a bound; 4, then 2 on machine 1 reaches it.
        var (exit, output, errors) = await ProgramRun.RunAsync("simulate", "jobshop", Save("2 2\n0 3 1 2\n1 4 0 1\n"), "--gantt", "--json");
        Assert.Equal(0, exit);
        using var json = JsonDocument.Parse(output);
        Assert.Equal((6, 6, true), (json.RootElement.GetProperty("makespan").GetInt32(), json.RootElement.GetProperty("bound").GetInt32(), json.RootElement.GetProperty("proved").GetBoolean()));
        Assert.Equal(2, json.RootElement.GetProperty("gantt").GetProperty("machines").GetArrayLength());
        Assert.DoesNotContain("fault", errors, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_is_wrong_with_the_call_or_the_file_is_told_with_its_place()
    {
        var file = Save("2 2\n0 3 1 2\n1 4 7 1\n");
        var (exit, _, errors) = await ProgramRun.RunAsync("simulate", "jobshop", file);
        Assert.Equal(2, exit);
        Assert.Contains("line 3, column 5: 7 is not 0 to 1", errors, StringComparison.Ordinal);
        (exit, _, errors) = await ProgramRun.RunAsync("simulate", "jobshop", Save("1 1\n0 3\n"), "--rule", "best");
        Assert.Equal(2, exit);
        Assert.Contains("spt, lpt, mwkr", errors, StringComparison.Ordinal);
        (exit, _, errors) = await ProgramRun.RunAsync("simulate", "jobshop", Save("1 1\n0 3\n"), "--objective", "tardiness");
        Assert.Equal(2, exit);
        Assert.Contains("no due dates", errors, StringComparison.Ordinal);
    }
}
