using Orleans;
using Orleans.Runtime;
using Twin.Model;

namespace Twin.Grains.Spaces;

/// <summary>Owns a user. Each change is stored before it is answered.</summary>
internal sealed class UserGrain([PersistentState("user", "twins")] IPersistentState<UserState> state, TimeProvider clock) : Grain, IUserGrain
{
    private const int MostBlocks = 1_000;
    private const int MostConsents = 64;
    private string? _space;
    private DateTimeOffset? _since;

    private string User => this.GetPrimaryKeyString();

    public Task<UserView> GetAsync(string? by)
    {
        var view = new UserView { User = User, Name = state.State.Name, Appearance = state.State.Appearance };
        return Task.FromResult(!MayAll(by) ? view : view with
        {
            IsWhole = true, BirthYear = state.State.BirthYear, Age = AgeNow(), Consents = new(state.State.Consents), Blocks = [.. state.State.Blocks], Space = _space, Since = _since,
        });
    }

    public async Task<CommandResult> PutAsync(string? by, UserProfile profile)
    {
        if (!MayAll(by)) return NotAllowed();
        var year = clock.GetUtcNow().Year;
        if (profile.Name is { Length: 0 or > 64 }) return Invalid("name", "name must be 1 to 64 characters.");
        if (profile.Appearance is { Length: > 64 }) return Invalid("appearance", "appearance must be at most 64 characters.");
        if (profile.BirthYear is { } born && born != 0 && (born < 1900 || born > year)) return Invalid("birthYear", $"birthYear is {born}; it must be 1900 to {year}, or 0 to take it back.");
        if (profile.Age is < -1 or > 130) return Invalid("age", $"age is {profile.Age}; it must be 0 to 130, or -1 to take it back.");
        state.State.Name = profile.Name ?? state.State.Name;
        state.State.Appearance = profile.Appearance ?? state.State.Appearance;
        if (profile.BirthYear is { } stated) state.State.BirthYear = stated == 0 ? null : stated;
        if (profile.Age is { } age) State(age < 0 ? null : age);
        return await WriteAsync();
    }

    public async Task<CommandResult> ConsentAsync(string? by, string name, bool isGiven)
    {
        if (!MayAll(by)) return NotAllowed();
        if (!IsName(name)) return Invalid("name", "A consent's name is 1 to 128 characters.");
        if (state.State.Consents.ContainsKey(name) == isGiven) return new CommandResult(TwinStatus.Ok, state.State.Version);
        if (isGiven && state.State.Consents.Count >= MostConsents) return new CommandResult(TwinStatus.TooMuch, 0, new Problem("TooManyConsents", $"At most {MostConsents} consents are kept."));
        if (isGiven) state.State.Consents.Add(name, clock.GetUtcNow());
        else state.State.Consents.Remove(name);
        return await WriteAsync();
    }

    public async Task<CommandResult> BlockAsync(string? by, string other, bool isBlocked)
    {
        if (!MayAll(by)) return NotAllowed();
        if (!IsName(other) || other == User) return Invalid("other", "Whom to block is another user, of 1 to 128 characters.");
        if (isBlocked && !state.State.Blocks.Contains(other) && state.State.Blocks.Count >= MostBlocks) return new CommandResult(TwinStatus.TooMuch, 0, new Problem("TooManyBlocks", $"At most {MostBlocks} users are blocked."));
        var isNew = isBlocked ? state.State.Blocks.Add(other) : state.State.Blocks.Remove(other);
        var result = isNew ? await WriteAsync() : new CommandResult(TwinStatus.Ok, state.State.Version);
        if (_space is { } space) await GrainFactory.GetGrain<ISpaceGrain>(space).BlocksChangedAsync(User, [.. state.State.Blocks]); // also when it was so before: a space that was not told last time is now
        return result;
    }

    public async Task<UserPass> PassAsync(int? age, string[] consents)
    {
        var isNew = age is >= 0 and <= 130 && age != AgeNow();
        if (isNew) State(age);
        foreach (var consent in consents)
            if (IsName(consent) && state.State.Consents.Count < MostConsents) isNew |= state.State.Consents.TryAdd(consent, clock.GetUtcNow());
        if (isNew) await WriteAsync();
        return new UserPass(state.State.Name, state.State.Appearance, AgeNow(), [.. state.State.Consents.Keys], [.. state.State.Blocks]);
    }

    public Task CameAsync(string space)
    {
        if (_space != space) (_space, _since) = (space, clock.GetUtcNow());
        return Task.CompletedTask;
    }

    public Task WentAsync(string space)
    {
        if (_space == space) (_space, _since) = (null, null);
        return Task.CompletedTask;
    }

    /// <summary>The age stated and the years since; else what the year of birth says for certain: who was born in December is a year younger for most of a year.</summary>
    private int? AgeNow()
    {
        var now = clock.GetUtcNow();
        if (state.State.Age is { } stated) return stated + (int)((now - state.State.AgeStated).TotalDays / 365.2425);
        return state.State.BirthYear is { } born ? Math.Max(0, now.Year - born - 1) : null;
    }

    private void State(int? age) => (state.State.Age, state.State.AgeStated) = (age, clock.GetUtcNow());

    private bool MayAll(string? by) => by is null || by == User;

    private async Task<CommandResult> WriteAsync()
    {
        state.State.Version++;
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle(); // nobody knows what is stored: the next activation asks
            throw;
        }

        return new CommandResult(TwinStatus.Ok, state.State.Version);
    }

    private CommandResult NotAllowed() => new(TwinStatus.Forbidden, 0, new Problem("NotAllowed", $"Only '{User}' itself and administrators may change it.", "user"));

    private static bool IsName(string name) => name.Length is >= 1 and <= 128;

    private static CommandResult Invalid(string where, string words) => new(TwinStatus.Invalid, 0, new Problem("UserInvalid", words, where));
}
