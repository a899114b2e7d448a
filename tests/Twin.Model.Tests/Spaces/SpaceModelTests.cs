using System.Security.Cryptography;
using System.Text;
using Twin.Model.Spaces;

namespace Twin.Model.Tests.Spaces;

public class SpaceModelTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 20, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Secret = SHA256.HashData("one"u8);
    private static readonly byte[] Older = SHA256.HashData("two"u8);

    [Fact]
    public void A_token_is_read_by_those_who_know_the_secret_until_it_expires()
    {
        var token = new SessionToken("hall", 7, new string('漢', 128), new string('字', 64), new string('é', 64), 3, Now.AddHours(1));
        var text = Encoding.ASCII.GetBytes(token.Sign(Older));
        Assert.True(SessionToken.TryRead(text, [Secret, Older], Now, out var read, out _));
        Assert.Equal(token, read);
        Assert.False(SessionToken.TryRead(text, [Secret], Now, out _, out var why));
        Assert.Contains("signature", why, StringComparison.Ordinal);
        Assert.False(SessionToken.TryRead(text, [Older], Now.AddHours(1), out _, out why));
        Assert.Contains("expired", why, StringComparison.Ordinal);
    }

    [Fact]
    public void No_changed_bit_of_a_token_passes()
    {
        var text = Encoding.ASCII.GetBytes(new SessionToken("hall", 7, "anna", "Anna", "", 0, Now.AddHours(1)).Sign(Secret));
        for (var i = 0; i < text.Length; i++)
        {
            var changed = text.ToArray();
            changed[i] ^= 1;
            if (SessionToken.TryRead(changed, [Secret], Now, out var read, out _)) Assert.Equal("anna", read!.User); // the last character has bits that say nothing
        }

        Assert.False(SessionToken.TryRead(""u8, [Secret], Now, out _, out _));
        Assert.False(SessionToken.TryRead("a.b"u8, [Secret], Now, out _, out _));
        Assert.False(SessionToken.TryRead(new byte[10_000], [Secret], Now, out _, out _));
    }

    [Theory]
    [InlineData("""{"width":0}""", "width")]
    [InlineData("""{"tickHz":60}""", "tickHz")]
    [InlineData("""{"nearLimit":200,"middleLimit":100}""", "middleLimit")]
    [InlineData("""{"entrance":[1,2,3]}""", "entrance")]
    [InlineData("""{"walkable":[[[0,0],[1,1]]]}""", "walkable")]
    [InlineData("""{"walkable":[[[0,0],[50,0],[50,50],[0,50]]]}""", "entrance")]
    [InlineData("""{"entrance":[5,5],"closed":[[[0,0],[50,0],[50,50],[0,50]]]}""", "entrance")]
    [InlineData("""{"ticketBook":"b"}""", "ticketAsset")]
    [InlineData("""{"capcity":10}""", null)]
    [InlineData("""[""", null)]
    [InlineData("null", null)]
    public void A_definition_that_cannot_be_is_refused_by_name(string json, string? where)
    {
        Assert.False(SpaceDefinition.TryParse(Encoding.UTF8.GetBytes(json), out _, out var problem));
        Assert.Equal("SpaceInvalid", problem!.Code);
        if (where is not null) Assert.Equal(where, problem.Where);
    }

    [Fact]
    public void A_definition_is_written_as_it_is_read()
    {
        Assert.True(SpaceDefinition.TryParse("""{"title":"Concert","width":120,"depth":80,"hosts":["anna"],"opens":"2026-06-01T18:00:00Z"}"""u8, out var definition, out _));
        Assert.True(SpaceDefinition.TryParse(definition!.ToJson(), out var again, out _));
        Assert.Equal((120.0, 80.0, "anna", 20), (again!.Width, again.Depth, again.Hosts![0], again.TickHz));
        Assert.False(again.IsOpenAt(Now));
    }
}
