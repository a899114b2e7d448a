using System.Net;
using System.Net.Sockets;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>Where a connection is in its life.</summary>
internal enum ConnectionState : byte
{
    /// <summary>The place is free.</summary>
    Free,

    /// <summary>The request head is being read.</summary>
    Handshake,

    /// <summary>Messages go both ways.</summary>
    Open,

    /// <summary>We sent a close frame and wait for the client's.</summary>
    Closing,

    /// <summary>Everything was said; what still comes is thrown away, so that the last words are not lost to a reset.</summary>
    Lingering,

    /// <summary>The descriptor is closed; the place is given back after the handler knows.</summary>
    Gone,
}

/// <summary>One place of the loop's slab. Belongs to the loop's thread.</summary>
internal struct Connection
{
    public int Descriptor;
    public int Generation;
    public ConnectionState State;
    public bool IsAgain; // is in the list of those to be read again
    public bool IsTold; // the handler took it and does not know of its end yet
    public bool WillShut; // half-close once everything queued has gone
    public bool IsPinged;
    public byte AssemblyOpcode;
    public long Heard;
    public long Deadline;

    public byte[]? Kept; // the beginning of a frame whose end has not come
    public int KeptBytes;
    public byte[]? Assembly; // the fragments of a message so far
    public int AssemblyBytes;
    public byte[]? Queue; // what the system did not take
    public int QueueStart;
    public int QueueEnd;

    public Socket? Socket;
    public BridgedSocket? Bridge;
    public IPAddress? Remote;

    public readonly int QueuedBytes => QueueEnd - QueueStart;
}
