using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace Twin.Laws.Tests;

/// <summary>The import law over what was compiled: the build checks project references, this checks what the assemblies really name.</summary>
public class ImportLawTests
{
    public static TheoryData<string> Projects => [.. ReadLaw().Keys.Where(p => p is not "Twin.Benchmarks")];

    [Theory]
    [MemberData(nameof(Projects))]
    public void An_assembly_names_only_what_its_line_allows(string project)
    {
        var law = ReadLaw();
        var allowed = law[project];
        var named = ReferencesOf(AssemblyOf(project)).Where(law.ContainsKey).ToArray();
        if (allowed is ["*"]) return;
        Assert.Empty(named.Except(allowed));
    }

    [Fact]
    public void Every_project_of_the_solution_has_a_line()
    {
        var projects = Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Where(f => !f.Contains("node_modules", StringComparison.Ordinal))
            .Select(f => Path.GetFileNameWithoutExtension(f)!)
            .Where(n => !n.EndsWith(".Tests", StringComparison.Ordinal));
        Assert.Empty(projects.Except(ReadLaw().Keys));
    }

    [Fact]
    public void The_model_knows_no_network_no_database_and_no_framework()
    {
        var foreign = ReferencesOf(AssemblyOf("Twin.Model")).Concat(ReferencesOf(AssemblyOf("Twin.Graph")))
            .Where(r => r.StartsWith("Microsoft.", StringComparison.Ordinal) || r is "System.Net.Http" or "System.Net.Sockets" or "System.Data.Common");
        Assert.Empty(foreign);
    }

    private static Dictionary<string, string[]> ReadLaw() =>
        XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.targets")).Descendants("ImportLaw")
            .ToDictionary(l => l.Attribute("Include")!.Value, l => l.Attribute("May")!.Value.Split(';', StringSplitOptions.RemoveEmptyEntries));

    private static string AssemblyOf(string project)
    {
        var name = project == "Twin.Cli" ? "twin" : project;
        var path = Path.Combine(AppContext.BaseDirectory, name + ".dll");
        Assert.True(File.Exists(path), $"{path} is missing: the laws project must reference every room.");
        return path;
    }

    private static string[] ReferencesOf(string assembly)
    {
        using var reader = new PEReader(File.OpenRead(assembly));
        var metadata = reader.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(h => metadata.GetString(metadata.GetAssemblyReference(h).Name))];
    }
}
