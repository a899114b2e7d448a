using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Twin.Fmi;

/// <summary>How the child is started, and how long an answer may take.</summary>
/// <param name="Program">The program that serves <see cref="FmuHost.RunProcess"/>.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Longest">Longest wait for one answer; then the child is ended.</param>
public sealed record FmuHostCommand(string Program, IReadOnlyList<string> Arguments, TimeSpan Longest);

/// <summary>
/// A model in a child process. What the model does to its process costs that process only: a crash, a hang or a broken answer ends
/// in an <see cref="FmuException"/> that says so, and the child is gone. One call at a time; one owner. The child has the user's
/// rights and a short environment: an FMU is foreign code, to be run as such.
/// </summary>
public sealed class FmuProcess : IAsyncDisposable
{
    private const int LongestComplaint = 2_000;
    private static readonly string[] KeptVariables = ["PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SystemRoot", "DOTNET_ROOT", "LD_LIBRARY_PATH", "LANG"];
    private readonly Process _process;
    private readonly TimeSpan _longest;
    private readonly TimeProvider _clock;
    private readonly Task _complaints;
    private readonly char[] _complaint = new char[LongestComplaint];
    private int _complaintLength;
    private bool _isLost;

    private FmuProcess(string name, FmuDescription description, Process process, FmuHostCommand command, TimeProvider clock)
    {
        (Name, Description, _process, _longest, _clock) = (name, description, process, command.Longest, clock);
        _complaints = ListenAsync();
    }

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>What it says of itself.</summary>
    public FmuDescription Description { get; }

    /// <summary>The child's process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Starts the child and loads the model.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="archive">Has to stay until this is disposed.</param>
    /// <param name="command">The child.</param>
    /// <param name="clock">Measures waits.</param>
    /// <param name="cancellationToken">Ends the child.</param>
    /// <exception cref="FmuException">The child cannot be started, or the model refuses.</exception>
    public static async Task<FmuProcess> StartAsync(string name, FmuArchive archive, FmuHostCommand command, TimeProvider clock, CancellationToken cancellationToken = default)
    {
        if (command.Longest <= TimeSpan.Zero) throw new ArgumentException($"The longest wait is {command.Longest}; it must be above 0.", nameof(command));
        var library = archive.Library();
        var start = new ProcessStartInfo(command.Program, command.Arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = archive.Folder };
        foreach (var variable in start.Environment.Keys.Except(KeptVariables).ToArray()) start.Environment.Remove(variable);
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception fault)
        {
            throw new FmuException(FmuFault.Invalid, $"{name}: its host '{command.Program}' cannot be started: {fault.Message}");
        }

