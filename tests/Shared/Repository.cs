namespace Twin.Testing;

/// <summary>Where the checkout is, and the real inputs beside it.</summary>
internal static class Repository
{
    /// <summary>The folder of Twin.sln.</summary>
    public static string Root { get; } = Find();

    /// <summary>A file or folder of the shared data; null where it does not lie beside the repository.</summary>
    public static string? SharedData(string relative)
    {
        var path = Path.GetFullPath(Path.Combine(Root, "..", "shared", "data", relative));
        return File.Exists(path) || Directory.Exists(path) ? path : null;
    }

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Twin.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("Twin.sln is in no folder above the test.");
    }
}
