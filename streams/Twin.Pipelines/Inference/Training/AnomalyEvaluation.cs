namespace Twin.Pipelines.Inference.Training;

/// <summary>How well scores find labelled windows. A point is a score; an alarm is a point that scores at least 1.</summary>
/// <param name="Points">Points judged.</param>
/// <param name="PointsInWindows">Of them inside a labelled window.</param>
/// <param name="Windows">Labelled windows that hold judged points.</param>
/// <param name="WindowsDetected">Of them with at least one alarm.</param>
/// <param name="FalseAlarmsPer1000">Alarms outside windows per 1,000 points outside.</param>
/// <param name="FalseEpisodes">Runs of alarms outside windows, where alarms at most a window's length of points apart are one run.</param>
/// <param name="Precision">Share of alarms that lie inside a window; 0 when there is none.</param>
/// <param name="Recall">Share of the points inside windows that are alarms.</param>
/// <param name="Auc">Chance that a point inside scores above one outside (ties half); 0.5 is guessing.</param>
public sealed record AnomalyEvaluation(
    int Points, int PointsInWindows, int Windows, int WindowsDetected, double FalseAlarmsPer1000, int FalseEpisodes, double Precision, double Recall, double Auc)
{
    /// <summary>Judges scores. <paramref name="window"/> gives each point's labelled window, -1 outside.</summary>
    public static AnomalyEvaluation Of(ReadOnlySpan<double> scores, ReadOnlySpan<int> window, int episodeGap)
    {
        if (scores.Length != window.Length) throw new ArgumentException($"{scores.Length} scores but {window.Length} labels.", nameof(window));
        int inside = 0, hits = 0, falseAlarms = 0, episodes = 0, lastFalse = int.MinValue / 2;
        var seen = new HashSet<int>();
        var detected = new HashSet<int>();
        for (var i = 0; i < scores.Length; i++)
        {
            var isAlarm = scores[i] >= 1;
            if (window[i] >= 0)
            {
                inside++;
                seen.Add(window[i]);
                if (!isAlarm) continue;
                hits++;
                detected.Add(window[i]);
            }
            else if (isAlarm)
            {
                falseAlarms++;
                if (i - lastFalse > episodeGap) episodes++;
                lastFalse = i;
            }
        }
        var outside = scores.Length - inside;
        return new AnomalyEvaluation(
            scores.Length, inside, seen.Count, detected.Count,
            outside == 0 ? 0 : 1000.0 * falseAlarms / outside, episodes,
            hits + falseAlarms == 0 ? 0 : (double)hits / (hits + falseAlarms),
            inside == 0 ? 0 : (double)hits / inside,
            AreaUnderCurve(scores, window, inside, outside));
    }

    // The rank-sum form (Mann and Whitney, 1947): sum of the ranks inside, ties sharing their mean rank.
    private static double AreaUnderCurve(ReadOnlySpan<double> scores, ReadOnlySpan<int> window, int inside, int outside)
    {
        if (inside == 0 || outside == 0) return 0.5;
        var keys = scores.ToArray();
        var labels = window.ToArray();
        Array.Sort(keys, labels);
        var rankSum = 0.0;
        for (var start = 0; start < keys.Length;)
        {
            var end = start;
            while (end < keys.Length && keys[end] == keys[start]) end++;
            var rank = (start + 1 + end) / 2.0;
            for (var i = start; i < end; i++) rankSum += labels[i] >= 0 ? rank : 0;
            start = end;
        }
        return (rankSum - (inside * (inside + 1.0) / 2)) / ((double)inside * outside);
    }
}
