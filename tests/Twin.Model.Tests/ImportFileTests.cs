using System.Buffers;
using System.Text;

namespace Twin.Model.Tests;

public class ImportFileTests
{
    private const string Good = """
        {"Section": "Header"}
        {"fileVersion":"1.0.0","author":"a","organization":"o"}

        {"Section": "Models"}
        {"@id":"dtmi:x:A;1","@type":"Interface","@context":"dtmi:dtdl:context;3"}
        {"Section": "Twins"}
        {"$dtId":"t1","$metadata":{"$model":"dtmi:x:A;1"},"size":1}
        {"$dtId":"t2","$metadata":{"$model":"dtmi:x:A;1"}}
        {"Section": "Relationships"}
        {"$dtId":"t1","$relationshipId":"r","$sourceId":"t1","$targetId":"t2","$relationshipName":"next"}
        """;

    private static async Task<List<ImportRecord>> ReadAsync(byte[] bytes, int chunk = int.MaxValue, ImportPosition from = default)
    {
        var records = new List<ImportRecord>();
        var stream = new MemoryStream(bytes, (int)from.Offset, bytes.Length - (int)from.Offset);
        await foreach (var record in ImportFile.ReadAsync(new Chunked(stream, chunk), from)) records.Add(record);
        return records;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public async Task A_file_is_read_alike_however_its_bytes_arrive(int chunk)
    {
        var records = await ReadAsync(Encoding.UTF8.GetBytes(Good), chunk);
        Assert.Equal(4, records.Count);
        Assert.Contains("dtmi:x:A;1", records[0].Model, StringComparison.Ordinal);
        Assert.Equal(["t1", "t2"], records[1..3].Select(r => ((PutTwin)r.Command!).TwinId));
        Assert.Equal("t2", ((PutRelationship)records[3].Command!).TargetId);
        Assert.Equal([5L, 7, 8, 10], records.Select(r => r.After.Line));
    }

    [Fact]
    public async Task Reading_goes_on_from_any_record()
    {
        var bytes = Encoding.UTF8.GetBytes(Good.ReplaceLineEndings("\r\n"));
        var all = await ReadAsync(bytes);
        for (var i = 0; i < all.Count; i++)
            Assert.Equal(all[(i + 1)..].Select(r => (r.After, Name(r))), (await ReadAsync(bytes, 13, all[i].After)).Select(r => (r.After, Name(r))));
        static string Name(ImportRecord r) => r.Model ?? r.Command!.TwinId;
    }

    [Fact]
    public async Task A_wrong_line_is_told_and_the_rest_is_read()
    {
        var records = await ReadAsync(Encoding.UTF8.GetBytes("""
            {"Section":"Header"}
            {"Section":"Twins"}
            {"$dtId":"t1","$metadata":{"$model":"m"},"a":tru}
            {"Section":"Models"}
            {"Section":"Widgets"}
            {"$dtId":"t2","$metadata":{"$model":"m"}}
            """));
        Assert.Equal(["line 3, line 1, byte 49", "line 4", "line 5", null], records.Select(r => r.Problem?.Where));
        Assert.Equal("t2", records[3].Command!.TwinId);
    }

    [Fact]
    public async Task A_line_beyond_the_bound_is_refused_without_being_held()
    {
        var big = "{\"Section\":\"Header\"}\n{\"Section\":\"Twins\"}\n{\"$dtId\":\"t1\",\"a\":\"" + new string('x', 3 << 20) + "\"}\n{\"$dtId\":\"t2\",\"$metadata\":{\"$model\":\"m\"}}";
        var records = await ReadAsync(Encoding.UTF8.GetBytes(big), 50_000);
        Assert.Equal(2, records.Count);
        Assert.Equal("line 3", records[0].Problem!.Where);
        Assert.Equal(("t2", 4L, (long)big.Length), (records[1].Command!.TwinId, records[1].After.Line, records[1].After.Offset));
        Assert.Single(await ReadAsync(Encoding.UTF8.GetBytes(big[..(2 << 20)]), 50_000), r => r.Problem is not null);
    }

    [Fact]
    public async Task What_is_written_reads_back()
    {
        var output = new ArrayBufferWriter<byte>();
        var twin = new PutTwin("t", "dtmi:x:A;1", [new("a", PropertyValue.From(1.5)), new("c/b", PropertyValue.From("x")), new("c/d/e", PropertyValue.From(true))]);
        var relationship = new PutRelationship("t", "r", "next", "u", [new("w", PropertyValue.From(2L))]);
        ImportFile.WriteHeader(output);
        ImportFile.WriteSection(output, ImportSection.Models);
        ImportFile.WriteModel(output, "{\n\"@id\": \"dtmi:x:A;1\"\n}");
        ImportFile.WriteSection(output, ImportSection.Twins);
        ImportFile.WriteTwin(output, twin);
        ImportFile.WriteSection(output, ImportSection.Relationships);
        ImportFile.WriteRelationship(output, relationship);
        var records = await ReadAsync(output.WrittenSpan.ToArray());
        Assert.Equal("{\"@id\":\"dtmi:x:A;1\"}", records[0].Model);
        Assert.Equal(twin.Values, ((PutTwin)records[1].Command!).Values);
        Assert.Equal(relationship.Values, ((PutRelationship)records[2].Command!).Values);
    }

    private sealed class Chunked(Stream inner, int chunk) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() => throw new NotSupportedException();
        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, chunk));
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer[..Math.Min(buffer.Length, chunk)], cancellationToken);
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
