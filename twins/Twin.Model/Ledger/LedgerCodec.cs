using System.Buffers;

namespace Twin.Model.Ledger;

/// <summary>
/// Commands as bytes, for journals and for the way between silos. A kind byte, then the fields in order; numbers as varints, texts with their
/// length. A kind's bytes never change: a new form is a new kind, because journals are read for years.
/// </summary>
public static class LedgerCodec
{
    /// <summary>Fewest bytes of one command.</summary>
    public const int LeastBytes = 2;

    private enum Kind : byte
    {
        OpenAccount = 1, DefineAsset, PostTransfer, IssueItems, PlaceHold, CaptureHold, ReleaseHold, AdmitTicket, ExpireHold,
    }

    /// <summary>Writes one command.</summary>
    public static void Write(IBufferWriter<byte> output, LedgerCommand command)
    {
        var writer = new PackedWriter(output);
        switch (command)
        {
            case PostTransfer c:
                Begin(writer, Kind.PostTransfer, c.Key);
                writer.Varint((ulong)c.Legs.Length);
                foreach (ref readonly var leg in c.Legs.AsSpan()) WriteLeg(writer, leg);
                break;
            case OpenAccount c:
                writer.Byte((byte)Kind.OpenAccount);
                writer.Text(c.Id);
                writer.Byte((byte)c.Kind);
                writer.TextOrNull(c.Owner);
                break;
            case DefineAsset c:
                writer.Byte((byte)Kind.DefineAsset);
                writer.Text(c.Id);
                writer.Byte((byte)c.Kind);
                writer.Byte(c.Scale);
                writer.Text(c.Issuer);
                break;
            case IssueItems c:
                Begin(writer, Kind.IssueItems, c.Key);
                writer.Text(c.Asset);
                writer.Text(c.To);
                writer.Varint((ulong)c.Items.Length);
                foreach (var item in c.Items) writer.Text(item);
                break;
            case PlaceHold c:
                Begin(writer, Kind.PlaceHold, c.Key);
                WriteLeg(writer, c.Leg);
                writer.Varint((ulong)c.Expires.UtcTicks);
                break;
            case CaptureHold c:
                Begin(writer, Kind.CaptureHold, c.Key);
                writer.Varint((ulong)c.Hold);
                writer.Byte(c.Amount is null ? (byte)0 : (byte)1);
                if (c.Amount is { } amount) WriteAmount(writer, amount);
                break;
            case ReleaseHold c:
                Begin(writer, Kind.ReleaseHold, c.Key);
                writer.Varint((ulong)c.Hold);
                break;
            case AdmitTicket c:
                Begin(writer, Kind.AdmitTicket, c.Key);
                writer.Text(c.Asset);
                writer.Text(c.Item);
                writer.Text(c.Gate);
                writer.Text(c.Holder);
                break;
            case ExpireHold c:
                writer.Byte((byte)Kind.ExpireHold);
                writer.Varint((ulong)c.Hold);
                break;
            default:
                throw new ArgumentException($"{command.GetType().Name} has no form in bytes.", nameof(command));
        }
    }

    /// <summary>Writes several, with their count before them.</summary>
    public static void WriteMany(IBufferWriter<byte> output, ReadOnlySpan<LedgerCommand> commands)
    {
        new PackedWriter(output).Varint((ulong)commands.Length);
        foreach (var command in commands) Write(output, command);
    }

    /// <summary>Reads what <see cref="WriteMany"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The bytes are cut, damaged or of a later version.</exception>
    public static LedgerCommand[] ReadMany(ReadOnlySpan<byte> bytes)
    {
        var reader = new PackedReader(bytes);
        var commands = new LedgerCommand[reader.Count(LeastBytes)];
        for (var i = 0; i < commands.Length; i++) commands[i] = Read(ref reader);
        return reader.Left == 0 ? commands : throw new InvalidDataException($"{reader.Left} bytes follow the last command.");
    }

    /// <summary>Reads one command.</summary>
    internal static LedgerCommand Read(ref PackedReader reader)
    {
        var kind = (Kind)reader.Byte();
        switch (kind)
        {
            case Kind.PostTransfer:
                var key = ReadKey(ref reader);
                var legs = new LedgerLeg[reader.Count(5)];
                for (var i = 0; i < legs.Length; i++) legs[i] = ReadLeg(ref reader);
                return new PostTransfer(key, legs);
            case Kind.OpenAccount:
                return new OpenAccount(reader.Text(), (LedgerAccountKind)reader.Byte(), reader.TextOrNull());
            case Kind.DefineAsset:
                return new DefineAsset(reader.Text(), (LedgerAssetKind)reader.Byte(), reader.Byte(), reader.Text());
            case Kind.IssueItems:
                var (issueKey, asset, to) = (ReadKey(ref reader), reader.Text(), reader.Text());
                var items = new string[reader.Count(1)];
                for (var i = 0; i < items.Length; i++) items[i] = reader.Text();
                return new IssueItems(issueKey, asset, to, items);
            case Kind.PlaceHold:
                return new PlaceHold(ReadKey(ref reader), ReadLeg(ref reader), new WallTime((long)reader.Varint()));
            case Kind.CaptureHold:
                var (captureKey, hold) = (ReadKey(ref reader), (long)reader.Varint());
                return new CaptureHold(captureKey, hold, reader.Flag() ? ReadAmount(ref reader) : null);
            case Kind.ReleaseHold:
                return new ReleaseHold(ReadKey(ref reader), (long)reader.Varint());
            case Kind.AdmitTicket:
                return new AdmitTicket(ReadKey(ref reader), reader.Text(), reader.Text(), reader.Text(), reader.Text());
            case Kind.ExpireHold:
                return new ExpireHold((long)reader.Varint());
            default:
                throw new InvalidDataException($"A command of kind {(byte)kind} is not known here; a later version wrote it.");
        }
    }

    private static void Begin(PackedWriter writer, Kind kind, in LedgerKey key)
    {
        writer.Byte((byte)kind);
        writer.Text(key.Text);
        writer.Varint((ulong)key.At.UtcTicks);
    }

    private static LedgerKey ReadKey(ref PackedReader reader)
    {
        var (text, at) = (reader.Text(), new WallTime((long)reader.Varint()));
        return LedgerKey.TryMake(text, at, out var key, out var problem) ? key : throw new InvalidDataException(problem.Detail);
    }

    private static void WriteLeg(PackedWriter writer, in LedgerLeg leg)
    {
        writer.Text(leg.From);
        writer.Text(leg.To);
        writer.Text(leg.Asset);
        WriteAmount(writer, leg.Amount);
        writer.TextOrNull(leg.Item);
    }

    private static LedgerLeg ReadLeg(ref PackedReader reader) => new(reader.Text(), reader.Text(), reader.Text(), ReadAmount(ref reader), reader.TextOrNull());

    private static void WriteAmount(PackedWriter writer, LedgerAmount amount)
    {
        writer.Byte(amount.Scale);
        writer.Wide(amount.Units);
    }

    private static LedgerAmount ReadAmount(ref PackedReader reader)
    {
        var (scale, units) = (reader.Byte(), reader.Wide());
        return scale <= LedgerAmount.MostScale && Int128.Abs(units) <= LedgerAmount.MostUnits ? new LedgerAmount(units, scale)
            : throw new InvalidDataException($"An amount of scale {scale} and {units} units is out of range.");
    }
}
