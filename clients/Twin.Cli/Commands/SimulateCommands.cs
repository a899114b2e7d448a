using System.CommandLine;

namespace Twin.Cli.Commands;

/// <summary><c>twin simulate ...</c>: simulations that run here, without a server.</summary>
internal static class SimulateCommands
{
    public static Command Make() => new("simulate", "Simulates and optimises, here, without a server.") { JobShopCommand.Make(), FmuCommand.Make() };
}
