using Twin.Model;
using Twin.Scenarios.Behaviours;

namespace Twin.Scenarios.City;

/// <summary>What stands along streets and in car parks: transformers, air stations, chargers, counters, lights, and parking bays, whose number makes the count exact.</summary>
internal static class CityFurniture
{
    public static void Add(CityBuilder city)
    {
        var transformers = AddTransformers(city);
        AddAirStations(city);
        AddCarParks(city, transformers);
        AddCounters(city);
        AddLights(city, city.Share(500));
        AddBays(city, city.TwinCount - city.Scenario.TwinCount);
    }

    private static List<(string Id, PlanPoint Place)> AddTransformers(CityBuilder city)
    {
        var random = city.Random(20);
        var list = new List<(string, PlanPoint)>();
        var every = Math.Max(1, city.Streets.Count / Math.Max(1, city.Share(6)));
        for (var i = 0; i < city.Streets.Count; i++)
        {
            var street = city.Streets[i];
            if (i % every == 0)
            {
                var (place, ahead) = street.Path.At(street.Path.Length * 0.3);
                place += PathLine.RightOf(ahead) * ((street.Width / 2) + 3);
                var id = city.Scenario.NextId("transformer", 4);
                var loading = random.NextDouble(0.6, 1.12);
                city.Scenario.AddTwin(id, CityModels.Transformer, place, 0, PathLine.HeadingOf(ahead), new Assignment("ratedPower", PropertyValue.From(random.NextBoolean(0.5) ? 400.0 : 630.0)));
                city.Scenario.Relate(city.DistrictIds[street.District], "hasTransformer", id);
                city.Scenario.AddDevice(id, $"grid-{street.District:D2}", TimeSpan.FromSeconds(5), () => new TransformerBehaviour(loading));
                list.Add((id, place));
            }

            city.Scenario.Relate(list[^1].Item1, "supplies", street.Id);
        }

        return list;
    }

    private static void AddAirStations(CityBuilder city)
    {
        var random = city.Random(21);
        var count = city.Share(8);
        for (var i = 0; i < count; i++)
        {
            var street = city.Streets[(int)((long)i * city.Streets.Count / count)];
            var (place, ahead) = street.Path.At(street.Path.Length * random.NextDouble(0.1, 0.9));
            place += PathLine.RightOf(ahead) * ((street.Width / 2) + 2.5);
            var exposure = street.Kind == StreetKind.Local ? random.NextDouble(0.15, 0.5) : random.NextDouble(0.6, 1.0);
            var id = city.Scenario.NextId("air", 4);
            city.Scenario.AddTwin(id, CityModels.AirQuality, place, 3, PathLine.HeadingOf(ahead));
            city.Scenario.Relate(city.DistrictIds[street.District], "hasStation", id);
            city.Scenario.AddDevice(id, $"air-{street.District:D2}", TimeSpan.FromSeconds(15), () => new AirQualityBehaviour(exposure));
        }
    }

    private static void AddCarParks(CityBuilder city, List<(string Id, PlanPoint Place)> transformers)
    {
        var random = city.Random(22);
        var blocks = city.Blocks.Where(b => b.Use == BlockUse.CarPark).ToList();
        var chargers = city.Share(25);
        for (var b = 0; b < blocks.Count; b++)
        {
            var block = blocks[b];
            var carPark = city.Scenario.NextId("carpark", 3);
            var along = block.Corners[1] - block.Corners[0];
            var length = along.DistanceTo(default);
            var ahead = along * (1 / length);
            var inward = new PlanPoint(-ahead.North, ahead.East);
            var here = chargers / (blocks.Count - b);
            chargers -= here;
            city.Scenario.Areas.Add(new SceneArea(carPark, "carPark", block.Corners));
            city.Scenario.AddTwin(carPark, CityModels.CarPark, block.Centre, 0, PathLine.HeadingOf(ahead), new Assignment("capacity", PropertyValue.From((long)Math.Max(here * 2, length / 2.6))));
            city.Scenario.Relate(city.DistrictIds[block.District], "hasCarPark", carPark);
            var supply = transformers.MinBy(t => t.Place.DistanceTo(block.Centre)).Id;
            for (var i = 0; i < here; i++)
            {
                var place = block.Corners[0] + (ahead * (6 + ((length - 12) * (i + 0.5) / here))) + (inward * (4 + (i % 2 * 14)));
                var rated = random.NextBoolean(0.25) ? 50.0 : random.NextBoolean(0.5) ? 22.0 : 11.0;
                var id = city.Scenario.NextId("charger", 4);
                city.Scenario.AddTwin(id, CityModels.Charger, place, 0, PathLine.HeadingOf(inward), new Assignment("ratedPower", PropertyValue.From(rated)));
                city.Scenario.Relate(carPark, "hasCharger", id);
                city.Scenario.Relate(id, "poweredBy", supply);
                city.Scenario.AddDevice(id, $"chargers-{block.District:D2}", TimeSpan.FromSeconds(5), () => new ChargerBehaviour(rated));
            }
        }
    }

