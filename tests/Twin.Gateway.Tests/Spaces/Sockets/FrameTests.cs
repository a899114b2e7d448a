using CsCheck;
using Twin.Gateway.Spaces.Sockets;

namespace Twin.Gateway.Tests.Spaces.Sockets;

/// <summary>Frames and the handshake without sockets: the RFC's own examples, and its rules byte by byte.</summary>
public sealed class FrameTests
{
    private static int Read(byte[] bytes, out Frame frame, int most = 65_536) => Frame.Read(bytes, most, out frame);

    [Fact]
    public void The_RFCs_masked_hello_is_read()
    {
        byte[] bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]; // RFC 6455, 5.7
        Assert.Equal(0, Read(bytes, out var frame));
        Assert.True(frame.IsFinal);
        Assert.Equal((Frame.Text, 6, 5), (frame.Opcode, frame.HeaderBytes, frame.PayloadBytes));
        Frame.Unmask(bytes.AsSpan(6), frame.Mask);
        Assert.Equal("Hello"u8.ToArray(), bytes[6..]);
    }

    [Fact]
    public void Headers_are_written_as_the_RFC_shows_them()
    {
        var to = new byte[Frame.MostHeaderBytes];
        Assert.Equal([0x82, 0x05], to[..Frame.WriteHeader(to, Frame.Binary, 5)]);
        Assert.Equal([0x82, 0x7E, 0x01, 0x00], to[..Frame.WriteHeader(to, Frame.Binary, 256)]);
        Assert.Equal([0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], to[..Frame.WriteHeader(to, Frame.Binary, 65_536)]);
    }

    [Fact]
    public void A_mask_is_taken_off_at_any_length_and_place_as_the_RFC_defines_it() =>
        Gen.Select(Gen.Byte.Array[0, 300], Gen.Byte.Array[4, 4], Gen.Int[0, 7]).Sample((payload, mask, offset) =>
        {
            var bytes = new byte[offset + payload.Length + 3];
            payload.CopyTo(bytes, offset);
            Frame.Unmask(bytes.AsSpan(offset, payload.Length), BitConverter.ToUInt32(mask));
            for (var i = 0; i < payload.Length; i++) Assert.Equal((byte)(payload[i] ^ mask[i % 4]), bytes[offset + i]);
            Assert.Equal([0, 0, 0], bytes[(offset + payload.Length)..]);
        }, iter: 2_000, seed: "000Ap3Lkmfa1");

    [Theory]
    [InlineData(new byte[] { 0x82, 0x05, 0, 0, 0, 0, 0 }, 1002)] // not masked
    [InlineData(new byte[] { 0xC2, 0x80, 0, 0, 0, 0 }, 1002)] // a reserved bit
    [InlineData(new byte[] { 0x83, 0x80, 0, 0, 0, 0 }, 1002)] // reserved opcodes
    [InlineData(new byte[] { 0x87, 0x80 }, 1002)]
    [InlineData(new byte[] { 0x8B, 0x80 }, 1002)]
    [InlineData(new byte[] { 0x8F, 0x80 }, 1002)]
    [InlineData(new byte[] { 0x09, 0x80 }, 1002)] // a ping in fragments
    [InlineData(new byte[] { 0x89, 0xFE, 0, 126 }, 1002)] // a ping too long
    [InlineData(new byte[] { 0x82, 0xFE, 0, 125 }, 1002)] // not the shortest form
    [InlineData(new byte[] { 0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF }, 1002)]
    [InlineData(new byte[] { 0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0 }, 1002)] // the highest bit
    [InlineData(new byte[] { 0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, 1009)]
    [InlineData(new byte[] { 0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1 }, 1009)]
    [InlineData(new byte[] { 0x82 }, -1)]
    [InlineData(new byte[] { 0x82, 0xFE, 1 }, -1)]
    [InlineData(new byte[] { 0x82, 0x81, 1, 2, 3 }, -1)]
    public void A_broken_rule_or_a_missing_byte_is_seen_in_the_header(byte[] bytes, int expected) => Assert.Equal(expected, Read(bytes, out _));

    [Fact]
    public void Close_codes_are_those_a_client_may_send()
    {
        var allowed = Enumerable.Range(0, 70_000).Where(Frame.IsCloseCode).ToArray();
        Assert.Equal([1000, 1001, 1002, 1003, .. Enumerable.Range(1007, 8), .. Enumerable.Range(3000, 2000)], allowed);
    }

    private const string Good = "GET /spaces/hall/socket?token=abc HTTP/1.1\r\nHost: here:5080\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    private static UpgradeAnswer Judge(string head, out Handshake handshake) => Handshake.Read(System.Text.Encoding.Latin1.GetBytes(head + "\r\n"), out handshake);

    [Fact]
    public void The_RFCs_key_is_answered_as_it_says()
    {
        Assert.Equal(0, Judge(Good + "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\nOrigin: http://here\r\n", out var handshake).Status);
        Assert.Equal("/spaces/hall/socket", System.Text.Encoding.ASCII.GetString(handshake.Path));
        Assert.Equal("token=abc", System.Text.Encoding.ASCII.GetString(handshake.Query));
        Assert.True(Handshake.HasToken(handshake.Subprotocols, "c"u8));
        Assert.False(Handshake.HasToken(handshake.Subprotocols, "d"u8));
        var to = new byte[512];
        var answer = System.Text.Encoding.ASCII.GetString(to, 0, Handshake.WriteAccept(to, handshake.Key, "a"));
        Assert.Contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", answer, StringComparison.Ordinal); // RFC 6455, 1.3
        Assert.EndsWith("\r\nSec-WebSocket-Protocol: a\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "POST", 400)]
    [InlineData("HTTP/1.1", "HTTP/1.0", 400)]
    [InlineData("/spaces/", "/spa ces/", 400)]
    [InlineData("Host: here:5080\r\n", "", 400)]
    [InlineData("Host: here:5080\r\n", "Host: here:5080\r\nHost: there\r\n", 400)]
    [InlineData("Upgrade: WebSocket\r\n", "", 426)]
    [InlineData("keep-alive, Upgrade", "close", 426)]
    [InlineData("Version: 13", "Version: 8", 426)]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", 400)]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ!!", 400)]
    [InlineData("Host: here:5080\r\n", "Host: here:5080\r\n folded\r\n", 400)]
    [InlineData("Host: here:5080\r\n", "Host : here:5080\r\n", 400)]
    [InlineData("Host: here:5080\r\n", "Host: here:5080\nX: y\r\n", 400)]
    [InlineData("Host: here:5080\r\n", "Host: here:5080\r\nContent-Length: 4\r\n", 400)]
    [InlineData("Host: here:5080\r\n", "Host: here:5080\r\nTransfer-Encoding: chunked\r\n", 400)]
    public void A_handshake_that_breaks_a_rule_is_refused(string what, string with, int status) =>
        Assert.Equal(status, Judge(Good.Replace(what, with, StringComparison.Ordinal), out _).Status);

    [Theory]
    [InlineData("GET /spaces/hall/socket HTTP/1.1\r\n", FirstBytes.Verdict.Space)]
    [InlineData("GET /spaces/hall/socket?token=x", FirstBytes.Verdict.Space)]
    [InlineData("GET /spaces/hall/socket", FirstBytes.Verdict.Unknown)]
    [InlineData("GET /spa", FirstBytes.Verdict.Unknown)]
    [InlineData("GET /spaces/hall", FirstBytes.Verdict.Unknown)]
    [InlineData("GET /spaces/hall HTTP/1.1\r\n", FirstBytes.Verdict.Other)]
    [InlineData("GET /spaces//socket HTTP/1.1\r\n", FirstBytes.Verdict.Other)]
    [InlineData("GET /spaces/hall/sockets HTTP/1.1\r\n", FirstBytes.Verdict.Other)]
    [InlineData("GET /spaces/hall/sessions HTTP/1.1\r\n", FirstBytes.Verdict.Other)]
    [InlineData("GET /digitaltwins/a", FirstBytes.Verdict.Other)]
    [InlineData("POST /spaces/hall/socket HTTP/1.1\r\n", FirstBytes.Verdict.Other)]
    [InlineData("\u0016\u0003\u0001", FirstBytes.Verdict.Other)]
    [InlineData("GET /spaces/hall/x?/socket HTTP/1.1\r\n", FirstBytes.Verdict.Other)]
    public void First_bytes_are_judged_as_soon_as_they_can_be(string bytes, object verdict) => Assert.Equal((FirstBytes.Verdict)verdict, FirstBytes.Judge(System.Text.Encoding.ASCII.GetBytes(bytes)));
}
