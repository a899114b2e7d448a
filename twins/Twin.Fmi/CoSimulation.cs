using System.Globalization;

namespace Twin.Fmi;

/// <summary>In which order models are stepped, and so how old their inputs are.</summary>
public enum CouplingOrder
{
    /// <summary>All at once, each with what the others gave out at the step's beginning. Models of one step run at the same time.</summary>
    Jacobi,

    /// <summary>One after another in the order given, each with what those before it give out at the step's end.</summary>
    GaussSeidel,
}

/// <summary>A variable of a model of the system.</summary>
/// <param name="Model">The model's place in the list, from 0.</param>
/// <param name="Variable">The variable.</param>
public readonly record struct FmuPort(int Model, FmuVariable Variable);

/// <summary>An output goes to an input. Between floating numbers of units with the same base units the value is converted.</summary>
/// <param name="From">The output.</param>
/// <param name="To">The input.</param>
public readonly record struct FmuConnection(FmuPort From, FmuPort To);

/// <summary>What a co-simulation is asked for.</summary>
/// <param name="Until">End, seconds; it begins at 0.</param>
/// <param name="Step">Length of a communication step, seconds; the last is shortened where it must be.</param>
/// <param name="Order">Of the models.</param>
/// <param name="Starts">Start values other than the models' own.</param>
public sealed record CoSimulationOptions(double Until, double Step, CouplingOrder Order, IReadOnlyList<(FmuPort Port, FmuValue Value)> Starts);

/// <summary>How a co-simulation ended.</summary>
/// <param name="Time">Where, seconds: the end asked for, or where a model asked to end.</param>
/// <param name="Steps">Steps made.</param>
/// <param name="Rollbacks">How often a step was discarded, undone and halved.</param>
public readonly record struct CoSimulationEnd(double Time, long Steps, long Rollbacks);

/// <summary>
/// The master: steps models by fixed communication steps and carries values between them. A model that discards a step is answered by
/// putting all models back and halving the step, down to 1/1024 of it, when every model can keep its state and vary its step;
/// otherwise the run ends with an error. At initialization values are carried as many times as there are models, which settles
/// chains but not algebraic loops. One run at a time.
/// </summary>
public sealed class CoSimulation
{
    /// <summary>Most communication steps of a run.</summary>
    public const long MostSteps = 1_000_000_000;

    private const double LeastShare = 1.0 / 1024;
    private readonly IReadOnlyList<FmuProcess> _models;
    private readonly FmuConnection[] _connections;
    private readonly CoSimulationOptions _options;
    private readonly InputTable? _input;
    private readonly int[][] _leaving;
    private readonly int[][] _entering;
    private readonly FmuValue[] _carried;
    private readonly bool _canGoBack;
    private long _rollbacks;

    /// <summary>Checks a system.</summary>
    /// <exception cref="FmuException">A connection joins what does not fit: causality, type or unit; or an input is fed twice.</exception>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public CoSimulation(IReadOnlyList<FmuProcess> models, IReadOnlyList<FmuConnection> connections, CoSimulationOptions options, InputTable? input = null)
    {
        if (models.Count == 0) throw new ArgumentException("There is no model.", nameof(models));
        if (!(options.Until > 0) || !double.IsFinite(options.Until)) throw new ArgumentException($"The end is {options.Until} s; it must be above 0.", nameof(options));
        if (!(options.Step > 0) || options.Until / options.Step > MostSteps) throw new ArgumentException($"The step is {options.Step} s; it must be above 0 and give at most {MostSteps} steps.", nameof(options));
        (_models, _connections, _options, _input) = (models, [.. connections], options, input);
        foreach (var connection in _connections) Check(connection);
        var fed = _connections.Select(c => c.To).Concat(input?.Ports ?? []).GroupBy(p => (p.Model, p.Variable.Name)).FirstOrDefault(g => g.Count() > 1);
        if (fed is not null) throw new FmuException(FmuFault.Invalid, $"Input {NameOf(fed.First())} is fed more than once.");
        _leaving = [.. Enumerable.Range(0, models.Count).Select(m => Enumerable.Range(0, _connections.Length).Where(c => _connections[c].From.Model == m).ToArray())];
        _entering = [.. Enumerable.Range(0, models.Count).Select(m => Enumerable.Range(0, _connections.Length).Where(c => _connections[c].To.Model == m).ToArray())];
        _carried = new FmuValue[_connections.Length];
        _canGoBack = models.All(m => m.Description.CanSaveState && m.Description.CanVaryStep);
        var steps = options.Until / options.Step;
        if (Math.Abs(steps - Math.Round(steps)) > 1e-9 * steps && models.FirstOrDefault(m => !m.Description.CanVaryStep) is { } rigid)
            throw new FmuException(FmuFault.Invalid, string.Create(CultureInfo.InvariantCulture, $"{rigid.Name} takes only steps of one length, and {options.Until} s is no multiple of {options.Step} s."));
    }

