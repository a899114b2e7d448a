using Twin.Grains.Spaces;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>What people report of one another; the owner keeps it.</summary>
internal sealed partial class SpaceHall
{
    /// <summary>Takes a report to the owner; false when too many wait. On the loop's thread; must not block.</summary>
    public Func<int, SpaceReport, bool>? Reported { get; set; }

    /// <summary>Someone reports another who is here.</summary>
    public void Report(HallSession from, ReportMessage report)
    {
        if (_people.GetValueOrDefault(report.Avatar) is not { } other || other == from) Refuse(from, SpaceMessageType.Report, "NotHere", "Whom to report is another who is here.");
        else if (!from.MayChat(Stage.Tick, TickHz)) Refuse(from, SpaceMessageType.Report, "TooMany", "At most two messages a second.");
        else
        {
            var index = Stage.Mirror.IndexOf(report.Avatar);
            var place = index < 0 ? default : Stage.Mirror.StateAt(index).Pose.PlaceMetres;
            if (Reported?.Invoke(from.Who.Avatar, new SpaceReport { By = from.Who.User, Of = other.Who.User, Words = report.Reason, X = place.X, Z = place.Z, Recording = KeepNewest() }) != true) Refuse(from, SpaceMessageType.Report, "Busy", "Too many reports wait; try again.");
        }
    }

    /// <summary>Tells the reporter what became of it.</summary>
    public bool TellReported(int avatar, string? problem, string words)
    {
        if (Find(avatar) is not { IsConnected: true } to) return false;
        if (problem is null) Send(to.Socket, new ModerationMessage("reported", words, 0).ToBytes());
        else Refuse(to, SpaceMessageType.Report, problem, words);
        return true;
    }
}
