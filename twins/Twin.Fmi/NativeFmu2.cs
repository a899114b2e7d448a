using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twin.Fmi;

/// <summary>FMI 2.0 for co-simulation (FMI 2.0.4, section 4.2): 32-bit truths, numbers by Real, Integer and Boolean.</summary>
internal sealed unsafe class NativeFmu2 : NativeFmu
{
    private const int LastSuccessfulTime = 2;
    private const int Terminated = 3;
    private readonly nint _instance;
    private readonly Callbacks* _callbacks;
    private nint _state;

    public NativeFmu2(nint library, string identifier, string token, string resources, bool isLogging)
        : base(library)
    {
        // The callbacks have to live as long as the instance: native memory that is never moved.
        _callbacks = (Callbacks*)NativeMemory.AllocZeroed((nuint)sizeof(Callbacks));
        _callbacks->Logger = (nint)(delegate* unmanaged[Cdecl]<nint, nint, int, nint, nint, void>)&Log;
        _callbacks->Allocate = (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, void*>)&Allocate;
        (_callbacks->StepFinished, _callbacks->Environment) = (0, 0);
        _callbacks->Free = (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Free;
        var (name, guid, place) = (Marshal.StringToCoTaskMemUTF8(identifier), Marshal.StringToCoTaskMemUTF8(token), Marshal.StringToCoTaskMemUTF8(new Uri(resources).AbsoluteUri));
        _instance = ((delegate* unmanaged[Cdecl]<nint, int, nint, nint, Callbacks*, int, int, nint>)Export("fmi2Instantiate"))(name, 1, guid, place, _callbacks, 0, isLogging ? 1 : 0);
        if (_instance == 0) throw Failed("fmi2Instantiate", 3);
    }

    public override void EnterInitialization(double start, double? stop, double? tolerance)
    {
        var fmi2SetupExperiment = (delegate* unmanaged[Cdecl]<nint, int, double, double, int, double, int>)Export("fmi2SetupExperiment");
        Check(fmi2SetupExperiment(_instance, tolerance is null ? 0 : 1, tolerance ?? 0, start, stop is null ? 0 : 1, stop ?? 0));
        var fmi2EnterInitializationMode = (delegate* unmanaged[Cdecl]<nint, int>)Export("fmi2EnterInitializationMode");
        Check(fmi2EnterInitializationMode(_instance));
    }

    public override void ExitInitialization()
    {
        var fmi2ExitInitializationMode = (delegate* unmanaged[Cdecl]<nint, int>)Export("fmi2ExitInitializationMode");
        Check(fmi2ExitInitializationMode(_instance));
    }

    public override void Get(FmuType type, ReadOnlySpan<uint> references, Span<byte> values)
    {
        var get = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, void*, int>)Export($"fmi2Get{NameOf(type)}");
        fixed (uint* first = references)
        fixed (byte* bytes = values)
        {
            if (type != FmuType.Boolean)
            {
                Check(get(_instance, first, (nuint)references.Length, bytes), $"fmi2Get{NameOf(type)}");
                return;
            }

            var wide = new int[references.Length];
            fixed (int* truths = wide) Check(get(_instance, first, (nuint)references.Length, truths), "fmi2GetBoolean");
            for (var i = 0; i < wide.Length; i++) values[i] = wide[i] == 0 ? (byte)0 : (byte)1;
        }
    }

    public override void Set(FmuType type, ReadOnlySpan<uint> references, ReadOnlySpan<byte> values)
    {
        var set = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, void*, int>)Export($"fmi2Set{NameOf(type)}");
        fixed (uint* first = references)
        fixed (byte* bytes = values)
        {
            if (type != FmuType.Boolean)
            {
                Check(set(_instance, first, (nuint)references.Length, bytes), $"fmi2Set{NameOf(type)}");
                return;
            }

            var wide = new int[references.Length];
            for (var i = 0; i < wide.Length; i++) wide[i] = values[i];
            fixed (int* truths = wide) Check(set(_instance, first, (nuint)references.Length, truths), "fmi2SetBoolean");
        }
    }

    public override void GetTexts(ReadOnlySpan<uint> references, Span<nint> values)
    {
        var fmi2GetString = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, nint*, int>)Export("fmi2GetString");
        fixed (uint* first = references)
        fixed (nint* texts = values) Check(fmi2GetString(_instance, first, (nuint)references.Length, texts));
    }

    public override void SetTexts(ReadOnlySpan<uint> references, ReadOnlySpan<nint> values)
    {
        var fmi2SetString = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, nint*, int>)Export("fmi2SetString");
        fixed (uint* first = references)
        fixed (nint* texts = values) Check(fmi2SetString(_instance, first, (nuint)references.Length, texts));
    }

    public override StepAnswer Step(double time, double length, bool isStateKept)
    {
        var fmi2DoStep = (delegate* unmanaged[Cdecl]<nint, double, double, int, int>)Export("fmi2DoStep");
        var status = fmi2DoStep(_instance, time, length, isStateKept ? 0 : 1);
        if (status != 2)
        {
            Check(status, "fmi2DoStep");
            return new StepAnswer(false, time + length, false);
        }

        var (last, terminated) = (time, 0);
        if (NativeLibraryHas("fmi2GetRealStatus", out var real)) _ = ((delegate* unmanaged[Cdecl]<nint, int, double*, int>)real)(_instance, LastSuccessfulTime, &last);
        if (NativeLibraryHas("fmi2GetBooleanStatus", out var truth)) _ = ((delegate* unmanaged[Cdecl]<nint, int, int*, int>)truth)(_instance, Terminated, &terminated);
        return new StepAnswer(true, last, terminated != 0);
    }

    public override void SaveState()
    {
        var fmi2GetFMUstate = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Export("fmi2GetFMUstate");
        fixed (nint* state = &_state) Check(fmi2GetFMUstate(_instance, state));
    }

    public override void RestoreState()
    {
        var fmi2SetFMUstate = (delegate* unmanaged[Cdecl]<nint, nint, int>)Export("fmi2SetFMUstate");
        Check(fmi2SetFMUstate(_instance, _state));
    }

    public override void Terminate()
    {
        fixed (nint* state = &_state)
            if (_state != 0) _ = ((delegate* unmanaged[Cdecl]<nint, nint*, int>)Export("fmi2FreeFMUstate"))(_instance, state);
        var fmi2Terminate = (delegate* unmanaged[Cdecl]<nint, int>)Export("fmi2Terminate");
        Check(fmi2Terminate(_instance));
        ((delegate* unmanaged[Cdecl]<nint, void>)Export("fmi2FreeInstance"))(_instance);
    }

    private bool NativeLibraryHas(string name, out nint address)
    {
        try
        {
            address = Export(name);
            return true;
        }
        catch (EntryPointNotFoundException)
        {
            address = 0;
            return false;
        }
    }

    private static string NameOf(FmuType type) => type switch { FmuType.Float64 => "Real", FmuType.Int32 => "Integer", FmuType.Boolean => "Boolean", _ => throw new InvalidDataException($"FMI 2.0 has no type {type}.") };

    // The standard's logger is variadic; the values behind the message are left where they are, and the message stands as it was written.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Log(nint environment, nint instance, int status, nint category, nint message) => Note(category, message);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* Allocate(nuint count, nuint size) => NativeMemory.AllocZeroed(count, size);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Free(void* memory) => NativeMemory.Free(memory);

    private struct Callbacks
    {
        public nint Logger;
        public nint Allocate;
        public nint Free;
        public nint StepFinished; // none: steps are waited for
        public nint Environment;
    }
}
