using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Presence.Tests;

/// <summary>What the client of one who watches a recording knows, against the space as it was.</summary>
public class SpectatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void However_one_seeks_and_stands_still_each_avatar_is_seen_where_it_was(int seed)
    {
        var (random, truth) = (new Random(seed), new Dictionary<(long Tick, int Number), AvatarPose>());
        var replay = new SpaceReplay(Recorded(seed, truth));
        var (eye, client, body, told) = (new SpaceSpectator(replay) { X = 20 * AvatarPose.StepsPerMetre, Z = 20 * AvatarPose.StepsPerMetre }, new ClientView(), new byte[Viewer.MostFrameBytes], 0);
        for (var turn = 0; turn < 300; turn++)
        {
            if (random.Next(3) == 0) replay.Seek(Math.Clamp(replay.Tick + random.Next(-20, 30), 0, replay.LastTick));
            else if (random.Next(4) > 0) replay.Step(); // else it stands still and the eye moves
            eye.X = random.Next(10, 30) * AvatarPose.StepsPerMetre;
            client.Apply(body.AsSpan(0, eye.Write(body)));
            Assert.Equal((ushort)replay.Tick, (ushort)client.Tick);
            for (var slot = 0; slot < client.SlotEnd; slot++)
            {
                if (client.NumberAt(slot) < 0 || client.RingAt(slot) != ViewRing.Near || client.IsPausedAt(slot) || !truth.TryGetValue((replay.Tick, client.NumberAt(slot)), out var was)) continue;
                Assert.Equal(was, client.ShadowAt(slot).Pose);
                told++;
            }
        }

        Assert.True(told > 1_000, $"only {told} were seen");
    }

    /// <summary>Walkers for two hundred ticks, and where they were.</summary>
    private static List<SpaceChunk> Recorded(int seed, Dictionary<(long Tick, int Number), AvatarPose> truth)
    {
        var (world, chunks) = (new Worlds(seed, Worlds.Rules(40)), new List<byte[]>());
        using var recorder = new SpaceRecorder(world.Stage, "yard", TimeProvider.System, chunkSeconds: 4) { Finished = chunks.Add };
        for (var i = 0; i < 40; i++) world.Join(at: new Vector3(10 + (i % 20), 0, 20));
        for (var tick = 0; tick < 200; tick++)
        {
            world.Step();
            recorder.EndTick();
            var mirror = world.Stage.Mirror;
            for (var index = 0; index < mirror.End; index++) if (mirror.IsHere(index)) truth[(world.Stage.Tick, mirror.NumberAt(index))] = mirror.StateAt(index).Pose;
        }

        recorder.Cut();
        return SpaceChunk.ReadAll(chunks.SelectMany(c => c).ToArray());
    }
}
