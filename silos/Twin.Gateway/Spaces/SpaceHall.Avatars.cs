using Twin.Grains.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>What the owners of avatars ask of the silo that has their connection.</summary>
internal sealed partial class SpaceHall
{
    /// <summary>Told of each who was sent out by an order.</summary>
    public Action<HallSession>? SentOut { get; set; }

    /// <summary>Where an avatar is whose connection is, or for a moment was, here.</summary>
    public AvatarPlace? WhereIs(int avatar)
    {
        if (!_people.TryGetValue(avatar, out var session) || Stage.Mirror.IndexOf(avatar) is not (>= 0 and var index)) return null;
        var place = Stage.Mirror.StateAt(index).Pose.PlaceMetres;
        return new AvatarPlace(place.X, place.Y, place.Z, session.IsConnected);
    }

    /// <summary>An avatar has another name or figure: who knew the old one is told with the next tick, other silos with the next batch.</summary>
    public bool Dress(int avatar, string? name, string appearance)
    {
        if (!_people.TryGetValue(avatar, out var session)) return false;
        session.Who = session.Who with { Name = name ?? session.Who.Name, Appearance = appearance };
        TellAgain(avatar);
        _changed.Add(avatar);
        RecordPerson(session.Who);
        return true;
    }
}
