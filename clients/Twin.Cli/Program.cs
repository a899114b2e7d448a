using Twin.Cli;
using Twin.Cli.Commands;
using Twin.Fmi;

// A model's child: nothing of the command line is made for it.
if (args is [FmuCommand.HostWord]) return FmuHost.RunProcess();

return await TwinCommandLine.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
