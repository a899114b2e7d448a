using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Twin.Gateway.Http;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Whatever an endpoint throws leaves as a problem. A real Kestrel; endpoints that throw what the stores throw.</summary>
public sealed class ProblemDoorTests : IAsyncLifetime
{
    private readonly LogLines _log = new();
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(_log);
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, 0);
            k.Limits.MaxRequestBodySize = 1_000;
        });
        _app = builder.Build();
        _app.UseTwinProblems();
        _app.UseRouting();
        _app.MapGet("/throws/{what}", (RequestDelegate)(c => throw Fault(c.Request.RouteValues["what"]!.ToString()!)));
        _app.MapGet("/number", (int n) => n);
        _app.MapPost("/json", (Delegate)((HttpContext c) => c.Request.Body.CopyToAsync(Stream.Null))).Accepts<object>("application/json");
        _app.MapGet("/half", (RequestDelegate)(async c =>
        {
            await c.Response.WriteAsync("half");
            await c.Response.Body.FlushAsync();
            throw new InvalidOperationException("hidden");
        }));
        await _app.StartAsync();
        _http = new HttpClient { BaseAddress = new Uri(_app.Urls.First()) };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    private static Exception Fault(string what) => what switch
    {
        "timeout" => new TimeoutException("hidden"),
        "no-silo" => new SiloUnavailableException("hidden"),
        "wrapped" => new InvalidOperationException("hidden", new SiloUnavailableException("hidden")),
        "fenced" => new Twin.Graph.Journal.JournalFencedException("hidden"),
        "socket" => new SocketException(111),
        _ => new InvalidOperationException("hidden"),
    };

    [Theory]
    [InlineData("timeout")]
    [InlineData("no-silo")]
    [InlineData("wrapped")]
    [InlineData("fenced")]
    [InlineData("socket")]
    public async Task A_cluster_or_store_that_does_not_answer_is_503_with_a_time_to_come_back(string what)
    {
        using var counted = new Metered("twin_http_faults_total", "kind", "unavailable");
        using var answer = await _http.GetAsync($"/throws/{what}", Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("Unavailable", Problem.Of(answer, await answer.Content.ReadAsStringAsync(Cancel)).Code);
        Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter?.Delta);
        Assert.Equal(1, counted.Sum);
    }

    [Fact]
    public async Task An_unforeseen_fault_is_500_with_a_trace_that_the_log_has_and_no_inner_word()
    {
        using var counted = new Metered("twin_http_faults_total", "kind", "unexpected");
        using var answer = await _http.GetAsync("/throws/bug", Cancel);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        var problem = Problem.Of(answer, text);
        Assert.DoesNotContain("hidden", text, StringComparison.Ordinal);
        var trace = problem.Detail.TrimEnd('.').Split(' ')[^1];
        Assert.Contains(_log.Lines, l => l.Level == LogLevel.Error && l.Text.Contains(trace, StringComparison.Ordinal) && l.Text.Contains("hidden", StringComparison.Ordinal));
        Assert.Equal(1, counted.Sum);
    }

    [Fact]
    public async Task An_answer_that_breaks_in_the_middle_is_cut_off_and_not_ended_well()
    {
        using var answer = await _http.GetAsync("/half", HttpCompletionOption.ResponseHeadersRead, Cancel);
        await Assert.ThrowsAnyAsync<Exception>(() => answer.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData("GET", "/nowhere", null, 404)]
    [InlineData("POST", "/number?n=1", null, 405)]
    [InlineData("GET", "/number?n=one", null, 400)]
    [InlineData("GET", "/number", null, 400)]
    [InlineData("POST", "/json", "text/plain", 415)]
    [InlineData("POST", "/json", "application/json", 413)]
    public async Task Refusals_of_the_framework_are_problems_too(string method, string path, string? type, int status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (type is not null) request.Content = new StringContent(new string(' ', 2_000), Encoding.UTF8, type);
        using var answer = await _http.SendAsync(request, Cancel);
        Assert.Equal(status, (int)answer.StatusCode);
        Problem.Of(answer, await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_method_that_is_not_taken_is_told_which_are()
    {
        using var answer = await _http.PostAsync("/number?n=1", null, Cancel);
        Assert.Equal(["GET"], answer.Content.Headers.Allow);
        Assert.Contains("GET", Problem.Of(answer, await answer.Content.ReadAsStringAsync(Cancel)).Detail, StringComparison.Ordinal);
    }
}

/// <summary>The same with the whole gateway and a cluster that goes away under it.</summary>
public sealed class LostClusterTests
{
    [Fact]
    public async Task A_gateway_whose_cluster_is_gone_answers_503_at_every_door_it_can_tell()
    {
        var grains = new GrainsUnderTest();
        await grains.InitializeAsync();
        await using var door = await DoorWorld.OpenAsync(grains);
        var lamp = await door.LampAsync();
        await grains.StopSilosAsync();
        foreach (var (method, path, content) in new (HttpMethod, string, HttpContent?)[]
        {
            (HttpMethod.Get, "/devices/d1", null),
            (HttpMethod.Patch, "/devices/d1/desired", DoorWorld.Json("{}")),
            (HttpMethod.Patch, $"/digitaltwins/{lamp}", DoorWorld.Patch("""[{"op":"replace","path":"/power","value":1}]""")),
        })
        {
            var problem = await door.ProblemAsync(503, method, path, content);
            Assert.Equal(TimeSpan.FromSeconds(1), problem.Headers.RetryAfter?.Delta);
        }

        await grains.DisposeAsync();
    }
}