        var fmu = new FmuProcess(name, archive.Description, process, command, clock);
        try
        {
            await fmu.AskAsync("loading", FmuRequest.Load, w =>
            {
                w.Write(archive.Description.Version);
                w.Write(library);
                w.Write(archive.Description.Identifier);
                w.Write(archive.Description.Token);
                w.Write(archive.Resources);
                w.Write(true);
            }, cancellationToken).ConfigureAwait(false);
            return fmu;
        }
        catch
        {
            await fmu.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Sets the experiment up and enters initialization; start values and inputs may be set from then on.</summary>
    public Task EnterInitializationAsync(double start, double? stop, CancellationToken cancellationToken) => AskAsync("entering initialization", FmuRequest.EnterInitialization, w =>
    {
        w.Write(start);
        w.Write(stop is not null);
        if (stop is { } end) w.Write(end);
        w.Write(false);
    }, cancellationToken);

    /// <summary>Ends initialization; steps may follow.</summary>
    public Task ExitInitializationAsync(CancellationToken cancellationToken) => AskAsync("leaving initialization", FmuRequest.ExitInitialization, _ => { }, cancellationToken);

    /// <summary>Reads variables of any types; the values come in their order.</summary>
    public async Task<FmuValue[]> GetAsync(IReadOnlyList<FmuVariable> variables, CancellationToken cancellationToken)
    {
        var values = new FmuValue[variables.Count];
        foreach (var group in Enumerable.Range(0, variables.Count).GroupBy(i => variables[i].Type))
        {
            foreach (var part in group.Chunk(FmuProtocol.MostValues))
            {
                var answer = await AskAsync("reading variables", FmuRequest.Get, w => WriteReferences(w, group.Key, part, variables), cancellationToken).ConfigureAwait(false);
                using var reader = new BinaryReader(new MemoryStream(answer, 1, answer.Length - 1));
                try
                {
                    foreach (var i in part) values[i] = FmuValue.Read(reader, group.Key);
                }
                catch (EndOfStreamException)
                {
                    throw Lose(FmuFault.Crashed, "answered with fewer values than asked for");
                }
            }
        }

        return values;
    }

    /// <summary>Sets variables of any types; each value has its variable's type.</summary>
    public async Task SetAsync(IReadOnlyList<FmuVariable> variables, IReadOnlyList<FmuValue> values, CancellationToken cancellationToken)
    {
        foreach (var group in Enumerable.Range(0, variables.Count).GroupBy(i => variables[i].Type))
        {
            foreach (var part in group.Chunk(FmuProtocol.MostValues))
            {
                await AskAsync($"setting {variables[part[0]].Name}{(part.Length > 1 ? $" and {part.Length - 1} more" : "")}", FmuRequest.Set, w =>
                {
                    WriteReferences(w, group.Key, part, variables);
                    foreach (var i in part) values[i].Write(w, group.Key);
                }, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Makes a step of <paramref name="length"/> seconds. With <paramref name="isStateKept"/> the state before may be asked back.</summary>
    public async Task<FmuStep> StepAsync(double time, double length, bool isStateKept, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(string.Create(CultureInfo.InvariantCulture, $"step from {time:G9} s by {length:G9} s"), FmuRequest.Step, w =>
        {
            w.Write(time);
            w.Write(length);
            w.Write(isStateKept);
        }, cancellationToken).ConfigureAwait(false);
        if (answer.Length != 10) throw Lose(FmuFault.Crashed, "answered a step with a frame of another length");
        return new FmuStep(answer[0] == (byte)FmuAnswer.Discarded, BinaryPrimitives.ReadDoubleLittleEndian(answer.AsSpan(1)), answer[9] != 0);
    }

    /// <summary>Keeps the model's state, in the place of one kept before.</summary>
    public Task SaveStateAsync(CancellationToken cancellationToken) => AskAsync("keeping its state", FmuRequest.SaveState, _ => { }, cancellationToken);

    /// <summary>Puts the kept state back.</summary>
    public Task RestoreStateAsync(CancellationToken cancellationToken) => AskAsync("putting its state back", FmuRequest.RestoreState, _ => { }, cancellationToken);

    /// <summary>Ends the model in its own way.</summary>
    public Task TerminateAsync(CancellationToken cancellationToken) => AskAsync("ending", FmuRequest.Terminate, _ => { }, cancellationToken);

    /// <summary>Ends the child: by closing its pipe, and by force when that is not enough within a second.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The child is gone with a request in the pipe.
        }

        using (var limit = new CancellationTokenSource(TimeSpan.FromSeconds(_isLost ? 0.001 : 1), _clock))
        {
            try
            {
                await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
                await _process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }

        await _complaints.ConfigureAwait(false);
        _process.Dispose();
    }

    private async Task<byte[]> AskAsync(string doing, FmuRequest request, Action<BinaryWriter> write, CancellationToken cancellationToken)
    {
        if (_isLost) throw new FmuException(FmuFault.Crashed, $"{Name}: its process is gone.");
        var frame = FmuProtocol.Frame(w =>
        {
            w.Write((byte)request);
            write(w);
        });
        byte[]? answer;
        using var limit = new CancellationTokenSource(_longest, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await _process.StandardInput.BaseStream.WriteAsync(frame, either.Token).ConfigureAwait(false);
            await _process.StandardInput.BaseStream.FlushAsync(either.Token).ConfigureAwait(false);
            answer = await FmuProtocol.ReadAsync(_process.StandardOutput.BaseStream, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Lose(FmuFault.Hung, string.Create(CultureInfo.InvariantCulture, $"{doing} did not end within {_longest.TotalSeconds} s; its process was ended"));
        }
        catch (OperationCanceledException)
        {
            Lose(FmuFault.Hung, "cancelled");
            throw;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException)
        {
            answer = null;
        }

        if (answer is null)
        {
            await WaitForEndAsync().ConfigureAwait(false);
            throw Lose(FmuFault.Crashed, $"its process ended during {doing} ({HowItEnded()})");
        }

        if (answer[0] != (byte)FmuAnswer.Refused) return answer;
        using var reader = new BinaryReader(new MemoryStream(answer, 1, answer.Length - 1));
        throw new FmuException(FmuFault.Refused, $"{Name}: {doing}: {reader.ReadString()}");
    }

    /// <summary>The child is of no use any more: ends it, and says why.</summary>
    private FmuException Lose(FmuFault fault, string what)
    {
        _isLost = true;
        if (!_process.HasExited) _process.Kill();
        string said;
        lock (_complaint) said = new string(_complaint, 0, _complaintLength).Trim();
        return new FmuException(fault, $"{Name}: {what}.{(said.Length == 0 ? "" : $" It said last: {said}")}");
    }

    private async Task WaitForEndAsync()
    {
        using var limit = new CancellationTokenSource(_longest, _clock);
        try
        {
            await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Its pipe is closed but it lives on; Lose ends it.
        }
    }

    private string HowItEnded() => !_process.HasExited ? "its pipe was closed" : _process.ExitCode switch
    {
        132 => "signal SIGILL",
        134 => "signal SIGABRT",
        135 => "signal SIGBUS",
        136 => "signal SIGFPE",
        137 => "signal SIGKILL",
        139 => "signal SIGSEGV",
        var code => $"exit code {code}",
    };

    private static void WriteReferences(BinaryWriter writer, FmuType type, int[] part, IReadOnlyList<FmuVariable> variables)
    {
        writer.Write((byte)type);
        writer.Write(part.Length);
        foreach (var i in part) writer.Write(variables[i].Reference);
    }

    /// <summary>Reads the child's standard error to its end, and keeps the last of it.</summary>
    private async Task ListenAsync()
    {
        var buffer = new char[1_024];
        for (int read; (read = await _process.StandardError.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
        {
            lock (_complaint)
            {
                var kept = Math.Min(_complaintLength, LongestComplaint - read);
                Array.Copy(_complaint, _complaintLength - kept, _complaint, 0, kept);
                Array.Copy(buffer, 0, _complaint, kept, read);
                _complaintLength = kept + read;
            }
        }
    }
}
