using Twin.Gateway.Spaces.Sockets;

namespace Twin.Gateway.Spaces;

/// <summary>Those who open a socket and never say hello: they go after ten seconds, however often they answer pings.</summary>
internal sealed partial class SpaceDoor
{
    private const int HelloSeconds = 10;
    private readonly List<SocketId> _silent = [];
    private long _looked;

    /// <summary>Four times a second.</summary>
    private void LetSilentGo(long now)
    {
        if (_waiting.Count == 0 || now - _looked < _clock.TimestampFrequency / 4) return;
        _looked = now;
        foreach (var (id, waiting) in _waiting) if (now - waiting.Since > HelloSeconds * _clock.TimestampFrequency) _silent.Add(id);
        foreach (var id in _silent)
        {
            _waiting.Remove(id);
            Loop.Close(id, 4408, "no hello within 10 s");
        }

        _silent.Clear();
    }
}
