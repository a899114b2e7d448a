using Twin.Silo;

if (args.Any(a => a is "--help" or "-h" or "-?"))
{
    Console.WriteLine(TwinSettings.Usage);
    return 0;
}

try
{
    var app = await SiloHost.CreateAsync(args);
    await app.RunAsync();
    return 0;
}
catch (Exception fault) when (fault is FormatException or InvalidOperationException or IOException)
{
    // A setting, an address, a locked folder: the operator needs the sentence, not the stack.
    await Console.Error.WriteLineAsync(fault.Message);
    return 2;
}