    /// <summary>Runs from initialization to the end. <paramref name="record"/> is awaited at 0 and after every communication step.</summary>
    /// <exception cref="FmuException">A model refuses, crashes, hangs, or discards what cannot be undone; the message says which and where.</exception>
    public async Task<CoSimulationEnd> RunAsync(Func<double, Task> record, CancellationToken cancellationToken = default)
    {
        await InitializeAsync(cancellationToken).ConfigureAwait(false);
        await record(0).ConfigureAwait(false);
        var count = (long)Math.Ceiling((_options.Until / _options.Step) * (1 - 1e-12));
        var (time, done) = (0.0, 0L);
        while (done < count)
        {
            var next = done + 1 == count ? _options.Until : (done + 1) * _options.Step;
            var length = done + 1 == count && Math.Abs((count * _options.Step) - _options.Until) > 1e-9 * _options.Until ? next - time : _options.Step;
            var (reached, isEnd) = await AdvanceAsync(time, next, length, cancellationToken).ConfigureAwait(false);
            (time, done) = (reached, done + 1);
            await record(time).ConfigureAwait(false);
            if (isEnd) break;
        }

        foreach (var model in _models) await model.TerminateAsync(cancellationToken).ConfigureAwait(false);
        return new CoSimulationEnd(time, done, _rollbacks);
    }

