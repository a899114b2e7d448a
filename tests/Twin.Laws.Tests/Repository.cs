namespace Twin.Laws.Tests;

/// <summary>Where the checkout is.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Twin.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("Twin.sln is in no folder above the test.");
    }
}
