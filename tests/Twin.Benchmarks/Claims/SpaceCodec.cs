using System.Diagnostics;
using System.Numerics;
using System.Text.Json.Nodes;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Benchmarks.Claims;

/// <summary>
/// <c>spaces.encode</c>: what does one avatar's update for one viewer cost to encode? Above 30 ns, 3,000 clients with 20 neighbours at 20 Hz would leave the sockets too little of a core.
/// <c>spaces.bytes</c>: what does a client with 20 neighbours at 20 Hz receive, and how true is it? Above 3 kB/s, phones in a full arena would suffer.
/// <c>spaces.crowd</c>: how long is a tick of 10,000 avatars that all watch? Above 50 ms, one core could not hold 20 Hz.
/// </summary>
internal static class SpaceCodec
{
    private static readonly InterestRules PeerInterest = new() { NearRadiusMetres = 16, NearLimit = 255, MiddleLimit = 0, MiddleRadiusMetres = 0 };

    public static readonly Claim Encode = new("spaces.encode", "ns", LowerIsBetter: true, Pinned: false, run => Task.FromResult(TimeEncode(run)));

    public static readonly Claim Bytes = new("spaces.bytes", "B/s", LowerIsBetter: true, Pinned: false, run => Task.FromResult(CountBytes(run)));

    public static readonly Claim Crowd = new("spaces.crowd", "ms", LowerIsBetter: true, Pinned: false, run => Task.FromResult(TimeCrowd(run)));

    private static Figure TimeEncode(ClaimRun run)
    {
        var count = run.Count(3000, 500);
        var walkers = new SpaceWalkers(1, count, SpaceWalkers.SideFor(count, 20), PeerInterest, isWatched: false);
        var (times, looks, advances, updates) = (new List<double>(), new List<double>(), new List<double>(), 0L);
        long allocated = 0;
        for (var tick = 0; tick < run.Count(400, 100); tick++)
        {
            walkers.Walk();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var started = Stopwatch.GetTimestamp();
            walkers.Stage.Advance();
            var between = Stopwatch.GetTimestamp();
            walkers.Stage.LookAround(0, walkers.Stage.SessionEnd);
            var looked = Stopwatch.GetTimestamp();
            walkers.Stage.WriteFrames(0, walkers.Stage.SessionEnd, walkers);
            var ended = Stopwatch.GetTimestamp();
            if (tick < 60) continue;
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            updates = 0;
            for (var s = 0; s < walkers.Stage.SessionEnd; s++) updates += walkers.Stage.ViewerOf(s)!.Seen;
            times.Add((Stopwatch.GetElapsedTime(started, between) + Stopwatch.GetElapsedTime(looked, ended)).TotalNanoseconds / updates);
            advances.Add(Stopwatch.GetElapsedTime(started, between).TotalMilliseconds);
            looks.Add(Stopwatch.GetElapsedTime(between, looked).TotalNanoseconds / updates);
        }

        times.Sort();
        looks.Sort();
        advances.Sort();
        return new Figure(times[times.Count / 2], new JsonObject
        {
            ["allocatedPerTick"] = allocated / (double)times.Count, ["avatars"] = count, ["updatesPerTick"] = updates, ["neighbours"] = Math.Round(updates / (double)count, 1),
            ["advanceMs"] = Math.Round(advances[advances.Count / 2], 3), ["interestNs"] = Math.Round(looks[looks.Count / 2], 1), ["includes"] = "rules, encoding, grid, frames; interest, each 4th tick, is told apart",
        });
    }

    private static Figure CountBytes(ClaimRun run)
    {
        var count = run.Count(1000, 200);
        var walkers = new SpaceWalkers(2, count, SpaceWalkers.SideFor(count, 20), PeerInterest, isWatched: true);
        double worstPlace = 0, worstTurn = 0;
        long bytes = 0, frames = 0, seen = 0, ticks = 0;
        for (var tick = 0; tick < run.Count(400, 120); tick++)
        {
            walkers.Walk();
            walkers.Stage.Advance();
            var (b, f) = (walkers.Bytes, walkers.Frames);
            walkers.Stage.LookAround(0, walkers.Stage.SessionEnd);
            walkers.Stage.WriteFrames(0, walkers.Stage.SessionEnd, walkers);
            if (tick < 40) continue;
            (bytes, frames, ticks) = (bytes + walkers.Bytes - b, frames + walkers.Frames - f, ticks + 1);
            for (var i = 0; i < count; i++)
            {
                var view = walkers.ViewOf(i);
                for (var slot = 0; slot < view.SlotEnd; slot++)
                {
                    if (view.NumberAt(slot) < 0) continue;
                    seen++;
                    var pose = view.ShadowAt(slot).Pose;
                    var (place, rotation) = walkers.Poses[view.NumberAt(slot)];
                    worstPlace = Math.Max(worstPlace, Vector3.Distance(pose.PlaceMetres, place));
                    worstTurn = Math.Max(worstTurn, Angle(RotationCode.ToQuaternion(pose.Rotation), rotation));
                }
            }
        }

        return new Figure(bytes / (double)count / ticks * 20, new JsonObject
        {
            ["positionErrorMm"] = Math.Round(worstPlace * 1000, 2), ["rotationErrorDeg"] = Math.Round(worstTurn, 3), ["neighbours"] = Math.Round(seen / (double)count / ticks, 1),
            ["framesPerS"] = Math.Round(frames / (double)count / ticks * 20, 2), ["counts"] = "message, envelope and WebSocket header",
        });
    }

