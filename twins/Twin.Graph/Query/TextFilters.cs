using System.Numerics;

namespace Twin.Graph.Query;

/// <summary>What a text filter does with one text. A struct, so the loop is compiled for it.</summary>
internal interface ITextTest
{
    bool Holds(string text);
}

internal readonly struct TextComparison(Comparison comparison, string wanted) : ITextTest
{
    public bool Holds(string text) => comparison switch
    {
        Comparison.Equal => text == wanted,
        Comparison.NotEqual => text != wanted,
        _ => QueryValues.Holds(comparison, string.CompareOrdinal(text, wanted)),
    };

    public override string ToString() => $"{comparison} '{wanted}'";
}

internal readonly struct TextPart(QueryFunction function, string wanted) : ITextTest
{
    public bool Holds(string text) => QueryValues.HoldsText(function, text, wanted);

    public override string ToString() => $"{function} '{wanted}'";
}

internal readonly struct TextAmong(HashSet<string> texts, bool isNegated) : ITextTest
{
    public bool Holds(string text) => texts.Contains(text) != isNegated;

    public override string ToString() => $"{(isNegated ? "NOT IN" : "IN")} {texts.Count} texts";
}

/// <summary>A test over a text column, or over twin ids when there is no column. Hot.</summary>
internal sealed class TextFilter<TTest>(ModelTable table, Column? column, TTest test, IndexProbe? probe = null) : RowFilter
    where TTest : struct, ITextTest
{
    public override IndexProbe? Probe => probe;

    public override ulong Filter(int start, int count, ulong care)
    {
        var found = 0UL;
        if (column is null)
        {
            var ids = table.Ids;
            for (; care != 0; care &= care - 1)
            {
                var i = BitOperations.TrailingZeroCount(care);
                if (ids[start + i] is { } id && test.Holds(id)) found |= 1UL << i;
            }
            return found;
        }
        var texts = column.References;
        count = Math.Min(count, texts.Length - start);
        for (; care != 0; care &= care - 1)
        {
            var i = BitOperations.TrailingZeroCount(care);
            if (i >= count) break;
            if (texts[start + i] is { } text && test.Holds(System.Runtime.CompilerServices.Unsafe.As<string>(text))) found |= 1UL << i;
        }
        return found;
    }

    public override string Explain() => $"{column?.Definition.Path ?? "$dtId"} {test}";
}

/// <summary>Any term, decided row by row through the plain evaluator: nested fields, two columns, times as text.</summary>
internal sealed class PlainFilter(Expression term, ModelTable table, PropertyValue[] parameters) : RowFilter
{
    public override ulong Filter(int start, int count, ulong care)
    {
        var found = 0UL;
        for (; care != 0; care &= care - 1)
        {
            var i = BitOperations.TrailingZeroCount(care);
            if (!table.IsLive(start + i)) continue;
            if (ConditionEvaluator.Holds(term, new TwinReader(table, start + i), parameters)) found |= 1UL << i;
        }
        return found;
    }

    public override string Explain() => $"row by row: {term.GetType().Name}";
}
