namespace Twin.Model.Tests;

/// <summary>Real inputs that lie beside the repository; tests that need them are skipped where they are not.</summary>
internal static class SharedFiles
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder of the shared data; null when it is not there.</summary>
    public static string? Find(string relative)
    {
        var path = Path.Combine(Root, "..", "shared", "data", relative);
        return File.Exists(path) || Directory.Exists(path) ? path : null;
    }

    /// <summary>A file or folder of the shared data; skips the test when it is not there.</summary>
    public static string Require(string relative)
    {
        var path = Find(relative);
        if (path is null) Assert.Skip("no shared data");
        return path;
    }

    private static string FindRoot()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Twin.sln"))) root = root.Parent;
        return root?.FullName ?? AppContext.BaseDirectory;
    }
}
