namespace Twin.Pipelines.Tests;

/// <summary>Finds the repository and the real recordings beside it.</summary>
public static class SharedFiles
{
    public static string Repository { get; } = Find();

    public static string Nab(string file)
    {
        var path = Path.GetFullPath(Path.Combine(Repository, "..", "shared", "data", "nab", file));
        if (!File.Exists(path)) Assert.Skip("no shared data");
        return path;
    }

    public static string NewFolder() => Directory.CreateTempSubdirectory("twin-pipelines-").FullName;

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Twin.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Twin.sln was not found above the tests.");
    }
}
