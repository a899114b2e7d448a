using System.Buffers;
using System.Diagnostics.Metrics;
using Twin.Model;

namespace Twin.Pipelines.Inference;

/// <summary>Stage: windows of many devices become scores, in runs of at most the model's batch. Never throws; what cannot be scored is counted.</summary>
internal sealed class Infer : IDisposable
{
    private readonly Meter _meter = new("Twin");
    private readonly Counter<long> _scores;
    private readonly Counter<long> _skipped;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _unwritten;
    private readonly Histogram<double> _seconds;

    public Infer()
    {
        _scores = _meter.CreateCounter<long>("twin_inference_scores_total", description: "Windows scored, by model.");
        _skipped = _meter.CreateCounter<long>("twin_inference_skipped_total", description: "Windows not scored (failed, late, model disabled), by model.");
        _refused = _meter.CreateCounter<long>("twin_inference_twins_refused_total", description: "Values passed over because a model has its most twins.");
        _unwritten = _meter.CreateCounter<long>("twin_inference_unwritten_total", description: "Scores that could not be written back.");
        _seconds = _meter.CreateHistogram<double>("twin_inference_run_seconds", "s", "Length of a run, by model.");
    }

    public void Refused(int values) => _refused.Add(values);

    public void Unwritten(int scores) => _unwritten.Add(scores);

    /// <summary>Scores a batch of windows, of one model or several.</summary>
    public async Task<ArraySegment<Sample>> RunAsync(IReadOnlyList<ReadyWindow> batch)
    {
        var samples = new List<Sample>(batch.Count);
        foreach (var model in batch.GroupBy(w => w.Model))
        {
            foreach (var run in model.Chunk(model.Key.Card.MaxBatch)) await ScoreAsync(model.Key, run, samples).ConfigureAwait(false);
        }
        foreach (var window in batch) ArrayPool<float>.Shared.Return(window.Values);
        return samples.ToArray();
    }

    public void Dispose() => _meter.Dispose();

    private async Task ScoreAsync(ServedModel model, ReadyWindow[] run, List<Sample> samples)
    {
        var width = model.Card.Input.Window;
        // Not rented: a run that passes its bound goes on reading them for a moment.
        var input = new float[run.Length * width];
        var scores = new float[run.Length];
        for (var i = 0; i < run.Length; i++) run[i].Values.AsSpan(0, width).CopyTo(input.AsSpan(i * width));
        var tag = new KeyValuePair<string, object?>("model", model.Card.Name);
        if (!await model.TryScoreAsync(input, run.Length, scores).ConfigureAwait(false))
        {
            _skipped.Add(run.Length, tag);
            return;
        }
        _scores.Add(run.Length, tag);
        _seconds.Record(model.LastRun.TotalSeconds, tag);
        for (var i = 0; i < run.Length; i++)
            samples.Add(new Sample(run[i].TwinId, model.Card.Output.Path, PropertyValue.From((double)scores[i]), run[i].Time));
    }
}
