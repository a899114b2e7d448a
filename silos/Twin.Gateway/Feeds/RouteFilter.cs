using Twin.Grains;
using Twin.Model;
using Twin.Model.Query;

namespace Twin.Gateway.Feeds;

/// <summary>A route's filter under the models of the moment: a model added later counts from then on. Thread-safe. Hot.</summary>
internal sealed class RouteFilter(ChangeFilter filter, ITwinStore store)
{
    private volatile Bound _bound = new(filter, null);

    public bool Matches(Change change)
    {
        var (bound, models) = (_bound, store.Models);
        // Two readers may both bind to new models; either result serves.
        if (!ReferenceEquals(bound.Models, models)) _bound = bound = new Bound(bound.Filter.WithModels(models), models);
        return bound.Filter.Matches(change);
    }

    private sealed record Bound(ChangeFilter Filter, ModelSet? Models);
}
