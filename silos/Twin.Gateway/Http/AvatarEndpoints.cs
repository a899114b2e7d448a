using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;
using Twin.Gateway.Security;
using Twin.Grains.Spaces;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary><c>/spaces/{id}/avatars/{number}</c>: figure, belongings and place. The avatar's own grain decides who may change it; here only the bodies are read.</summary>
internal static class AvatarEndpoints
{
    private const int MostBodyBytes = 8 * 1024;
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow };

    public static void Map(RouteGroupBuilder one, IGrainFactory grains, Admission admission)
    {
        one.MapGet("avatars/{number}", async (string id, string number) =>
        {
            if (!IsNumber(number)) return NumberInvalid();
            var view = await grains.GetGrain<IAvatarGrain>($"{id}/{number}").GetAsync().ConfigureAwait(false);
            return view is null ? TwinProblems.Result(404, "AvatarNotFound", $"Nobody has come to '{id}' as avatar {number}.", "avatar")
                : Results.Json(new { space = view.Space, view.Avatar, view.User, view.Name, view.Appearance, view.Carries, here = view.IsHere, view.Place, view.Left }, SpaceCaller.Sparse);
        }).Needs(Permission.Read).WithSummary("An avatar: whose, its figure, what it carries, where it is").Produces<JsonElement>(200);
        one.MapPut("avatars/{number}", async (HttpContext context, string id, string number) =>
        {
            if (!IsNumber(number)) return NumberInvalid();
            using var body = await RequestBody.ReadAsync(context, MostBodyBytes).ConfigureAwait(false);
            if (body.Problem is not null) return TwinProblems.Result(413, body.Problem.Code, body.Problem.Detail, "body");
            AvatarChange? change;
            try
            {
                change = JsonSerializer.Deserialize<AvatarChange>(body.Memory.Span, Strict);
            }
            catch (JsonException fault)
            {
                return TwinProblems.Result(400, "AvatarInvalid", fault.Message, fault.Path);
            }

            if (change is null) return TwinProblems.Result(400, "AvatarInvalid", "The body is null.", "body");
            var result = await grains.GetGrain<IAvatarGrain>($"{id}/{number}").PutAsync(SpaceCaller.ActingName(context, admission), change).ConfigureAwait(false);
            return result.IsDone ? Results.NoContent() : TwinProblems.Result(result.Status, result.Problem);
        }).Needs(Permission.Read).WithSummary("Changes what is given of name, appearance and carries; of its user and administrators").Accepts<JsonElement>("application/json");
    }

    private static bool IsNumber(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && text[0] != '0';

    private static IResult NumberInvalid() => TwinProblems.Result(400, "NumberInvalid", "An avatar's number is a whole number from 1.", "number");
}
