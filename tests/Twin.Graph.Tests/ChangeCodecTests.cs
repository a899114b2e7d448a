using System.Buffers.Binary;
using CsCheck;

namespace Twin.Graph.Tests;

public class ChangeCodecTests
{
    private static readonly WallTime Start = TestModels.At(0);

    private static readonly Gen<string> Text = Gen.OneOf(Gen.String[0, 12], Gen.Const(new string('x', 200)), Gen.Const("temperature"), Gen.Const("é😀"));

    private static readonly Gen<PropertyValue> Value = Gen.OneOf(
        Gen.Const(PropertyValue.None), Gen.Bool.Select(PropertyValue.From), Gen.Long.Select(PropertyValue.From), Gen.Double.Select(PropertyValue.From),
        Text.Select(PropertyValue.From), Gen.Long[0, DateTime.MaxValue.Ticks].Select(t => PropertyValue.From(new WallTime(t))),
        Gen.Long.Select(t => PropertyValue.From(new TimeSpan(t))), Gen.Byte.Array[0, 40].Select(PropertyValue.FromJson));

    private static readonly Gen<Change[]> Changes = Gen.Select(
        Gen.Long[1, 1L << 60],
        Gen.Select(Gen.Int[1, 13], Text, Text, Text, Value, Gen.Long[0, DateTime.MaxValue.Ticks], Gen.Long[0, DateTime.MaxValue.Ticks],
            (kind, twin, model, path, value, source, commit) => new Change(0, (ChangeKind)kind, twin, model, path, value, new WallTime(source), new WallTime(commit))).Array[1, 30],
        (first, changes) => changes.Select((c, i) => c with { Sequence = first + i }).ToArray());

    [Fact]
    public void A_frame_gives_back_the_changes_it_was_made_of() =>
        Changes.Where(AreWellFormed).Sample(changes =>
        {
            var frame = new ChangeCodec().Encode(changes).ToArray();
            var decoded = new ChangeBuffer();
            ChangeCodec.Decode(frame, decoded);
            Assert.Equal(changes, decoded.ToArray());
            Assert.Equal((changes[0].Sequence, changes[^1].Sequence), ChangeCodec.RangeOf(frame));
            Assert.True(ChangeCodec.IsIntact(frame));
            Assert.Equal(frame.Length, ChangeCodec.FrameLength(frame));
        }, iter: 2_000);

    [Fact]
    public void A_codec_used_again_forgets_the_frame_before()
    {
        var codec = new ChangeCodec();
        var change = new Change(1, ChangeKind.PropertyChanged, "a", "m", "p", PropertyValue.From("text"), Start, Start);
        var first = codec.Encode([change]).ToArray();
        Assert.Equal(first, codec.Encode([change]).ToArray());
    }

