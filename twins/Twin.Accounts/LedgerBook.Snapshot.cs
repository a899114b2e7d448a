using System.Buffers;
using System.Security.Cryptography;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Accounts;

/// <content>The whole state as bytes, in the order it came to be: equal histories give equal bytes.</content>
public sealed partial class LedgerBook
{
    private const byte SnapshotVersion = 1;

    /// <summary>SHA-256 of what a snapshot would hold.</summary>
    public string StateHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        WriteState(new HashingWriter(hash, null));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Writes the state and its SHA-256.</summary>
    public void WriteSnapshot(IBufferWriter<byte> output)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        WriteState(new HashingWriter(hash, output));
        output.Write(hash.GetHashAndReset());
    }

    private void WriteState(HashingWriter output)
    {
        var writer = new PackedWriter(output);
        writer.Byte(SnapshotVersion);
        writer.Int64(LastNumber);
        writer.Int64(LastTime.UtcTicks);
        writer.Varint((ulong)_accounts.Count);
        foreach (ref readonly var account in _accounts.Span)
        {
            writer.Text(account.Id);
            writer.TextOrNull(account.Owner);
            writer.Byte((byte)account.Kind);
            writer.Signed(account.FirstBalance);
            writer.Signed(account.FirstItem);
            writer.Varint((ulong)account.LastPosting);
        }

        writer.Varint((ulong)_assets.Count);
        foreach (ref readonly var asset in _assets.Span)
        {
            writer.Text(asset.Id);
            writer.Byte((byte)asset.Kind);
            writer.Byte(asset.Scale);
            writer.Varint((uint)asset.Issuer);
        }

        writer.Varint((ulong)_balances.Count);
        foreach (ref readonly var row in _balances.Span)
        {
            writer.Varint((uint)row.Account);
            writer.Varint((uint)row.Asset);
            writer.Signed(row.Next);
            writer.Wide(row.Balance);
            writer.Wide(row.Held);
        }

        WriteItemsAndHolds(writer);
        _keys.Write(writer);
        _postings.Write(writer);
        output.Flush();
    }

    private void WriteItemsAndHolds(in PackedWriter writer)
    {
        writer.Varint((ulong)_items.Count);
        foreach (ref readonly var item in _items.Span)
        {
            writer.Text(item.Id);
            writer.Varint((uint)item.Asset);
            writer.Varint((uint)item.Owner);
            writer.Signed(item.Before);
            writer.Signed(item.After);
            writer.Varint((ulong)item.Hold);
            writer.Varint((ulong)item.Used);
            writer.TextOrNull(item.Gate);
        }

        writer.Varint((ulong)_holds.Count);
        foreach (var (id, hold) in _holds.OrderBy(h => h.Key))
        {
            writer.Varint((ulong)id);
            writer.Varint((uint)hold.From);
            writer.Varint((uint)hold.To);
            writer.Varint((uint)hold.Asset);
            writer.Signed(hold.Item);
            writer.Wide(hold.Units);
            writer.Varint((ulong)hold.Expires);
        }
    }

    /// <summary>Takes a snapshot into an empty book, and adds everything up.</summary>
    /// <exception cref="InvalidDataException">It is cut, damaged, of a later version, or does not add up.</exception>
    public void ReadSnapshot(ReadOnlySpan<byte> bytes)
    {
        if (LastNumber != 0) throw new InvalidOperationException("A snapshot is read into an empty book.");
        if (bytes.Length <= SHA256.HashSizeInBytes) throw new InvalidDataException($"A snapshot of {bytes.Length} bytes is cut short.");
        var body = bytes[..^SHA256.HashSizeInBytes];
        if (!SHA256.HashData(body).AsSpan().SequenceEqual(bytes[body.Length..])) throw new InvalidDataException("The snapshot's checksum does not hold.");
        var reader = new PackedReader(body);
        if (reader.Byte() is var version && version != SnapshotVersion) throw new InvalidDataException($"The snapshot is of version {version}; this program reads version {SnapshotVersion}.");
        (LastNumber, LastTime) = (reader.Int64(), new WallTime(reader.Int64()));
        for (var left = reader.Count(6); left > 0; left--)
        {
            var account = new AccountRow { Id = reader.Text(), Owner = reader.TextOrNull(), Kind = (LedgerAccountKind)reader.Byte(), FirstBalance = (int)reader.Signed(), FirstItem = (int)reader.Signed(), LastPosting = (long)reader.Varint() };
            _accountIds.Add(account.Id, _accounts.Add(account));
        }

        for (var left = reader.Count(4); left > 0; left--)
        {
            var asset = new AssetRow { Id = reader.Text(), Kind = (LedgerAssetKind)reader.Byte(), Scale = reader.Byte(), Issuer = (int)reader.Varint() };
            _assetIds.Add(asset.Id, _assets.Add(asset));
        }

        for (var left = reader.Count(5); left > 0; left--)
        {
            var row = new BalanceRow { Account = (int)reader.Varint(), Asset = (int)reader.Varint(), Next = (int)reader.Signed(), Balance = reader.Wide(), Held = reader.Wide() };
            _balances.Add(row);
            _assets[row.Asset].Sum += row.Balance;
        }

        ReadItemsAndHolds(ref reader);
        _keys.Read(ref reader);
        _postings.Read(ref reader);
        if (reader.Left != 0) throw new InvalidDataException($"{reader.Left} bytes follow the snapshot.");
        if (Audit() is { Count: > 0 } faults) throw new InvalidDataException($"The snapshot does not add up: {faults[0]}");
    }

    private void ReadItemsAndHolds(ref PackedReader reader)
    {
        for (var left = reader.Count(8); left > 0; left--)
        {
            var item = new ItemRow
            {
                Id = reader.Text(), Asset = (int)reader.Varint(), Owner = (int)reader.Varint(), Before = (int)reader.Signed(), After = (int)reader.Signed(), Hold = (long)reader.Varint(), Used = (long)reader.Varint(), Gate = reader.TextOrNull(),
            };
            _itemIds.Add((item.Asset, item.Id), _items.Add(item));
        }

        for (var left = reader.Count(7); left > 0; left--)
        {
            var id = (long)reader.Varint();
            var hold = new HoldRow((int)reader.Varint(), (int)reader.Varint(), (int)reader.Varint(), (int)reader.Signed(), reader.Wide(), (long)reader.Varint());
            _holds.Add(id, hold);
            _expiries.Enqueue(id, (hold.Expires, id));
        }
    }

    /// <summary>Passes bytes on, if anybody wants them, and hashes them on their way.</summary>
    private sealed class HashingWriter(IncrementalHash hash, IBufferWriter<byte>? output) : IBufferWriter<byte>
    {
        private readonly byte[] _chunk = new byte[64 * 1024];
        private int _filled;

        public void Advance(int count) => _filled += count;

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (_chunk.Length - _filled < Math.Max(1, sizeHint)) Flush();
            return _chunk.AsMemory(_filled);
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public void Flush()
        {
            hash.AppendData(_chunk, 0, _filled);
            output?.Write(_chunk.AsSpan(0, _filled));
            _filled = 0;
        }
    }
}
