using Twin.Model;

namespace Twin.Scenarios.City;

/// <summary>Made-up names.</summary>
internal sealed class CityNames(SeededRandom random)
{
    private static readonly string[] Heads =
    [
        "Alder", "Ash", "Barley", "Birch", "Black", "Brook", "Castle", "Cedar", "Clay", "Copper", "Crane", "Dove", "Eagle", "Elder", "Fair", "Falcon", "Fern", "Glass",
        "Gold", "Green", "Hazel", "Heron", "High", "Hollow", "Iron", "Ivy", "King", "Lark", "Lime", "Linden", "Long", "Maple", "Mill", "Moon", "Moss", "North", "Oak",
        "Orchard", "Otter", "Poplar", "Quarry", "Raven", "Red", "River", "Rose", "Rowan", "Salt", "Silver", "South", "Spring", "Stone", "Summer", "Swan", "Thorn",
        "Tower", "Vine", "Water", "West", "White", "Willow", "Winter", "Wool",
    ];

    private static readonly string[] Tails = ["bank", "bridge", "brook", "dale", "field", "ford", "garden", "gate", "ham", "haven", "hill", "holm", "mead", "mere", "park", "side", "stead", "wick"];

    private static readonly string[] Ways = ["Street", "Lane", "Road", "Row", "Way", "Walk", "Close"];

    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private SeededRandom _random = random;

    public string City() => Fresh(() => Pick(Heads) + "bruck");

    public string District() => Fresh(() => Pick(Heads) + Pick(Tails));

    public string Street(StreetKind kind) => Fresh(() => kind switch
    {
        StreetKind.Ring => $"{Pick(Heads)} Ring",
        StreetKind.Radial => $"{Pick(Heads)}{Pick(Tails)} Avenue",
        _ => $"{Pick(Heads)}{Pick(Tails)} {Pick(Ways)}",
    });

    private string Pick(string[] words) => words[_random.NextInt(words.Length)];

    private string Fresh(Func<string> make)
    {
        for (var i = 0; i < 8; i++)
        {
            var name = make();
            if (_used.Add(name)) return name;
        }

        return make(); // big cities have two of a name
    }
}
