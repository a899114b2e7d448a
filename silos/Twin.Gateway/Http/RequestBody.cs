using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Twin.Model;

namespace Twin.Gateway.Http;

/// <summary>
/// A request's whole body as one piece of memory: the reader's own buffer when it came in one segment, else a rented copy.
/// Dispose it when the body is no longer read. Hot.
/// </summary>
internal readonly struct RequestBody : IDisposable
{
    private readonly PipeReader _reader;
    private readonly SequencePosition _end;
    private readonly byte[]? _rented;

    private RequestBody(PipeReader reader, SequencePosition end, ReadOnlyMemory<byte> memory, byte[]? rented, Problem? problem)
    {
        (_reader, _end, Memory, _rented, Problem) = (reader, end, memory, rented, problem);
    }

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Memory { get; }

    /// <summary>Set when the body is longer than allowed; nothing more was read then.</summary>
    public Problem? Problem { get; }

    /// <summary>Reads to the end, at most <paramref name="most"/> bytes.</summary>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int most)
    {
        var reader = context.Request.BodyReader;
        if (context.Request.ContentLength > most) return TooLong(reader, context.Request.ContentLength.Value, most);
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            var buffer = read.Buffer;
            if (buffer.Length > most)
            {
                reader.AdvanceTo(buffer.Start);
                return TooLong(reader, buffer.Length, most);
            }

            if (read.IsCompleted) return Take(reader, buffer);
            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static RequestBody Take(PipeReader reader, in ReadOnlySequence<byte> buffer)
    {
        if (buffer.IsSingleSegment) return new RequestBody(reader, buffer.End, buffer.First, null, null);
        var rented = ArrayPool<byte>.Shared.Rent((int)buffer.Length);
        buffer.CopyTo(rented);
        return new RequestBody(reader, buffer.End, rented.AsMemory(0, (int)buffer.Length), rented, null);
    }

    private static RequestBody TooLong(PipeReader reader, long length, int most) =>
        new(reader, default, default, null, new Problem("BodyTooLarge", $"The body has {length} bytes or more; at most {most} are taken.", "body"));

    public void Dispose()
    {
        if (Problem is not null) return;
        _reader.AdvanceTo(_end);
        if (_rented is not null) ArrayPool<byte>.Shared.Return(_rented);
    }
}
