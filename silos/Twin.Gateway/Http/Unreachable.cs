using System.Data.Common;
using System.Net.Sockets;
using Orleans.Runtime;

namespace Twin.Gateway.Http;

/// <summary>
/// Tells faults that pass by themselves (a silo that is gone or starting, a store that does not answer, time over) from those that do not.
/// The stores are no imports of the doors, so theirs are known by base type or by name.
/// </summary>
internal static class Unreachable
{
    private const int Deepest = 8;

    public static bool Is(Exception fault)
    {
        var at = fault;
        for (var depth = 0; depth < Deepest && at is not null; depth++, at = at.InnerException)
            if (IsItself(at)) return true;
        return false;
    }

    private static bool IsItself(Exception fault) => fault switch
    {
        TimeoutException or OperationCanceledException or SocketException => true,
        OrleansException => true, // rejected, no silo, no gateway, storage changed under the grain: all are worth another try
        DbException database => database.IsTransient,
        _ => NamesAStore(fault.GetType()),
    };

    private static bool NamesAStore(Type type) =>
        type.FullName is "Twin.Graph.Journal.JournalFencedException" || type.Namespace is "StackExchange.Redis" || type.FullName is "Orleans.Persistence.RedisStorageException";
}
