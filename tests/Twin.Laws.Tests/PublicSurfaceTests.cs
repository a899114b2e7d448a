using System.Reflection;
using PublicApiGenerator;

namespace Twin.Laws.Tests;

/// <summary>
/// The public surface of the rooms that others build on, against the snapshots in <c>surface/</c>. A change is a decision:
/// run with <c>TWIN_ACCEPT_SURFACE=1</c> to write the new snapshots, and read the difference in review.
/// </summary>
public class PublicSurfaceTests
{
    [Theory]
    [InlineData("Twin.Model")]
    [InlineData("Twin.Wire")]
    [InlineData("Twin.Grains.Contracts")]
    [InlineData("Twin.History")]
    [InlineData("Twin.Sdk")]
    public void The_public_surface_is_the_one_in_the_snapshot(string assemblyName)
    {
        var actual = Assembly.Load(assemblyName).GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false, ExcludeAttributes = ["Orleans.CodeGeneration.OrleansCodeGenAttribute"] }).ReplaceLineEndings("\n");
        var path = Path.Combine(Repository.Root, "tests", "Twin.Laws.Tests", "surface", assemblyName + ".txt");
        if (Environment.GetEnvironmentVariable("TWIN_ACCEPT_SURFACE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        Assert.True(File.Exists(path), $"{path} is missing; run with TWIN_ACCEPT_SURFACE=1 to write it.");
        Assert.Equal(File.ReadAllText(path).ReplaceLineEndings("\n"), actual);
    }
}
