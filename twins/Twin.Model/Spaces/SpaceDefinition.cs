using System.Text.Json;
using System.Text.Json.Serialization;

namespace Twin.Model.Spaces;

/// <summary>A place that people share, as a host defines it. Lengths in metres, in the space's frame: X east, Z north, Y up, origin in the south-west corner.</summary>
public sealed record SpaceDefinition
{
    /// <summary>Bytes of a definition at most.</summary>
    public const int MostBytes = 64 * 1024;

    /// <summary>The greatest capacity.</summary>
    public const int MostPeople = 100_000;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>Shown to people, at most 64 characters.</summary>
    public string? Title { get; init; }

    /// <summary>Along X, 1 to 16,000 m.</summary>
    public double Width { get; init; } = 200;

    /// <summary>Along Z, 1 to 16,000 m.</summary>
    public double Depth { get; init; } = 200;

    /// <summary>Most people, 1 to 100,000.</summary>
    public int Capacity { get; init; } = 5_000;

    /// <summary>Metres a second, 0.1 to 100.</summary>
    public double MaxSpeed { get; init; } = 6;

    /// <summary>Ticks a second, 10 to 30.</summary>
    public int TickHz { get; init; } = 20;

    /// <summary>Cells along each side, 1 to 16.</summary>
    public int CellsAcross { get; init; } = 1;

    /// <summary>Metres within which one is told of at full rate, 1 to 1,000.</summary>
    public double NearRadius { get; init; } = 16;

    /// <summary>Most told of at full rate, 1 to 255.</summary>
    public int NearLimit { get; init; } = 128;

    /// <summary>Metres within which one is told of at a quarter of the rate; 0 for none.</summary>
    public double MiddleRadius { get; init; } = 48;

    /// <summary>Most told of so; with the near limit at most 256.</summary>
    public int MiddleLimit { get; init; } = 64;

    /// <summary>Metres by which the near ring may be off before it is told anew, 0 to 1; 0 tells each pose exactly. More makes less news, and so fewer frames for those who take news only.</summary>
    public double NearError { get; init; }

    /// <summary>Where newcomers stand: X and Z; the middle when absent.</summary>
    public double[]? Entrance { get; init; }

    /// <summary>Newcomers stand within this of the entrance, 0 to 1,000 m.</summary>
    public double EntranceSpread { get; init; } = 5;

    /// <summary>Outlines in (X, Z) that one may be in; none: everywhere. At most 64 of at most 256 corners.</summary>
    public double[][][]? Walkable { get; init; }

    /// <summary>Outlines that one may not be in.</summary>
    public double[][][]? Closed { get; init; }

    /// <summary>Users who host: they moderate and change the space. At most 100.</summary>
    public string[]? Hosts { get; init; }

    /// <summary>Users who moderate. At most 1,000.</summary>
    public string[]? Moderators { get; init; }

    /// <summary>Users who speak: shown as such. At most 1,000.</summary>
    public string[]? Speakers { get; init; }

    /// <summary>Whether only hosts, moderators and speakers talk to the whole space.</summary>
    public bool SpeakersOnly { get; init; }

    /// <summary>When the doors open; always when absent.</summary>
    public DateTimeOffset? Opens { get; init; }

    /// <summary>When they close.</summary>
    public DateTimeOffset? Closes { get; init; }

    /// <summary>Least age that a user must have stated, 0 to 99.</summary>
    public int LeastAge { get; init; }

    /// <summary>Consents that a user must have given, by name; at most 16.</summary>
    public string[]? Consents { get; init; }

    /// <summary>The ledger's book whose ticket is needed, with <see cref="TicketAsset"/>; none when absent.</summary>
    public string? TicketBook { get; init; }

    /// <summary>The asset that is the ticket.</summary>
    public string? TicketAsset { get; init; }

    /// <summary>What is recorded: <c>off</c>, <c>last30s</c> (in memory, for reports) or <c>all</c> (to disk).</summary>
    public string Recording { get; init; } = "last30s";

    /// <summary>Reads and checks a definition.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="definition">What it says.</param>
    /// <param name="problem">What is wrong, where, and what would be right.</param>
    public static bool TryParse(ReadOnlySpan<byte> json, out SpaceDefinition? definition, out Problem? problem)
    {
        definition = null;
        if (json.Length > MostBytes)
        {
            problem = new Problem("SpaceInvalid", $"A definition has at most {MostBytes} bytes.");
            return false;
        }

        try
        {
            definition = JsonSerializer.Deserialize<SpaceDefinition>(json, Options);
            problem = definition is null ? new Problem("SpaceInvalid", "The body is null.") : definition.Check();
        }
        catch (JsonException fault)
        {
            problem = new Problem("SpaceInvalid", fault.Message, fault.Path);
        }

        if (problem is not null) definition = null;
        return problem is null;
    }

