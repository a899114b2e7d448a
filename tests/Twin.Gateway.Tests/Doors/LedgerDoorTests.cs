using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Twin.Model.Ledger;

namespace Twin.Gateway.Tests.Doors;

/// <summary>The ledger's doors over real sockets: who may, what is refused, what a repeat gets.</summary>
[Collection("doors")]
public sealed class LedgerDoorTests(GrainsUnderTest grains) : IAsyncLifetime
{
    private readonly string _book = "b-" + Guid.NewGuid().ToString("N")[..12];
    private DoorWorld _door = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string Key => LedgerKey.New(TimeProvider.System).Text;

    public async ValueTask InitializeAsync()
    {
        var configuration = new Dictionary<string, string?>();
        foreach (var ((name, role), i) in new[] { ("root", "admin"), ("anna", "write"), ("bert", "write"), ("gate", "command") }.Select((k, i) => (k, i)))
        {
            configuration[$"Twin:Auth:Keys:{i}:Name"] = name;
            configuration[$"Twin:Auth:Keys:{i}:Sha256"] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(KeyOf(name))));
            configuration[$"Twin:Auth:Keys:{i}:Roles:0"] = role;
            configuration[$"Twin:Auth:Keys:{i}:Roles:1"] = "read";
        }

        _door = await DoorWorld.OpenAsync(grains, configuration);
        await AskAsync(201, "root", "PUT", "", "{}");
        await AskAsync(201, "root", "PUT", "/accounts/mint", """{"kind":"issuing"}""");
        await AskAsync(200, "root", "POST", "/accounts", """{"accounts":[{"id":"anna","owner":"key:anna"},{"id":"bert","owner":"key:bert"},{"id":"shop"}]}""");
        await AskAsync(201, "root", "PUT", "/assets/eur", """{"scale":2,"issuer":"mint"}""");
        await AskAsync(201, "root", "PUT", "/assets/gig", """{"kind":"unique","issuer":"mint"}""");
        await AskAsync(201, "root", "POST", "/transfers", Transfer("mint", "anna", "100"));
    }

    public async ValueTask DisposeAsync()
    {
        using var gone = await SendAsync("root", "DELETE", "/policies/tests.ledger");
        await _door.DisposeAsync();
    }

    private static string KeyOf(string name) => $"key-of-{name}-0123456789";

    private static string Transfer(string from, string to, string amount, string? key = null) => $$"""{"key":"{{key ?? Key}}","from":"{{from}}","to":"{{to}}","asset":"eur","amount":"{{amount}}"}""";

    private Task<HttpResponseMessage> SendAsync(string who, string method, string path, string? body = null, string? header = null)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : DoorWorld.Json(body) };
        request.Headers.Add("X-Api-Key", KeyOf(who));
        if (header is not null) request.Headers.Add("Idempotency-Key", header);
        return _door.Http.SendAsync(request, Cancel);
    }

    private async Task<JsonElement> AskAsync(int status, string who, string method, string path, string? body = null, string? header = null)
    {
        using var answer = await SendAsync(who, method, $"/ledger/{_book}{path}", body, header);
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(status == (int)answer.StatusCode, $"{who} {method} {path} was answered {(int)answer.StatusCode} {text}; expected {status}.");
        if (status >= 400) Problem.Of(answer, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private async Task<string> BalanceAsync(string account) => (await AskAsync(200, "root", "GET", $"/accounts/{account}")).GetProperty("balances")[0].GetProperty("balance").GetString()!;

    [Fact]
    public async Task An_owner_pays_a_repeat_gets_the_same_answer_and_another_body_is_refused()
    {
        var key = Key;
        var first = await AskAsync(201, "anna", "POST", "/transfers", Transfer("anna", "bert", "10.50", key));
        using var again = await SendAsync("anna", "POST", $"/ledger/{_book}/transfers", Transfer("anna", "bert", "10.5", key));
        Assert.Equal((HttpStatusCode.Created, "true"), (again.StatusCode, Assert.Single(again.Headers.GetValues("Idempotent-Replayed"))));
        Assert.Equal(first.GetRawText(), await again.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("KeyReused", (await AskAsync(422, "anna", "POST", "/transfers", Transfer("anna", "bert", "11", key))).GetProperty("code").GetString());
        await AskAsync(201, "anna", "POST", "/transfers", """{"from":"anna","to":"shop","asset":"eur","amount":1.25}""", Key);
        Assert.Equal(("88.25", "10.50"), (await BalanceAsync("anna"), await BalanceAsync("bert")));
    }

    [Fact]
    public async Task Strangers_neither_pay_nor_read_nor_issue_and_their_tries_are_in_the_audit_log()
    {
        await AskAsync(403, "bert", "POST", "/transfers", Transfer("anna", "bert", "1"));
        await AskAsync(403, "bert", "GET", "/accounts/anna");
        await AskAsync(403, "bert", "GET", "/accounts/anna/statement");
        await AskAsync(403, "anna", "POST", "/transfers", Transfer("mint", "anna", "1"));
        await AskAsync(403, "anna", "PUT", "/accounts/more", "{}");
        await AskAsync(403, "anna", "GET", "/audit");
        await AskAsync(403, "anna", "POST", "/tickets", $$"""{"key":"{{Key}}","asset":"gig","to":"anna","items":["seat-1"]}""");
        Assert.Equal(["bert"], (await AskAsync(200, "bert", "GET", "/accounts")).GetProperty("value").EnumerateArray().Select(a => a.GetProperty("id").GetString()));
        using var denied = await SendAsync("root", "GET", "/audit?kind=denied&subject=key:bert");
        Assert.Contains($"POST /ledger/{_book}/transfers", await denied.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_opens_an_account_to_another_and_issuing_is_audited()
    {
        using (var put = await SendAsync("root", "PUT", "/policies/tests.ledger", $$$"""{"entries":{"e":{"subjects":["key:bert"],"resources":{"ledger:{{{_book}}}/accounts/shop":{"grant":["read","write"]} } } } }"""))
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
        await AskAsync(201, "root", "POST", "/transfers", Transfer("mint", "shop", "5"));
        await AskAsync(201, "bert", "POST", "/transfers", Transfer("shop", "bert", "5"));
        using var audit = await SendAsync("root", "GET", "/audit?kind=administered&subject=key:root&top=1000");
        Assert.Contains($"POST /ledger/{_book}/transfers issued", await audit.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_transfer_of_a_batch_is_done_or_refused_by_itself()
    {
        var key = Key;
        var body = $$"""{"transfers":[{{Transfer("anna", "bert", "1", key)}},{{Transfer("anna", "bert", "1000")}},{{Transfer("anna", "bert", "1", key)}},{{Transfer("bert", "anna", "1")}}]}""";
        var results = (await AskAsync(200, "anna", "POST", "/transfers", body)).GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal([201, 409, 201, 403], results.Select(r => r.GetProperty("status").GetInt32()));
        Assert.Equal((results[0].GetProperty("number").GetInt64(), true), (results[2].GetProperty("number").GetInt64(), results[2].GetProperty("repeat").GetBoolean()));
        Assert.Equal("FundsInsufficient", results[1].GetProperty("code").GetString());
        Assert.Equal("99.00", await BalanceAsync("anna"));
    }

    [Fact]
    public async Task Legs_over_several_accounts_are_done_together()
    {
        var body = $$"""{"key":"{{Key}}","legs":[{"from":"anna","to":"shop","asset":"eur","amount":"30"},{"from":"shop","to":"bert","asset":"eur","amount":"2.50"}]}""";
        await AskAsync(403, "anna", "POST", "/transfers", body);
        await AskAsync(201, "root", "POST", "/transfers", body);
        Assert.Equal(("70.00", "27.50", "2.50"), (await BalanceAsync("anna"), await BalanceAsync("shop"), await BalanceAsync("bert")));
    }

    [Fact]
    public async Task A_hold_is_seen_by_both_and_captured_by_whom_it_is_for()
    {
        var expires = DateTimeOffset.UtcNow.AddHours(1).ToString("O", CultureInfo.InvariantCulture);
        var hold = (await AskAsync(201, "anna", "POST", "/holds", $$"""{"key":"{{Key}}","from":"anna","to":"bert","asset":"eur","amount":"60","expires":"{{expires}}"}""")).GetProperty("hold").GetInt64();
        Assert.Equal("60.00", (await AskAsync(200, "bert", "GET", $"/holds/{hold}")).GetProperty("amount").GetString());
        await AskAsync(409, "anna", "POST", "/transfers", Transfer("anna", "shop", "41"));
        await AskAsync(403, "anna", "POST", $"/holds/{hold}/release", $$"""{"key":"{{Key}}"}""");
        await AskAsync(201, "bert", "POST", $"/holds/{hold}/capture", $$"""{"key":"{{Key}}","amount":"50"}""");
        await AskAsync(404, "bert", "POST", $"/holds/{hold}/release", $$"""{"key":"{{Key}}"}""");
        var lines = (await AskAsync(200, "anna", "GET", "/accounts/anna/statement?top=2")).GetProperty("value").EnumerateArray().Select(l => (l.GetProperty("kind").GetString(), l.GetProperty("change").GetString(), l.GetProperty("held").GetString()));
        Assert.Equal([("capture", "-50.00", "0.00"), ("hold", "0.00", "60.00")], lines);
    }

    [Fact]
    public async Task A_gate_admits_who_holds_a_ticket_once()
    {
        await AskAsync(201, "root", "POST", "/tickets", $$"""{"key":"{{Key}}","asset":"gig","to":"anna","items":["seat-1"]}""");
        string Admission(string key, string gate) => $$"""{"key":"{{key}}","asset":"gig","item":"seat-1","gate":"{{gate}}","holder":"anna"}""";
        await AskAsync(403, "gate", "POST", "/admissions", Admission(Key, "north"));
        using (var put = await SendAsync("root", "PUT", "/policies/tests.ledger", $$$"""{"entries":{"e":{"subjects":["key:gate"],"resources":{"ledger:{{{_book}}}/tickets":{"grant":["command"]} } } } }"""))
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync(Cancel));
        var key = Key;
        var first = await AskAsync(201, "gate", "POST", "/admissions", Admission(key, "north"));
        Assert.Equal(first.GetRawText(), (await AskAsync(201, "gate", "POST", "/admissions", Admission(key, "north"))).GetRawText());
        var second = await AskAsync(409, "gate", "POST", "/admissions", Admission(Key, "south"));
        Assert.Contains($"was already used at {first.GetProperty("time").GetString()} by gate north", second.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal("north", (await AskAsync(200, "anna", "GET", "/tickets/gig/seat-1")).GetProperty("gate").GetString());
        Assert.Equal("seat-1", (await AskAsync(200, "anna", "GET", "/accounts/anna/items")).GetProperty("value")[0].GetProperty("item").GetString());
        Assert.True((await AskAsync(200, "root", "GET", "/audit")).GetProperty("whole").GetBoolean());
    }

    [Theory]
    [InlineData("/transfers", "[]", 400, "LedgerBodyInvalid", "body")]
    [InlineData("/transfers", "{", 400, "JsonInvalid", "body")]
    [InlineData("/transfers", """{"key":"KEY","from":"anna","to":"bert","asset":"eur","amount":"1","colour":"red"}""", 400, "LedgerBodyInvalid", "colour")]
    [InlineData("/transfers", """{"from":"anna","to":"bert","asset":"eur","amount":"1"}""", 400, "KeyMissing", "key")]
    [InlineData("/transfers", """{"key":"order-1","from":"anna","to":"bert","asset":"eur","amount":"1"}""", 400, "KeyWithoutTime", "at")]
    [InlineData("/transfers", """{"key":"KEY","to":"bert","asset":"eur","amount":"1"}""", 400, "LedgerBodyInvalid", "from")]
    [InlineData("/transfers", """{"key":"KEY","from":"anna","to":"bert","asset":"eur"}""", 400, "LedgerBodyInvalid", "amount")]
    [InlineData("/transfers", """{"key":"KEY","from":"anna","to":"bert","asset":"eur","amount":1e2}""", 400, "LedgerBodyInvalid", "amount")]
    [InlineData("/transfers", """{"key":"KEY","from":"anna","to":"bert","asset":"eur","amount":"-1"}""", 400, "AmountInvalid", "amount")]
    [InlineData("/transfers", """{"key":"KEY","from":"anna","to":"other/bert","asset":"eur","amount":"1"}""", 404, "AccountNotFound", "to")]
    [InlineData("/transfers", """{"key":"KEY","from":"anna","legs":[{"from":"anna","to":"bert","asset":"eur","amount":"1"}]}""", 400, "LedgerBodyInvalid", "legs")]
    [InlineData("/transfers", """{"key":"KEY","legs":[{"legs":[]}]}""", 400, "LedgerBodyInvalid", "legs/0/legs")]
    [InlineData("/transfers", """{"transfers":[]}""", 400, "LedgerBodyInvalid", "transfers")]
    [InlineData("/transfers", """{"transfers":[{"key":"KEY","legs":[{"from":"anna","to":"bert","asset":"eur"}]}]}""", 400, "LedgerBodyInvalid", "transfers/0/legs/0/amount")]
    [InlineData("/holds", """{"key":"KEY","from":"anna","to":"bert","asset":"eur","amount":"1"}""", 400, "LedgerBodyInvalid", "expires")]
    [InlineData("/holds", """{"key":"KEY","from":"anna","to":"bert","asset":"eur","amount":"1","expires":"2020-01-01T00:00:00Z"}""", 400, "HoldInvalid", "expires")]
    [InlineData("/holds/99/capture", """{"key":"KEY"}""", 404, "HoldNotFound", "hold")]
    [InlineData("/holds/first/release", """{"key":"KEY"}""", 400, "IdInvalid", "id")]
    [InlineData("/tickets", """{"key":"KEY","asset":"gig","to":"anna","items":["a b"]}""", 400, "IdInvalid", "items/0")]
    [InlineData("/admissions", """{"key":"KEY","asset":"gig","item":"none","gate":"n","holder":"anna"}""", 404, "ItemNotFound", "item")]
    public async Task A_wrong_body_is_refused_with_its_place(string path, string body, int status, string code, string where)
    {
        var problem = await AskAsync(status, "root", "POST", path, body.Replace("KEY", Key, StringComparison.Ordinal));
        Assert.Equal((code, where), (problem.GetProperty("code").GetString(), problem.GetProperty("where").GetString()));
    }

    [Fact]
    public async Task A_book_that_was_not_made_is_not_there_and_leaves_no_files()
    {
        using var answer = await SendAsync("root", "GET", "/ledger/never-made");
        var problem = Problem.Of(answer, await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal((HttpStatusCode.NotFound, "BookNotFound"), (answer.StatusCode, problem.Code));
        Assert.False(Directory.Exists(Path.Combine(grains.Folder("journal"), "ledger_never-made")));
        using var wrong = await SendAsync("root", "PUT", "/ledger/Not_A_Name", "{}");
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        using var made = await SendAsync("root", "PUT", "/ledger/never-made-2", "{}");
        using var there = await SendAsync("root", "GET", "/ledger/never-made-2");
        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (made.StatusCode, there.StatusCode));
    }
}
