using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twin.Fmi;

/// <summary>FMI 3.0 for co-simulation without event mode, early return and intermediate update (FMI 3.0.2, section 4.2): truths are one byte.</summary>
internal sealed unsafe class NativeFmu3 : NativeFmu
{
    private readonly nint _instance;
    private nint _state;

    public NativeFmu3(nint library, string identifier, string token, string resources, bool isLogging)
        : base(library)
    {
        var place = Directory.Exists(resources) ? Marshal.StringToCoTaskMemUTF8(resources + Path.DirectorySeparatorChar) : 0;
        var (name, guid) = (Marshal.StringToCoTaskMemUTF8(identifier), Marshal.StringToCoTaskMemUTF8(token));
        var instantiate = (delegate* unmanaged[Cdecl]<nint, nint, nint, byte, byte, byte, byte, uint*, nuint, nint, nint, nint, nint>)Export("fmi3InstantiateCoSimulation");
        _instance = instantiate(name, guid, place, 0, isLogging ? (byte)1 : (byte)0, 0, 0, null, 0, 0, (nint)(delegate* unmanaged[Cdecl]<nint, int, nint, nint, void>)&Log, 0);
        if (_instance == 0) throw Failed("fmi3InstantiateCoSimulation", 3);
    }

    public override void EnterInitialization(double start, double? stop, double? tolerance)
    {
        var fmi3EnterInitializationMode = (delegate* unmanaged[Cdecl]<nint, byte, double, double, byte, double, int>)Export("fmi3EnterInitializationMode");
        Check(fmi3EnterInitializationMode(_instance, tolerance is null ? (byte)0 : (byte)1, tolerance ?? 0, start, stop is null ? (byte)0 : (byte)1, stop ?? 0));
    }

    public override void ExitInitialization()
    {
        var fmi3ExitInitializationMode = (delegate* unmanaged[Cdecl]<nint, int>)Export("fmi3ExitInitializationMode");
        Check(fmi3ExitInitializationMode(_instance));
    }

    public override void Get(FmuType type, ReadOnlySpan<uint> references, Span<byte> values)
    {
        var get = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, void*, nuint, int>)Export($"fmi3Get{type}");
        fixed (uint* first = references)
        fixed (byte* bytes = values) Check(get(_instance, first, (nuint)references.Length, bytes, (nuint)references.Length), $"fmi3Get{type}");
    }

    public override void Set(FmuType type, ReadOnlySpan<uint> references, ReadOnlySpan<byte> values)
    {
        var set = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, void*, nuint, int>)Export($"fmi3Set{type}");
        fixed (uint* first = references)
        fixed (byte* bytes = values) Check(set(_instance, first, (nuint)references.Length, bytes, (nuint)references.Length), $"fmi3Set{type}");
    }

    public override void GetTexts(ReadOnlySpan<uint> references, Span<nint> values)
    {
        var fmi3GetString = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, nint*, nuint, int>)Export("fmi3GetString");
        fixed (uint* first = references)
        fixed (nint* texts = values) Check(fmi3GetString(_instance, first, (nuint)references.Length, texts, (nuint)references.Length));
    }

    public override void SetTexts(ReadOnlySpan<uint> references, ReadOnlySpan<nint> values)
    {
        var fmi3SetString = (delegate* unmanaged[Cdecl]<nint, uint*, nuint, nint*, nuint, int>)Export("fmi3SetString");
        fixed (uint* first = references)
        fixed (nint* texts = values) Check(fmi3SetString(_instance, first, (nuint)references.Length, texts, (nuint)references.Length));
    }

    public override StepAnswer Step(double time, double length, bool isStateKept)
    {
        var fmi3DoStep = (delegate* unmanaged[Cdecl]<nint, double, double, byte, byte*, byte*, byte*, double*, int>)Export("fmi3DoStep");
        byte needsEvent, wantsEnd, isEarly;
        var last = time;
        var status = fmi3DoStep(_instance, time, length, isStateKept ? (byte)0 : (byte)1, &needsEvent, &wantsEnd, &isEarly, &last);
        if (status == 2) return new StepAnswer(true, last, wantsEnd != 0);
        Check(status, "fmi3DoStep");
        return new StepAnswer(false, last, wantsEnd != 0);
    }

    public override void SaveState()
    {
        var fmi3GetFMUState = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Export("fmi3GetFMUState");
        fixed (nint* state = &_state) Check(fmi3GetFMUState(_instance, state));
    }

    public override void RestoreState()
    {
        var fmi3SetFMUState = (delegate* unmanaged[Cdecl]<nint, nint, int>)Export("fmi3SetFMUState");
        Check(fmi3SetFMUState(_instance, _state));
    }

    public override void Terminate()
    {
        fixed (nint* state = &_state)
            if (_state != 0) _ = ((delegate* unmanaged[Cdecl]<nint, nint*, int>)Export("fmi3FreeFMUState"))(_instance, state);
        var fmi3Terminate = (delegate* unmanaged[Cdecl]<nint, int>)Export("fmi3Terminate");
        Check(fmi3Terminate(_instance));
        ((delegate* unmanaged[Cdecl]<nint, void>)Export("fmi3FreeInstance"))(_instance);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Log(nint environment, int status, nint category, nint message) => Note(category, message);
}
