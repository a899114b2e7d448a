using System.Numerics;
using System.Text.Json;

namespace Twin.Cli.Load;

/// <summary>Where the walkers of a load may go and whom they are to be told of: a space's definition. Metres.</summary>
internal sealed record EventFloor
{
    /// <summary>How much farther than a ring's radius one must go to leave it.</summary>
    public const double Hysteresis = 1.15;

    public double Width { get; private init; }

    public double Depth { get; private init; }

    public double NearRadius { get; private init; } = 16;

    public int NearLimit { get; private init; } = 128;

    /// <summary>Beyond this nobody is told of: the middle ring's radius where there is one, else the near one's.</summary>
    public double FarRadius { get; private init; }

    public double MaxSpeed { get; private init; }

    private Vector2[][] Walkable { get; init; } = [];

    private Vector2[][] Closed { get; init; } = [];

    /// <summary>Reads <c>GET /spaces/{id}</c>.</summary>
    public static EventFloor Of(JsonElement space)
    {
        var definition = space.TryGetProperty("definition", out var inner) ? inner : space;
        double Number(string name, double otherwise) => definition.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : otherwise;
        var (near, middle) = (Number("nearRadius", 16), Number("middleRadius", 48));
        return new EventFloor
        {
            Width = Number("width", 200), Depth = Number("depth", 200), NearRadius = near, NearLimit = (int)Number("nearLimit", 128), FarRadius = Number("middleLimit", 64) > 0 ? Math.Max(near, middle) : near,
            MaxSpeed = Number("maxSpeed", 6), Walkable = Outlines(definition, "walkable"), Closed = Outlines(definition, "closed"),
        };
    }

    /// <summary>
    /// Side of the square in which so many uniformly spread points have, on average and edges included, so many others within the radius:
    /// (n-1)(πa² - 8/3 a³ + a⁴/2) = k, a = radius/side.
    /// </summary>
    public static double SideFor(int clients, double neighbours, double radius)
    {
        double low = radius, high = radius * 1_000;
        for (var i = 0; i < 100; i++)
        {
            var side = (low + high) / 2;
            if (Expected(clients, radius / side) > neighbours) low = side;
            else high = side;
        }

        return high;
    }

    /// <summary>Most neighbours that so many can have: in a square whose side is the radius.</summary>
    public static int MostNeighbours(int clients) => (int)Expected(clients, 1);

    /// <summary>Whether one may stand there: inside, in a walkable outline where there are any, in no closed one (even-odd).</summary>
    public bool MayBe(Vector2 at) => at.X >= 0 && at.Y >= 0 && at.X <= Width && at.Y <= Depth && (Walkable.Length == 0 || IsInAny(Walkable, at)) && !IsInAny(Closed, at);

    private static double Expected(int clients, double a) => (clients - 1) * ((Math.PI * a * a) - (8.0 / 3 * a * a * a) + (a * a * a * a / 2));

    private static bool IsInAny(Vector2[][] outlines, Vector2 at)
    {
        foreach (var outline in outlines)
        {
            var isInside = false;
            for (int i = 0, j = outline.Length - 1; i < outline.Length; j = i++)
            {
                var (a, b) = (outline[i], outline[j]);
                if (a.Y > at.Y != b.Y > at.Y && at.X < ((b.X - a.X) * (at.Y - a.Y) / (b.Y - a.Y)) + a.X) isInside = !isInside;
            }

            if (isInside) return true;
        }

        return false;
    }

    private static Vector2[][] Outlines(JsonElement definition, string name) => definition.TryGetProperty(name, out var outlines) && outlines.ValueKind == JsonValueKind.Array
        ? [.. outlines.EnumerateArray().Select(o => o.EnumerateArray().Select(c => new Vector2(c[0].GetSingle(), c[1].GetSingle())).ToArray())] : [];
}
