using System.Globalization;
using System.Text.Json;
using Orleans;
using Orleans.Runtime;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Grains.Spaces;

/// <summary>Owns an avatar. Each change is stored before it is answered.</summary>
internal sealed class AvatarGrain([PersistentState("avatar", "twins")] IPersistentState<AvatarState> state, TimeProvider clock) : Grain, IAvatarGrain
{
    private const int MostCarried = 16;
    private static readonly TimeSpan Asking = TimeSpan.FromSeconds(2);

    private string Space => this.GetPrimaryKeyString()[..this.GetPrimaryKeyString().LastIndexOf('/')];

    private int Number => int.TryParse(this.GetPrimaryKeyString().AsSpan(this.GetPrimaryKeyString().LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    public async Task<AvatarView?> GetAsync()
    {
        var space = GrainFactory.GetGrain<ISpaceGrain>(Space);
        if (await space.OwnerOfAsync(Number) is not { } user) return null;
        var place = await FindAsync(space, user);
        var held = await Task.WhenAll(state.State.Carries.Select(c => CarryProblemAsync(c, user)));
        return new AvatarView
        {
            Space = Space, Avatar = Number, User = user, Name = state.State.Name, Appearance = state.State.Appearance, Carries = [.. state.State.Carries.Where((_, i) => held[i] is null)],
            Place = place ?? state.State.LastPlace, IsHere = place is not null, Left = place is null ? state.State.Left : null,
        };
    }

    public async Task<CommandResult> PutAsync(string? by, AvatarChange change)
    {
        var space = GrainFactory.GetGrain<ISpaceGrain>(Space);
        if (await space.OwnerOfAsync(Number) is not { } user) return new CommandResult(TwinStatus.NotFound, 0, new Problem("AvatarNotFound", $"Nobody has come to '{Space}' as avatar {Number}.", "avatar"));
        if (by is not null && by != user) return new CommandResult(TwinStatus.Forbidden, 0, new Problem("NotAllowed", "Only its user and administrators may change an avatar.", "avatar"));
        if (change.Name is { Length: > 64 }) return Invalid("name", "name must be at most 64 characters.");
        if (change.Appearance is { Length: > 64 }) return Invalid("appearance", "appearance must be at most 64 characters.");
        if (change.Carries is { Length: > MostCarried }) return Invalid("carries", $"An avatar carries at most {MostCarried} things.");
        for (var i = 0; i < (change.Carries?.Length ?? 0); i++)
            if (change.Carries![i] is not { Book.Length: > 0, Account.Length: > 0, Asset.Length: > 0, Item.Length: > 0 } carried) return Invalid($"carries[{i}]", "book, account, asset and item are needed.");
            else if (await CarryProblemAsync(carried, user) is { } problem) return new CommandResult(TwinStatus.Invalid, 0, problem with { Where = $"carries[{i}]" });
        state.State.Name = Changed(state.State.Name, change.Name);
        state.State.Appearance = Changed(state.State.Appearance, change.Appearance);
        if (change.Carries is { } carries) state.State.Carries = [.. carries];
        state.State.Version++;
        await StoreAsync();
        if (change.Name is not null || change.Appearance is not null) await DressAsync(space, user);
        return new CommandResult(TwinStatus.Ok, state.State.Version);
    }

    public Task<(string? Name, string? Appearance)> FigureAsync() => Task.FromResult((state.State.Name, state.State.Appearance));

    public Task LeftAsync(AvatarPlace place)
    {
        (state.State.LastPlace, state.State.Left) = (place with { IsConnected = false }, clock.GetUtcNow());
        return StoreAsync();
    }

    /// <summary>Where the silo with its connection has it; null when none has, or does not answer.</summary>
    private async Task<AvatarPlace?> FindAsync(ISpaceGrain space, string user)
    {
        var peers = await space.WhereAsync(user);
        var places = await Task.WhenAll(peers.Select(p => AskedAsync(() => p.FindAsync(Space, Number))));
        return places.FirstOrDefault(p => p is { IsConnected: true }) ?? places.FirstOrDefault(p => p is not null);
    }

    private async Task DressAsync(ISpaceGrain space, string user)
    {
        var (peers, whose) = (await space.WhereAsync(user), await GrainFactory.GetGrain<IUserGrain>(user).GetAsync(null));
        await Task.WhenAll(peers.Select(p => AskedAsync(async () =>
        {
            await p.DressAsync(Space, Number, state.State.Name ?? whose.Name, state.State.Appearance ?? whose.Appearance ?? "");
            return true;
        })));
    }

    /// <summary>A silo's answer; nothing when it is gone or too busy: what was changed is kept, and told to whom it lets in next.</summary>
    private async Task<T?> AskedAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().WaitAsync(Asking, clock);
        }
        catch (Exception fault) when (fault is TimeoutException or OrleansException)
        {
            return default;
        }
    }

    /// <summary>Null when the user holds it now.</summary>
    private async Task<Problem?> CarryProblemAsync(CarriedItem carried, string user)
    {
        var book = GrainFactory.GetGrain<ILedgerBookGrain>(carried.Book);
        var (item, account) = (await book.ReadAsync(new LedgerRead(LedgerView.Ticket, carried.Asset, carried.Item), null, 0), await book.ReadAsync(new LedgerRead(LedgerView.Account, carried.Account), null, 0));
        if ((item.Value.Problem ?? account.Value.Problem) is { } problem) return problem;
        return Text(item.Value.Json, "holder") == carried.Account && Text(account.Value.Json, "owner") == user ? null
            : new Problem("ItemNotHeld", $"'{carried.Item}' of {carried.Asset} is not in the account {carried.Account} of the avatar's user.", "carries");
    }

    private async Task StoreAsync()
    {
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle(); // nobody knows what is stored: the next activation asks
            throw;
        }
    }

    private static string? Changed(string? before, string? change) => change switch { null => before, "" => null, _ => change };

    private static string? Text(ReadOnlyMemory<byte> json, string member)
    {
        using var read = JsonDocument.Parse(json);
        return read.RootElement.TryGetProperty(member, out var value) ? value.GetString() : null;
    }

    private static CommandResult Invalid(string where, string words) => new(TwinStatus.Invalid, 0, new Problem("AvatarInvalid", words, where));
}

/// <summary>What an avatar keeps.</summary>
[GenerateSerializer]
internal sealed class AvatarState
{
    [Id(0)] public string? Name { get; set; }

    [Id(1)] public string? Appearance { get; set; }

    [Id(2)] public List<CarriedItem> Carries { get; set; } = [];

    [Id(3)] public AvatarPlace? LastPlace { get; set; }

    [Id(4)] public DateTimeOffset? Left { get; set; }

    [Id(5)] public long Version { get; set; }
}
