using Twin.Model;

namespace Twin.Scenarios.City;

/// <summary>A building lot built upon.</summary>
internal sealed record CityLot(PlanPoint[] Footprint, double Height, string Use, int District);

/// <summary>Divides blocks into lots along their edges and puts buildings on them: closed rows and towers inside, houses with gardens outside.</summary>
internal static class CityLots
{
    /// <summary>Lays lots on all blocks; parks become areas. At most about <paramref name="most"/> buildings: lots grow until it fits.</summary>
    public static List<CityLot> Lay(CityBuilder city, SeededRandom random, int most)
    {
        var lots = new List<CityLot>(most);
        foreach (var block in city.Blocks)
        {
            if (block.Use == BlockUse.Park) city.Scenario.Areas.Add(new SceneArea(city.Scenario.NextId("park", 3), "park", block.Corners));
        }

        var built = city.Blocks.Count(b => b.Use == BlockUse.Buildings);
        var perBlock = (double)most / Math.Max(1, built);
        foreach (var block in city.Blocks)
        {
            if (block.Use != BlockUse.Buildings) continue;
            var zone = CityPlan.ZoneOf(block.District);
            var columns = zone switch { 0 => 4, 1 => 3, 2 => 3, _ => 4 };
            var rows = perBlock >= 9 || zone is 0 ? 3 : 2;
            Fill(city, block, zone, columns, rows, ref random, lots);
        }

        return lots;
    }

    private static void Fill(CityBuilder city, CityBlock block, int zone, int columns, int rows, ref SeededRandom random, List<CityLot> lots)
    {
        for (var i = 0; i < columns; i++)
        for (var j = 0; j < rows; j++)
        {
            if (rows == 3 && j == 1 && i > 0 && i < columns - 1) continue; // the yard
            if (random.NextBoolean(zone == 3 ? 0.16 : 0.05)) continue;
            var inset = zone >= 3 ? random.NextDouble(0.10, 0.2) : random.NextDouble(0.01, 0.05);
            var deep = zone >= 3 ? random.NextDouble(0.45, 0.6) : random.NextDouble(0.75, 0.96);
            var (u0, u1) = ((i + inset) / columns, (i + 1 - inset) / columns);
            var (v0, v1) = j * 2 < rows - 1 || j == 0
                ? (0.02, deep / rows)
                : j == rows - 1 ? (1 - (deep / rows), 0.98) : ((j + 0.03) / rows, (j + 0.97) / rows);
            PlanPoint[] footprint = [At(block, u0, v0), At(block, u1, v0), At(block, u1, v1), At(block, u0, v1)];
            var centre = (footprint[0] + footprint[2]) * 0.5;
            var business = Math.Exp(-Math.Pow(centre.DistanceTo(city.Business) / (0.11 * city.Radius), 2));
            lots.Add(new CityLot(footprint, HeightOf(zone, business, ref random), UseOf(zone, business, ref random), block.District));
        }
    }

    private static double HeightOf(int zone, double business, ref SeededRandom random)
    {
        var storeys = zone switch { 0 => 4.3, 1 => 5.6, 2 => 4.0, _ => 2.2 } + (business * random.NextDouble(2, 26));
        var height = storeys * 3.2 * Math.Exp(0.22 * random.NextNormal());
        if (zone == 0 && random.NextBoolean(0.01)) height = random.NextDouble(38, 62); // a tower or spire
        return Math.Round(Math.Clamp(height, 3.5, 140), 1);
    }

    private static string UseOf(int zone, double business, ref SeededRandom random)
    {
        var office = (0.55 * business) + (zone <= 1 ? 0.18 : 0.04);
        var draw = random.NextDouble();
        if (draw < office) return "office";
        draw -= office;
        return draw < (zone == 0 ? 0.25 : 0.08) ? "retail" : draw < (zone == 0 ? 0.32 : 0.11) ? "civic" : "residential";
    }

    private static PlanPoint At(CityBlock block, double u, double v)
    {
        var c = block.Corners;
        return (c[0] * ((1 - u) * (1 - v))) + (c[1] * (u * (1 - v))) + (c[2] * (u * v)) + (c[3] * ((1 - u) * v));
    }
}
