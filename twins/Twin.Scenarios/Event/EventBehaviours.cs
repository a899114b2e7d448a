using Twin.Model;
using Twin.Scenarios.Behaviours;

namespace Twin.Scenarios.Event;

/// <summary>How loud it is on the stage: songs of four minutes with a pause, quiet beginnings and loud ends; a function of the time alone, so that all devices agree.</summary>
internal static class Programme
{
    private const double SongSeconds = 240;
    private const double PauseSeconds = 25;
    private static readonly string[] Songs = ["Overture", "North wind", "Paper boats", "Meridian", "Glass hour", "Rooftops", "Slow tide", "Encore"];

    public static double Loudness(WallTime now)
    {
        var at = Seconds(now) % (SongSeconds + PauseSeconds);
        if (at > SongSeconds) return 0;
        return Math.Min(1, 0.45 + (0.5 * at / SongSeconds) + (0.12 * Math.Sin(at / 9)));
    }

    public static string Song(WallTime now) => Loudness(now) == 0 ? "" : Songs[(int)(Seconds(now) / (SongSeconds + PauseSeconds)) % Songs.Length];

    private static double Seconds(WallTime now) => now.ToUnixMilliseconds() / 1e3;
}

internal sealed class StageBehaviour : IDeviceBehaviour
{
    private string? _song;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var loud = Programme.Loudness(now);
        output.Add("power", 22 + (85 * loud) + random.NextNormal(), 1);
        output.Add("smoke", Math.Clamp((60 * loud) + (8 * random.NextNormal()), 0, 100), 0);
        if (Programme.Song(now) is var song && song != _song) output.Add("song", _song = song);
    }
}

internal sealed class ScreenBehaviour : IDeviceBehaviour
{
    private double _celsius = 38;
    private bool _isTold;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var loud = Programme.Loudness(now);
        _celsius += (30 + (25 * loud) - _celsius) * (1 - Math.Exp(-elapsed.TotalSeconds / 90));
        output.Add("brightness", 55 + (40 * loud), 0);
        output.Add("temperature", _celsius + (0.2 * random.NextNormal()), 1);
        if (_isTold) return;
        _isTold = true;
        output.Add("on", true);
        output.Add(Alarm.Property, Alarm.None);
    }
}

internal sealed class SpeakerBehaviour : IDeviceBehaviour
{
    private double _celsius = 40;
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var loud = Programme.Loudness(now);
        _celsius += (24 + (46 * loud) - _celsius) * (1 - Math.Exp(-elapsed.TotalSeconds / 60));
        output.Add("power", (9.5 * loud * loud) + (0.1 * random.NextDouble()), 2);
        output.Add("temperature", _celsius + (0.2 * random.NextNormal()), 1);
        var alarm = _celsius > 69 ? Alarm.Warning : Alarm.None;
        if (alarm != _alarm) output.Add(Alarm.Property, _alarm = alarm);
    }
}

internal sealed class BarBehaviour : IDeviceBehaviour
{
    private int _served;
    private double _queue = 3;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var isPause = Programme.Loudness(now) < 0.5;
        var served = Math.Min((int)_queue, random.NextPoisson(elapsed.TotalSeconds / 22));
        _queue = Math.Max(0, _queue - served + random.NextPoisson(elapsed.TotalSeconds / (isPause ? 14 : 27)));
        _served += served;
        output.Add("served", _served);
        output.Add("queue", (long)_queue);
        output.Add("waiting", _queue * 22, 0);
    }
}

internal sealed class GateBehaviour : IDeviceBehaviour
{
    private int _entered = 180;
    private int _left;
    private double _flow = 12;
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var came = random.NextPoisson(elapsed.TotalSeconds / 5);
        _entered += came;
        _left = Math.Min(_entered, _left + random.NextPoisson(elapsed.TotalSeconds / 7));
        if (elapsed > TimeSpan.Zero) _flow += ((came / elapsed.TotalMinutes) - _flow) * (1 - Math.Exp(-elapsed.TotalSeconds / 60));
        output.Add("entered", _entered);
        output.Add("left", _left);
        output.Add("flow", _flow, 1);
        var alarm = _flow > 25 ? Alarm.Warning : Alarm.None;
        if (alarm != _alarm) output.Add(Alarm.Property, _alarm = alarm);
    }
}

/// <summary>A level in dB(A): the stage's, less 20 log10 of the distance, the crowd's at least; the average is an equivalent level over half a minute.</summary>
internal sealed class SoundBehaviour(double metres) : IDeviceBehaviour
{
    private double _energy = double.NaN;
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var loud = Programme.Loudness(now);
        var music = loud > 0 ? 126 + (20 * Math.Log10(loud)) - (20 * Math.Log10(Math.Max(4, metres))) : 0;
        var level = (10 * Math.Log10(Math.Pow(10, music / 10) + Math.Pow(10, 7.2))) + random.NextNormal();
        var energy = Math.Pow(10, level / 10);
        _energy = double.IsNaN(_energy) ? energy : _energy + ((energy - _energy) * (1 - Math.Exp(-elapsed.TotalSeconds / 30)));
        var average = 10 * Math.Log10(_energy);
        output.Add("level", level, 1);
        output.Add("average", average, 1);
        var alarm = average > 99 ? Alarm.Critical : average > 95 ? Alarm.Warning : Alarm.None; // the German limit of DIN 15905-5 is 99 dB
        if (alarm != _alarm) output.Add(Alarm.Property, _alarm = alarm);
    }
}

internal sealed class GeneratorBehaviour : IDeviceBehaviour
{
    private double _fuel = 92;
    private string? _alarm;

    public void Step(WallTime now, TimeSpan elapsed, ref SeededRandom random, List<Assignment> output)
    {
        var power = 35 + (55 * Programme.Loudness(now)) + random.NextNormal();
        _fuel -= power * elapsed.TotalHours * 0.12;
        if (_fuel < 8) _fuel = 95; // the tanker came
        output.Add("power", power, 1);
        output.Add("fuel", _fuel, 2);
        var alarm = _fuel < 15 ? Alarm.Warning : Alarm.None;
        if (alarm != _alarm) output.Add(Alarm.Property, _alarm = alarm);
    }
}
