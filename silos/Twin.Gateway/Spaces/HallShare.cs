using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Twin.Grains.Spaces;
using Twin.Presence;
using Twin.Wire.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>An input on its way to the stage that owns the avatar.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PassedInput(int Number, long Epoch, AvatarInput Input);

/// <summary>An input that its avatar's owner has refused.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PassedRefusal(int Number, long Epoch, ushort Sequence, CorrectionCause Cause);

/// <summary>An avatar whose user has left.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PassedGone(int Number, long Epoch);

/// <summary>Another silo that has the space open.</summary>
internal sealed class HallNeighbour(int id, string silo, ISpacePeer peer, long now)
{
    /// <summary>0 to 126, of this hall.</summary>
    public int Id { get; } = id;

    /// <summary>Its name.</summary>
    public string Silo { get; } = silo;

    /// <summary>Its spaces.</summary>
    public ISpacePeer Peer { get; set; } = peer;

    /// <summary>When it was last heard, a timestamp; before that, when it became known.</summary>
    public long HeardAt { get; set; } = now;

    /// <summary>Whether it has been heard and is not silent.</summary>
    public bool IsAlive { get; set; }

    /// <summary>Whether it is to be told everything.</summary>
    public bool IsNew { get; set; } = true;

    /// <summary>Inputs for avatars that it owns.</summary>
    public List<PassedInput> Inputs { get; } = [];
}

/// <summary>Someone of another silo. Of the loop's thread.</summary>
internal sealed class HallGuest(Admitted who)
{
    /// <summary>Who.</summary>
    public Admitted Who { get; set; } = who;

    /// <summary>The session's.</summary>
    public long Epoch { get; set; }

    /// <summary>Whose guest.</summary>
    public int Home { get; set; }

    /// <summary>Whether it has a connection there.</summary>
    public bool IsConnected { get; set; }

    /// <summary>When its silo last told of it, in ticks.</summary>
    public long HeardTick { get; set; }

    /// <summary>Its state channels.</summary>
    public Dictionary<int, ReadOnlyMemory<byte>> Channels { get; } = [];
}

/// <summary>Who owns a cell: the highest of the silos' weights for it (rendezvous hashing), so that silos that know the same silos agree without asking, and one that goes leaves the others' cells where they are.</summary>
internal static class CellWeights
{
    /// <summary>The weight of a silo for a cell of a space.</summary>
    public static ulong Of(string silo, string space, int cell) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{silo}/{space}/{cell}")));
}
