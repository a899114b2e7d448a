using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// The opening handshake of RFC 6455 (4.2) as HTTP/1.1. Strict: what a browser or a client library would not send is refused, since two
/// readers that understand a request differently are how requests are smuggled. Pure.
/// </summary>
internal ref struct Handshake
{
    private const int MostSubprotocolBytes = 2_048;
    private static ReadOnlySpan<byte> Salt => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;
    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n\0"u8);

    public ReadOnlySpan<byte> Path;
    public ReadOnlySpan<byte> Query;
    public ReadOnlySpan<byte> Host;
    public ReadOnlySpan<byte> Origin;
    public ReadOnlySpan<byte> Key;
    public ReadOnlySpan<byte> Subprotocols;
    private bool _upgrades;
    private bool _connects;
    private bool _rightVersion;

    /// <summary>Reads a whole request head, its empty line included.</summary>
    /// <returns>An accepted answer when every rule is kept, else the refusal.</returns>
    public static UpgradeAnswer Read(ReadOnlySpan<byte> head, out Handshake handshake)
    {
        handshake = default;
        var rest = head[..^2]; // without the empty line
        var end = rest.IndexOf("\r\n"u8);
        if (!handshake.ReadRequestLine(rest[..end])) return Bad("The request line is not 'GET path HTTP/1.1'.");
        rest = rest[(end + 2)..];
        while (!rest.IsEmpty)
        {
            end = rest.IndexOf("\r\n"u8);
            if (handshake.ReadHeader(rest[..end]) is { } wrong) return Bad(wrong);
            rest = rest[(end + 2)..];
        }

        return handshake.Judge();
    }

    private bool ReadRequestLine(ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith("GET /"u8) || !line.EndsWith(" HTTP/1.1"u8)) return false;
        var target = line[4..^9];
        foreach (var b in target)
            if (b is <= 0x20 or >= 0x7F) return false;
        var mark = target.IndexOf((byte)'?');
        Path = mark < 0 ? target : target[..mark];
        Query = mark < 0 ? default : target[(mark + 1)..];
        return true;
    }

    private string? ReadHeader(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(TokenBytes) || line.ContainsAny(LineEnds)) return "A header line is not 'name: value'.";
        var name = line[..colon];
        var value = line[(colon + 1)..].Trim(" \t"u8);
        if (Is(name, "host"u8)) return Once(ref Host, value, "Host");
        if (Is(name, "origin"u8)) return Once(ref Origin, value, "Origin");
        if (Is(name, "sec-websocket-key"u8)) return Once(ref Key, value, "Sec-WebSocket-Key");
        if (Is(name, "sec-websocket-version"u8)) _rightVersion = value.SequenceEqual("13"u8);
        else if (Is(name, "upgrade"u8)) _upgrades |= HasToken(value, "websocket"u8);
        else if (Is(name, "connection"u8)) _connects |= HasToken(value, "upgrade"u8);
        else if (Is(name, "sec-websocket-protocol"u8)) return AddSubprotocols(value);
        else if (Is(name, "transfer-encoding"u8) || (Is(name, "content-length"u8) && !value.SequenceEqual("0"u8))) return "A handshake has no body.";
        return null;
    }

    private string? AddSubprotocols(ReadOnlySpan<byte> value)
    {
        if (Subprotocols.Length + value.Length > MostSubprotocolBytes) return $"Sec-WebSocket-Protocol has more than {MostSubprotocolBytes} bytes.";
        Subprotocols = Subprotocols.IsEmpty ? value : (byte[])[.. Subprotocols, (byte)',', .. value];
        return null;
    }

    private readonly UpgradeAnswer Judge()
    {
        if (Host.IsEmpty) return Bad("There is no Host header.");
        if (!_upgrades || !_connects) return UpgradeAnswer.Refuse(426, "UpgradeRequired", "Here is a WebSocket: send Connection: Upgrade and Upgrade: websocket.");
        if (!_rightVersion) return UpgradeAnswer.Refuse(426, "VersionRefused", "Sec-WebSocket-Version must be 13.");
        Span<byte> nonce = stackalloc byte[18];
        if (Key.Length != 24 || Base64.DecodeFromUtf8(Key, nonce, out _, out var length) != OperationStatus.Done || length != 16) return Bad("Sec-WebSocket-Key must be 16 bytes in base64.");
        return UpgradeAnswer.Accept();
    }

    /// <summary>Whether a comma list has a token, in any case.</summary>
    public static bool HasToken(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        foreach (var part in list.Split((byte)','))
            if (Is(list[part].Trim(" \t"u8), token)) return true;
        return false;
    }

    /// <summary>Writes the 101 answer; its length.</summary>
    public static int WriteAccept(Span<byte> to, ReadOnlySpan<byte> key, string? subprotocol)
    {
        Span<byte> salted = stackalloc byte[60];
        key.CopyTo(salted);
        Salt.CopyTo(salted[24..]);
        Span<byte> hash = stackalloc byte[20];
        SHA1.HashData(salted, hash); // the RFC's choice; nothing secret hangs on it
        var start = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "u8;
        start.CopyTo(to);
        var at = start.Length;
        Base64.EncodeToUtf8(hash, to[at..], out _, out var written);
        at += written;
        if (subprotocol is not null)
        {
            var name = "\r\nSec-WebSocket-Protocol: "u8;
            name.CopyTo(to[at..]);
            at += name.Length;
            at += Encoding.ASCII.GetBytes(subprotocol, to[at..]);
        }

        "\r\n\r\n"u8.CopyTo(to[at..]);
        return at + 4;
    }

    /// <summary>A refusal as HTTP with problem+json; the connection ends with it.</summary>
    public static byte[] Refusal(UpgradeAnswer answer)
    {
        var title = answer.Status switch
        {
            400 => "Bad Request", 401 => "Unauthorized", 403 => "Forbidden", 404 => "Not Found", 408 => "Request Timeout", 409 => "Conflict", 410 => "Gone",
            426 => "Upgrade Required", 429 => "Too Many Requests", 431 => "Request Header Fields Too Large", 500 => "Internal Server Error", 503 => "Service Unavailable", _ => "Refused",
        };
        var body = new System.Text.Json.Nodes.JsonObject
        {
            ["type"] = $"urn:twin:problem:{answer.Code}", ["title"] = title, ["status"] = answer.Status, ["detail"] = answer.Detail, ["code"] = answer.Code,
        }.ToJsonString();
        var more = answer.Status switch
        {
            401 => "WWW-Authenticate: Bearer\r\n", 426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 429 or 503 => "Retry-After: 1\r\n", _ => "",
        };
        return Encoding.UTF8.GetBytes($"HTTP/1.1 {answer.Status} {title}\r\nContent-Type: application/problem+json\r\n{more}Connection: close\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
    }

    private static string? Once(ref ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, string name)
    {
        if (!field.IsEmpty || value.IsEmpty) return $"{name} must be given once and not be empty.";
        field = value;
        return null;
    }

    private static bool Is(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => Ascii.EqualsIgnoreCase(a, b);

    private static UpgradeAnswer Bad(string detail) => UpgradeAnswer.Refuse(400, "BadHandshake", detail);
}
