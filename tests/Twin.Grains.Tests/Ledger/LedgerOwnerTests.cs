using Microsoft.Extensions.Logging.Abstractions;
using Twin.Accounts;
using Twin.Graph.Journal;
using Twin.Grains.Ledger;
using Twin.Grains.Twins;
using Twin.Model;
using Twin.Model.Ledger;
using Twin.Model.Policies;
using Twin.Pipelines.Tests;

namespace Twin.Grains.Tests.Ledger;

/// <summary>A book's owner over real journal files: what was answered is there, whatever happens in between.</summary>
public sealed class LedgerOwnerTests : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("twin-ledger-").FullName;
    private readonly ManualTime _clock = new();
    private readonly SnapshotTurn _turn = new();
    private readonly List<IAsyncDisposable> _open = [];
    private FileJournalStore? _files;

    private WallTime Now => WallTime.Now(_clock);

    private LedgerOwner Open(LedgerGrainOptions? options = null, Func<IJournalStore, IJournalStore>? wrap = null, FsyncPolicy fsync = FsyncPolicy.Os)
    {
        _files ??= new FileJournalStore(_root, fsync, _clock);
        var owner = new LedgerOwner("main", options ?? new LedgerGrainOptions(), wrap?.Invoke(_files) ?? _files, new NoPolicies(), _turn, _clock, NullLogger.Instance);
        _open.Add(owner);
        return owner;
    }

    private static ValueTask<LedgerReply> RunAsync(LedgerOwner owner, params LedgerCommand[] commands) => owner.ExecuteAsync(new LedgerCall(commands, null, 0));

    private static async Task<LedgerResult> OneAsync(LedgerOwner owner, LedgerCommand command) => (await RunAsync(owner, command)).Results[0];

    private async Task<LedgerOwner> FundedAsync(LedgerOwner owner)
    {
        var made = await RunAsync(owner, new OpenAccount("mint", LedgerAccountKind.Issuing, null), new OpenAccount("anna", LedgerAccountKind.Ordinary, null), new OpenAccount("bert", LedgerAccountKind.Ordinary, null),
            new DefineAsset("eur", LedgerAssetKind.Fungible, 2, "mint"), Pay("mint", "anna", 100_000));
        Assert.All(made.Results, r => Assert.True(r.IsDone, r.Problem?.Detail));
        return owner;
    }

    private PostTransfer Pay(string from, string to, int cents) => new(LedgerKey.New(_clock), [new LedgerLeg(from, to, "eur", new LedgerAmount(cents, 2))]);

    private static int CentsOf(LedgerOwner owner, string account) => (int)owner.Book.BalanceOf(account, "eur")!.Value.Balance.Units;

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _open) await one.DisposeAsync();
        if (_files is not null) await _files.DisposeAsync();
        _turn.Dispose();
        Directory.Delete(_root, true);
    }

    [Theory]
    [InlineData(1_000_000)]
    [InlineData(50)]
    public async Task A_later_owner_has_the_same_state_to_the_bit_from_journal_or_snapshot(int snapshotEvery)
    {
        var options = new LedgerGrainOptions { SnapshotEvery = snapshotEvery };
        var first = await FundedAsync(Open(options));
        for (var i = 0; i < 300; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await RunAsync(first, Pay("anna", "bert", 1 + i), Pay("bert", "anna", 1), new PlaceHold(LedgerKey.New(_clock), new LedgerLeg("anna", "bert", "eur", new LedgerAmount(3, 2)), Now + TimeSpan.FromSeconds(20)));
        }

        var before = first.Book.StateHash(); // as a killed process leaves it: the first owner is not closed
        var second = Open(options);
        await second.RecoverAsync();
        Assert.Equal(before, second.Book.StateHash());
        Assert.Empty(second.Book.Audit());
        Assert.Equal(snapshotEvery < 1_000, File.Exists(Path.Combine(_root, "ledger_main", "shard-0", "snapshot")));
        Assert.True((await OneAsync(second, Pay("anna", "bert", 1))).IsDone);
        var fenced = await OneAsync(first, Pay("anna", "bert", 1));
        Assert.Equal((TwinStatus.Unavailable, true), (fenced.Status, first.IsFenced));
    }

    [Fact]
    public async Task What_could_not_be_journaled_is_refused_undone_and_done_once_when_it_is_sent_again()
    {
        LedgerDisk disk = null!;
        var owner = await FundedAsync(Open(wrap: s => disk = new LedgerDisk(s)));
        var before = owner.Book.StateHash();
        var pay = Pay("anna", "bert", 500);
        disk.IsFull = true;
        Assert.Equal("StoreUnavailable", (await OneAsync(owner, pay)).Problem?.Code);
        disk.IsFull = false;
        Assert.Equal((TwinStatus.Ok, before), ((await owner.ReadAsync(new LedgerRead(LedgerView.Book), null, 0)).Status, owner.Book.StateHash()));
        Assert.True(await OneAsync(owner, pay) is { IsDone: true, IsRepeat: false });
        Assert.True(await OneAsync(owner, pay) is { IsDone: true, IsRepeat: true });
        Assert.Equal(500, CentsOf(owner, "bert"));
    }

    [Fact]
    public async Task Callers_that_come_during_an_append_share_the_next_one_and_nothing_is_answered_before_it()
    {
        LedgerDisk disk = null!;
        var owner = await FundedAsync(Open(wrap: s => disk = new LedgerDisk(s)));
        disk.Gate = new TaskCompletionSource();
        var appends = disk.Appends;
        var first = Pay("anna", "bert", 1);
        var one = OneAsync(owner, first);
        var many = Enumerable.Range(0, 50).Select(_ => OneAsync(owner, Pay("anna", "bert", 1))).ToArray();
        var repeat = OneAsync(owner, first);
        var read = owner.ReadAsync(new LedgerRead(LedgerView.Account, "bert"), null, 0).AsTask();
        Assert.False(one.IsCompleted || repeat.IsCompleted || read.IsCompleted || many.Any(m => m.IsCompleted));
        disk.Gate.SetResult();
        disk.Gate = null;
        Assert.All(await Task.WhenAll(many), r => Assert.True(r.IsDone));
        Assert.Equal(((await one).Number, true), ((await repeat).Number, (await repeat).IsRepeat));
        Assert.Contains("\"0.51\"", System.Text.Encoding.UTF8.GetString((await read).Json), StringComparison.Ordinal);
        Assert.Equal(2, disk.Appends - appends);
    }

    [Fact]
    public async Task A_failed_append_refuses_those_that_wait_behind_it_too()
    {
        LedgerDisk disk = null!;
        var owner = await FundedAsync(Open(wrap: s => disk = new LedgerDisk(s)));
        disk.Gate = new TaskCompletionSource();
        var all = Enumerable.Range(0, 5).Select(_ => OneAsync(owner, Pay("anna", "bert", 1))).ToArray();
        disk.Gate.SetException(new IOException("The device is gone"));
        disk.Gate = null;
        Assert.All(await Task.WhenAll(all), r => Assert.Equal(TwinStatus.Unavailable, r.Status));
        Assert.True((await OneAsync(owner, Pay("anna", "bert", 7))).IsDone);
        Assert.Equal(7, CentsOf(owner, "bert"));
    }

    [Fact]
    public async Task A_hold_expires_by_the_clock_while_nobody_asks_and_that_is_in_the_journal()
    {
        var owner = await FundedAsync(Open());
        var hold = await OneAsync(owner, new PlaceHold(LedgerKey.New(_clock), new LedgerLeg("anna", "bert", "eur", new LedgerAmount(100_000, 2)), Now + TimeSpan.FromSeconds(10)));
        Assert.False((await OneAsync(owner, Pay("anna", "bert", 1))).IsDone);
        _clock.Advance(TimeSpan.FromSeconds(9));
        await owner.TickAsync();
        Assert.Equal(1, owner.Book.HoldCount);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await owner.TickAsync();
        Assert.Equal((0, hold.Number + 1), (owner.Book.HoldCount, owner.Book.LastNumber));
        var later = Open();
        await later.RecoverAsync();
        Assert.Equal(0, later.Book.HoldCount);
        Assert.True((await OneAsync(later, Pay("anna", "bert", 1))).IsDone);
    }

    [Fact]
    public async Task Over_redis_a_later_owner_goes_on_where_the_first_one_was()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/redis-server"), "redis-server is not installed");
        await using var server = await Journal.RedisServer.StartAsync();
        var store = new Twin.Grains.Journal.RedisJournalStore(server.Connection, TimeProvider.System) { Patience = TimeSpan.FromSeconds(5) };
        var first = await FundedAsync(Open(new LedgerGrainOptions { SnapshotEvery = 40 }, _ => store));
        for (var i = 0; i < 60; i++) Assert.True((await OneAsync(first, Pay("anna", "bert", 1 + i))).IsDone);
        var before = first.Book.StateHash();
        var second = Open(wrap: _ => store);
        await second.RecoverAsync();
        Assert.Equal(before, second.Book.StateHash());
        Assert.True((await OneAsync(second, Pay("anna", "bert", 1))).IsDone);
        Assert.Equal(TwinStatus.Unavailable, (await OneAsync(first, Pay("anna", "bert", 1))).Status);
        var third = Open(wrap: _ => store);
        await third.RecoverAsync();
        Assert.Equal(second.Book.StateHash(), third.Book.StateHash());
    }

    [Fact]
    public async Task A_clock_that_goes_back_turns_no_time_back()
    {
        var owner = await FundedAsync(Open());
        var first = await OneAsync(owner, Pay("anna", "bert", 1));
        _clock.StepWall(-TimeSpan.FromMinutes(5));
        var second = await OneAsync(owner, Pay("anna", "bert", 1));
        Assert.Equal(first.Time, second.Time);
    }

    [Fact]
    public async Task A_batch_over_its_bound_and_the_books_own_entries_are_refused()
    {
        var owner = await FundedAsync(Open());
        var reply = await RunAsync(owner, [.. Enumerable.Range(0, LedgerBounds.MostInABatch + 1).Select(_ => Pay("anna", "bert", 1))]);
        Assert.All(reply.Results, r => Assert.Equal("BatchTooLarge", r.Problem?.Code));
        Assert.Equal(TwinStatus.Forbidden, (await OneAsync(owner, new ExpireHold(1))).Status);
    }

    private sealed class NoPolicies : IPolicyStore
    {
        public CompiledPolicies Current => CompiledPolicies.None;

        public event Action? Changed
        {
            add { }
            remove { }
        }

        public ValueTask RefreshAsync() => default;

        public ValueTask<CommandResult> PutAsync(string id, ReadOnlyMemory<byte> json, long? ifMatch = null, bool onlyIfAbsent = false) => throw new NotSupportedException();

        public ValueTask<CommandResult> DeleteAsync(string id, long? ifMatch = null) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<StoredPolicy>> ListAsync() => throw new NotSupportedException();
    }

    private sealed class LedgerDisk(IJournalStore inner) : IJournalStore
    {
        public bool IsFull { get; set; }

        /// <summary>Appends wait for it.</summary>
        public TaskCompletionSource? Gate { get; set; }

        public int Appends { get; private set; }

        public Task KeepShardCountAsync(string branch, int shardCount, CancellationToken cancellationToken) => inner.KeepShardCountAsync(branch, shardCount, cancellationToken);

        public Task<bool> HasSnapshotAsync(string branch, int shard, CancellationToken cancellationToken) => inner.HasSnapshotAsync(branch, shard, cancellationToken);

        public Task DropAsync(string branch, int shardCount, CancellationToken cancellationToken) => inner.DropAsync(branch, shardCount, cancellationToken);

        public async Task<IShardJournal> OpenAsync(string branch, int shard, CancellationToken cancellationToken) => new Journal(this, await inner.OpenAsync(branch, shard, cancellationToken));

        public ValueTask DisposeAsync() => default;

        private sealed class Journal(LedgerDisk disk, IShardJournal inner) : IShardJournal
        {
            public long Epoch => inner.Epoch;

            public long OldestSequence => inner.OldestSequence;

            public long Bytes => inner.Bytes;

            public Task<(long Sequence, ReadOnlyMemory<byte> Bytes)?> ReadSnapshotAsync(CancellationToken cancellationToken) => inner.ReadSnapshotAsync(cancellationToken);

            public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadFramesAsync(long after, CancellationToken cancellationToken) => inner.ReadFramesAsync(after, cancellationToken);

            public ValueTask AppendAsync(ReadOnlyMemory<byte> frame, long firstSequence, long lastSequence, CancellationToken cancellationToken)
            {
                disk.Appends++;
                if (disk.IsFull) throw new IOException("No space left on device");
                return disk.Gate is { } gate ? WaitAsync(gate.Task, frame, firstSequence, lastSequence, cancellationToken) : inner.AppendAsync(frame, firstSequence, lastSequence, cancellationToken);
            }

            private async ValueTask WaitAsync(Task gate, ReadOnlyMemory<byte> frame, long firstSequence, long lastSequence, CancellationToken cancellationToken)
            {
                await gate;
                await inner.AppendAsync(frame, firstSequence, lastSequence, cancellationToken);
            }

            public Task WriteSnapshotAsync(long sequence, System.Buffers.ReadOnlySequence<byte> bytes, long keepAfter, CancellationToken cancellationToken) => inner.WriteSnapshotAsync(sequence, bytes, keepAfter, cancellationToken);

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
