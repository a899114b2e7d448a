namespace Twin.Presence;

/// <summary>One who could have a slot.</summary>
/// <param name="Index">In the mirror.</param>
/// <param name="Key">The squared distance in steps; made smaller for one who has a slot.</param>
internal readonly record struct Candidate(int Index, float Key)
{
    public bool IsBefore(in Candidate other) => Key < other.Key || (Key == other.Key && Index < other.Index);
}

/// <summary>Puts the k nearest in front: quickselect with the median of three (C. A. R. Hoare, 1961). Ties go to the lower index, so the outcome does not depend on the order.</summary>
internal static class Nearest
{
    public static void Select(Span<Candidate> candidates, int count)
    {
        while (candidates.Length > count && count > 0)
        {
            if (candidates.Length < 12)
            {
                candidates.Sort(static (a, b) => a.IsBefore(b) ? -1 : b.IsBefore(a) ? 1 : 0);
                return;
            }

            var pivot = Median(candidates[0], candidates[candidates.Length / 2], candidates[^1]);
            int low = 0, high = candidates.Length - 1;
            while (low <= high)
            {
                while (candidates[low].IsBefore(pivot)) low++;
                while (pivot.IsBefore(candidates[high])) high--;
                if (low > high) break;
                (candidates[low], candidates[high]) = (candidates[high], candidates[low]);
                low++;
                high--;
            }

            if (count <= high + 1) candidates = candidates[..(high + 1)];
            else if (count >= low)
            {
                candidates = candidates[low..];
                count -= low;
            }
            else return;
        }
    }

    private static Candidate Median(in Candidate a, in Candidate b, in Candidate c) =>
        a.IsBefore(b) ? (b.IsBefore(c) ? b : a.IsBefore(c) ? c : a) : (a.IsBefore(c) ? a : b.IsBefore(c) ? c : b);
}
