using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twin.Wire.Spaces;

namespace Twin.Wire.Tests.Spaces;

/// <summary>The known answers that every SDK reads: streams/Twin.Wire/vectors/spaces.json.</summary>
public sealed class SpaceVectorTests
{
    private static readonly string Path = Find();

    [Fact]
    public void The_bytes_are_those_of_the_known_answers()
    {
        if (Environment.GetEnvironmentVariable("TWIN_WRITE_VECTORS") is not null) File.WriteAllText(Path, SpaceVectors.Make().ToJsonString(new JsonSerializerOptions { WriteIndented = false }).Replace("{\"hex\"", "\n{\"hex\"", StringComparison.Ordinal).Replace("{\"type\"", "\n{\"type\"", StringComparison.Ordinal) + "\n");
        var law = JsonNode.Parse(File.ReadAllText(Path))!;
        Assert.True(JsonNode.DeepEquals(law, JsonNode.Parse(SpaceVectors.Make().ToJsonString())), "the codec no longer writes what spaces.json says");
    }

    [Fact]
    public void A_view_reads_the_known_frames()
    {
        var view = new ClientView();
        foreach (var frame in JsonNode.Parse(File.ReadAllText(Path))!["frames"]!.AsArray())
        {
            view.Apply(Convert.FromHexString((string)frame!["hex"]!));
            Assert.Equal((long)frame["tick"]!, view.Tick);
            foreach (var slot in frame["slots"]!.AsArray())
            {
                var at = (int)slot!["slot"]!;
                var (pose, shadow) = (slot["pose"]!.AsArray(), view.ShadowAt(at));
                Assert.Equal(((int)slot["number"]!, (bool)slot["isPaused"]!), (view.NumberAt(at), view.IsPausedAt(at)));
                Assert.Equal(new AvatarPose((int)pose[0]!, (int)pose[1]!, (int)pose[2]!, (uint)(long)pose[3]!, (AvatarFlags)(int)pose[4]!), shadow.Pose);
                Assert.Equal(slot["velocity"]!.AsArray().Select(part => (int)part!), [shadow.VelocityX, shadow.VelocityY, shadow.VelocityZ]);
            }
        }
    }

    [Fact]
    public async Task The_TypeScript_SDK_passes_its_own_tests_over_the_same_answers()
    {
        var cancel = TestContext.Current.CancellationToken;
        var folder = System.IO.Path.GetFullPath(System.IO.Path.Combine(Path, "../../../../clients/sdk"));
        if (!Directory.Exists(System.IO.Path.Combine(folder, "node_modules")))
        {
            Assert.SkipWhen(Environment.GetEnvironmentVariable("TWIN_NPM_INSTALL") is null, $"run npm ci in {folder}, or set TWIN_NPM_INSTALL");
            using var install = Process.Start(new ProcessStartInfo("npm", "ci --no-audit --no-fund") { WorkingDirectory = folder })!;
            await install.WaitForExitAsync(cancel);
            Assert.SkipWhen(install.ExitCode != 0, "npm could not install the SDK's tools");
        }

        using var npm = Process.Start(new ProcessStartInfo("npm", "test --silent") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (npm.StandardOutput.ReadToEndAsync(cancel), npm.StandardError.ReadToEndAsync(cancel));
        await npm.WaitForExitAsync(cancel);
        Assert.True(npm.ExitCode == 0, await output + await errors);
    }

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "Twin.sln"))) folder = folder.Parent!;
        return System.IO.Path.Combine(folder.FullName, "streams", "Twin.Wire", "vectors", "spaces.json");
    }
}
