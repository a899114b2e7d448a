using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>Query messages as bytes, between silos of one version: a leading version byte, lengths before everything, no field names.</summary>
public static class QueryCodec
{
    private const byte Version = 3;

    /// <summary>The slice as bytes.</summary>
    public static byte[] Encode(ShardQuery query) => Write(writer =>
    {
        writer.Write(query.Text);
        Write(writer, query.Parameters);
        writer.Write7BitEncodedInt(query.Limit);
        writer.Write7BitEncodedInt64(query.RowBudget);
        writer.Write(query.TimeBudget.Ticks);
        Write(writer, query.Position);
        Write(writer, query.After);
        writer.Write(query.IsEstimate);
        Write(writer, query.Subject);
        writer.Write7BitEncodedInt64(query.PolicyVersion);
        writer.Write(query.Pattern is not null);
        if (query.Pattern is not null) Write(writer, query.Pattern);
    });

    private static void Write(BinaryWriter writer, PolicySubject? subject)
    {
        writer.Write(subject is not null);
        if (subject is null) return;
        writer.Write(subject.Name);
        writer.Write((byte)subject.Rights);
        writer.Write7BitEncodedInt(subject.Roles.Count);
        foreach (var role in subject.Roles) writer.Write(role);
    }

    private static PolicySubject? ReadSubject(BinaryReader reader)
    {
        if (!reader.ReadBoolean()) return null;
        var (name, rights) = (reader.ReadString(), (Permissions)reader.ReadByte());
        return new PolicySubject(name, ReadArray(reader, r => r.ReadString()), rights);
    }

    /// <summary>The answer as bytes.</summary>
    public static byte[] Encode(ShardRows rows) => Write(writer =>
    {
        writer.Write((byte)rows.Status);
        writer.Write7BitEncodedInt(rows.Rows.Length);
        foreach (var row in rows.Rows) Write(writer, row);
        writer.Write7BitEncodedInt64(rows.Examined);
        writer.Write(rows.Problem is not null);
        if (rows.Problem is { } problem)
        {
            writer.Write(problem.Code);
            writer.Write(problem.Detail);
            writer.Write(problem.Where is not null);
            if (problem.Where is not null) writer.Write(problem.Where);
        }
        Write(writer, rows.Next);
        writer.Write7BitEncodedInt64(rows.Count);
        writer.Write7BitEncodedInt(rows.Places.Length);
        foreach (var place in rows.Places) Write(writer, place);
        writer.Write7BitEncodedInt(rows.Visited.Length);
        foreach (var visited in rows.Visited) Write(writer, visited);
        writer.Write7BitEncodedInt(rows.Groups.Length);
        foreach (var group in rows.Groups) Write(writer, group);
        writer.Write7BitEncodedInt(rows.Estimates.Length);
        foreach (var estimate in rows.Estimates) writer.Write7BitEncodedInt64(estimate);
        Write(writer, rows.Plan);
    });

    /// <summary>Reads a slice.</summary>
    /// <exception cref="InvalidDataException">The bytes are of another version or cut short.</exception>
    public static ShardQuery DecodeQuery(byte[] bytes) => Read(bytes, reader =>
        new ShardQuery(reader.ReadString(), ReadValues(reader), reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt64(), new TimeSpan(reader.ReadInt64()))
        {
            Position = ReadPosition(reader),
            After = ReadKey(reader),
            IsEstimate = reader.ReadBoolean(),
            Subject = ReadSubject(reader),
            PolicyVersion = reader.Read7BitEncodedInt64(),
            Pattern = reader.ReadBoolean() ? ReadSlice(reader) : null,
        });

    /// <summary>Reads an answer.</summary>
    /// <exception cref="InvalidDataException">The bytes are of another version or cut short.</exception>
    public static ShardRows DecodeRows(byte[] bytes) => Read(bytes, reader =>
    {
        var status = (TwinStatus)reader.ReadByte();
        var rows = ReadArray(reader, ReadBytes);
        var examined = reader.Read7BitEncodedInt64();
        var problem = reader.ReadBoolean() ? new Problem(reader.ReadString(), reader.ReadString(), reader.ReadBoolean() ? reader.ReadString() : null) : null;
        return new ShardRows(status, rows, examined, problem)
        {
            Next = ReadPosition(reader),
            Count = reader.Read7BitEncodedInt64(),
            Places = ReadArray(reader, r => ReadKey(r)!),
            Visited = ReadArray(reader, ReadVisited),
            Groups = ReadArray(reader, ReadGroup),
            Estimates = ReadArray(reader, r => r.Read7BitEncodedInt64()),
            Plan = ReadBytes(reader),
        };
    });