    private static double Angle(Quaternion a, Quaternion b)
    {
        var between = Quaternion.Normalize(a) * Quaternion.Conjugate(Quaternion.Normalize(b));
        return 2 * Math.Atan2(new Vector3(between.X, between.Y, between.Z).Length(), Math.Abs(between.W)) * 180 / Math.PI;
    }

    private static Figure TimeCrowd(ClaimRun run)
    {
        var count = run.Count(10_000, 1000);
        var interest = new InterestRules { NearRadiusMetres = 16, NearLimit = 32, MiddleRadiusMetres = 48, MiddleLimit = 64 };
        var side = 200 * Math.Sqrt(count / 10_000.0);
        var times = new List<double>();
        var timed = new SpaceWalkers(3, count, side, interest, isWatched: false);
        for (var tick = 0; tick < run.Count(300, 60); tick++)
        {
            var started = Stopwatch.GetTimestamp();
            timed.Walk(); // the inputs, held to the rules, are part of a tick
            timed.Stage.Advance();
            if (tick % 20 == 0) timed.Stage.Crowd();
            timed.Stage.LookAround(0, timed.Stage.SessionEnd);
            timed.Stage.WriteFrames(0, timed.Stage.SessionEnd, timed);
            if (tick >= 40) times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        var (wrong, views) = CheckViews(run, new SpaceWalkers(3, count, side, interest, isWatched: true), interest);
        times.Sort();
        return new Figure(times[times.Count / 2], new JsonObject
        {
            ["wrongViews"] = wrong, ["views"] = views, ["avatars"] = count, ["p99Ms"] = Math.Round(times[times.Count * 99 / 100], 2), ["nearLimit"] = interest.NearLimit, ["middleLimit"] = interest.MiddleLimit,
            ["bytesPerClientS"] = Math.Round(timed.Bytes / (double)timed.Frames * 20),
        });
    }

    private static (int Wrong, int Views) CheckViews(ClaimRun run, SpaceWalkers walkers, InterestRules interest)
    {
        var (wrong, views) = (0, 0);
        for (var tick = 0; tick < run.Count(64, 40); tick++)
        {
            walkers.Walk();
            walkers.Stage.Advance();
            walkers.Stage.LookAround(0, walkers.Stage.SessionEnd);
            walkers.Stage.WriteFrames(0, walkers.Stage.SessionEnd, walkers);
            if (tick < 30 || tick % 3 != 0) continue;
            for (var i = 0; i < walkers.Poses.Length; i++)
            {
                if ((walkers.Stage.Tick + i) % interest.LookEveryTicks != 0) continue; // it looked in this tick: exact
                views++;
                if (!IsRight(walkers, i, interest)) wrong++;
            }
        }

        return (wrong, views);
    }

    /// <summary>Against all avatars, one by one: whom the viewer is told of are the nearest, up to the hysteresis, and where it believes them to be they are.</summary>
    private static bool IsRight(SpaceWalkers walkers, int viewer, InterestRules interest)
    {
        var (view, mirror) = (walkers.ViewOf(viewer), walkers.Stage.Mirror);
        var rings = new Dictionary<int, ViewRing>();
        for (var slot = 0; slot < view.SlotEnd; slot++)
        {
            if (view.NumberAt(slot) < 0) continue;
            rings.Add(view.NumberAt(slot), view.RingAt(slot));
            if (view.RingAt(slot) == ViewRing.Near && !view.IsPausedAt(slot) && view.ShadowAt(slot).Pose != mirror.StateAt(mirror.IndexOf(view.NumberAt(slot))).Pose) return false;
        }

        ref readonly var me = ref mirror.StateAt(mirror.IndexOf(viewer)).Pose;
        var (nears, middles, farNear, farMiddle, missedNear, missedMiddle) = (0, 0, 0.0, 0.0, double.MaxValue, double.MaxValue);
        for (var other = 0; other < walkers.Poses.Length; other++)
        {
            if (other == viewer) continue;
            ref readonly var pose = ref mirror.StateAt(mirror.IndexOf(other)).Pose;
            double dx = pose.X - me.X, dz = pose.Z - me.Z;
            var metres = Math.Sqrt((dx * dx) + (dz * dz)) / AvatarPose.StepsPerMetre;
            var isKnown = rings.TryGetValue(other, out var ring);
            if (isKnown && ring == ViewRing.Near) (nears, farNear) = (nears + 1, Math.Max(farNear, metres));
            else missedNear = Math.Min(missedNear, metres);
            if (isKnown && ring == ViewRing.Middle) (middles, farMiddle) = (middles + 1, Math.Max(farMiddle, metres));
            else if (!isKnown) missedMiddle = Math.Min(missedMiddle, metres);
        }

        var h = interest.Hysteresis * 1.0001;
        return nears <= interest.NearLimit && middles <= interest.MiddleLimit && farNear <= interest.NearRadiusMetres * h && farMiddle <= interest.MiddleRadiusMetres * h
            && (nears < interest.NearLimit ? missedNear > interest.NearRadiusMetres / 1.0001 : missedNear * h >= farNear || missedNear > interest.NearRadiusMetres)
            && (middles < interest.MiddleLimit ? missedMiddle > interest.MiddleRadiusMetres / 1.0001 : missedMiddle * h >= farMiddle || missedMiddle > interest.MiddleRadiusMetres);
    }
}
