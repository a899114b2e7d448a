using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Twin.Graph;

/// <content>Snapshots: the whole state column by column, as FORMAT.md specifies it.</content>
public sealed partial class ShardState
{
    /// <summary>Version of the snapshot format.</summary>
    public const byte SnapshotVersion = 1;

    private const int DrainBytes = 1 << 20;
    private static ReadOnlySpan<byte> Magic => "TWSN"u8;

    /// <summary>Writes the state as it stands at <see cref="LastSequence"/>. Free rows are left out. Indexes are not written.</summary>
    public void WriteSnapshot(IBufferWriter<byte> output)
    {
        var sink = new SnapshotSink(output);
        var writer = sink.Writer;
        Magic.CopyTo(writer.Take(4));
        writer.Byte(SnapshotVersion);
        writer.Varint((ulong)Shard);
        writer.Varint((ulong)ShardCount);
        writer.Int64(LastSequence);
        writer.Varint((ulong)_tables.Length);
        foreach (var table in _tables) WriteTable(sink, table, table.LiveRows());
        foreach (var table in _tables) WriteLinks(sink, table, table.LiveRows());
        writer.Varint((ulong)_prepared.Count);
        foreach (var transaction in _prepared.Values)
        {
            writer.Text(transaction.Id);
            writer.Int64(transaction.PreparedAt.UtcTicks);
            writer.Bytes(CommandCodec.Encode(transaction.Commands, transaction.Reserved));
        }
        sink.Finish();
    }

    /// <summary>Fills this state, which must be new, from a snapshot.</summary>
    /// <exception cref="InvalidDataException">The snapshot is cut, damaged, of another version or shard, or speaks of models not known.</exception>
    public void ReadSnapshot(ReadOnlySpan<byte> snapshot)
    {
        if (LastSequence != 0 || TwinCount != 0) throw new InvalidOperationException("A snapshot is read into a new state only.");
        if (snapshot.Length < 13 || !snapshot.StartsWith(Magic)) throw new InvalidDataException("This is not a shard snapshot.");
        if (snapshot[4] != SnapshotVersion) throw new InvalidDataException($"The snapshot is of version {snapshot[4]}; this program reads version {SnapshotVersion}.");
        var body = snapshot[..^4];
        if (Crc32C.Compute(body) != BinaryPrimitives.ReadUInt32LittleEndian(snapshot[^4..])) throw new InvalidDataException("The snapshot's checksum does not hold.");
        var reader = new ByteReader(body[5..]);
        ulong shard = reader.Varint(), shardCount = reader.Varint();
        if (shard != (ulong)Shard || shardCount != (ulong)ShardCount) throw new InvalidDataException($"The snapshot is of shard {shard} of {shardCount}, not {Shard} of {ShardCount}.");
        var sequence = reader.Int64();
        var tables = new ModelTable[reader.Count(2)];
        for (var i = 0; i < tables.Length; i++) tables[i] = ReadTable(ref reader);
        foreach (var table in tables) ReadLinks(ref reader, table);
        for (var left = reader.Count(10); left > 0; left--) ReadPrepared(ref reader);
        if (reader.Left != 0) throw new InvalidDataException($"{reader.Left} bytes follow the snapshot.");
        LastSequence = sequence;
    }

    private static void WriteTable(SnapshotSink sink, ModelTable table, int[] rows)
    {
        var writer = sink.Writer;
        writer.Text(table.Model.Id);
        writer.Varint((ulong)rows.Length);
        foreach (var row in rows)
        {
            var id = table.IdOf(row);
            var count = Encoding.UTF8.GetByteCount(id);
            writer.Varint((ulong)count);
            Encoding.UTF8.GetBytes(id, writer.Take(count));
            sink.DrainWhenFull();
        }
        var (versions, updateTimes) = table.Fill();
        sink.Longs(versions, rows);
        sink.Longs(updateTimes, rows);
        var written = table.Columns.ToArray().Where(c => rows.Any(c.Has)).ToArray();
        writer.Varint((ulong)written.Length);
        foreach (var column in written)
        {
            writer.Text(column.Definition.Path);
            writer.Byte((byte)column.Storage);
            sink.Longs(column.SourceTimes, rows);
            sink.Longs(column.UpdateTimes, rows);
            if (!column.IsReference) sink.Longs(column.Bits, rows);
            else foreach (var row in rows)
                if (column.TryGet(row, out var value))
                {
                    ChangeCodec.WriteValue(writer, value);
                    sink.DrainWhenFull();
                }
        }
    }

    private ModelTable ReadTable(ref ByteReader reader)
    {
        var modelId = reader.Text();
        var model = FindModel(modelId) ?? throw new InvalidDataException($"The snapshot holds twins of model '{modelId}', which is not known.");
        var table = TableOf(model);
        if (table.RowCount != 0) throw new InvalidDataException($"The snapshot holds two tables of model '{modelId}'.");
        var count = reader.Count(17);
        table.Reserve(count);
        _index.Reserve(_index.Count + count);
        for (var i = 0; i < count; i++)
        {
            var id = Encoding.UTF8.GetString(reader.Bytes());
            _index.Add(id, table.Number, table.Add(id));
        }
        var (versions, updateTimes) = table.Fill();
        reader.Longs(versions.AsSpan(0, count));
        reader.Longs(updateTimes.AsSpan(0, count));
        for (var left = reader.Count(2); left > 0; left--) ReadColumn(ref reader, table, count);
        return table;
    }

