using System.Numerics;
using System.Runtime.InteropServices;

namespace Afterimage.Compiled;

/// <summary>
/// Native memory, zeroed, handed out in aligned pieces and freed at once. Every piece is followed by slack that vector
/// instructions may read and, where the piece's owner allows it, overwrite.
/// </summary>
internal sealed unsafe class Arena<T> : IDisposable where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Alignment = 64;
    private readonly List<nint> pieces = [];

    /// <summary>Numbers of slack after every piece.</summary>
    public const int Slack = 64;

    public long Bytes { get; private set; }

    public T* Take(long count)
    {
        var bytes = (nuint)((count + Slack) * sizeof(T) + Alignment - 1) / Alignment * Alignment;
        var piece = NativeMemory.AlignedAlloc(bytes, Alignment);
        NativeMemory.Clear(piece, bytes);
        pieces.Add((nint)piece);
        Bytes += (long)bytes;
        return (T*)piece;
    }

    public int* TakeTable(ReadOnlySpan<int> entries)
    {
        var table = (int*)Take((entries.Length * sizeof(int) + sizeof(T) - 1) / sizeof(T));
        entries.CopyTo(new Span<int>(table, entries.Length));
        return table;
    }

    public void Dispose()
    {
        foreach (var piece in pieces)
            NativeMemory.AlignedFree((void*)piece);
        pieces.Clear();
        GC.SuppressFinalize(this);
    }

    ~Arena() => Dispose();
}