    private async Task InitializeAsync(CancellationToken cancellationToken)
    {
        foreach (var model in _models) await model.EnterInitializationAsync(0, _options.Until, cancellationToken).ConfigureAwait(false);
        foreach (var group in _options.Starts.GroupBy(s => s.Port.Model))
            await _models[group.Key].SetAsync([.. group.Select(s => s.Port.Variable)], [.. group.Select(s => s.Value)], cancellationToken).ConfigureAwait(false);
        for (var pass = 0; pass < (_connections.Length == 0 ? 1 : _models.Count); pass++)
        {
            for (var m = 0; m < _models.Count; m++)
            {
                await TakeOutputsAsync(m, cancellationToken).ConfigureAwait(false);
                await SetInputsAsync(m, 0, cancellationToken, isFirst: pass == 0).ConfigureAwait(false);
            }
        }

        foreach (var model in _models) await model.ExitInitializationAsync(cancellationToken).ConfigureAwait(false);
        await TakeAllOutputsAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<(double Time, bool IsEnd)> AdvanceAsync(double from, double to, double length, CancellationToken cancellationToken)
    {
        var time = from;
        while (time < to)
        {
            // Models see the length asked for, not what is left of it by subtraction.
            var end = time + length >= to - (1e-9 * length) ? to : time + length;
            if (_canGoBack) await Task.WhenAll(_models.Select(m => m.SaveStateAsync(cancellationToken))).ConfigureAwait(false);
            var (discarded, last, wantsEnd) = _options.Order == CouplingOrder.Jacobi
                ? await StepTogetherAsync(time, length, cancellationToken).ConfigureAwait(false)
                : await StepInOrderAsync(time, length, cancellationToken).ConfigureAwait(false);
            if (discarded is null)
            {
                time = end;
                if (wantsEnd) return (time, true);
                continue;
            }

            // So a model of FMI 2.0 asks to end within a step; others may have gone on to the step's end.
            if (wantsEnd) return (Math.Clamp(last, time, end), true);
            var what = string.Create(CultureInfo.InvariantCulture, $"{discarded.Name} discarded the step from {time:G9} s by {length:G9} s");
            if (!_canGoBack) throw new FmuException(FmuFault.Refused, $"{what}; it cannot be halved, because {_models.First(m => !m.Description.CanSaveState || !m.Description.CanVaryStep).Name} cannot go back or vary its step.");
            length /= 2;
            if (length < LeastShare * (to - from)) throw new FmuException(FmuFault.Refused, $"{what}; it was halved down to 1/1024.");
            _rollbacks++;
            await Task.WhenAll(_models.Select(m => m.RestoreStateAsync(cancellationToken))).ConfigureAwait(false);
            await TakeAllOutputsAsync(cancellationToken).ConfigureAwait(false);
        }

        return (time, false);
    }

    private async Task<(FmuProcess? Discarded, double LastTime, bool WantsEnd)> StepTogetherAsync(double time, double length, CancellationToken cancellationToken)
    {
        for (var m = 0; m < _models.Count; m++) await SetInputsAsync(m, time, cancellationToken).ConfigureAwait(false);
        var steps = await Task.WhenAll(_models.Select(m => m.StepAsync(time, length, _canGoBack, cancellationToken))).ConfigureAwait(false);
        // A step that must be made again goes before one that is the last.
        var at = Array.FindIndex(steps, s => s.IsDiscarded && !s.WantsEnd);
        if (at < 0) at = Array.FindIndex(steps, s => s.IsDiscarded);
        if (at >= 0) return (_models[at], steps[at].LastTime, steps[at].WantsEnd);
        await TakeAllOutputsAsync(cancellationToken).ConfigureAwait(false);
        return (null, time + length, Array.Exists(steps, s => s.WantsEnd));
    }

    private async Task<(FmuProcess? Discarded, double LastTime, bool WantsEnd)> StepInOrderAsync(double time, double length, CancellationToken cancellationToken)
    {
        var wantsEnd = false;
        for (var m = 0; m < _models.Count; m++)
        {
            await SetInputsAsync(m, time, cancellationToken).ConfigureAwait(false);
            var step = await _models[m].StepAsync(time, length, _canGoBack, cancellationToken).ConfigureAwait(false);
            if (step.IsDiscarded) return (_models[m], step.LastTime, step.WantsEnd);
            wantsEnd |= step.WantsEnd;
            await TakeOutputsAsync(m, cancellationToken).ConfigureAwait(false);
        }

        return (null, time + length, wantsEnd);
    }

    private async Task TakeAllOutputsAsync(CancellationToken cancellationToken)
    {
        for (var m = 0; m < _models.Count; m++) await TakeOutputsAsync(m, cancellationToken).ConfigureAwait(false);
    }

    private async Task TakeOutputsAsync(int model, CancellationToken cancellationToken)
    {
        var leaving = _leaving[model];
        if (leaving.Length == 0) return;
        var values = await _models[model].GetAsync([.. leaving.Select(c => _connections[c].From.Variable)], cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < leaving.Length; i++) _carried[leaving[i]] = Convert(_connections[leaving[i]], values[i]);
    }

    private async Task SetInputsAsync(int model, double time, CancellationToken cancellationToken, bool isFirst = false)
    {
        // In the first pass of initialization only what was read already is carried on.
        var entering = isFirst ? [.. _entering[model].Where(c => _connections[c].From.Model <= model)] : _entering[model];
        if (entering.Length > 0) await _models[model].SetAsync([.. entering.Select(c => _connections[c].To.Variable)], [.. entering.Select(c => _carried[c])], cancellationToken).ConfigureAwait(false);
        if (_input?.At(model, time) is { Variables.Count: > 0 } row) await _models[model].SetAsync(row.Variables, row.Values, cancellationToken).ConfigureAwait(false);
    }

    private static FmuValue Convert(FmuConnection connection, FmuValue value)
    {
        if (connection is not { From.Variable.Unit: { } from, To.Variable.Unit: { } to } || (from.Factor == to.Factor && from.Offset == to.Offset)) return value;
        return FmuValue.Of(((from.Factor * value.Number) + from.Offset - to.Offset) / to.Factor);
    }

    private void Check(FmuConnection connection)
    {
        var (from, to) = (connection.From.Variable, connection.To.Variable);
        var what = $"{NameOf(connection.From)} to {NameOf(connection.To)}";
        if (from.Causality != FmuCausality.Output) throw new FmuException(FmuFault.Invalid, $"{what}: the first is {from.Causality}; it must be an output.");
        if (to.Causality != FmuCausality.Input) throw new FmuException(FmuFault.Invalid, $"{what}: the second is {to.Causality}; it must be an input.");
        if (from.IsArray || to.IsArray) throw new FmuException(FmuFault.Invalid, $"{what}: arrays are not connected.");
        if (from.Type != to.Type) throw new FmuException(FmuFault.Invalid, $"{what}: the first is {from.Type}, the second {to.Type}; they must be the same.");
        if (from.Unit is not { Exponents: { } one } || to.Unit is not { Exponents: { } other }) return;
        if (!one.SequenceEqual(other)) throw new FmuException(FmuFault.Invalid, $"{what}: the first is in {from.Unit.Name}, the second in {to.Unit.Name}, which measure different things.");
    }

    private string NameOf(FmuPort port) => $"{_models[port.Model].Name}.{port.Variable.Name}";
}
