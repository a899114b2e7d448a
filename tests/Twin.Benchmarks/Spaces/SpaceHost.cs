using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Twin.Gateway.Spaces;
using Twin.Gateway.Spaces.Sockets;
using Twin.Presence;

namespace Twin.Benchmarks.Spaces;

/// <summary>A silo's space door alone, for finding out where the microseconds go.</summary>
internal static class SpaceHost
{
    public static void Run(string[] args)
    {
        var (port, side, nearLimit) = (int.Parse(args[1], null), double.Parse(args[2], null), int.Parse(args[3], null));
        var door = new SpaceDoor(new Anyone(), TimeProvider.System);
        using var loop = new SocketLoop(door, new SocketLoopOptions(), TimeProvider.System, null, NullLogger<SpaceDoor>.Instance);
        while (!door.IsStarted) Thread.Sleep(1);
        door.Open("hall", new HallRules
        {
            Stage = new StageRules { Movement = new MovementRules(side, side, 4), Interest = new InterestRules { NearRadiusMetres = 16, NearLimit = nearLimit, MiddleLimit = 0, MiddleRadiusMetres = 0 } },
            EntranceMetres = new((float)side / 2, 2, (float)side / 2), EntranceSpreadMetres = (float)side / 2,
        });
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(512);
        Console.WriteLine("READY");
        while (true)
        {
            var socket = listener.Accept();
            while (!loop.Adopt(socket)) Thread.Sleep(1);
        }
    }

    private sealed class Anyone : ISpaceTokens
    {
        public bool TryRead(ReadOnlySpan<byte> token, out Admitted? who, out string? why)
        {
            var number = int.Parse(Encoding.ASCII.GetString(token), null);
            (who, why) = (new Admitted("hall", number, $"user{number}", $"Walker {number}", "", 0), null);
            return true;
        }
    }
}
