using Orleans;
using Orleans.Serialization.Cloning;
using Twin.Model.Query;

namespace Twin.Grains.Query;

/// <summary>How <see cref="ShardQuery"/> travels between silos.</summary>
[GenerateSerializer]
public struct ShardQuerySurrogate
{
    /// <summary>See <see cref="QueryCodec"/>.</summary>
    [Id(0)] public byte[] Bytes;
}

/// <summary>How <see cref="ShardRows"/> travels between silos.</summary>
[GenerateSerializer]
public struct ShardRowsSurrogate
{
    /// <summary>See <see cref="QueryCodec"/>.</summary>
    [Id(0)] public byte[] Bytes;
}

/// <summary>Converts slices for the wire.</summary>
[RegisterConverter]
public sealed class ShardQueryConverter : IConverter<ShardQuery, ShardQuerySurrogate>
{
    /// <inheritdoc/>
    public ShardQuery ConvertFromSurrogate(in ShardQuerySurrogate surrogate) => QueryCodec.DecodeQuery(surrogate.Bytes);

    /// <inheritdoc/>
    public ShardQuerySurrogate ConvertToSurrogate(in ShardQuery value) => new() { Bytes = QueryCodec.Encode(value) };
}

/// <summary>Converts answers for the wire.</summary>
[RegisterConverter]
public sealed class ShardRowsConverter : IConverter<ShardRows, ShardRowsSurrogate>
{
    /// <inheritdoc/>
    public ShardRows ConvertFromSurrogate(in ShardRowsSurrogate surrogate) => QueryCodec.DecodeRows(surrogate.Bytes);

    /// <inheritdoc/>
    public ShardRowsSurrogate ConvertToSurrogate(in ShardRows value) => new() { Bytes = QueryCodec.Encode(value) };
}

/// <summary>Slices are immutable: within a silo they are passed as they are.</summary>
[RegisterCopier]
public sealed class ShardQueryCopier : IDeepCopier<ShardQuery>
{
    /// <inheritdoc/>
    public ShardQuery? DeepCopy(ShardQuery? input, CopyContext context) => input;
}

/// <summary>Answers are immutable: within a silo they are passed as they are.</summary>
[RegisterCopier]
public sealed class ShardRowsCopier : IDeepCopier<ShardRows>
{
    /// <inheritdoc/>
    public ShardRows? DeepCopy(ShardRows? input, CopyContext context) => input;
}
