using System.Runtime.CompilerServices;

namespace Twin.Graph;

/// <content>Samples: the hot path, nothing allocated for numbers.</content>
public sealed partial class ShardState
{
    /// <summary>Most refusals told for a batch; counts stay exact.</summary>
    public const int MaxRefusals = 100;

    private const int Ahead = 16; // enough to hide a memory latency of 100 ns behind 16 times 10 ns of work

    private readonly Place[] _places = new Place[Ahead];
    private readonly int[] _hashes = new int[Ahead];

    private struct Place
    {
        public ModelTable? Table;
        public Column? Column;
        public int Row;
    }

    /// <summary>
    /// Applies samples in order; each has exactly one fate, none stops the others. The changes are added to
    /// <paramref name="changes"/>: PropertyChanged for what is new, SampleHistorical for what is older than the state.
    /// A sample without source time takes the batch's arrival time. Of two values for one instant, the later arrival wins.
    /// </summary>
    /// <param name="batch">The samples; every twin must be owned here.</param>
    /// <param name="rules">Clock skew and reorder window.</param>
    /// <param name="now">The owner's clock: commit time of the changes. Unknown takes the arrival time.</param>
    /// <param name="changes">Receives the changes.</param>
    public IngestOutcome Ingest(SampleBatch batch, SampleRules rules, WallTime now, ChangeBuffer changes)
    {
        var run = new IngestRun(batch.ArrivalTime, now.IsKnown ? now : batch.ArrivalTime, rules);
        if (!run.Arrival.IsKnown) throw new ArgumentException("The batch's arrival time must be known.", nameof(batch));
        var samples = batch.Samples.AsSpan();
        changes.Reserve(samples.Length);
        for (var start = 0; start < samples.Length; start += Ahead)
        {
            var block = samples.Slice(start, Math.Min(Ahead, samples.Length - start));
            LookAhead(block, ref run);
            for (var i = 0; i < block.Length; i++) run.Counts[(int)Ingest(block[i], start + i, _places[i], ref run, changes)]++;
        }
        return new IngestOutcome(run.Counts, run.Refusals?.ToArray() ?? [], LastSequence);
    }

    private struct IngestRun(WallTime arrival, WallTime now, SampleRules rules)
    {
        public readonly WallTime Arrival = arrival;
        public readonly WallTime Now = now;
        public readonly long Latest = (arrival + rules.MaxFutureSkew).UtcTicks;
        public readonly long Window = rules.ReorderWindow.Ticks;
        public readonly int[] Counts = new int[IngestOutcome.FateCount];
        public List<SampleRefusal>? Refusals;
        public ModelTable? LastTable;
        public string? LastPath;
        public Column? LastColumn;
    }

    /// <summary>
    /// Finds where a block of samples goes, one step for all before the next step, so that the waits for memory overlap: with
    /// 100,000 twins and more each sample would otherwise wait five times in turn.
    /// </summary>
    private void LookAhead(ReadOnlySpan<Sample> block, ref IngestRun run)
    {
        for (var i = 0; i < block.Length; i++)
        {
            _hashes[i] = string.GetHashCode(block[i].TwinId.AsSpan());
            _index.Prefetch(_hashes[i]);
        }
        for (var i = 0; i < block.Length; i++)
        {
            ref var place = ref _places[i];
            if (_index.TryGuess(_hashes[i], out place.Table!, out place.Row)) place.Table.Prefetch(place.Row);
        }
        for (var i = 0; i < block.Length; i++)
        {
            ref var place = ref _places[i];
            if (place.Table is not { } table) continue;
            Memory.Prefetch(table.IdOf(place.Row));
            place.Column = FindColumn(table, block[i].Path, ref run);
            place.Column?.Prefetch(place.Row);
        }
    }

    private SampleFate Ingest(in Sample sample, int index, in Place place, ref IngestRun run, ChangeBuffer changes)
    {
        var (table, row, column) = (place.Table, place.Row, place.Column);
        if (table is null || table.IdOf(row) != sample.TwinId)
        {
            if (!_index.TryFind(sample.TwinId, out table!, out row)) return Refuse(SampleFate.UnknownTwin, sample, index, null, ref run);
            column = FindColumn(table, sample.Path, ref run);
        }
        if (column is null) return Refuse(SampleFate.UnknownProperty, sample, index, table.Model.Id, ref run);
        if (!SchemaValidation.TryConvert(column.Definition.Schema, sample.Value, out var value, out var error)) return Refuse(SampleFate.Invalid, sample, index, error, ref run);
        var sourceTime = sample.SourceTime.IsKnown ? sample.SourceTime : run.Arrival;
        if (sourceTime.UtcTicks > run.Latest) return Refuse(SampleFate.Future, sample, index, null, ref run);
        var twinId = table.IdOf(row);
        if (_reserved.Count > 0 && _reserved.ContainsKey(twinId)) return Refuse(SampleFate.Unavailable, sample, index, null, ref run);

        var age = column.SourceTimeOf(row).UtcTicks - sourceTime.UtcTicks;
        if (age > 0)
        {
            changes.Add(new Change(++LastSequence, ChangeKind.SampleHistorical, twinId, table.Model.Id, column.Definition.Path, value, sourceTime, run.Now));
            return age <= run.Window ? SampleFate.Reordered : SampleFate.Late;
        }
        if (age == 0 && column.Get(row) == value) return SampleFate.Duplicate;
        changes.Add(new Change(++LastSequence, ChangeKind.PropertyChanged, twinId, table.Model.Id, column.Definition.Path, value, sourceTime, run.Now));
        column.Set(row, value, sourceTime, run.Now, table.Capacity);
        table.Touch(row, LastSequence, run.Now);
        return SampleFate.Applied;
    }

    /// <summary>Devices repeat themselves: the same path of the same model comes again and again.</summary>
    private static Column? FindColumn(ModelTable table, string path, ref IngestRun run)
    {
        if (ReferenceEquals(table, run.LastTable) && ReferenceEquals(path, run.LastPath)) return run.LastColumn;
        if (table.Model.FindProperty(path) is not { } property) return null;
        run.LastTable = table;
        run.LastPath = path;
        return run.LastColumn = table.Column(property.Ordinal);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private SampleFate Refuse(SampleFate fate, in Sample sample, int index, string? detail, ref IngestRun run)
    {
        run.Refusals ??= [];
        if (run.Refusals.Count == MaxRefusals) return fate;
        run.Refusals.Add(new SampleRefusal(index, fate, fate switch
        {
            SampleFate.UnknownTwin => $"There is no twin '{sample.TwinId}'.",
            SampleFate.UnknownProperty => $"Model '{detail}' of twin '{sample.TwinId}' has no property '{sample.Path}'.",
            SampleFate.Invalid => $"{sample.TwinId}/{sample.Path}: {detail}",
            SampleFate.Future => $"{sample.TwinId}/{sample.Path}: source time {sample.SourceTime} is later than {new WallTime(run.Latest)} (arrival and allowed skew).",
            _ => $"Twin '{sample.TwinId}' is reserved by a transaction; try again.",
        }));
        return fate;
    }
}
