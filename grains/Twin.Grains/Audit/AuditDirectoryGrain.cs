using System.Diagnostics.Metrics;
using Orleans;
using Orleans.Runtime;

namespace Twin.Grains.Audit;

/// <summary>What the directory keeps: names, the longest known first.</summary>
[GenerateSerializer]
internal sealed class AuditDirectoryState
{
    [Id(0)] public List<string> Names { get; set; } = [];
}

/// <summary>Processes that keep an audit log. A name is written once; what is told every few seconds stays in memory.</summary>
internal sealed class AuditDirectoryGrain([PersistentState("audit", "twins")] IPersistentState<AuditDirectoryState> state) : Grain, IAuditDirectoryGrain
{
    private const int MostName = 64;
    private static readonly Counter<long> Dropped = new Meter("Twin").CreateCounter<long>("twin_audit_members_dropped_total", description: "Silent processes forgotten to make room for new ones");

    private readonly Dictionary<string, IAuditDesk> _desks = new(StringComparer.Ordinal);

    public async Task EnrolAsync(string name, IAuditDesk desk)
    {
        if (name.Length is 0 or > MostName) throw new ArgumentOutOfRangeException(nameof(name), name.Length, $"A name has 1 to {MostName} characters.");
        if (!state.State.Names.Contains(name))
        {
            var names = state.State.Names.ToList();
            if (names.Count >= IAuditDirectoryGrain.MostMembers)
            {
                var silent = names.Find(n => !_desks.ContainsKey(n)) ?? names[0];
                names.Remove(silent);
                _desks.Remove(silent);
                Dropped.Add(1);
            }

            await KeepAsync([.. names, name]);
        }

        _desks[name] = desk;
    }

    public Task<AuditMember[]> ListAsync() =>
        Task.FromResult(state.State.Names.Order(StringComparer.Ordinal).Select(n => new AuditMember(n, _desks.GetValueOrDefault(n))).ToArray());

    public async Task<bool> ForgetAsync(string name)
    {
        if (!state.State.Names.Contains(name)) return false;
        await KeepAsync([.. state.State.Names.Where(n => n != name)]);
        _desks.Remove(name);
        return true;
    }

    // What the store refused must not look kept.
    private async Task KeepAsync(List<string> names)
    {
        var before = state.State.Names;
        state.State.Names = names;
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            state.State.Names = before;
            throw;
        }
    }
}
