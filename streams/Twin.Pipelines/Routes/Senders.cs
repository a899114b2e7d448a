using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace Twin.Pipelines.Routes;

/// <summary>Makes one attempt at a batch; throws when it did not arrive. Called by one attempt at a time.</summary>
internal interface ISender : IAsyncDisposable
{
    /// <summary>Delivers the batch. <see cref="RouteRefusedException"/> means that trying again would not help.</summary>
    ValueTask SendAsync(RouteBatch batch, CancellationToken cancellationToken);
}

/// <summary>Addresses a route may reach when private targets are switched off.</summary>
internal static class AddressGuard
{
    /// <summary>True for an address on the public internet.</summary>
    public static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.IsIPv6SiteLocal || address.IsIPv6UniqueLocal || address.IsIPv6Multicast) return false;
        if (address.AddressFamily == AddressFamily.InterNetworkV6) return !address.Equals(IPAddress.IPv6Any);
        var b = address.GetAddressBytes();
        return b[0] switch
        {
            0 or 10 or 127 or >= 224 => false,              // this host, private, loopback, multicast and reserved (RFC 1122, 1918, 5771)
            100 => b[1] is < 64 or > 127,                    // carrier-grade NAT (RFC 6598)
            169 => b[1] != 254,                              // link-local, with the clouds' metadata services (RFC 3927)
            172 => b[1] is < 16 or > 31,                     // private (RFC 1918)
            192 => b[1] != 168 && !(b[1] == 0 && b[2] == 0), // private, protocol assignments (RFC 1918, 6890)
            198 => b[1] is < 18 or > 19,                     // benchmarking (RFC 2544)
            _ => true,
        };
    }

    /// <summary>The first public address of a host.</summary>
    /// <exception cref="RouteRefusedException">It has none.</exception>
    public static async ValueTask<IPAddress> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        foreach (var address in await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false))
        {
            if (IsPublic(address)) return address;
        }
        throw new RouteRefusedException($"'{host}' is a loopback or private address, and routes to those are switched off.");
    }
}

/// <summary>POSTs batches.</summary>
internal sealed class WebhookSender(WebhookTarget target, bool allowPrivate) : ISender
{
    private readonly HttpClient _client = new(Handler(allowPrivate)) { Timeout = Timeout.InfiniteTimeSpan };

    public async ValueTask SendAsync(RouteBatch batch, CancellationToken cancellationToken)
    {
        var body = batch.ToJson();
        using var request = new HttpRequestMessage(HttpMethod.Post, target.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Add("X-Twin-Delivery", batch.Key);
        if (target.Secret is { } secret)
            request.Headers.Add("X-Twin-Signature", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body)));
        HttpResponseMessage answer;
        try
        {
            answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException failed) when (failed.InnerException is RouteRefusedException refused)
        {
            throw refused;
        }
        using (answer)
        {
            var code = (int)answer.StatusCode;
            if (answer.IsSuccessStatusCode) return;
            if (code is 408 or 425 or 429 or >= 500) throw new HttpRequestException($"The webhook answered {code}.");
            throw new RouteRefusedException($"The webhook answered {code}.");
        }
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return default;
    }

    private static SocketsHttpHandler Handler(bool allowPrivate)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, MaxConnectionsPerServer = 4, PooledConnectionLifetime = TimeSpan.FromMinutes(5) };
        if (!allowPrivate) handler.ConnectCallback = ConnectPublicAsync;
        return handler;
    }

    private static async ValueTask<Stream> ConnectPublicAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var address = await AddressGuard.ResolveAsync(context.DnsEndPoint.Host, cancellationToken).ConfigureAwait(false);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>Publishes each change to another broker at QoS 1.</summary>
internal sealed class MqttSender(MqttTarget target, string routeId, bool allowPrivate) : ISender
{
    private readonly IMqttClient _client = new MqttClientFactory().CreateMqttClient();

    public async ValueTask SendAsync(RouteBatch batch, CancellationToken cancellationToken)
    {
        if (!_client.IsConnected) await ConnectAsync(cancellationToken).ConfigureAwait(false);
        foreach (var change in batch.Changes)
        {
            var message = new MqttApplicationMessageBuilder()
                .WithTopic($"{target.TopicPrefix}/{change.TwinId}/changes")
                .WithPayload(change.Json)
                .WithContentType("application/json")
                .WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
                .Build();
            var result = await _client.PublishAsync(message, cancellationToken).ConfigureAwait(false);
            if (!result.IsSuccess) throw new IOException($"The broker answered {result.ReasonCode}.");
        }
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return default;
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        var host = allowPrivate ? target.Host : (await AddressGuard.ResolveAsync(target.Host, cancellationToken).ConfigureAwait(false)).ToString();
        var options = new MqttClientOptionsBuilder()
            .WithTcpServer(host, target.Port)
            .WithProtocolVersion(MqttProtocolVersion.V500)
            .WithClientId("twin-route-" + routeId);
        if (target.User is not null) options = options.WithCredentials(target.User, target.Password ?? "");
        var answer = await _client.ConnectAsync(options.Build(), cancellationToken).ConfigureAwait(false);
        if (answer.ResultCode != MqttClientConnectResultCode.Success) throw new IOException($"The broker refused the connection: {answer.ResultCode}.");
    }
}

/// <summary>Appends lines to rotated files.</summary>
internal sealed class FileSender(FileTarget target) : ISender
{
    public ValueTask SendAsync(RouteBatch batch, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(target.Folder);
        var files = Directory.EnumerateFiles(target.Folder, "changes-*.ndjson").Order(StringComparer.Ordinal).ToList();
        if (files.Count == 0 || new FileInfo(files[^1]).Length >= target.MaxFileBytes) files.Add(NextAfter(files.Count == 0 ? null : files[^1]));
        using (var file = new FileStream(files[^1], FileMode.Append, FileAccess.Write, FileShare.Read, 64 << 10))
        {
            var before = file.Length;
            try
            {
                foreach (var change in batch.Changes)
                {
                    file.Write(change.Json);
                    file.WriteByte((byte)'\n');
                }
                file.Flush(flushToDisk: true);
            }
            catch (IOException)
            {
                file.SetLength(before); // a half batch would be written again at the next attempt
                throw;
            }
        }
        for (var i = 0; i < files.Count - target.MaxFiles; i++) File.Delete(files[i]);
        return default;
    }

    public ValueTask DisposeAsync() => default;

    private string NextAfter(string? last)
    {
        var number = last is null ? 1 : long.Parse(Path.GetFileNameWithoutExtension(last).AsSpan(8), CultureInfo.InvariantCulture) + 1;
        return Path.Combine(target.Folder, string.Create(CultureInfo.InvariantCulture, $"changes-{number:D8}.ndjson"));
    }
}