    /// <summary>Writes one value: its kind, then its bits, text or JSON.</summary>
    public static void Write(BinaryWriter writer, PropertyValue value)
    {
        writer.Write((byte)value.Kind);
        if (value.Kind == ValueKind.Text) writer.Write(value.AsText!);
        else if (value.Kind == ValueKind.Json)
        {
            writer.Write7BitEncodedInt(value.AsJson.Length);
            writer.Write(value.AsJson);
        }
        else if (value.Kind != ValueKind.None) writer.Write(value.Bits);
    }

    /// <summary>Reads one value.</summary>
    /// <exception cref="FormatException">It is no value.</exception>
    public static PropertyValue ReadValue(BinaryReader reader)
    {
        var kind = (ValueKind)reader.ReadByte();
        return kind switch
        {
            ValueKind.None => default,
            ValueKind.Text => PropertyValue.From(reader.ReadString()),
            ValueKind.Json => PropertyValue.FromJson(ReadExactly(reader)),
            < ValueKind.Json => PropertyValue.FromBits(kind, reader.ReadInt64()),
            _ => throw new FormatException($"{(byte)kind} is no kind of value."),
        };
    }

    /// <summary>Writes a place in an order, or that there is none.</summary>
    public static void Write(BinaryWriter writer, OrderKey? key)
    {
        writer.Write(key is not null);
        if (key is null) return;
        Write(writer, key.Keys);
        writer.Write(key.TwinId);
        writer.Write(key.LinkId);
    }

    /// <summary>Reads a place in an order, or null.</summary>
    public static OrderKey? ReadKey(BinaryReader reader) =>
        reader.ReadBoolean() ? new OrderKey(ReadValues(reader), reader.ReadString(), reader.ReadString()) : null;

    /// <summary>Writes a position, or that there is none.</summary>
    public static void Write(BinaryWriter writer, ShardPosition? position)
    {
        writer.Write(position is not null);
        if (position is null) return;
        writer.Write7BitEncodedInt64(position.Epoch);
        writer.Write7BitEncodedInt(position.Table);
        writer.Write7BitEncodedInt(position.Row);
        writer.Write(position.LinkId is not null);
        if (position.LinkId is not null) writer.Write(position.LinkId);
    }

    /// <summary>Reads a position, or null.</summary>
    public static ShardPosition? ReadPosition(BinaryReader reader) => reader.ReadBoolean()
        ? new ShardPosition(reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt(), reader.ReadBoolean() ? reader.ReadString() : null)
        : null;

    private static void Write(BinaryWriter writer, PropertyValue[] values)
    {
        writer.Write7BitEncodedInt(values.Length);
        foreach (var value in values) Write(writer, value);
    }

    private static void Write(BinaryWriter writer, ReadOnlyMemory<byte> bytes)
    {
        writer.Write7BitEncodedInt(bytes.Length);
        writer.Write(bytes.Span);
    }

    private static void Write(BinaryWriter writer, PatternSlice slice)
    {
        writer.Write7BitEncodedInt(slice.Start);
        writer.Write7BitEncodedInt(slice.Visit);
        writer.Write7BitEncodedInt(slice.Expand);
        writer.Write(slice.Visits is not null);
        if (slice.Visits is null) return;
        writer.Write7BitEncodedInt(slice.Visits.Length);
        foreach (var visit in slice.Visits)
        {
            writer.Write(visit.TwinId);
            Write(writer, visit.Links);
            Write(writer, visit.From);
        }
    }

    private static PatternSlice ReadSlice(BinaryReader reader) => new(
        reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt(),
        reader.ReadBoolean() ? ReadArray(reader, r => new TwinVisit(r.ReadString(), ReadArray(r, ReadLink), ReadOptionalLink(r))) : null);

