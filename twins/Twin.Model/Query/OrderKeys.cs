namespace Twin.Model.Query;

/// <summary>The order of rows: the ORDER BY terms, then twin id, then relationship id, both ascending and ordinal, so no two rows tie.</summary>
public static class OrderKeys
{
    /// <summary>Sign of a minus b.</summary>
    public static int Compare(IReadOnlyList<OrderTerm> order, PropertyValue[] aKeys, string aTwin, string aLink, PropertyValue[] bKeys, string bTwin, string bLink)
    {
        for (var i = 0; i < order.Count; i++)
        {
            var byTerm = QueryValues.Order(aKeys[i], bKeys[i]);
            if (byTerm != 0) return order[i].IsDescending ? -byTerm : byTerm;
        }
        var byTwin = string.CompareOrdinal(aTwin, bTwin);
        return byTwin != 0 ? byTwin : string.CompareOrdinal(aLink, bLink);
    }

    /// <summary>Sign of a minus b.</summary>
    public static int Compare(IReadOnlyList<OrderTerm> order, OrderKey a, OrderKey b) => Compare(order, a.Keys, a.TwinId, a.LinkId, b.Keys, b.TwinId, b.LinkId);
}
