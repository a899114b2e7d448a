namespace Twin.Gateway.Http;

/// <summary>How a property is coloured: the ends of its ordinary range, in its unit.</summary>
public sealed record SceneRange(string ModelId, string Path, string? Unit, double Minimum, double Maximum);

/// <summary>What stands still on the map: JSON arrays as <c>/scene</c> gives them.</summary>
/// <param name="Longitude">Origin, degrees east, WGS 84.</param>
/// <param name="Latitude">Origin, degrees north, WGS 84.</param>
/// <param name="Buildings">UTF-8 JSON array of <c>{id,footprint,height}</c>, metres from the origin.</param>
/// <param name="Roads">UTF-8 JSON array of <c>{id,line,width}</c>.</param>
/// <param name="Areas">UTF-8 JSON array of <c>{id,kind,outline}</c>.</param>
/// <param name="Ranges">Colour ranges.</param>
public sealed record SceneStill(double Longitude, double Latitude, ReadOnlyMemory<byte> Buildings, ReadOnlyMemory<byte> Roads, ReadOnlyMemory<byte> Areas, IReadOnlyList<SceneRange> Ranges)
{
    /// <summary>An empty plain.</summary>
    public static SceneStill Empty { get; } = new(0, 0, "[]"u8.ToArray(), "[]"u8.ToArray(), "[]"u8.ToArray(), []);
}

/// <summary>What the process knows of itself and its world; the silo fills it. Thread-safe.</summary>
public interface IWorldSource
{
    /// <summary>The still picture.</summary>
    SceneStill Scene { get; }

    /// <summary>Members to add to <c>/system</c>, as an object that serialises to JSON: version, silos, history, memory, scenario ...</summary>
    ValueTask<IReadOnlyDictionary<string, object?>> DescribeAsync(CancellationToken cancellationToken);
}
