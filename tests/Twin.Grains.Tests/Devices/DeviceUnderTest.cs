using System.Threading.Channels;
using Orleans.Runtime;
using Twin.Grains.Devices;
using Twin.Pipelines.Tests;

namespace Twin.Grains.Tests.Devices;

/// <summary>One device's owner over stores, a link and a clock the test controls; calls take turns as they do in a grain.</summary>
internal sealed class DeviceUnderTest
{
    public const string Hash = "v1:hash";
    private readonly TaskScheduler _turns = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
    private DeviceOwner _owner = null!;

    public DeviceUnderTest() => Restart();

    public ManualTime Clock { get; } = new();

    public FakeStore<DeviceState> State { get; } = new(new DeviceState());

    public FakeStore<CommandBook> Book { get; } = new(new CommandBook());

    public FakeLink Link { get; } = new();

    public int Listed { get; private set; }

    /// <summary>The owner is gone without a word and comes again from what is stored.</summary>
    public void Restart()
    {
        var (state, book) = (State.Reopen(), Book.Reopen());
        _owner = new DeviceOwner("pump-1", state, book, Clock, () =>
        {
            Listed++;
            return Task.FromResult(true);
        });
    }

    public Task<T> Do<T>(Func<DeviceOwner, Task<T>> call) => Task.Factory.StartNew(() => call(_owner), CancellationToken.None, TaskCreationOptions.None, _turns).Unwrap();

    public Task Do(Func<DeviceOwner, Task> call) => Task.Factory.StartNew(() => call(_owner), CancellationToken.None, TaskCreationOptions.None, _turns).Unwrap();

    public Task<T> Ask<T>(Func<DeviceOwner, T> call) => Task.Factory.StartNew(() => call(_owner), CancellationToken.None, TaskCreationOptions.None, _turns);

    public Task<DeviceStatus> StatusAsync() => Ask(o => o.GetStatus());

    public async Task<DeviceUnderTest> RegisterAsync()
    {
        Assert.True(await Do(o => o.RegisterAsync("pump-1", Hash, TimeSpan.FromMinutes(5))));
        return this;
    }

    public async Task<DeviceUnderTest> ConnectAsync(long session = 1)
    {
        Assert.Equal(new DeviceConnection(true, 0), await Do(o => o.ConnectedAsync(Link, "door", session)));
        return this;
    }

    public Task<DeviceCommandReply> Invoke(string key = "", string command = "go", byte[]? payload = null, double seconds = 10) =>
        Do(o => o.InvokeAsync(command, payload ?? [], TimeSpan.FromSeconds(seconds), key));

    public Task Reply(string correlation, int code = 200, byte[]? payload = null) => Do(o => o.ReplyAsync(correlation, code, payload ?? "1"u8.ToArray()));
}

/// <summary>Stored state with an ETag, as a real store has it: a writer that has not read the last write is refused.</summary>
internal sealed class FakeStore<T>(T initial) where T : class
{
    private (T Value, int Version) _stored = (initial, 0);
    private int _writing;

    public T Stored => _stored.Value;

    public int Writes { get; private set; }

    /// <summary>Writes fail before the store has them.</summary>
    public bool IsDown { get; set; }

    /// <summary>The next write reaches the store, and its answer is lost.</summary>
    public bool LosesAnswer { get; set; }

    /// <summary>Set: writes wait for it.</summary>
    public TaskCompletionSource? Gate { get; set; }

    /// <summary>Writes that came, the ones that wait at the gate too.</summary>
    public int Begun { get; private set; }

    public IPersistentState<T> Reopen() => new Opened(this);

    private sealed class Opened : IPersistentState<T>
    {
        private readonly FakeStore<T> _store;
        private int _version;

        public Opened(FakeStore<T> store) => (_store, State, _version) = (store, store._stored.Value, store._stored.Version);

        public T State { get; set; }

        public string? Etag => _version.ToString();

        public bool RecordExists => _version > 0;

        public Task ReadStateAsync()
        {
            (State, _version) = _store._stored;
            return Task.CompletedTask;
        }

        public async Task WriteStateAsync()
        {
            Assert.Equal(1, ++_store._writing); // one writer
            _store.Begun++;
            try
            {
                var value = State;
                if (_store.Gate is { } gate) await gate.Task;
                if (_store.IsDown) throw new IOException("The store is down.");
                if (_version != _store._stored.Version) throw new InvalidOperationException($"The store has version {_store._stored.Version}, the writer {_version}.");
                _store._stored = (value, _version + 1);
                _store.Writes++;
                if (_store.LosesAnswer)
                {
                    _store.LosesAnswer = false;
                    throw new TimeoutException("No answer.");
                }

                _version++;
            }
            finally
            {
                _store._writing--;
            }
        }

        public Task ClearStateAsync() => throw new NotSupportedException();
    }
}

/// <summary>A gateway's end of a session.</summary>
internal sealed class FakeLink : IDeviceLink
{
    private readonly Channel<(string Command, string Correlation)> _commands = Channel.CreateUnbounded<(string, string)>();
    private readonly Channel<(string Json, long Version)> _desired = Channel.CreateUnbounded<(string, long)>();

    public int Sent { get; private set; }

    /// <summary>Does the device subscribe?</summary>
    public bool Listens { get; set; } = true;

    /// <summary>Set: calls fail with it.</summary>
    public Exception? Fault { get; set; }

    /// <summary>Calls never end.</summary>
    public bool Hangs { get; set; }

    public async Task<(string Command, string Correlation)> CommandAsync() => await _commands.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));

    public async Task<(string Json, long Version)> DesiredAsync() => await _desired.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10));

    public bool HasDesired => _desired.Reader.Count > 0;

    public async Task<bool> SendCommandAsync(string deviceId, string command, string correlationId, byte[] payload)
    {
        if (!await AnswerAsync()) return false;
        Sent++;
        _commands.Writer.TryWrite((command, correlationId));
        return true;
    }

    public async Task<bool> SendDesiredAsync(string deviceId, string desiredJson, long version)
    {
        if (!await AnswerAsync()) return false;
        _desired.Writer.TryWrite((desiredJson, version));
        return true;
    }

    public int Dropped { get; private set; }

    public async Task<bool> DropAsync(string deviceId)
    {
        if (!await AnswerAsync()) return false;
        Dropped++;
        return true;
    }

    private Task<bool> AnswerAsync()
    {
        if (Fault is { } fault) return Task.FromException<bool>(fault);
        return Hangs ? new TaskCompletionSource<bool>().Task : Task.FromResult(Listens);
    }
}
