using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Twin.Gateway.Tests.Doors;

namespace Twin.Gateway.Tests.Spaces;

/// <summary>A door that asks for keys, and callers by name.</summary>
internal sealed class KeyedDoor(DoorWorld door) : IAsyncDisposable
{
    public DoorWorld Door => door;

    public static async Task<KeyedDoor> OpenAsync(GrainsUnderTest grains, params (string Name, string Role)[] callers)
    {
        var configuration = new Dictionary<string, string?>();
        for (var i = 0; i < callers.Length; i++)
        {
            configuration[$"Twin:Auth:Keys:{i}:Name"] = callers[i].Name;
            configuration[$"Twin:Auth:Keys:{i}:Sha256"] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(KeyOf(callers[i].Name))));
            configuration[$"Twin:Auth:Keys:{i}:Roles:0"] = callers[i].Role;
        }

        return new KeyedDoor(await DoorWorld.OpenAsync(grains, configuration));
    }

    /// <summary>Asks as someone; the answer's JSON, which must have come with the status.</summary>
    public async Task<JsonElement> AskAsync(string who, string method, string path, int status, string? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : DoorWorld.Json(body) };
        request.Headers.Add("X-Api-Key", KeyOf(who));
        using var answer = await door.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == (int)answer.StatusCode, $"{who} {method} {path} was answered {(int)answer.StatusCode} {text}; expected {status}.");
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    public ValueTask DisposeAsync() => door.DisposeAsync();

    private static string KeyOf(string name) => $"key-of-{name}-0123456789";
}
