namespace Twin.Model.Tests;

/// <summary>Real inputs that lie beside the repository; tests that need them are skipped where they are not.</summary>
internal static class SharedFiles
{
    public static string Require(string relative)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Twin.sln"))) root = root.Parent;
        var path = root is null ? null : Path.Combine(root.FullName, "..", "shared", "data", relative);
        if (path is null || !(File.Exists(path) || Directory.Exists(path))) Assert.Skip("no shared data");
        return path;
    }
}
