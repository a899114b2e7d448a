namespace Twin.Pipelines.Routes;

/// <summary>Replaces small files so that a crash leaves the old or the new one, never a mixture.</summary>
internal static class DurableFile
{
    /// <summary>Writes beside, flushes to the device, renames over.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        var beside = path + ".new";
        using (var file = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None, 1))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }
        File.Move(beside, path, overwrite: true);
        FlushFolder(Path.GetDirectoryName(path)!);
    }

    // The rename itself is only durable once the folder is; Windows has no handle for that and needs none.
    private static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        try
        {
            using var handle = File.OpenHandle(folder, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            RandomAccess.FlushToDisk(handle);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Some file systems refuse to open or flush a folder; the file's own bytes are on the device already.
        }
    }
}
