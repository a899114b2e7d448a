using Twin.Simulation.JobShop;

namespace Twin.Simulation.Tests.JobShop;

public class JobShopTextTests
{
    private const string Usual = "# two jobs\n2 2\n0 3 1 2\n1 4 0 1\n";

    [Fact]
    public void The_usual_style_the_library_style_and_Taillards_style_say_the_same()
    {
        var library = " +++++\n\n instance one\n\n +++++\n two jobs of somebody\n 2 2\n 0 3 1 2\n 1 4 0 1\n +++++\n instance two\n +++++\n other\n1 1\n0 7\n +++++\n";
        var taillard = " Nb of jobs, Nb of Machines, Time seed, Machine seed, Upper bound, Lower bound\n 2 2 1 2 8 7\nTimes\n 3 2\n 4 1\nMachines\n 1 2\n 2 1\n";
        var usual = Assert.Single(JobShopText.Read(Usual, "u"));
        var both = JobShopText.Read(library, "l");
        var third = Assert.Single(JobShopText.Read(taillard, "t"));
        Assert.Equal(["one", "two"], both.Select(i => i.Name));
        Assert.All([both[0], third], other =>
        {
            Assert.Equal(usual.MachineOf.ToArray(), other.MachineOf.ToArray());
            Assert.Equal(usual.DurationOf.ToArray(), other.DurationOf.ToArray());
        });
        Assert.Equal([0, 1, 1, 0], usual.MachineOf.ToArray());
        Assert.Equal([3, 2, 4, 1], usual.DurationOf.ToArray());
    }

    [Fact]
    public void Releases_due_dates_weights_and_down_times_are_read()
    {
        var shop = Assert.Single(JobShopText.Read(Usual + "release 1 -\ndue 9 -\nweight 2 5\ndown 1 3 6\n", "x"));
        Assert.Equal([(1, (int?)9, 2), (0, null, 5)], shop.Jobs.Select(j => (j.Release, j.Due, j.Weight)));
        Assert.Equal([new MachineDowntime(1, 3, 6)], shop.DowntimesOf(1));
    }

    [Theory]
    [InlineData("", 1, 1, "no instance")]
    [InlineData("2 2\n0 3 1 2\n", 1, 1, "ends before job 1")]
    [InlineData("2 2\n0 3 1 2\n1 4 0\n", 3, 5, "3 of 4 numbers")]
    [InlineData("2 2\n0 3 1 2\n1 4 0 1 8\n", 3, 9, "too much")]
    [InlineData("2 2\n0 3 1 2\n1 4 2 1\n", 3, 5, "2 is not 0 to 1")]
    [InlineData("2 2\n0 3 1 2\n1 4 0 x\n", 3, 7, "'x' is not a whole number")]
    [InlineData("2 2\n0 3 1 -2\n1 4 0 1\n", 2, 7, "-2 is not")]
    [InlineData("0 2\n", 1, 1, "0 is not 1")]
    [InlineData("5000 5000\n", 1, 1, "25000000 operations")]
    [InlineData("Nb of jobs\n1 1\nTimes\n3\nMachines\n0\n", 6, 1, "0 is not 1 to 1")]
    [InlineData("1 1\n0 3\ndown 0 5 5\n", 3, 10, "5 is not 6")]
    [InlineData("1 1\n0 3\ndue 1 2\n", 3, 1, "one a job, 1")]
    public void What_is_wrong_is_told_with_its_line_and_column(string text, int line, int column, string part)
    {
        var fault = Assert.Throws<JobShopFormatException>(() => JobShopText.Read(text, "x"));
        Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        Assert.Equal((line, column), (fault.Line, fault.Column));
    }

    [Fact]
    public void Taillards_generator_gives_his_published_first_job()
    {
        var shop = TaillardGenerator.Generate("ta01", 15, 15, 840612802, 398197754);
        Assert.Equal([94, 66, 10, 53, 26, 15, 65, 82, 10, 27, 93, 92, 96, 70, 83], shop.Jobs[0].Steps.Select(s => s.Duration));
        Assert.Equal([6, 12, 4, 7, 3, 2, 10, 11, 8, 14, 9, 13, 5, 0, 1], shop.Jobs[0].Steps.Select(s => s.Machine));
    }
}
