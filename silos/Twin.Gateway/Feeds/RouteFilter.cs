using Twin.Grains;
using Twin.Model;
using Twin.Model.Policies;
using Twin.Model.Query;

namespace Twin.Gateway.Feeds;

/// <summary>A route's filter under the models of the moment, and what its owner may see under the policies of the moment: what is added later counts from then on. Thread-safe. Hot.</summary>
internal sealed class RouteFilter(ChangeFilter filter, ITwinStore store, PolicySubject? owner = null, IPolicyStore? policies = null)
{
    private volatile Bound _bound = new(filter, null);

    public bool Matches(Change change)
    {
        var (bound, models) = (_bound, store.Models);
        // Two readers may both bind to new models; either result serves.
        if (!ReferenceEquals(bound.Models, models)) _bound = bound = new Bound(bound.Filter.WithModels(models), models);
        return bound.Filter.Matches(change) && (owner is null || Shows(change, models));
    }

    // A route carries changes as they are, so one that could only be shown in part is not carried.
    private bool Shows(Change change, ModelSet models) => policies is not null && ChangeView.TryShow(policies.Current.For(owner!), models, change, out var shown) && shown.Equals(change);

    private sealed record Bound(ChangeFilter Filter, ModelSet? Models);
}
