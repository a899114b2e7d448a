using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Twin.Grains;

namespace Twin.Gateway.Audit;

/// <summary>
/// The audit logs of all processes as one. Each process keeps its own log, tells the directory every five seconds where it can be asked,
/// and asks the others when it is asked itself; one that does not answer within three seconds is named instead. Thread-safe.
/// </summary>
internal sealed class AuditCluster : BackgroundService
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    private readonly IGrainFactory _grains;
    private readonly AuditDesk _desk;
    private readonly TimeProvider _clock;
    private readonly ILogger<AuditCluster> _log;

    /// <summary>Reads this process' name beside its log, or makes one.</summary>
    /// <exception cref="IOException">The folder cannot be used.</exception>
    public AuditCluster(string folder, AuditLog log, IGrainFactory grains, TimeProvider clock, ILogger<AuditCluster> logger)
    {
        (_grains, _desk, _clock, _log) = (grains, new AuditDesk(log), clock, logger);
        var file = Path.Combine(folder, "member");
        if (File.Exists(file) && File.ReadAllText(file) is { Length: > 0 and <= 40 } name)
        {
            Name = name;
            return;
        }

        var machine = new string([.. Environment.MachineName.Where(c => char.IsAsciiLetterOrDigit(c) || c == '-').Take(20)]);
        Name = $"{machine}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
        File.WriteAllText(file, Name);
    }

    /// <summary>This process in the directory; stays with its data folder.</summary>
    public string Name { get; }

    private IAuditDirectoryGrain Directory => _grains.GetGrain<IAuditDirectoryGrain>(IAuditDirectoryGrain.Key);

    /// <summary>A page of all logs, and who could not be asked: their names, or the directory's own.</summary>
    public async Task<(AuditPage Page, string[] Unreachable)> ReadAsync(AuditQuestion question, IReadOnlyDictionary<string, long> from, CancellationToken cancellationToken)
    {
        var (answers, unreachable) = await AskAllAsync((member, desk) => desk.ReadAsync(question, from.GetValueOrDefault(member)), cancellationToken).ConfigureAwait(false);
        return (AuditPage.Merge(from, answers, question.Top), unreachable);
    }

    /// <summary>How every log's chain stands.</summary>
    public Task<(Dictionary<string, AuditStanding> Answers, string[] Unreachable)> VerifyAsync(CancellationToken cancellationToken) => AskAllAsync((_, desk) => desk.VerifyAsync(), cancellationToken);

    /// <summary>Forgets a process that will not come back; false when it is unknown.</summary>
    public Task<bool> ForgetAsync(string name) => Directory.ForgetAsync(name);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        IAuditDesk? reference = null;
        var told = true;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Directory.EnrolAsync(Name, reference ??= _grains.CreateObjectReference<IAuditDesk>(_desk)).WaitAsync(Period, _clock, stoppingToken).ConfigureAwait(false);
                told = true;
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                if (told) _log.LogWarning("The audit log is not in the cluster's directory yet: {Fault}. It is tried again.", fault.Message);
                told = false;
            }

            await Task.Delay(Period, _clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<(Dictionary<string, TAnswer> Answers, string[] Unreachable)> AskAllAsync<TAnswer>(Func<string, IAuditDesk, Task<TAnswer>> ask, CancellationToken cancellationToken)
    {
        AuditMember[] members = [];
        var unreachable = new List<string>();
        try
        {
            members = await Directory.ListAsync().WaitAsync(Patience, _clock, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            unreachable.Add("(directory)"); // then at least this process answers
        }

        var asked = members.Where(m => m.Name != Name).Append(new AuditMember(Name, _desk)).Select(async m =>
        {
            try
            {
                if (m.Desk is not null) return (m.Name, Answer: (TAnswer?)await ask(m.Name, m.Desk).WaitAsync(Patience, _clock, cancellationToken).ConfigureAwait(false));
            }
            catch (Exception) when (m.Name != Name && !cancellationToken.IsCancellationRequested)
            {
                // Gone, or too slow: named below.
            }

            return (m.Name, Answer: default);
        }).ToArray();
        var answers = new Dictionary<string, TAnswer>(StringComparer.Ordinal);
        foreach (var (name, answer) in await Task.WhenAll(asked).ConfigureAwait(false))
        {
            if (answer is null) unreachable.Add(name);
            else answers[name] = answer;
        }

        return (answers, [.. unreachable]);
    }
}