    /// <summary>Counters at the ends of streets, where junctions are; big streets first.</summary>
    private static void AddCounters(CityBuilder city)
    {
        var random = city.Random(23);
        var left = city.Share(45);
        foreach (var street in city.Streets.OrderByDescending(s => s.Width).ThenBy(s => s.Id, StringComparer.Ordinal))
        {
            for (var end = 0; end < 2 && left > 0; end++, left--)
            {
                var (place, ahead) = street.Path.At(end == 0 ? 14 : street.Path.Length - 14);
                if (end == 0) ahead *= -1;
                place += PathLine.RightOf(ahead) * ((street.Width / 2) + 1.5);
                var lanes = street.Kind == StreetKind.Local ? 0.35 : 1.0;
                var capacity = lanes * random.NextDouble(900, 1_700) * (0.55 + (0.45 * city.Centrality(place)));
                var speed = street.Kind == StreetKind.Local ? 32.0 : 52.0;
                var id = city.Scenario.NextId("counter", 4);
                city.Scenario.AddTwin(id, CityModels.Counter, place, 5, PathLine.HeadingOf(ahead));
                city.Scenario.Relate(street.Id, "hasCounter", id);
                city.Scenario.AddDevice(id, $"counters-{street.District:D2}", TimeSpan.FromSeconds(6), () => new TrafficCounterBehaviour(capacity, speed));
            }
        }
    }

    /// <summary>Lights evenly along all streets, on alternate sides, as many as asked.</summary>
    private static void AddLights(CityBuilder city, int count)
    {
        var spacing = city.Streets.Sum(s => s.Path.Length) / count;
        var next = spacing / 2;
        var placed = 0;
        foreach (var street in city.Streets)
        {
            var rated = street.Kind == StreetKind.Local ? 58.0 : 96.0;
            for (; next < street.Path.Length && placed < count; next += spacing, placed++)
            {
                var (place, ahead) = street.Path.At(next);
                var right = PathLine.RightOf(ahead) * (placed % 2 == 0 ? 1 : -1);
                var id = city.Scenario.NextId("lamp");
                city.Scenario.AddTwin(
                    id, CityModels.Streetlight, place + (right * ((street.Width / 2) + 0.8)), 0, PathLine.HeadingOf(right * -1),
                    new Assignment("ratedPower", PropertyValue.From(rated)), new Assignment(StreetlightBehaviour.Dimming.Path, PropertyValue.From(StreetlightBehaviour.Dimming.Ordinary)));
                city.Scenario.Relate(street.Id, "hasLight", id);
                city.Scenario.AddDevice(id, $"lights-{street.District:D2}", TimeSpan.FromSeconds(20), () => new StreetlightBehaviour(rated), StreetlightBehaviour.Dimming);
            }

            next -= street.Path.Length;
        }
    }

    /// <summary>Kerbside bays in runs on local streets, the likeliest places first, until the city has its number of twins.</summary>
    private static void AddBays(CityBuilder city, int count)
    {
        const double bayMetres = 5.6;
        var random = city.Random(24);
        var streets = city.Streets.Where(s => s.Kind == StreetKind.Local)
            .OrderByDescending(s => city.Centrality(s.Path.At(s.Path.Length / 2).Place) + random.NextDouble(0, 0.6)).ToList();
        var fit = streets.Sum(s => 2.0 * Math.Max(0, s.Path.Length - 30) / bayMetres);
        var share = Math.Clamp(count / (0.6 * fit), 0.05, 1);
        for (var pass = 0; count > 0; pass++)
        {
            foreach (var street in streets)
            {
                if (count <= 0) break;
                var most = (int)((street.Path.Length - 30) * (pass < 2 ? share : 1) / bayMetres);
                var side = pass % 2 == 0 ? 1 : -1;
                for (var i = 0; i < most && count > 0; i++, count--) AddBay(city, street, 15 + ((i + 0.5) * bayMetres), side * (1 + (pass / 2 * 2.4 / street.Width)), ref random);
            }
        }
    }

    private static void AddBay(CityBuilder city, CityStreet street, double at, double side, ref SeededRandom random)
    {
        var (place, ahead) = street.Path.At(at);
        place += PathLine.RightOf(ahead) * (side * ((street.Width / 2) - 1.2));
        var attraction = Math.Clamp(city.Centrality(place) * random.NextDouble(0.6, 1.2), 0.02, 1);
        var id = city.Scenario.NextId("bay");
        city.Scenario.AddTwin(id, CityModels.ParkingBay, place, 0, PathLine.HeadingOf(ahead));
        city.Scenario.Relate(street.Id, "hasBay", id);
        city.Scenario.AddDevice(id, $"bays-{street.District:D2}", TimeSpan.FromSeconds(10), () => new ParkingBayBehaviour(attraction));
    }
}
