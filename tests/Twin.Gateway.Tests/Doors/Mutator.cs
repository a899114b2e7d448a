using System.Text;

namespace Twin.Gateway.Tests.Doors;

/// <summary>Changes bytes as a seed says: the same seed makes the same bytes.</summary>
internal sealed class Mutator(int seed)
{
    private static readonly byte[][] Words =
    [
        .. new[]
        {
            "null", "true", "{}", "[]", "\"\"", "-1", "1e999", "9223372036854775808", "-0.0", "\"\\ud800\"", "\"\\u0000\"", "$dtId", "$metadata", "$model", "op", "path", "value", "../", "%00", "%2F", "%", "\0", "\r\n",
            "\r\n\r\n", "'", "\"", "\\", "{\"a\":{\"a\":{\"a\":", "[[[[[[[[", "99999999999999999999", "2147483648", "dtmi:door:Lamp;1", "NaN", "Infinity", "\u00e9", "\ud83d\ude00", "*", "?", "#", "+", "$share/a/", "W/\"1\"",
        }.Select(Encoding.UTF8.GetBytes), [0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0x80, 0x80, 0x80, 0x80, 0x01], [0xFF, 0xFF, 0xFF, 0x7F], new byte[300],
    ];

    private readonly Random _random = new(seed);

    public int Below(int most) => _random.Next(most);

    public T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];

    /// <summary>One to eight changes; <paramref name="other"/> lends its bytes.</summary>
    public byte[] Mutate(byte[] bytes, byte[] other)
    {
        var at = new List<byte>(bytes);
        for (var change = 1 + _random.Next(8); change > 0; change--)
        {
            var here = _random.Next(at.Count + 1);
            var length = Math.Min(_random.Next(1, 16), at.Count - here);
            switch (_random.Next(8))
            {
                case 0 when length > 0: at[here] ^= (byte)(1 << _random.Next(8)); break;
                case 1 when length > 0: at[here] = (byte)_random.Next(256); break;
                case 2: at.RemoveRange(here, length); break;
                case 3: at.InsertRange(here, at.GetRange(here, length)); break;
                case 4: at.InsertRange(here, Pick(Words)); break;
                case 5 when length > 0:
                    at.RemoveRange(here, length);
                    at.InsertRange(here, Pick(Words));
                    break;
                case 6 when other.Length > 0: at.InsertRange(here, other[_random.Next(other.Length)..]); break;
                case 7 when _random.Next(4) == 0: at.RemoveRange(here, at.Count - here); break;
            }
        }

        return [.. at];
    }
}
