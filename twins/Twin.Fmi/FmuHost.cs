using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twin.Fmi;

/// <summary>
/// The child: one model's binary, driven over pipes (<c>twin fmu-host</c>). It knows nothing but what it is told, and whatever the
/// binary does to it, it does to it alone. Standard output is taken away from the binary first, so that nothing it prints breaks
/// a frame; what it prints goes to standard error.
/// </summary>
public static class FmuHost
{
    /// <summary>Serves this process's standard input until its end. Exit code 0, or 3 when the pipe broke the protocol.</summary>
    public static int RunProcess()
    {
        using var input = Console.OpenStandardInput();
        using var output = OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : TakeOutput();
        try
        {
            Serve(input, output);
            return 0;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException)
        {
            Console.Error.WriteLine(fault.Message);
            return 3;
        }
    }

    internal static void Serve(Stream input, Stream output)
    {
        NativeFmu? model = null;
        while (FmuProtocol.Read(input) is { } frame)
        {
            byte[] answer;
            try
            {
                answer = FmuProtocol.Frame(writer => Do(new BinaryReader(new MemoryStream(frame)), writer, ref model));
            }
            catch (Exception fault) when (fault is NativeFmuException or DllNotFoundException or BadImageFormatException or EntryPointNotFoundException or EndOfStreamException or InvalidDataException)
            {
                answer = FmuProtocol.Frame(writer =>
                {
                    writer.Write((byte)FmuAnswer.Refused);
                    writer.Write(fault.Message.Length > 8_000 ? fault.Message[..8_000] : fault.Message);
                });
            }

            output.Write(answer);
            output.Flush();
        }
    }

    private static void Do(BinaryReader reader, BinaryWriter writer, ref NativeFmu? model)
    {
        var request = (FmuRequest)reader.ReadByte();
        if (request == FmuRequest.Load)
        {
            if (model is not null) throw new InvalidDataException("A model is loaded already.");
            model = NativeFmu.Load(reader.ReadInt32(), reader.ReadString(), reader.ReadString(), reader.ReadString(), reader.ReadString(), reader.ReadBoolean());
            writer.Write((byte)FmuAnswer.Done);
            return;
        }

        var loaded = model ?? throw new InvalidDataException("No model is loaded.");
        switch (request)
        {
            case FmuRequest.EnterInitialization:
                loaded.EnterInitialization(reader.ReadDouble(), Optional(reader), Optional(reader));
                break;
            case FmuRequest.ExitInitialization:
                loaded.ExitInitialization();
                break;
            case FmuRequest.Get:
                Get(loaded, reader, writer);
                return;
            case FmuRequest.Set:
                Set(loaded, reader);
                break;
            case FmuRequest.Step:
                var answer = loaded.Step(reader.ReadDouble(), reader.ReadDouble(), reader.ReadBoolean());
                writer.Write((byte)(answer.IsDiscarded ? FmuAnswer.Discarded : FmuAnswer.Done));
                writer.Write(answer.LastTime);
                writer.Write(answer.WantsEnd);
                return;
            case FmuRequest.SaveState:
                loaded.SaveState();
                break;
            case FmuRequest.RestoreState:
                loaded.RestoreState();
                break;
            case FmuRequest.Terminate:
                loaded.Terminate();
                model = null;
                break;
            default:
                throw new InvalidDataException($"There is no request {(byte)request}.");
        }

        writer.Write((byte)FmuAnswer.Done);
    }

    private static void Get(NativeFmu model, BinaryReader reader, BinaryWriter writer)
    {
        var (type, references) = (TypeOf(reader), References(reader));
        if (type == FmuType.String)
        {
            var texts = new nint[references.Length];
            model.GetTexts(references, texts);
            writer.Write((byte)FmuAnswer.Done);
            foreach (var text in texts) writer.Write(Marshal.PtrToStringUTF8(text) ?? "");
            return;
        }

        var values = new byte[references.Length * FmuProtocol.SizeOf(type)];
        model.Get(type, references, values);
        writer.Write((byte)FmuAnswer.Done);
        writer.Write(values);
    }

    private static void Set(NativeFmu model, BinaryReader reader)
    {
        var (type, references) = (TypeOf(reader), References(reader));
        if (type != FmuType.String)
        {
            var values = reader.ReadBytes(references.Length * FmuProtocol.SizeOf(type));
            if (values.Length != references.Length * FmuProtocol.SizeOf(type)) throw new EndOfStreamException("The request ends before its values.");
            model.Set(type, references, values);
            return;
        }

        var texts = new nint[references.Length];
        try
        {
            for (var i = 0; i < texts.Length; i++) texts[i] = Marshal.StringToCoTaskMemUTF8(reader.ReadString());
            model.SetTexts(references, texts);
        }
        finally
        {
            foreach (var text in texts) Marshal.FreeCoTaskMem(text);
        }
    }

    private static FmuType TypeOf(BinaryReader reader) => (FmuType)reader.ReadByte() is var type && Enum.IsDefined(type) ? type : throw new InvalidDataException($"There is no type {(byte)type}.");

    private static uint[] References(BinaryReader reader)
    {
        var count = reader.ReadInt32();
        if (count is < 0 or > FmuProtocol.MostValues) throw new InvalidDataException($"{count} variables are asked for; at most {FmuProtocol.MostValues} are.");
        var references = new uint[count];
        for (var i = 0; i < count; i++) references[i] = reader.ReadUInt32();
        return references;
    }

    private static double? Optional(BinaryReader reader) => reader.ReadBoolean() ? reader.ReadDouble() : null;

    private static FileStream TakeOutput()
    {
        var own = Duplicate(1);
        if (own < 0 || Duplicate(2, 1) < 0) throw new IOException($"Standard output cannot be taken: error {Marshal.GetLastPInvokeError()}.");
        return new FileStream(new SafeFileHandle(own, ownsHandle: true), FileAccess.Write, bufferSize: 0);
    }

    [DllImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static extern int Duplicate(int descriptor);

    [DllImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static extern int Duplicate(int descriptor, int onto);
}
