namespace Twin.Silo;

/// <summary>What is logged: ours from Information, the frameworks' from Warning. Secrets never reach a log statement.</summary>
internal static class LogWiring
{
    public static void Add(ILoggingBuilder logging, IConfiguration configuration)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.TimestampFormat = "HH:mm:ss.fff ";
            o.UseUtcTimestamp = true;
        });
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter("Twin", LogLevel.Information);
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None); // an activity and a scope on every request, for one line a fault that the doors log themselves
        logging.AddConfiguration(configuration.GetSection("Logging"));
    }
}
