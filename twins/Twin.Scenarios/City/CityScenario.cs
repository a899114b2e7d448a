using Twin.Model;

namespace Twin.Scenarios.City;

/// <summary>
/// A generated city that could be one: an old town inside the first of four uneven rings, nine radials, a river with
/// bridges, districts each with a street grid of its own bent, buildings that grow towards the middle and one business
/// quarter, parks and car parks. On it stand and drive the devices. The city grows with the number of twins; the same
/// seed and count give the same city.
/// </summary>
public static class CityScenario
{
    /// <summary>Fewest twins a city can have.</summary>
    public const int FewestTwins = 2_000;

    /// <summary>Most twins a city can have.</summary>
    public const int MostTwins = 1_000_000;

    /// <summary>Generates the city.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="twinCount">Exactly so many twins, <see cref="FewestTwins"/> to <see cref="MostTwins"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is out of range.</exception>
    public static Scenario Create(ulong seed = 1, int twinCount = 20_000)
    {
        if (twinCount is < FewestTwins or > MostTwins)
            throw new ArgumentOutOfRangeException(nameof(twinCount), twinCount, $"A city has {FewestTwins} to {MostTwins} twins.");
        var radius = 2_450 * Math.Sqrt(twinCount / 20_000.0);
        var city = new CityBuilder(seed, twinCount, radius);
        city.AddGround();
        city.AddStreets();
        city.AddBlocks();
        CityTransit.Add(city);
        CityFurniture.Add(city);
        return city.Scenario.Build(originLongitude: 8.5, originLatitude: 50.0);
    }
}

/// <summary>The city while it is built: the plan, what has been laid out so far, and how many twins of a kind there shall be.</summary>
internal sealed class CityBuilder
{
    private readonly ulong _seed;

    public CityBuilder(ulong seed, int twinCount, double radiusMetres)
    {
        _seed = seed;
        TwinCount = twinCount;
        Radius = radiusMetres;
        Plan = new CityPlan(seed, radiusMetres);
        Scenario = new ScenarioBuilder("city", seed);
        Scenario.AddModels(CityModels.All());
        var random = new SeededRandom(seed, 2, 12);
        var angle = random.NextDouble(0, 2 * Math.PI);
        Business = new PlanPoint(Math.Cos(angle), Math.Sin(angle)) * (0.3 * radiusMetres);
    }

    public CityPlan Plan { get; }

    public ScenarioBuilder Scenario { get; }

    public int TwinCount { get; }

    public double Radius { get; }

    /// <summary>The middle of the business quarter.</summary>
    public PlanPoint Business { get; }

    public List<CityStreet> Streets { get; } = [];

    public List<CityBlock> Blocks { get; } = [];

    public string[] DistrictIds { get; } = new string[CityPlan.Districts];

    /// <summary>A share of the twins, in thousandths.</summary>
    public int Share(int thousandths) => (int)((long)TwinCount * thousandths / 1000);

    public SeededRandom Random(ulong entity) => new(_seed, entity, 13);

    /// <summary>How sought-after a place is, 1 in the middle and the business quarter, towards 0 at the edge.</summary>
    public double Centrality(PlanPoint p) => Math.Clamp(Math.Max(
        1.05 - (Math.Sqrt((p.East * p.East) + (p.North * p.North)) / Radius),
        Math.Exp(-Math.Pow(p.DistanceTo(Business) / (0.14 * Radius), 2))), 0.02, 1);

    public void AddGround()
    {
        Scenario.Areas.Add(new SceneArea("river", "water", Plan.RiverOutline()));
        var names = new CityNames(Random(3));
        Scenario.AddTwin("city-1", CityModels.City, default, 0, 0, new Assignment("name", PropertyValue.From(names.City())));
        for (var district = 0; district < CityPlan.Districts; district++)
        {
            var id = DistrictIds[district] = Scenario.NextId("district", 2);
            var kind = CityPlan.ZoneOf(district) switch { 0 => "oldTown", 1 => "inner", 2 => "outer", _ => "suburb" };
            Scenario.AddTwin(id, CityModels.District, Plan.CentreOf(district), 0, 0,
                new("name", PropertyValue.From(names.District())), new("kind", PropertyValue.From(kind)));
            Scenario.Relate("city-1", "contains", id);
        }
    }

    public void AddStreets()
    {
        Streets.AddRange(Plan.Arterials());
        for (var district = 0; district < CityPlan.Districts; district++)
        {
            var grid = new CityGrid(Plan, district, _seed);
            Streets.AddRange(grid.Streets());
            Blocks.AddRange(grid.Blocks());
        }

        var names = new CityNames(Random(4));
        foreach (var street in Streets)
        {
            street.Id = Scenario.NextId("street");
            var (middle, ahead) = street.Path.At(street.Path.Length / 2);
            var kind = street.Kind switch { StreetKind.Ring => "ring", StreetKind.Radial => "radial", _ => "local" };
            Scenario.AddTwin(street.Id, CityModels.Street, middle, 0, PathLine.HeadingOf(ahead),
                new("name", PropertyValue.From(names.Street(street.Kind))), new("kind", PropertyValue.From(kind)),
                new("length", PropertyValue.From(Math.Round(street.Path.Length, 1))), new("width", PropertyValue.From(street.Width)));
            Scenario.Relate(DistrictIds[street.District], "contains", street.Id);
            Scenario.Roads.Add(new SceneRoad(street.Id, street.Path.Points, street.Width));
        }
    }

    public void AddBlocks()
    {
        var twins = Share(70);
        var pictures = Share(250);
        var lots = CityLots.Lay(this, Random(5), pictures);
        var every = Math.Max(1, lots.Count / Math.Max(1, twins));
        for (var i = 0; i < lots.Count; i++)
        {
            var lot = lots[i];
            var isTwin = i % every == 0 && twins-- > 0;
            var id = Scenario.NextId(isTwin ? "building" : "house");
            Scenario.Buildings.Add(new SceneBuilding(id, lot.Footprint, lot.Height));
            if (!isTwin) continue;
            var along = lot.Footprint[1] - lot.Footprint[0];
            Scenario.AddTwin(id, CityModels.Building, (lot.Footprint[0] + lot.Footprint[2]) * 0.5, 0, PathLine.HeadingOf(along * (1 / Math.Max(0.1, along.DistanceTo(default)))),
                new("height", PropertyValue.From(lot.Height)), new("use", PropertyValue.From(lot.Use)));
            Scenario.Relate(DistrictIds[lot.District], "hasBuilding", id);
        }
    }
}
