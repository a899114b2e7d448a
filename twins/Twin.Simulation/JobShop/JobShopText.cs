using System.Globalization;

namespace Twin.Simulation.JobShop;

/// <summary>A job shop's text is not what the format asks for.</summary>
/// <param name="message">What is wrong and what would be right.</param>
/// <param name="line">1-based line.</param>
/// <param name="column">1-based column.</param>
public sealed class JobShopFormatException(string message, int line, int column) : FormatException($"line {line}, column {column}: {message}")
{
    /// <summary>1-based line.</summary>
    public int Line { get; } = line;

    /// <summary>1-based column.</summary>
    public int Column { get; } = column;
}

/// <summary>
/// Reads job shops from text. Three styles, told apart by what stands there:
/// the usual one (<c>jobs machines</c>, then a line a job of <c>machine duration</c> pairs, machines from 0);
/// OR-Library's collections (the same after <c>instance NAME</c>, with prose and lines of <c>+</c> between);
/// Taillard's (a line that begins with his header words, numbers, <c>Times</c>, a matrix, <c>Machines</c>, a matrix of machines from 1).
/// Lines that begin with <c>#</c> are comments. After the jobs may follow <c>release</c>, <c>due</c> (each with a number a job,
/// <c>-</c> for none), <c>weight</c> (a number a job) and any number of <c>down MACHINE FROM UNTIL</c>.
/// </summary>
public static class JobShopText
{
    /// <summary>Longest text taken, in characters.</summary>
    public const int LongestText = 16 * 1024 * 1024;

    /// <summary>Reads every instance of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">The name of an instance that does not say its own.</param>
    /// <exception cref="JobShopFormatException">A line is not what the format asks for.</exception>
    public static IReadOnlyList<JobShopInstance> Read(string text, string name)
    {
        if (text.Length > LongestText) throw new JobShopFormatException($"The text has {text.Length} characters; at most {LongestText} are taken.", 1, 1);
        var lines = Split(text);
        var found = new List<JobShopInstance>();
        var at = 0;
        while (Next(lines, ref at, name, found.Count) is { } instance) found.Add(instance);
        if (found.Count == 0) throw new JobShopFormatException("There is no instance; it begins with a line of two numbers, jobs and machines.", Math.Max(1, lines.Count), 1);
        return found;
    }

    private static JobShopInstance? Next(List<Line> lines, ref int at, string name, int count)
    {
        var own = count == 0 ? name : $"{name}#{count + 1}";
        var isTaillard = false;
        for (; at < lines.Count; at++)
        {
            var line = lines[at];
            if (line.Words.Count == 2 && line.Is(0, "instance")) own = line.Words[1].Text;
            if (line.Is(0, "Nb")) isTaillard = true;
            if (line.IsNumbers && (line.Words.Count == 2 || isTaillard)) break;
            if (line.IsNumbers) throw line.Wrong(0, $"{line.Words.Count} numbers stand where jobs and machines, two numbers, must stand");
        }

        if (at == lines.Count) return null;
        var head = lines[at++];
        if (head.Words.Count < 2) throw head.Wrong(0, "the number of jobs and the number of machines must stand here");
        var (jobs, machines) = (head.Number(0, 1, JobShopInstance.MostOperations), head.Number(1, 1, JobShopInstance.MostOperations));
        if ((long)jobs * machines > JobShopInstance.MostOperations) throw head.Wrong(0, $"{jobs} jobs on {machines} machines are {(long)jobs * machines} operations; at most {JobShopInstance.MostOperations} are taken");
        var steps = isTaillard || (at < lines.Count && lines[at].Is(0, "Times")) ? Matrices(lines, ref at, head, jobs, machines) : Pairs(lines, ref at, head, jobs, machines);
        return Finish(lines, ref at, own, steps, machines, head);
    }

    private static JobShopStep[][] Pairs(List<Line> lines, ref int at, Line head, int jobs, int machines)
    {
        var steps = new JobShopStep[jobs][];
        for (var job = 0; job < jobs; job++)
        {
            var line = Row(lines, ref at, head, 2 * machines, $"job {job} of {jobs}, {machines} pairs of machine and duration");
            steps[job] = new JobShopStep[machines];
            for (var step = 0; step < machines; step++)
                steps[job][step] = new JobShopStep(line.Number(2 * step, 0, machines - 1), line.Number((2 * step) + 1, 0, JobShopInstance.LongestHorizon));
        }

        return steps;
    }

