using System.Buffers.Binary;
using System.Diagnostics;
using Twin.Fmi;

namespace Twin.Fmi.Tests;

/// <summary>The child against what no parent of ours sends.</summary>
public class HostTests
{
    private static byte[] Serve(params byte[][] frames)
    {
        var (input, output) = (new MemoryStream(), new MemoryStream());
        foreach (var frame in frames)
        {
            input.Write(BitConverter.GetBytes(frame.Length));
            input.Write(frame);
        }

        input.Position = 0;
        FmuHost.Serve(input, output);
        return output.ToArray();
    }

    [Fact]
    public void A_request_that_is_unknown_early_or_cut_off_is_refused_and_the_next_is_answered()
    {
        var answers = Serve([200], [(byte)FmuRequest.Step], [(byte)FmuRequest.Load, 2]);
        var (at, seen) = (0, 0);
        while (at < answers.Length)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(answers.AsSpan(at));
            Assert.Equal((byte)FmuAnswer.Refused, answers[at + 4]);
            (at, seen) = (at + 4 + length, seen + 1);
        }

        Assert.Equal(3, seen);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(FmuProtocol.LongestFrame + 1)]
    public void A_frame_of_a_length_out_of_its_range_ends_the_child(int length) =>
        Assert.Throws<InvalidDataException>(() => FmuHost.Serve(new MemoryStream(BitConverter.GetBytes(length)), new MemoryStream()));

    [Fact]
    public async Task The_command_prints_the_outputs_as_CSV_and_says_what_is_wrong()
    {
        using var factory = new ModelFactory();
        var file = factory.Make(3, ModelKind.Decay, "decay");
        var (exit, output, _) = await RunAsync("simulate", "fmu", file, "--until", "1", "--step", "0.5", "--set", "k=2");
        Assert.Equal(0, exit);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("time,x,steps,isDown", lines[0]);
        Assert.Equal(["0,1,0,false"], lines[1..2]);
        Assert.Equal(4, lines.Length);
        Assert.Equal(Math.Exp(-2), double.Parse(lines[3].Split(',')[1]), 1e-12);
        (exit, _, var errors) = await RunAsync("simulate", "fmu", file, "--set", "nothing=2");
        Assert.Equal(2, exit);
        Assert.Contains("no variable 'nothing'", errors, StringComparison.Ordinal);
        (exit, _, errors) = await RunAsync("simulate", "fmu", factory.Make(2, ModelKind.Crasher, "crasher"));
        Assert.Equal(1, exit);
        Assert.Contains("crasher: its process ended during step", errors, StringComparison.Ordinal);
    }

    private static async Task<(int Exit, string Output, string Errors)> RunAsync(params string[] words)
    {
        var host = ModelFactory.Host();
        using var process = Process.Start(new ProcessStartInfo(host.Program, [host.Arguments[0], .. words]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        return (process.ExitCode, await output, await errors);
    }
}