    /// <summary>The bytes are written out in FORMAT.md, field by field; they were put together by a separate script from the byte tables, not by this codec.</summary>
    [Fact]
    public void The_published_vector_decodes_and_encodes()
    {
        var format = File.ReadAllText(Path.Combine(Repository.Root, "twins", "Twin.Graph", "FORMAT.md"));
        var hex = format.Split("```hex")[1].Split("```")[0].Replace("\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal);
        var frame = Convert.FromHexString(hex);
        Assert.Equal(BitwiseCrc32C([.. frame[..5], .. frame[9..]]), BinaryPrimitives.ReadUInt32LittleEndian(frame.AsSpan(5)));
        Change[] expected =
        [
            new(FeedSequence.StartOf(1) + 5, ChangeKind.PropertyChanged, "a", "m", "temp", PropertyValue.From(21.5), Start, Start),
            new(FeedSequence.StartOf(1) + 6, ChangeKind.PropertyRemoved, "a", "m", "on", default, Start, Start),
        ];
        var decoded = new ChangeBuffer();
        ChangeCodec.Decode(frame, decoded);
        Assert.Equal(expected, decoded.ToArray());
        Assert.Equal(frame, new ChangeCodec().Encode(expected).ToArray());
    }

    [Fact]
    public void Every_cut_and_every_flipped_bit_is_noticed()
    {
        var frame = new ChangeCodec().Encode(
        [
            new Change(7, ChangeKind.TwinCreated, "lamp-1", "dtmi:test:Lamp;1", "", default, Start, Start),
            new Change(8, ChangeKind.PropertyChanged, "lamp-1", "dtmi:test:Lamp;1", "power", PropertyValue.From(3.5), Start, Start),
        ]).ToArray();
        for (var length = 0; length < frame.Length; length++) AssertRefused(frame[..length]);
        for (var bit = 0; bit < frame.Length * 8; bit++)
        {
            var damaged = (byte[])frame.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertRefused(damaged);
        }
        AssertRefused([.. frame, 0]);
    }

    /// <summary>Damage with a checksum that holds, as a hostile or broken writer might make it: refused or decoded, never a crash, a hang or gigabytes.</summary>
    [Fact]
    public void A_forged_frame_is_refused_without_harm() =>
        Gen.Select(Changes.Where(AreWellFormed), Gen.Select(Gen.Int[0, 5000], Gen.Byte).Array[1, 6], Gen.Int[0, 40]).Sample((changes, edits, cut) =>
        {
            var frame = new ChangeCodec().Encode(changes).ToArray();
            foreach (var (at, value) in edits) frame[ChangeCodec.HeaderBytes + (at % (frame.Length - ChangeCodec.HeaderBytes))] = value;
            if (frame.Length - cut > ChangeCodec.HeaderBytes) frame = frame[..^cut];
            BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(1), (uint)(frame.Length - ChangeCodec.HeaderBytes));
            BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(5), BitwiseCrc32C([.. frame[..5], .. frame[9..]]));
            var before = GC.GetAllocatedBytesForCurrentThread();
            var decoded = new ChangeBuffer(1);
            try
            {
                ChangeCodec.Decode(frame, decoded);
            }
            catch (InvalidDataException)
            {
                Assert.Equal(0, decoded.Count);
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000 + (frame.Length * 100L));
        }, iter: 3_000);

    [Fact]
    public void A_damaged_snapshot_is_refused()
    {
        var state = TestModels.NewState();
        state.Execute(new PutTwin("a", TestModels.Lamp, [new("power", PropertyValue.From(1.0)), new("label", PropertyValue.From("x"))]), Start, new ChangeBuffer());
        var snapshot = AgainstTheOracleTests.Snapshot(state);
        for (var bit = 0; bit < snapshot.Length * 8; bit++)
        {
            var damaged = (byte[])snapshot.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<InvalidDataException>(() => TestModels.NewState().ReadSnapshot(damaged));
        }
        for (var length = 0; length < snapshot.Length; length++) Assert.Throws<InvalidDataException>(() => TestModels.NewState().ReadSnapshot(snapshot.AsSpan(0, length)));
    }

    [Fact]
    public void Changes_out_of_sequence_are_not_encoded()
    {
        var change = new Change(1, ChangeKind.EpochStarted, "", "", "", default, Start, Start);
        Assert.Throws<ArgumentException>(() => new ChangeCodec().Encode([change, change with { Sequence = 3 }]));
        Assert.Throws<ArgumentException>(() => new ChangeCodec().Encode([]));
    }

    private static void AssertRefused(byte[] frame)
    {
        var decoded = new ChangeBuffer();
        Assert.Throws<InvalidDataException>(() => ChangeCodec.Decode(frame, decoded));
        Assert.Equal(0, decoded.Count);
        Assert.False(ChangeCodec.IsIntact(frame));
    }

    private static bool AreWellFormed(Change[] changes) =>
        changes.All(c => new[] { c.TwinId, c.ModelId, c.Path, c.Value.AsText ?? "" }.All(t => SchemaValidation.TextProblem(t) is null));

    /// <summary>CRC-32C one bit at a time, polynomial 0x1EDC6F41 reflected: the textbook's definition.</summary>
    private static uint BitwiseCrc32C(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78u);
        }
        return ~crc;
    }
}
