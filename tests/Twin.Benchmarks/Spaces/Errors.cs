namespace Twin.Benchmarks.Spaces;

/// <summary>Errors in metres, counted by the millimetre up to ten metres.</summary>
internal sealed class Errors
{
    private readonly long[] _byMillimetre = new long[10_001];
    private long _count;

    public double Most { get; private set; }

    public void Add(float metres)
    {
        _byMillimetre[Math.Clamp((int)(metres * 1000), 0, _byMillimetre.Length - 1)]++;
        _count++;
        Most = Math.Max(Most, Math.Round(metres, 3));
    }

    /// <summary>The error that a share of all is at or below, rounded up to the millimetre; NaN without any.</summary>
    public double Percentile(double share)
    {
        if (_count == 0) return double.NaN;
        long seen = 0;
        for (var i = 0; i < _byMillimetre.Length; i++) if ((seen += _byMillimetre[i]) >= share * _count) return (i + 1) / 1000.0;
        return 10;
    }
}
