using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twin.Fmi;

/// <summary>A call into the model's binary was answered with discard, error or fatal.</summary>
internal sealed class NativeFmuException(string function, int status, string messages) : Exception(
    $"{function} answered {status switch { 2 => "discard", 3 => "error", 4 => "fatal", 5 => "pending", _ => status.ToString(System.Globalization.CultureInfo.InvariantCulture) }}{(messages.Length == 0 ? "" : $"; the model says: {messages}")}");

/// <summary>What a step led to.</summary>
/// <param name="IsDiscarded">Nothing is valid beyond <paramref name="LastTime"/>.</param>
/// <param name="LastTime">How far it came, seconds.</param>
/// <param name="WantsEnd">The model asks to end the simulation.</param>
internal readonly record struct StepAnswer(bool IsDiscarded, double LastTime, bool WantsEnd);

/// <summary>
/// A model's binary in this process, which is a child that may be lost. Not thread-safe. The binary gets pointers into pinned or
/// native memory for the length of a call only, as the standard says.
/// </summary>
internal abstract unsafe class NativeFmu(nint library)
{
    private const int MostMessages = 8;
    private const int LongestMessage = 500;
    private static readonly Queue<string> Messages = new();

    /// <summary>Opens the binary and makes an instance.</summary>
    public static NativeFmu Load(int version, string library, string identifier, string token, string resources, bool isLogging)
    {
        var handle = NativeLibrary.Load(library);
        return version == 2 ? new NativeFmu2(handle, identifier, token, resources, isLogging) : new NativeFmu3(handle, identifier, token, resources, isLogging);
    }

    public abstract void EnterInitialization(double start, double? stop, double? tolerance);

    public abstract void ExitInitialization();

    /// <summary>Reads numbers or truths into memory of the model's own layout.</summary>
    public abstract void Get(FmuType type, ReadOnlySpan<uint> references, Span<byte> values);

    public abstract void Set(FmuType type, ReadOnlySpan<uint> references, ReadOnlySpan<byte> values);

    public abstract void GetTexts(ReadOnlySpan<uint> references, Span<nint> values);

    public abstract void SetTexts(ReadOnlySpan<uint> references, ReadOnlySpan<nint> values);

    public abstract StepAnswer Step(double time, double length, bool isStateKept);

    /// <summary>Keeps the state, in the place of one kept before.</summary>
    public abstract void SaveState();

    /// <summary>Puts the kept state back.</summary>
    public abstract void RestoreState();

    /// <summary>Ends the simulation and gives everything back.</summary>
    public abstract void Terminate();

    protected nint Export(string name) => NativeLibrary.TryGetExport(library, name, out var address) ? address : throw new EntryPointNotFoundException($"The binary has no function {name}.");

    protected static void Check(int status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status is not (0 or 1)) throw Failed(call.TrimStart('_').Split('(')[0], status);
    }

    protected static NativeFmuException Failed(string function, int status)
    {
        lock (Messages)
        {
            var said = string.Join(" | ", Messages);
            Messages.Clear();
            return new NativeFmuException(function, status, said);
        }
    }

    /// <summary>Keeps the last few lines that models log.</summary>
    protected static void Note(nint category, nint message)
    {
        var text = Marshal.PtrToStringUTF8(message) ?? "";
        if (text.Length > LongestMessage) text = text[..LongestMessage];
        lock (Messages)
        {
            if (Messages.Count == MostMessages) Messages.Dequeue();
            Messages.Enqueue(category == 0 ? text : $"[{Marshal.PtrToStringUTF8(category)}] {text}");
        }
    }
}
