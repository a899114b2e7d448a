using System.Numerics;
using System.Runtime.InteropServices;

namespace Twin.Graph;

/// <content>One number for the whole state.</content>
public sealed partial class ShardState
{
    /// <summary>
    /// A 64-bit hash of everything the state holds: twins, values, times, versions, relationships, links, reservations and the
    /// last sequence. Equal states have equal hashes whatever their rows' order, process or machine; not for adversaries.
    /// </summary>
    public ulong StateHash()
    {
        var sum = new StableHash(1).Add(LastSequence).Finish();
        foreach (var table in _tables)
            for (var row = 0; row < table.RowCount; row++)
                if (table.IsLive(row)) sum += HashOf(table, row);
        foreach (var transaction in _prepared.Values)
        {
            var hash = new StableHash(2).Add(transaction.Id).Add(transaction.PreparedAt.UtcTicks).Add(CommandCodec.Encode(transaction.Commands, transaction.Reserved));
            sum += hash.Finish();
        }
        foreach (var (twin, transaction) in _reserved) sum += new StableHash(3).Add(twin).Add(transaction).Finish();
        return sum;
    }

    private static ulong HashOf(ModelTable table, int row)
    {
        var hash = new StableHash(4).Add(table.IdOf(row)).Add(table.Model.Id).Add(table.VersionOf(row)).Add(table.UpdateTimeOf(row).UtcTicks);
        var sum = hash.Finish();
        foreach (var column in table.Columns)
            if (column.TryGet(row, out var value))
                sum += hash.Add(column.Definition.Path).Add(value).Add(column.SourceTimeOf(row).UtcTicks).Add(column.UpdateTimeOf(row).UtcTicks).Finish();
        foreach (var relationship in table.OutgoingOf(row))
        {
            var own = hash.Add(relationship.Id).Add(relationship.Name).Add(relationship.TargetId).Add(relationship.Version).Add(relationship.UpdateTime.UtcTicks);
            sum += own.Finish();
            foreach (var (path, value) in relationship.Properties) sum += own.Add(path).Add(value).Finish();
        }
        foreach (var link in table.IncomingOf(row)) sum += hash.Add(link.SourceId).Add(link.RelationshipId).Add(link.Name).Finish();
        return sum;
    }

    /// <summary>Multiply-rotate over 8-byte words with the MurmurHash3 finaliser; the same in every process.</summary>
    private readonly struct StableHash(ulong value)
    {
        private readonly ulong _value = value;

        public StableHash Add(long word) => new((BitOperations.RotateLeft(_value, 29) ^ (ulong)word) * 0x9E3779B97F4A7C15UL);

        public StableHash Add(string text) => Add(MemoryMarshal.AsBytes(text.AsSpan()));

        public StableHash Add(PropertyValue value) => value.Kind switch
        {
            ValueKind.Text => Add(4L).Add(value.AsText!),
            ValueKind.Json => Add(7L).Add(value.AsJson),
            var kind => Add((long)kind).Add(value.Bits),
        };

        public StableHash Add(ReadOnlySpan<byte> bytes)
        {
            var hash = Add((long)bytes.Length);
            for (; bytes.Length >= 8; bytes = bytes[8..]) hash = hash.Add(System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(bytes));
            foreach (var rest in bytes) hash = hash.Add((long)rest);
            return hash;
        }

        public ulong Finish()
        {
            var hash = (_value ^ (_value >> 33)) * 0xFF51AFD7ED558CCDUL;
            hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53UL;
            return hash ^ (hash >> 33);
        }
    }
}