    /// <summary>As it is read.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Options);

    /// <summary>Whether the doors are open.</summary>
    public bool IsOpenAt(DateTimeOffset now) => (Opens is null || now >= Opens) && (Closes is null || now < Closes);

    private Problem? Check() =>
        Title is { Length: > 64 } ? Wrong("title", "at most 64 characters")
        : Width is not (>= 1 and <= 16_000) ? Wrong("width", "1 to 16,000 m")
        : Depth is not (>= 1 and <= 16_000) ? Wrong("depth", "1 to 16,000 m")
        : Capacity is < 1 or > MostPeople ? Wrong("capacity", "1 to 100,000")
        : MaxSpeed is not (>= 0.1 and <= 100) ? Wrong("maxSpeed", "0.1 to 100 m/s")
        : TickHz is < 10 or > 30 ? Wrong("tickHz", "10 to 30")
        : CellsAcross is < 1 or > 16 ? Wrong("cellsAcross", "1 to 16")
        : NearRadius is not (>= 1 and <= 1_000) ? Wrong("nearRadius", "1 to 1,000 m")
        : NearLimit is < 1 or > 255 ? Wrong("nearLimit", "1 to 255")
        : MiddleRadius != 0 && (!(MiddleRadius >= NearRadius) || MiddleRadius > 4_000) ? Wrong("middleRadius", "0, or nearRadius to 4,000 m")
        : MiddleLimit < 0 || MiddleLimit + NearLimit > 256 ? Wrong("middleLimit", "0 to 256 less nearLimit")
        : NearError is not (>= 0 and <= 1) ? Wrong("nearError", "0 to 1 m")
        : Entrance is not null && (Entrance.Length != 2 || !(Entrance[0] >= 0 && Entrance[0] <= Width && Entrance[1] >= 0 && Entrance[1] <= Depth)) ? Wrong("entrance", "[x, z] within the space")
        : EntranceSpread is not (>= 0 and <= 1_000) ? Wrong("entranceSpread", "0 to 1,000 m")
        : !AreOutlines(Walkable) ? Wrong("walkable", "at most 64 outlines of 3 to 256 corners [x, z]")
        : !AreOutlines(Closed) ? Wrong("closed", "at most 64 outlines of 3 to 256 corners [x, z]")
        : !MayEnter() ? Wrong("entrance", "in a walkable outline and in no closed one")
        : !AreNames(Hosts, 100) ? Wrong("hosts", "at most 100 users of 1 to 128 characters")
        : !AreNames(Moderators, 1_000) ? Wrong("moderators", "at most 1,000 users of 1 to 128 characters")
        : !AreNames(Speakers, 1_000) ? Wrong("speakers", "at most 1,000 users of 1 to 128 characters")
        : Opens is { } opens && Closes is { } closes && closes <= opens ? Wrong("closes", "after opens")
        : LeastAge is < 0 or > 99 ? Wrong("leastAge", "0 to 99")
        : !AreNames(Consents, 16) ? Wrong("consents", "at most 16 names of 1 to 128 characters")
        : Recording is not ("off" or "last30s" or "all") ? Wrong("recording", "off, last30s or all")
        : TicketBook is null != TicketAsset is null ? Wrong("ticketAsset", "ticketBook and ticketAsset together, or neither")
        : null;

    /// <summary>Whether the entrance is where one may be: by the even-odd rule, as places are checked later.</summary>
    private bool MayEnter()
    {
        var (x, z) = (Entrance?[0] ?? Width / 2, Entrance?[1] ?? Depth / 2);
        return (Walkable is not { Length: > 0 } || Walkable.Any(o => IsInside(o, x, z))) && Closed?.Any(o => IsInside(o, x, z)) != true;
    }

    private static bool IsInside(double[][] outline, double x, double z)
    {
        var isInside = false;
        for (int i = 0, j = outline.Length - 1; i < outline.Length; j = i++)
        {
            var (a, b) = (outline[i], outline[j]);
            if (a[1] > z != b[1] > z && x < ((b[0] - a[0]) * (z - a[1]) / (b[1] - a[1])) + a[0]) isInside = !isInside;
        }

        return isInside;
    }

    private static bool AreOutlines(double[][][]? outlines) => outlines is null || (outlines.Length <= 64 && outlines.All(o => o is { Length: >= 3 and <= 256 } && o.All(c => c is { Length: 2 } && double.IsFinite(c[0]) && double.IsFinite(c[1]))));

    private static bool AreNames(string[]? names, int most) => names is null || (names.Length <= most && names.All(n => n is { Length: >= 1 and <= 128 }));

    private static Problem Wrong(string where, string allowed) => new("SpaceInvalid", $"{where} must be {allowed}.", where);
}
