namespace Twin.Wire.Spaces;

/// <summary>A message breaks SPEC-spaces. The connection that sent it is closed with code 4400 and this text.</summary>
/// <param name="message">What is wrong and what would be right.</param>
public sealed class SpaceWireException(string message) : FormatException(message);
