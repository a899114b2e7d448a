namespace Twin.Testing;

/// <summary>Real inputs that lie beside the repository; tests that need them are skipped where they are not.</summary>
internal static class SharedFiles
{
    /// <summary>A file or folder of the shared data.</summary>
    public static string Require(string relative)
    {
        var path = Repository.SharedData(relative);
        if (path is null) Assert.Skip("no shared data");
        return path;
    }
}