    private static void ReadColumn(ref ByteReader reader, ModelTable table, int count)
    {
        var path = reader.Text();
        var storage = (ValueKind)reader.Byte();
        if (table.Model.FindProperty(path) is not { } property || property.Schema.Storage != storage)
            throw new InvalidDataException($"The snapshot holds '{path}' as {storage}, which model '{table.Model.Id}' does not.");
        var column = table.Column(property.Ordinal);
        if (reader.Left / 16 < count) throw new InvalidDataException("The snapshot's column is cut short.");
        var (bits, references, sourceTimes, updateTimes) = column.Fill(table.Capacity);
        reader.Longs(sourceTimes.AsSpan(0, count));
        reader.Longs(updateTimes.AsSpan(0, count));
        if (!column.IsReference) reader.Longs(bits.AsSpan(0, count));
        else for (var row = 0; row < count; row++)
            if (sourceTimes[row] != 0) references[row] = storage == ValueKind.Text ? column.Intern(reader.Text()) : reader.Bytes().ToArray();
        column.Filled(count);
    }

    private static void WriteLinks(SnapshotSink sink, ModelTable table, int[] rows)
    {
        var writer = sink.Writer;
        writer.Varint((ulong)rows.Count(row => table.OutgoingOf(row).Count + table.IncomingOf(row).Count > 0));
        for (var place = 0; place < rows.Length; place++)
        {
            LinkSet<Relationship> outgoing = table.OutgoingOf(rows[place]);
            LinkSet<IncomingLink> incoming = table.IncomingOf(rows[place]);
            if (outgoing.Count + incoming.Count == 0) continue;
            writer.Varint((ulong)place);
            writer.Varint((ulong)outgoing.Count);
            foreach (var relationship in outgoing)
            {
                WriteRelationship(writer, relationship);
                sink.DrainWhenFull();
            }
            writer.Varint((ulong)incoming.Count);
            foreach (var link in incoming)
            {
                writer.Text(link.SourceId);
                writer.Text(link.RelationshipId);
                writer.Text(link.Name);
                sink.DrainWhenFull();
            }
        }
    }

    private static void WriteRelationship(ByteWriter writer, Relationship relationship)
    {
        writer.Text(relationship.Id);
        writer.Text(relationship.Name);
        writer.Text(relationship.TargetId);
        writer.Int64(relationship.Version);
        writer.Int64(relationship.UpdateTime.UtcTicks);
        writer.Varint((ulong)relationship.Properties.Length);
        foreach (var (path, value) in relationship.Properties)
        {
            writer.Text(path);
            writer.Byte((byte)value.Kind);
            ChangeCodec.WriteValue(writer, value);
        }
    }

    private void ReadLinks(ref ByteReader reader, ModelTable table)
    {
        for (var left = reader.Count(3); left > 0; left--)
        {
            var place = reader.Varint();
            if (place >= (ulong)table.RowCount) throw new InvalidDataException($"Links of row {place} in a table of {table.RowCount}.");
            for (var outgoing = reader.Count(20); outgoing > 0; outgoing--, RelationshipCount++) table.OutgoingForWrite((int)place).Put(ReadRelationship(ref reader));
            for (var incoming = reader.Count(3); incoming > 0; incoming--, IncomingCount++)
                table.IncomingForWrite((int)place).Put(new IncomingLink(reader.Text(), reader.Text(), reader.Text()));
        }
    }

    private static Relationship ReadRelationship(ref ByteReader reader)
    {
        string id = reader.Text(), name = reader.Text(), target = reader.Text();
        long version = reader.Int64(), updateTime = reader.Int64();
        var count = reader.Count(2);
        var properties = count == 0 ? [] : new Assignment[count];
        for (var i = 0; i < count; i++) properties[i] = new Assignment(reader.Text(), ChangeCodec.ReadValue(ref reader, reader.Byte()));
        return new Relationship(id, name, target, properties, version, new WallTime(updateTime));
    }

    private void ReadPrepared(ref ByteReader reader)
    {
        var id = reader.Text();
        var at = new WallTime(reader.Int64());
        Promise(new Change(0, ChangeKind.TransactionPrepared, id, "", "", PropertyValue.FromJson(reader.Bytes().ToArray()), at, at));
    }

    /// <summary>Passes bytes on a megabyte at a time, so that a snapshot is never held twice, and sums them up.</summary>
    private sealed class SnapshotSink(IBufferWriter<byte> output)
    {
        private uint _crc = uint.MaxValue;

        public ByteWriter Writer { get; } = new();

        public void DrainWhenFull()
        {
            if (Writer.Length >= DrainBytes) Drain();
        }

        /// <summary>The values of the given rows; a column shorter than a row has 0 there.</summary>
        public void Longs(ReadOnlySpan<long> values, int[] rows)
        {
            var isWhole = rows.Length == 0 || (rows[^1] == rows.Length - 1 && values.Length >= rows.Length);
            if (isWhole) Writer.Longs(values[..rows.Length]);
            else foreach (var row in rows) Writer.Int64(row < values.Length ? values[row] : 0);
            DrainWhenFull();
        }

        public void Finish()
        {
            Drain();
            BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(4), ~_crc);
            output.Advance(4);
        }

        private void Drain()
        {
            _crc = Crc32C.Continue(_crc, Writer.Written);
            output.Write(Writer.Written);
            Writer.Drain();
        }
    }
}
