using System.Numerics;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>People whom the silo itself moves: a crowd to begin with, an audience for a rehearsal. Called on the spaces' loop; must not block.</summary>
public interface IWalkOns
{
    /// <summary>How many, at most 5,000.</summary>
    int Count { get; }

    /// <summary>A shown name, at most 64 characters.</summary>
    string NameOf(int index);

    /// <summary>All go on by some seconds.</summary>
    void Step(double seconds);

    /// <summary>Where one is, metres in the space's frame, and its heading in radians from X towards Z; null while it is not in the space.</summary>
    (Vector2 Place, double Heading)? Find(int index);
}

/// <summary>Brings walk-ons into spaces of this silo.</summary>
public sealed class SpaceWalkOns
{
    private readonly SpaceDoor _door;
    private readonly SpaceKeeper _keeper;

    internal SpaceWalkOns(SpaceDoor door, SpaceKeeper keeper) => (_door, _keeper) = (door, keeper);

    /// <summary>Opens the space on this silo and brings the walk-ons in; does nothing where they are in already. They stay until the space closes.</summary>
    /// <param name="space">Its id.</param>
    /// <param name="crowd">Who they are.</param>
    /// <returns>False when there is no such space.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are more than 5,000.</exception>
    public async Task<bool> BringAsync(string space, IWalkOns crowd)
    {
        ArgumentNullException.ThrowIfNull(crowd);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(crowd.Count, 5_000, nameof(crowd));
        if (await _keeper.OpenAsync(space).ConfigureAwait(false) is not { } hall) return false;
        await _door.RunAsync(() => hall.Bring(crowd)).ConfigureAwait(false);
        return true;
    }
}

/// <summary>The walk-ons of a space: avatars without connections, held to the same rules, seen like all others.</summary>
internal sealed partial class SpaceHall
{
    /// <summary>Their numbers begin here: users' count up from 1.</summary>
    public const int FirstWalkOn = 1 << 23;

    private IWalkOns? _walkOns;
    private WalkOn[] _cast = [];

    /// <summary>Brings them in, once.</summary>
    public bool Bring(IWalkOns crowd)
    {
        if (_walkOns is not null) return false;
        (_walkOns, _cast) = (crowd, new WalkOn[crowd.Count]);
        var epoch = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 0; i < _cast.Length; i++)
        {
            var number = FirstWalkOn + i;
            _cast[i] = new WalkOn { Epoch = epoch };
            _names[number] = crowd.NameOf(i);
            RecordPerson(WhoIsWalkOn(number));
        }

        return true;
    }

    private Admitted WhoIsWalkOn(int number) => new(Id, number, "", _names[number], "guest", 0);

    private void MoveWalkOns()
    {
        if (_walkOns is not { } crowd || _isFrozen) return;
        crowd.Step(1.0 / TickHz);
        for (var i = 0; i < _cast.Length; i++)
        {
            ref var one = ref _cast[i];
            if (crowd.Find(i) is not var (place, heading))
            {
                if (one.IsHere) Leave(FirstWalkOn + i, ref one);
                continue;
            }

            var pose = AvatarPose.From(new Vector3(place.X, 0, place.Y), Quaternion.CreateFromAxisAngle(Vector3.UnitY, (float)heading));
            if (one.IsHere && pose == one.Pose) continue;
            if (!one.IsHere) Enter(FirstWalkOn + i, ref one, pose);
            else Say(FirstWalkOn + i, ref one, pose);
            one.Pose = pose;
        }
    }

    private void Enter(int number, ref WalkOn one, in AvatarPose pose)
    {
        one.Epoch++;
        one.Sequence = 0;
        one.IsHere = Stage.Enter(new Presence.AvatarState { Number = number, Epoch = one.Epoch, Pose = pose });
        if (_neighbours.Count > 0) _changed.Add(number);
    }

    private void Say(int number, ref WalkOn one, in AvatarPose pose)
    {
        var input = new AvatarInput(++one.Sequence, pose);
        if (Stage.Passed(number, one.Epoch, input, out _) != Presence.InputOutcome.Unknown || Stage.OwnerOf(number) is not (>= 0 and var owner)) return;
        foreach (var other in _neighbours.Values) if (other.Id == owner) other.Inputs.Add(new PassedInput(number, one.Epoch, input));
    }

    private void Leave(int number, ref WalkOn one)
    {
        one.IsHere = false;
        Stage.Remove(number, one.Epoch);
        if (_neighbours.Count > 0) _goneNews.Add(new PassedGone(number, one.Epoch));
    }

    private void TellOfWalkOns(bool isAll)
    {
        for (var i = 0; i < _cast.Length; i++)
        {
            var number = FirstWalkOn + i;
            if (_cast[i].IsHere && (isAll || (Stage.Tick + number) % GuestTicks == 0 || _changed.Contains(number))) _told.Add(new Grains.Spaces.SpaceGuest(number, _cast[i].Epoch, "", _names[number], "guest", 0, true));
        }
    }

    private struct WalkOn
    {
        public long Epoch;
        public ushort Sequence;
        public bool IsHere;
        public AvatarPose Pose;
    }
}