    private static void Write(BinaryWriter writer, VisitedTwin visited)
    {
        writer.Write(visited.TwinId);
        writer.Write(visited.IsKept);
        Write(writer, visited.Values);
        writer.Write7BitEncodedInt(visited.Links.Length);
        foreach (var link in visited.Links) WriteOptional(writer, link);
        Write(writer, visited.Found);
        Write(writer, visited.More);
        Write(writer, visited.Next);
    }

    private static VisitedTwin ReadVisited(BinaryReader reader) =>
        new(reader.ReadString(), reader.ReadBoolean(), ReadValues(reader), ReadArray(reader, ReadOptional), ReadArray(reader, ReadLink), ReadOptionalLink(reader)) { Next = ReadPosition(reader) };

    private static void Write(BinaryWriter writer, FoundLink[] links)
    {
        writer.Write7BitEncodedInt(links.Length);
        foreach (var link in links) Write(writer, link);
    }

    /// <summary>Writes a link.</summary>
    public static void Write(BinaryWriter writer, FoundLink link)
    {
        writer.Write(link.TwinId);
        writer.Write(link.LinkId);
        writer.Write(link.IsIncoming);
        WriteOptional(writer, link.Values);
    }

    /// <summary>Reads a link.</summary>
    public static FoundLink ReadLink(BinaryReader reader) => new(reader.ReadString(), reader.ReadString(), reader.ReadBoolean(), ReadOptional(reader));

    private static void Write(BinaryWriter writer, FoundLink? link)
    {
        writer.Write(link is not null);
        if (link is { } some) Write(writer, some);
    }

    private static FoundLink? ReadOptionalLink(BinaryReader reader) => reader.ReadBoolean() ? ReadLink(reader) : null;

    private static void WriteOptional(BinaryWriter writer, PropertyValue[]? values)
    {
        writer.Write(values is not null);
        if (values is not null) Write(writer, values);
    }

    private static PropertyValue[]? ReadOptional(BinaryReader reader) => reader.ReadBoolean() ? ReadValues(reader) : null;

    private static void Write(BinaryWriter writer, GroupRow group)
    {
        Write(writer, group.Keys);
        writer.Write7BitEncodedInt(group.States.Length);
        foreach (var state in group.States)
        {
            writer.Write7BitEncodedInt64(state.Count);
            writer.Write(state.Sum);
            writer.Write(state.IsFractional);
            Write(writer, state.Best);
        }
    }

    private static GroupRow ReadGroup(BinaryReader reader) => new(
        ReadValues(reader), ReadArray(reader, r => new AggregateState(r.Read7BitEncodedInt64(), r.ReadDouble(), r.ReadBoolean(), ReadValue(r))));

    private static PropertyValue[] ReadValues(BinaryReader reader) => ReadArray(reader, ReadValue);

    private static ReadOnlyMemory<byte> ReadBytes(BinaryReader reader) => ReadExactly(reader);

    private static byte[] ReadExactly(BinaryReader reader)
    {
        var length = reader.Read7BitEncodedInt();
        var left = reader.BaseStream.Length - reader.BaseStream.Position;
        return length >= 0 && length <= left ? reader.ReadBytes(length) : throw new FormatException($"{length} bytes were announced, {left} are left.");
    }

    private static T[] ReadArray<T>(BinaryReader reader, Func<BinaryReader, T> read)
    {
        var count = reader.Read7BitEncodedInt();
        if (count < 0 || count > reader.BaseStream.Length - reader.BaseStream.Position) throw new FormatException($"{count} items cannot be in what is left.");
        if (count == 0) return [];
        var items = new T[count];
        for (var i = 0; i < count; i++) items[i] = read(reader);
        return items;
    }

    private static byte[] Write(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Version);
        write(writer);
        writer.Flush();
        return stream.ToArray();
    }

    private static T Read<T>(byte[] bytes, Func<BinaryReader, T> read)
    {
        try
        {
            using var reader = new BinaryReader(new MemoryStream(bytes));
            var version = reader.ReadByte();
            return version == Version ? read(reader) : throw new InvalidDataException($"The query message is of version {version}; {Version} is read here.");
        }
        catch (Exception error) when (error is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException("The query message is damaged.", error);
        }
    }
}
