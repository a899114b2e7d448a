using Twin.Cli;

return await TwinCommandLine.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
