using System.Net;
using System.Text;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Standing queries over SSE and WebSocket.</summary>
[Collection("doors")]
public sealed class StandingDoorTests(SharedDoor shared) : IClassFixture<SharedDoor>
{
    private readonly DoorWorld _door = shared.Door;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task SetAsync(string lamp, double power)
    {
        var text = string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""[{"op":"add","path":"/power","value":{{power}}}]""");
        using var answer = await _door.Http.PatchAsync($"/digitaltwins/{lamp}", DoorWorld.Patch(text), Cancel);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    private async Task FeedAsync(string from, string to, bool isThere = true)
    {
        var path = $"/digitaltwins/{from}/relationships/to-{to}";
        using var answer = isThere
            ? await _door.Http.PutAsync(path, new StringContent($$"""{"$targetId":"{{to}}","$relationshipName":"feeds"}""", Encoding.UTF8, "application/json"), Cancel)
            : await _door.Http.DeleteAsync(path, Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rows_over_two_hops_come_and_go_and_after_a_break_what_was_missed_comes_once(bool socket)
    {
        string[] lamps = [await _door.LampAsync(), await _door.LampAsync(), await _door.LampAsync(), await _door.LampAsync()];
        await FeedAsync(lamps[0], lamps[1]);
        await FeedAsync(lamps[1], lamps[2]);
        await FeedAsync(lamps[1], lamps[3]);
        await SetAsync(lamps[3], 50);
        var query = $"SELECT c.power AS p FROM DIGITALTWINS MATCH (a)-[:feeds]->(b)-[:feeds]->(c) WHERE a.$dtId = $a AND c.power > 30";
        var parameters = $$"""{"a":"{{lamps[0]}}"}""";
        string Key(int c) => $"{lamps[0]} >to-{lamps[1]} {lamps[1]} >to-{lamps[c]} {lamps[c]}";
        var first = await RowReader.OpenAsync(_door, socket, query, null, null, parameters);
        using (first)
        {
            Assert.Equal((1, "{\"p\":50}"), (first.Resets, first.Rows[Key(3)]));
            await SetAsync(lamps[2], 10);
            await SetAsync(lamps[2], 31);
            await first.UntilAsync(Key(2), "{\"p\":31}");
            await SetAsync(lamps[2], 32);
            await first.UntilAsync(Key(2), "{\"p\":32}");
            await FeedAsync(lamps[1], lamps[3], false);
            await first.UntilAsync(Key(3), null);
            Assert.Equal([Key(2)], first.Rows.Keys);
            string[] steps = [$"rowAdded {Key(3)}", $"rowAdded {Key(2)}", $"rowChanged {Key(2)}", $"rowRemoved {Key(3)}"];
            Assert.Equal(steps, first.Told.Distinct()); // in this order; a step may be told again
        }

        await SetAsync(lamps[2], 5);
        await FeedAsync(lamps[1], lamps[3]);
        using var whole = await RowReader.OpenAsync(_door, socket, query, null, null, parameters);
        Assert.Equal([Key(3)], whole.Rows.Keys);
        using var second = await RowReader.OpenAsync(_door, socket, query, first.Cursor, null, parameters, first);
        await second.UntilAsync(2);
        Assert.Equal((0, $"rowAdded {Key(3)}, rowRemoved {Key(2)}"), (second.Resets, string.Join(", ", second.Told.Order(StringComparer.Ordinal))));
        Assert.Equal(whole.Rows, second.Rows);
    }

    [Fact]
    public async Task A_cursor_that_is_not_known_brings_a_reset_and_all_rows()
    {
        var lamp = await _door.LampAsync();
        await SetAsync(lamp, 5);
        using var reader = await RowReader.OpenAsync(_door, false, $"SELECT T.power FROM DIGITALTWINS T WHERE T.$dtId = '{lamp}'", "0123456789abcdef.17");
        Assert.Equal((1, "{\"power\":5}"), (reader.Resets, reader.Rows[lamp]));
    }

    [Theory]
    [InlineData("query=SELECT%20TOP(3)%20*%20FROM%20DIGITALTWINS", "StandingQueryInvalid", "query")]
    [InlineData("query=SELECT%20*%20FROM%20DIGITALTWINS%20T%20ORDER%20BY%20T.power", "StandingQueryInvalid", "query")]
    [InlineData("query=SELECT%20*%20FRM%20DIGITALTWINS", "QuerySyntax", "")]
    [InlineData("query=SELECT%20*%20FROM%20DIGITALTWINS&path=power", "StreamFilterInvalid", "path")]
    [InlineData("query=SELECT%20*%20FROM%20DIGITALTWINS%20T%20WHERE%20T.power%20%3E%20%24p", "QueryParameterMissing", "p")]
    [InlineData("query=SELECT%20*%20FROM%20DIGITALTWINS%20T%20WHERE%20T.power%20%3E%20%24p&parameters=[1]", "JsonInvalid", "parameters")]
    [InlineData("query=SELECT%20*%20FROM%20DIGITALTWINS%20T%20WHERE%20T.power%20%3E%20%24p&parameters=%7B%22p%22%3A%7B%7D%7D", "StandingQueryInvalid", "p")]
    public async Task What_cannot_stand_is_refused_before_the_stream_begins(string query, string code, string where)
    {
        var problem = await _door.ProblemAsync(400, HttpMethod.Get, "/stream?" + query);
        Assert.StartsWith(code, problem.Code, StringComparison.Ordinal);
        if (where.Length > 0) Assert.Equal(where, problem.Where);
    }
}
