using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Twin.Gateway.Security;

namespace Twin.Gateway.Http;

/// <summary>Who calls about spaces and people, as their owners know it.</summary>
internal static class SpaceCaller
{
    private const int ShownCharacters = 64;

    /// <summary>Without members that are null.</summary>
    public static JsonSerializerOptions Sparse { get; } = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>The name that owners check rights of; null for an administrator, and for the open loopback door, where everybody is one.</summary>
    public static string? ActingName(HttpContext context, Admission admission) => admission.SubjectOf(context)?.Name;

    /// <summary>A user's id as a shown name: at most 64 characters, with an ellipsis where it was longer. No character outside the basic plane is cut in two.</summary>
    public static string Shown(string user) => user.Length <= ShownCharacters ? user : user[..(char.IsHighSurrogate(user[ShownCharacters - 2]) ? ShownCharacters - 2 : ShownCharacters - 1)] + "\u2026";
}
