namespace Twin.Fmi;

/// <summary>Why an FMU could not be read or did not go on.</summary>
public enum FmuFault
{
    /// <summary>The archive or its description is not what the standard asks for.</summary>
    Invalid,

    /// <summary>The model answered with an error.</summary>
    Refused,

    /// <summary>Its process ended by itself.</summary>
    Crashed,

    /// <summary>It did not answer in time, and its process was ended.</summary>
    Hung,
}

/// <summary>An FMU could not be read or did not go on; the message says which, where and what it said last.</summary>
/// <param name="fault">What kind.</param>
/// <param name="message">What happened.</param>
public sealed class FmuException(FmuFault fault, string message) : Exception(message)
{
    /// <summary>What kind.</summary>
    public FmuFault Fault { get; } = fault;
}
