namespace Twin.Presence;

/// <summary>Where a stage's frames go. Called on the stage's thread; must not block.</summary>
public interface IFrameSink
{
    /// <summary>Room for the next frame's body: at least <see cref="Viewer.MostFrameBytes"/>, so that the host can put its envelope in front without copying.</summary>
    Span<byte> Body { get; }

    /// <summary>The frame lies in <see cref="Body"/>.</summary>
    /// <param name="session">Whose.</param>
    /// <param name="length">Bytes of the body.</param>
    /// <returns>False when it could not be sent: the viewer's next frame starts anew.</returns>
    bool SendFrame(int session, int length);

    /// <summary>The crowd, for all sessions.</summary>
    void SendCrowd(ReadOnlySpan<byte> body);

    /// <summary>An avatar has entered a session's view for the first time: its name is to be told. May be called often; the host remembers what it has told.</summary>
    void Entered(int session, int number);
}
