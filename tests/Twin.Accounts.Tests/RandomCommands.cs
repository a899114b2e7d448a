using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts.Tests;

/// <summary>A seeded stream of commands over few accounts: good ones, wrong ones, repeats, and keys used for another body.</summary>
internal sealed class RandomCommands(ulong seed)
{
    public static readonly DateTime Start = new(2026, 3, 1, 0, 0, 0, DateTimeKind.Utc);

    private static readonly string[] Accounts = ["anna", "bert", "carl", "dora", "mint", "nobody"];
    private static readonly string[] Assets = ["eur", "btc", "gig", "no-asset"];
    private SeededRandom _random = new(seed, 1);
    private readonly List<LedgerCommand> _past = [];
    private int _keys;

    /// <summary>What every run begins with.</summary>
    public static LedgerCommand[] Setup { get; } =
    [
        new OpenAccount("mint", LedgerAccountKind.Issuing, null), new OpenAccount("anna", LedgerAccountKind.Ordinary, "key:anna"), new OpenAccount("bert", LedgerAccountKind.Ordinary, "key:bert"),
        new OpenAccount("carl", LedgerAccountKind.Ordinary, null), new OpenAccount("dora", LedgerAccountKind.Issuing, null), new DefineAsset("eur", LedgerAssetKind.Fungible, 2, "mint"),
        new DefineAsset("btc", LedgerAssetKind.Fungible, 8, "dora"), new DefineAsset("gig", LedgerAssetKind.Unique, 0, "mint"),
    ];

    public WallTime Now { get; private set; } = new(Start.Ticks);

    public LedgerCommand Next(long lastNumber)
    {
        Now += TimeSpan.FromSeconds(_random.NextInt(20));
        if (_past.Count > 0 && _random.NextBoolean(0.1)) return _past[_random.NextInt(_past.Count)];
        var command = Fresh(lastNumber);
        if (_past.Count > 0 && _random.NextBoolean(0.03) && command is PostTransfer transfer && _past[_random.NextInt(_past.Count)] is KeyedCommand other) command = transfer with { Key = other.Key };
        _past.Add(command);
        return command;
    }

    private LedgerCommand Fresh(long lastNumber) => _random.NextInt(20) switch
    {
        < 10 => new PostTransfer(Key(), [.. Enumerable.Range(0, _random.NextBoolean(0.7) ? 1 : 1 + _random.NextInt(6)).Select(_ => Leg())]),
        < 13 => new PlaceHold(Key(), Leg(), Now + TimeSpan.FromSeconds(_random.NextInt(400) - 10)),
        < 15 => new CaptureHold(Key(), lastNumber - _random.NextInt(30), _random.NextBoolean(0.5) ? null : Amount()),
        < 16 => new ReleaseHold(Key(), lastNumber - _random.NextInt(30)),
        < 18 => new IssueItems(Key(), Assets[_random.NextInt(20) == 0 ? 0 : 2], Account(), [.. Enumerable.Range(0, 1 + _random.NextInt(3)).Select(_ => Item(200))]),
        < 19 => new AdmitTicket(Key(), "gig", Item(40), "north", Account()),
        _ => Setup[_random.NextInt(Setup.Length)] is OpenAccount open ? open with { Id = $"more-{_random.NextInt(8)}" } : new DefineAsset("gold", LedgerAssetKind.Fungible, 3, Account()),
    };

    private LedgerKey Key()
    {
        Assert.True(LedgerKey.TryMake($"key-{_keys++}", Now, out var key, out _));
        return key;
    }

    private string Account() => Accounts[_random.NextInt(Accounts.Length - (_random.NextInt(10) == 0 ? 0 : 1))];

    private string Item(int most) => $"seat-{_random.NextInt(most)}";

    private LedgerAmount Amount() => new(_random.NextInt(20) == 0 ? -_random.NextInt(100) : _random.NextInt(5_000), (byte)_random.NextInt(4));

    private LedgerLeg Leg()
    {
        var asset = Assets[_random.NextInt(Assets.Length - (_random.NextInt(20) == 0 ? 0 : 1))];
        var from = _random.NextBoolean(0.3) ? "mint" : Account();
        return asset == "gig" ? new LedgerLeg(from, Account(), asset, LedgerAmount.One, Item(60)) : new LedgerLeg(from, Account(), asset, Amount(), _random.NextInt(40) == 0 ? "seat-1" : null);
    }
}
