using Twin.Model;

namespace Twin.Scenarios.City;

internal enum BlockUse
{
    Buildings,
    Park,
    CarPark,
}

/// <summary>A block between four streets: its corners in order, and what is on it.</summary>
internal sealed record CityBlock(PlanPoint[] Corners, int District, BlockUse Use)
{
    public PlanPoint Centre => (Corners[0] + Corners[2]) * 0.5;
}

/// <summary>
/// Fills a district with local streets and blocks: a grid of its own orientation and spacing, bent a little, clipped to
/// the district and the river banks, with some streets left out.
/// </summary>
internal sealed class CityGrid
{
    private const double StepMetres = 8;
    private readonly CityPlan _plan;
    private readonly int _district;
    private readonly PlanPoint _centre;
    private readonly PlanPoint _u;
    private readonly PlanPoint _v;
    private readonly double _uSpacing;
    private readonly double _vSpacing;
    private readonly double _bend;
    private readonly int _n;
    private readonly int _m;
    private readonly PlanPoint _park;
    private readonly double _parkRadius;
    private SeededRandom _random;

    public CityGrid(CityPlan plan, int district, ulong seed)
    {
        _plan = plan;
        _district = district;
        _random = new SeededRandom(seed, (ulong)district, 11);
        _centre = plan.CentreOf(district);
        var outward = Math.Atan2(_centre.North, _centre.East);
        var angle = district == 0 ? _random.NextDouble(0, Math.PI) : outward + _random.NextDouble(-0.35, 0.35);
        _u = new(Math.Cos(angle), Math.Sin(angle));
        _v = new(-_u.North, _u.East);
        var old = district == 0;
        _uSpacing = old ? _random.NextDouble(62, 75) : _random.NextDouble(84, 118);
        _vSpacing = old ? _random.NextDouble(70, 90) : _random.NextDouble(100, 160);
        _bend = _random.NextDouble(3, old ? 10 : 9);
        var reach = plan.ReachOf(district);
        _n = (int)(reach / _uSpacing) + 1;
        _m = (int)(reach / _vSpacing) + 1;
        _park = _centre + (_u * _random.NextDouble(-0.4 * reach, 0.4 * reach)) + (_v * _random.NextDouble(-0.4 * reach, 0.4 * reach));
        _parkRadius = _random.NextBoolean(0.7) ? _random.NextDouble(90, 230) : 0;
    }

    /// <summary>The district's streets.</summary>
    public IEnumerable<CityStreet> Streets()
    {
        var width = _district == 0 ? 8.0 : 10.0;
        for (var i = -_n; i <= _n; i++)
        {
            if (_random.NextBoolean(0.08)) continue;
            foreach (var run in Clip(i * _uSpacing, alongV: true, _m * _vSpacing)) yield return new(run, width, StreetKind.Local, _district);
        }

        for (var j = -_m; j <= _m; j++)
        {
            if (_random.NextBoolean(0.08)) continue;
            foreach (var run in Clip(j * _vSpacing, alongV: false, _n * _uSpacing)) yield return new(run, width, StreetKind.Local, _district);
        }
    }

    /// <summary>The district's blocks.</summary>
    public IEnumerable<CityBlock> Blocks()
    {
        const double kerb = 9;
        for (var i = -_n; i < _n; i++)
        for (var j = -_m; j < _m; j++)
        {
            PlanPoint[] outer =
            [
                At(i * _uSpacing, j * _vSpacing), At((i + 1) * _uSpacing, j * _vSpacing),
                At((i + 1) * _uSpacing, (j + 1) * _vSpacing), At(i * _uSpacing, (j + 1) * _vSpacing),
            ];
            if (!IsClear(outer)) continue;
            PlanPoint[] corners =
            [
                At((i * _uSpacing) + kerb, (j * _vSpacing) + kerb), At(((i + 1) * _uSpacing) - kerb, (j * _vSpacing) + kerb),
                At(((i + 1) * _uSpacing) - kerb, ((j + 1) * _vSpacing) - kerb), At((i * _uSpacing) + kerb, ((j + 1) * _vSpacing) - kerb),
            ];
            var isPark = ((corners[0] + corners[2]) * 0.5).DistanceTo(_park) < _parkRadius;
            var use = isPark ? BlockUse.Park : _random.NextBoolean(0.05) ? BlockUse.CarPark : BlockUse.Buildings;
            yield return new(corners, _district, use);
        }
    }

    private bool IsClear(PlanPoint[] corners)
    {
        foreach (var corner in corners)
        {
            if (_plan.DistrictOf(corner) != _district || _plan.DistanceToRiver(corner) < 22) return false;
        }

        return true;
    }

    /// <summary>A point of the grid; the bend moves both families of lines alike, so that blocks stay between their streets.</summary>
    private PlanPoint At(double u, double v) =>
        _centre + (_u * (u + (_bend * Math.Sin((v / 150) + _district)))) + (_v * (v + (_bend * Math.Sin((u / 170) + (2 * _district)))));

    private List<PathLine> Clip(double offset, bool alongV, double reach)
    {
        var runs = new List<PathLine>();
        var run = new List<PlanPoint>();
        var length = 0.0;
        for (var t = -reach; t <= reach + StepMetres; t += StepMetres)
        {
            var p = alongV ? At(offset, t) : At(t, offset);
            var inside = t <= reach && _plan.DistrictOf(p) == _district && _plan.DistanceToRiver(p) > 10;
            if (inside)
            {
                run.Add(p);
                length += StepMetres;
            }

            if (inside || run.Count == 0) continue;
            if (length >= 60) runs.Add(new PathLine(Thin(run)));
            run.Clear();
            length = 0;
        }

        return runs;
    }

    private static List<PlanPoint> Thin(List<PlanPoint> points)
    {
        var kept = new List<PlanPoint>((points.Count / 5) + 2);
        for (var i = 0; i < points.Count - 1; i += 5) kept.Add(points[i]);
        kept.Add(points[^1]);
        return kept;
    }
}