    private static JobShopStep[][] Matrices(List<Line> lines, ref int at, Line head, int jobs, int machines)
    {
        Title(lines, ref at, head, "Times");
        var times = new int[jobs][];
        for (var job = 0; job < jobs; job++)
        {
            var line = Row(lines, ref at, head, machines, $"the {machines} durations of job {job} of {jobs}");
            times[job] = [.. Enumerable.Range(0, machines).Select(s => line.Number(s, 0, JobShopInstance.LongestHorizon))];
        }

        Title(lines, ref at, head, "Machines");
        var steps = new JobShopStep[jobs][];
        for (var job = 0; job < jobs; job++)
        {
            var line = Row(lines, ref at, head, machines, $"the {machines} machines of job {job} of {jobs}");
            steps[job] = [.. Enumerable.Range(0, machines).Select(s => new JobShopStep(line.Number(s, 1, machines) - 1, times[job][s]))];
        }

        return steps;
    }

    private static void Title(List<Line> lines, ref int at, Line head, string word)
    {
        if (at == lines.Count) throw head.Wrong(0, $"the text ends before '{word}'");
        if (!lines[at].Is(0, word)) throw lines[at].Wrong(0, $"'{lines[at].Words[0].Text}' stands where '{word}' must stand");
        at++;
    }

    private static Line Row(List<Line> lines, ref int at, Line head, int count, string what)
    {
        if (at == lines.Count) throw head.Wrong(0, $"the text ends before {what}");
        var line = lines[at++];
        if (line.Words.Count < count && line.IsNumbers) throw line.Wrong(line.Words.Count - 1, $"the line ends after {line.Words.Count} of {count} numbers: {what}");
        if (line.Words.Count > count) throw line.Wrong(count, $"'{line.Words[count].Text}' is too much: {what}");
        for (var i = 0; i < line.Words.Count; i++) line.Number(i, 0, int.MaxValue);
        return line;
    }

    private static JobShopInstance Finish(List<Line> lines, ref int at, string name, JobShopStep[][] steps, int machines, Line head)
    {
        var (releases, dues, weights) = (new int[steps.Length], new int?[steps.Length], new int[steps.Length]);
        Array.Fill(weights, 1);
        var downtimes = new List<MachineDowntime>();
        for (; at < lines.Count; at++)
        {
            var line = lines[at];
            if (line.Is(0, "down"))
            {
                if (line.Words.Count != 4) throw line.Wrong(0, "a down time is: down MACHINE FROM UNTIL");
                var from = line.Number(2, 0, JobShopInstance.LongestHorizon - 1);
                downtimes.Add(new MachineDowntime(line.Number(1, 0, machines - 1), from, line.Number(3, from + 1, JobShopInstance.LongestHorizon)));
                continue;
            }

            if (!line.Is(0, "release") && !line.Is(0, "due") && !line.Is(0, "weight")) break;
            if (line.Words.Count != steps.Length + 1) throw line.Wrong(0, $"'{line.Words[0].Text}' is followed by {line.Words.Count - 1} numbers; it must be one a job, {steps.Length}");
            for (var job = 0; job < steps.Length; job++)
            {
                var isNone = line.Words[job + 1].Text == "-";
                if (line.Is(0, "release")) releases[job] = isNone ? 0 : line.Number(job + 1, 0, JobShopInstance.LongestHorizon);
                else if (line.Is(0, "due")) dues[job] = isNone ? null : line.Number(job + 1, 0, JobShopInstance.LongestHorizon);
                else weights[job] = line.Number(job + 1, 0, 1_000_000);
            }
        }

        try
        {
            return new JobShopInstance(name, machines, [.. steps.Select((s, j) => new JobShopJob(s, releases[j], dues[j], weights[j]))], downtimes);
        }
        catch (ArgumentException fault)
        {
            throw head.Wrong(0, fault.Message);
        }
    }

    private static List<Line> Split(string text)
    {
        var lines = new List<Line>();
        var number = 0;
        foreach (var range in text.AsSpan().Split('\n'))
        {
            number++;
            var line = text.AsSpan(range);
            var words = new List<Word>();
            for (var i = 0; i < line.Length;)
            {
                if (char.IsWhiteSpace(line[i]) || line[i] == '\uFEFF')
                {
                    i++;
                    continue;
                }

                var start = i;
                while (i < line.Length && !char.IsWhiteSpace(line[i])) i++;
                words.Add(new Word(line[start..i].ToString(), start + 1));
            }

            if (words.Count > 0 && words[0].Text[0] != '#') lines.Add(new Line(number, words));
        }

        return lines;
    }

    private readonly record struct Word(string Text, int Column);

    private sealed record Line(int Number1, List<Word> Words)
    {
        public bool IsNumbers => Words.TrueForAll(w => int.TryParse(w.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _));

        public bool Is(int word, string text) => word < Words.Count && Words[word].Text.Equals(text, StringComparison.OrdinalIgnoreCase);

        public int Number(int word, int low, int high)
        {
            if (!int.TryParse(Words[word].Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)) throw Wrong(word, $"'{Words[word].Text}' is not a whole number");
            return value >= low && value <= high ? value : throw Wrong(word, $"{value} is not {low} to {high}");
        }

        public JobShopFormatException Wrong(int word, string message) => new(message, Number1, Words[word].Column);
    }
}
