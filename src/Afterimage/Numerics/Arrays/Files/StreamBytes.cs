namespace Afterimage.Numerics.Arrays;

/// <summary>Reads a stream into memory that grows with the bytes that arrive, not with the length that a header states.</summary>
internal static class StreamBytes
{
    private const int FirstStep = 1 << 20;

    /// <summary>Up to <paramref name="count"/> bytes; fewer when the stream ends before.</summary>
    /// <param name="stream">Where to read from.</param>
    /// <param name="count">How many bytes a header states.</param>
    /// <param name="stored">How many of them are known to exist, because the file is that long.</param>
    public static byte[] Read(Stream stream, long count, long stored = 0)
    {
        var limit = (int)Math.Min(count, Array.MaxLength);
        var buffer = new byte[Math.Min(limit, Math.Max(stored, FirstStep))];
        var filled = 0;
        while (true)
        {
            var read = filled < buffer.Length ? stream.Read(buffer, filled, buffer.Length - filled) : 0;
            filled += read;
            if (filled == limit)
                return buffer;
            if (read == 0 && filled < buffer.Length)
                return buffer[..filled];
            if (filled == buffer.Length)
                Array.Resize(ref buffer, (int)Math.Min(limit, 2L * buffer.Length));
        }
    }
}
