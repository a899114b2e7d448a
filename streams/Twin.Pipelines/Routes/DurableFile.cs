namespace Twin.Pipelines.Routes;

/// <summary>Replaces small files so that a crash leaves the old or the new one, never a mixture.</summary>
public static class DurableFile
{
    /// <summary>Writes beside, flushes to the device, renames over.</summary>
    /// <param name="path">The file; its folder exists.</param>
    /// <param name="bytes">The whole content.</param>
    /// <param name="isSecret">Only this user may read the file (where the system has such a mode).</param>
    public static void Replace(string path, ReadOnlySpan<byte> bytes, bool isSecret = false)
    {
        var beside = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 1 };
        if (isSecret && !OperatingSystem.IsWindows())
        {
            File.Delete(beside); // one left by a crash would keep its own mode
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        using (var file = new FileStream(beside, options))
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
