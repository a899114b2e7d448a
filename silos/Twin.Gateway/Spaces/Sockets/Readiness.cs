using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Twin.Gateway.Spaces.Sockets;

/// <summary>
/// Which descriptors have something, and a wake from other threads. Edge-triggered epoll with an eventfd on Linux; elsewhere only the wake
/// (no descriptor can be added there). One thread waits; <see cref="Wake"/> is for all. Hot.
/// </summary>
internal sealed unsafe class Readiness : IDisposable
{
    /// <summary>Descriptors told in one wait.</summary>
    public const int MostHappenings = 1024;
    private const ulong WakeToken = ulong.MaxValue;

    // The kernel packs the structure on x86-64 only.
    private static readonly int Stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int TokenAt = Stride - 8;
    private static bool _hasExactWait = true;

    private readonly byte[] _happenings = GC.AllocateArray<byte>(MostHappenings * 16, pinned: true);
    private readonly byte* _first;
    private readonly int _epoll = -1;
    private readonly int _wake = -1;
    private readonly AutoResetEvent? _event;

    /// <exception cref="Win32Exception">No descriptors are left.</exception>
    public Readiness()
    {
        _first = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_happenings, 0);
        if (!IsNative)
        {
            _event = new AutoResetEvent(false);
            return;
        }

        _epoll = LinuxCalls.EpollCreate(LinuxCalls.CloseOnExec);
        if (_epoll < 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "epoll_create1");
        _wake = LinuxCalls.EventDescriptor(0, LinuxCalls.CloseOnExec | LinuxCalls.NonBlocking);
        if (_wake < 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "eventfd");
        if (!Set(LinuxCalls.Add, _wake, LinuxCalls.In, WakeToken)) throw new Win32Exception(Marshal.GetLastPInvokeError(), "epoll_ctl");
    }

    /// <summary>True where sockets can be followed.</summary>
    public static bool IsNative { get; } = OperatingSystem.IsLinux();

    /// <summary>Follows a descriptor; false when the system refuses.</summary>
    public bool Add(int descriptor, uint events, ulong token) => Set(LinuxCalls.Add, descriptor, events, token);

    /// <summary>Follows it no longer. Not needed before it is closed.</summary>
    public void Remove(int descriptor) => Set(LinuxCalls.Remove, descriptor, 0, 0);

    /// <summary>Waits until something happened or the time is over; how many happenings <see cref="At"/> tells.</summary>
    public int Wait(long nanoseconds)
    {
        if (!IsNative)
        {
            WaitForWake(nanoseconds);
            return 0;
        }

        return Math.Max(0, nanoseconds == 0 ? LinuxCalls.EpollWait(_epoll, _first, MostHappenings, 0) : WaitExactly(nanoseconds));
    }

    /// <summary>One happening. False for the wake itself, which is taken back by this.</summary>
    public bool At(int index, out ulong token, out uint events)
    {
        var happening = _first + (index * Stride);
        events = *(uint*)happening;
        token = *(ulong*)(happening + TokenAt);
        if (token != WakeToken) return true;
        TakeWake();
        return false;
    }

    /// <summary>Waits for a wake only; the sockets can go on collecting.</summary>
    public void WaitForWake(long nanoseconds)
    {
        if (!IsNative)
        {
            _event!.WaitOne((int)Math.Min((nanoseconds + 999_999) / 1_000_000, 60_000));
            return;
        }

        var timeout = LinuxCalls.Timespec.Of(nanoseconds);
        var entry = new LinuxCalls.PollEntry { Descriptor = _wake, Events = (short)LinuxCalls.In };
        if (LinuxCalls.Poll(&entry, 1, &timeout, null) > 0) TakeWake();
    }

    /// <summary>Ends the present wait, or the next.</summary>
    public void Wake()
    {
        if (!IsNative)
        {
            _event!.Set();
            return;
        }

        var one = 1UL;
        _ = LinuxCalls.Write(_wake, &one, sizeof(ulong));
    }

    private int WaitExactly(long nanoseconds)
    {
        if (_hasExactWait)
        {
            try
            {
                var timeout = LinuxCalls.Timespec.Of(nanoseconds);
                return LinuxCalls.EpollWaitExact(_epoll, _first, MostHappenings, &timeout, null);
            }
            catch (EntryPointNotFoundException)
            {
                _hasExactWait = false;
            }
        }

        return LinuxCalls.EpollWait(_epoll, _first, MostHappenings, (int)Math.Min((nanoseconds + 999_999) / 1_000_000, 60_000));
    }

    private void TakeWake()
    {
        ulong count;
        _ = LinuxCalls.Read(_wake, &count, sizeof(ulong));
    }

    private bool Set(int operation, int descriptor, uint events, ulong token)
    {
        var happening = stackalloc byte[16];
        *(uint*)happening = events;
        *(ulong*)(happening + TokenAt) = token;
        return LinuxCalls.EpollControl(_epoll, operation, descriptor, happening) == 0;
    }

    public void Dispose()
    {
        _event?.Dispose();
        if (_wake >= 0) _ = LinuxCalls.Close(_wake);
        if (_epoll >= 0) _ = LinuxCalls.Close(_epoll);
    }
}
