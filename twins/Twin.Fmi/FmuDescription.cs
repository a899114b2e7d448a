namespace Twin.Fmi;

/// <summary>The type of a variable's values. Those of FMI 2.0 are Float64, Int32, Boolean and String; enumerations are Int32 there and Int64 in FMI 3.0.</summary>
public enum FmuType : byte
{
    /// <summary>IEEE double.</summary>
    Float64,

    /// <summary>IEEE single.</summary>
    Float32,

    /// <summary>8 bits, signed.</summary>
    Int8,

    /// <summary>8 bits.</summary>
    UInt8,

    /// <summary>16 bits, signed.</summary>
    Int16,

    /// <summary>16 bits.</summary>
    UInt16,

    /// <summary>32 bits, signed.</summary>
    Int32,

    /// <summary>32 bits.</summary>
    UInt32,

    /// <summary>64 bits, signed.</summary>
    Int64,

    /// <summary>64 bits.</summary>
    UInt64,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>UTF-8 text.</summary>
    String,
}

/// <summary>What a variable is to the outside.</summary>
public enum FmuCausality : byte
{
    /// <summary>Neither read nor set by others.</summary>
    Local,

    /// <summary>Set before and while it runs.</summary>
    Input,

    /// <summary>Read by others.</summary>
    Output,

    /// <summary>Set before it runs.</summary>
    Parameter,

    /// <summary>Follows from parameters.</summary>
    CalculatedParameter,

    /// <summary>Time.</summary>
    Independent,

    /// <summary>Set while it is arranged (FMI 3.0).</summary>
    StructuralParameter,
}

/// <summary>A unit by SI base units: <c>value in base units = Factor x value + Offset</c>.</summary>
/// <param name="Name">As the model writes it.</param>
/// <param name="Exponents">Of kg, m, s, A, K, mol, cd, rad in this order; null when the model does not say them.</param>
/// <param name="Factor">To base units.</param>
/// <param name="Offset">To base units.</param>
public sealed record FmuUnit(string Name, IReadOnlyList<int>? Exponents, double Factor, double Offset);

/// <summary>A variable of a model.</summary>
/// <param name="Name">Unique in the model.</param>
/// <param name="Reference">What the binary knows it by.</param>
/// <param name="Type">Of its values.</param>
/// <param name="Causality">What it is to the outside.</param>
/// <param name="IsContinuous">False: its values hold between steps and are not interpolated.</param>
/// <param name="IsArray">True for variables with dimensions (FMI 3.0), which are not read or set.</param>
/// <param name="Start">Its start value as written; null when none is.</param>
/// <param name="Unit">Its unit; null when none is declared.</param>
public sealed record FmuVariable(string Name, uint Reference, FmuType Type, FmuCausality Causality, bool IsContinuous, bool IsArray, string? Start, FmuUnit? Unit);

/// <summary>What a modelDescription.xml says of a co-simulation model.</summary>
/// <param name="Version">2 or 3.</param>
/// <param name="ModelName">For people.</param>
/// <param name="Identifier">The file name of the binary.</param>
/// <param name="Token">Says that binary and description belong together (guid in FMI 2.0).</param>
/// <param name="CanSaveState">Whether its state can be taken and put back.</param>
/// <param name="CanVaryStep">Whether steps may differ in length.</param>
/// <param name="StopTime">Default end in seconds; null when none is said.</param>
/// <param name="StepSize">Default step in seconds; null when none is said.</param>
/// <param name="Variables">In the order of the file.</param>
public sealed record FmuDescription(int Version, string ModelName, string Identifier, string Token, bool CanSaveState, bool CanVaryStep, double? StopTime, double? StepSize, IReadOnlyList<FmuVariable> Variables)
{
    /// <summary>The variable of that name; null when there is none.</summary>
    public FmuVariable? Find(string name) => Variables.FirstOrDefault(v => v.Name == name);
}
