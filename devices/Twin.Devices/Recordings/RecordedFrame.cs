using Twin.Model;

namespace Twin.Devices.Recordings;

/// <summary>What a recording says of one instant.</summary>
/// <param name="Time">When it was true, by the recording.</param>
/// <param name="Samples">The values at that instant; their source time is <paramref name="Time"/>.</param>
public readonly record struct RecordedFrame(WallTime Time, Sample[] Samples);
