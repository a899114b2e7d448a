using System.Buffers;
using Twin.Model;

namespace Twin.Pipelines.Inference;

/// <summary>A full window, normalised, ready for a run. <see cref="Values"/> is rented; the infer stage returns it.</summary>
internal readonly record struct ReadyWindow(ServedModel Model, string TwinId, WallTime Time, float[] Values);

/// <summary>
/// Stage: changes become sliding windows, one a twin and model. At most <paramref name="maxTwins"/> twins a model; the
/// values of further twins are counted and passed over. One user at a time.
/// </summary>
internal sealed class Windows(IReadOnlyList<ServedModel> models, int maxTwins, Action<int> refused)
{
    private readonly Dictionary<string, Ring>[] _rings = [.. models.Select(_ => new Dictionary<string, Ring>(StringComparer.Ordinal))];

    /// <summary>Twins with a window.</summary>
    public int Count => _rings.Sum(r => r.Count);

    /// <summary>Windows that the page's changes complete, in order. Never throws.</summary>
    public List<ReadyWindow> Take(FeedPage page)
    {
        var ready = new List<ReadyWindow>();
        foreach (ref readonly var change in page.Changes.AsSpan())
        {
            if (change.Kind == ChangeKind.TwinDeleted)
            {
                foreach (var rings in _rings) rings.Remove(change.TwinId);
            }
            else if (change.Kind == ChangeKind.PropertyChanged && change.Value.IsNumber)
            {
                for (var i = 0; i < models.Count; i++)
                {
                    var input = models[i].Card.Input;
                    if (models[i].State == ModelState.Refused || change.Path != input.Path || (input.Model is not null && change.ModelId != input.Model)) continue;
                    Add(models[i], _rings[i], change, ready);
                }
            }
        }
        return ready;
    }

    private void Add(ServedModel model, Dictionary<string, Ring> rings, in Change change, List<ReadyWindow> ready)
    {
        var input = model.Card.Input;
        if (!rings.TryGetValue(change.TwinId, out var ring))
        {
            if (rings.Count >= maxTwins)
            {
                refused(1);
                return;
            }
            rings.Add(change.TwinId, ring = new Ring(input.Window));
        }
        var gap = change.SourceTime - ring.Last;
        if (ring.Count > 0 && (gap < TimeSpan.Zero || gap.TotalSeconds > input.MaxGapSeconds)) ring.Clear();
        ring.Add((float)((change.Value.AsNumber - input.Mean) / input.StandardDeviation), change.SourceTime);
        if (ring.Count < input.Window) return;
        var values = ArrayPool<float>.Shared.Rent(input.Window);
        ring.CopyTo(values);
        ready.Add(new ReadyWindow(model, change.TwinId, change.SourceTime, values));
    }

    private sealed class Ring(int size)
    {
        private readonly float[] _values = new float[size];
        private int _next;

        public int Count { get; private set; }

        public WallTime Last { get; private set; }

        public void Clear() => (Count, _next) = (0, 0);

        public void Add(float value, WallTime time)
        {
            _values[_next] = value;
            _next = (_next + 1) % _values.Length;
            Count = Math.Min(Count + 1, _values.Length);
            Last = time;
        }

        public void CopyTo(float[] target)
        {
            _values.AsSpan(_next).CopyTo(target);
            _values.AsSpan(0, _next).CopyTo(target.AsSpan(_values.Length - _next));
        }
    }
}
