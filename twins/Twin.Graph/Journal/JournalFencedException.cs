namespace Twin.Graph.Journal;

/// <summary>A later writer has claimed the journal; this one must stop.</summary>
public sealed class JournalFencedException : IOException
{
    /// <summary>Says which journal and epochs.</summary>
    public JournalFencedException(string message) : base(message)
    {
    }
}
