using Twin.Model;

namespace Twin.Pipelines;

/// <summary>Reads one shard's change feed after a position, waiting when there is nothing, as <c>ITwinStore.ReadFeedAsync</c>: position -1 means from now, 0 from the oldest kept.</summary>
public delegate ValueTask<FeedPage> FeedReader(int shard, long after, int maxChanges, TimeSpan wait, CancellationToken cancellationToken);
