using System.Text.Json;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Gateway.Http;

/// <summary>The members a ledger's bodies have. Which of them a door takes, and whether they are there, it asks with <see cref="LedgerBody"/>'s words.</summary>
internal sealed class LedgerFields
{
    public string? Key { get; set; }

    public string? Id { get; set; }

    public string? From { get; set; }

    public string? To { get; set; }

    public string? Asset { get; set; }

    public string? Item { get; set; }

    public string? Gate { get; set; }

    public string? Holder { get; set; }

    public string? Kind { get; set; }

    public string? Owner { get; set; }

    public string? Issuer { get; set; }

    public int? Scale { get; set; }

    public LedgerAmount? Amount { get; set; }

    public WallTime? At { get; set; }

    public WallTime? Expires { get; set; }

    public List<string>? Items { get; set; }

    public List<LedgerFields>? Legs { get; set; }

    public List<LedgerFields>? Transfers { get; set; }

    public List<LedgerFields>? Accounts { get; set; }
}

/// <summary>Reads a ledger's JSON bodies; a fault names the place. One pass over the bytes, because batches come in floods.</summary>
internal static class LedgerBody
{
    private const int MostText = 300;

    /// <summary>Reads one object. A null or missing member stays null; one that is not known is refused.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, out LedgerFields fields, out Problem? problem)
    {
        fields = new LedgerFields();
        problem = null;
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = 8 });
            reader.Read();
            fields = ReadObject(ref reader, "");
            while (reader.Read())
            {
                // Anything after the object throws here.
            }

            return true;
        }
        catch (BodyFault fault)
        {
            problem = new Problem("LedgerBodyInvalid", fault.Message, fault.Where);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            problem = new Problem("JsonInvalid", fault.Message, "body");
        }

        return false;
    }

    /// <summary>The key of a body, else of the header <c>Idempotency-Key</c>.</summary>
    public static bool TryKey(LedgerFields fields, string? header, out LedgerKey key, out Problem? problem)
    {
        if ((fields.Key ?? (string.IsNullOrEmpty(header) ? null : header)) is { } text) return LedgerKey.TryMake(text, fields.At, out key, out problem);
        key = default;
        problem = new Problem("KeyMissing", "Give a 'key' (or the header Idempotency-Key): a UUID of version 7, the same one again when the attempt is repeated.", "key");
        return false;
    }

    /// <summary>A transfer of one body: <c>legs</c>, or the members of its only leg.</summary>
    public static bool TryTransfer(LedgerFields fields, string? header, out PostTransfer? transfer, out Problem? problem)
    {
        transfer = null;
        if (!TryKey(fields, header, out var key, out problem)) return false;
        if (fields.Legs is not null && ((fields.From ?? fields.To ?? fields.Asset ?? fields.Item) is not null || fields.Amount is not null))
        {
            problem = new Problem("LedgerBodyInvalid", "A transfer has 'legs', or 'from', 'to', 'asset' and 'amount'; not both.", "legs");
            return false;
        }

        var legs = new LedgerLeg[fields.Legs?.Count ?? 1];
        for (var i = 0; i < legs.Length; i++)
        {
            if (TryLeg(fields.Legs?[i] ?? fields, out legs[i], out problem)) continue;
            if (fields.Legs is not null) problem = problem! with { Where = $"legs/{i}/{problem.Where}" };
            return false;
        }

        transfer = new PostTransfer(key, legs);
        return true;
    }

    /// <summary>A leg; the amount of an item may be left out.</summary>
    public static bool TryLeg(LedgerFields fields, out LedgerLeg leg, out Problem? problem)
    {
        leg = default;
        problem = Missing(fields.From, "from") ?? Missing(fields.To, "to") ?? Missing(fields.Asset, "asset") ?? (fields.Amount is null && fields.Item is null ? Missing(null, "amount") : null);
        if (problem is not null) return false;
        leg = new LedgerLeg(fields.From!, fields.To!, fields.Asset!, fields.Amount ?? LedgerAmount.One, fields.Item);
        return true;
    }

    /// <summary>Says that a member is missing; null when it is there.</summary>
    public static Problem? Missing(string? value, string name) => value is null ? new Problem("LedgerBodyInvalid", $"'{name}' is missing.", name) : null;

    private static LedgerFields ReadObject(ref Utf8JsonReader reader, string where)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new BodyFault("A JSON object was expected.", where.Length == 0 ? "body" : where);
        var fields = new LedgerFields();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) ReadMember(ref reader, fields, where);
        return fields;
    }

    private static void ReadMember(ref Utf8JsonReader reader, LedgerFields fields, string where)
    {
        if (reader.ValueTextEquals("key"u8)) fields.Key = Text(ref reader, where, "key");
        else if (reader.ValueTextEquals("from"u8)) fields.From = Text(ref reader, where, "from");
        else if (reader.ValueTextEquals("to"u8)) fields.To = Text(ref reader, where, "to");
        else if (reader.ValueTextEquals("asset"u8)) fields.Asset = Text(ref reader, where, "asset");
        else if (reader.ValueTextEquals("amount"u8)) fields.Amount = Amount(ref reader, where);
        else if (reader.ValueTextEquals("item"u8)) fields.Item = Text(ref reader, where, "item");
        else if (reader.ValueTextEquals("legs"u8) && !where.Contains("legs", StringComparison.Ordinal)) fields.Legs = Objects(ref reader, where, "legs", LedgerBounds.MostLegs);
        else if (reader.ValueTextEquals("transfers"u8) && where.Length == 0) fields.Transfers = Objects(ref reader, where, "transfers", LedgerBounds.MostInABatch);
        else if (reader.ValueTextEquals("accounts"u8) && where.Length == 0) fields.Accounts = Objects(ref reader, where, "accounts", LedgerBounds.MostInABatch);
        else if (reader.ValueTextEquals("id"u8)) fields.Id = Text(ref reader, where, "id");
        else if (reader.ValueTextEquals("at"u8)) fields.At = Time(ref reader, where, "at");
        else if (reader.ValueTextEquals("expires"u8)) fields.Expires = Time(ref reader, where, "expires");
        else if (reader.ValueTextEquals("items"u8)) fields.Items = Texts(ref reader, where, "items", LedgerBounds.MostLegs);
        else if (reader.ValueTextEquals("gate"u8)) fields.Gate = Text(ref reader, where, "gate");
        else if (reader.ValueTextEquals("holder"u8)) fields.Holder = Text(ref reader, where, "holder");
        else if (reader.ValueTextEquals("kind"u8)) fields.Kind = Text(ref reader, where, "kind");
        else if (reader.ValueTextEquals("owner"u8)) fields.Owner = Text(ref reader, where, "owner");
        else if (reader.ValueTextEquals("issuer"u8)) fields.Issuer = Text(ref reader, where, "issuer");
        else if (reader.ValueTextEquals("scale"u8)) fields.Scale = Number(ref reader, where, "scale");
        else throw new BodyFault($"'{Short(reader.GetString()!)}' is not known here.", Join(where, Short(reader.GetString()!)));
    }

    private static string? Text(ref Utf8JsonReader reader, string where, string name)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null) return null;
        if (reader.TokenType != JsonTokenType.String || reader.ValueSpan.Length > MostText) throw new BodyFault($"'{name}' must be a text of at most {MostText} bytes.", Join(where, name));
        return reader.GetString();
    }

    private static LedgerAmount? Amount(ref Utf8JsonReader reader, string where)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null) return null;
        return reader.TokenType is JsonTokenType.String or JsonTokenType.Number && LedgerAmount.TryParse(reader.ValueSpan, out var amount) ? amount
            : throw new BodyFault($"'amount' must be a decimal number such as \"12.50\": no exponent, at most {LedgerAmount.MostScale} decimals, at most 10^36 units.", Join(where, "amount"));
    }

    private static WallTime? Time(ref Utf8JsonReader reader, string where, string name)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null) return null;
        return reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time) ? WallTime.From(time)
            : throw new BodyFault($"'{name}' must be an RFC 3339 time such as \"2026-11-22T08:00:00Z\".", Join(where, name));
    }

    private static int? Number(ref Utf8JsonReader reader, string where, string name)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var number) ? number : throw new BodyFault($"'{name}' must be a whole number.", Join(where, name));
    }

    private static List<LedgerFields> Objects(ref Utf8JsonReader reader, string where, string name, int most)
    {
        var list = new List<LedgerFields>();
        var at = BeginList(ref reader, where, name, most);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (list.Count == most) throw new BodyFault($"'{name}' has more than {most} members.", at);
            list.Add(ReadObject(ref reader, $"{at}/{list.Count}"));
        }

        return list;
    }

    private static List<string> Texts(ref Utf8JsonReader reader, string where, string name, int most)
    {
        var list = new List<string>();
        var at = BeginList(ref reader, where, name, most);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (list.Count == most) throw new BodyFault($"'{name}' has more than {most} members.", at);
            if (reader.TokenType != JsonTokenType.String || reader.ValueSpan.Length > MostText) throw new BodyFault($"A text of at most {MostText} bytes was expected.", $"{at}/{list.Count}");
            list.Add(reader.GetString()!);
        }

        return list;
    }

    private static string BeginList(ref Utf8JsonReader reader, string where, string name, int most)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.StartArray ? Join(where, name) : throw new BodyFault($"'{name}' must be an array of 1 to {most}.", Join(where, name));
    }

    private static string Join(string where, string name) => where.Length == 0 ? name : $"{where}/{name}";

    private static string Short(string text) => text.Length <= 64 ? text : text[..64] + "...";

    private sealed class BodyFault(string message, string where) : Exception(message)
    {
        public string Where { get; } = where;
    }
}
