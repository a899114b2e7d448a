using System.Globalization;

namespace Twin.Grains.Twins;

/// <summary>Names of transactions between shards: <c>{coordinator}.{unique}/{part}</c>. Part 0, at the coordinator, is the commit point.</summary>
internal static class TransactionId
{
    public static string New(int coordinator) => string.Create(CultureInfo.InvariantCulture, $"{coordinator}.{Guid.NewGuid():N}");

    public static string Part(string transaction, int part) => string.Create(CultureInfo.InvariantCulture, $"{transaction}/{part}");

    public static int CoordinatorOf(string id) => int.Parse(id.AsSpan(0, id.IndexOf('.', StringComparison.Ordinal)), CultureInfo.InvariantCulture);

    public static bool IsCommitPoint(string id) => id.EndsWith("/0", StringComparison.Ordinal);

    public static string CommitPointOf(string id) => string.Concat(id.AsSpan(0, id.IndexOf('/', StringComparison.Ordinal)), "/0");
}
