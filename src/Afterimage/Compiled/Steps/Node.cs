using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// A value between two steps for the whole batch, pixels outside and channels inside, with a ring of zeros for the
/// convolutions that read it; beside it its derivatives: the adjoint, the tangent, and the tangent of the adjoint.
/// </summary>
internal sealed unsafe class Node<T>(int batch, int channels, int height, int width, bool learned)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public int Batch { get; } = batch;

    public int Channels { get; } = channels;

    public int Height { get; } = height;

    public int Width { get; } = width;

    /// <summary>Whether a parameter lies before this value.</summary>
    public bool Learned { get; } = learned;

    /// <summary>Pixels of zeros around the image, known once every reader has asked.</summary>
    public int Ring { get; private set; }

    /// <summary>The step that reads last, so that in the backward pass it writes first and the others add.</summary>
    public Step<T>? LastReader { get; private set; }

    public T* Value { get; private set; }

    public T* Adjoint { get; private set; }

    public T* Tangent { get; private set; }

    public T* AdjointTangent { get; private set; }

    /// <summary>
    /// From one row of pixels to the next. Rows whose distance is a large power of two share the same few places in the cache.
    /// </summary>
    public int Row => Pitch * sizeof(T) % 1024 == 0 ? Pitch + 64 / sizeof(T) : Pitch;

    private int Pitch => (Width + 2 * Ring) * Channels;

    public int Sample => (Height + 2 * Ring) * Row;

    public int Count => Batch * Sample;

    /// <summary>Numbers in one row of pixels without the ring.</summary>
    public int RowLength => Width * Channels;

    /// <summary>Rows of pixels in the batch.</summary>
    public int Rows => Batch * Height;

    /// <summary>A pixel that is none, after everything that a vector may spoil: zeros in adjoints, waste in values.</summary>
    public int Beyond => Count + Arena<T>.Slack;

    public int Offset(int sample, int y, int x) => sample * Sample + (y + Ring) * Row + (x + Ring) * Channels;

    /// <summary>Where a row of pixels begins, counted through the batch.</summary>
    public int RowOffset(int row) => Offset(row / Height, row % Height, 0);

    public void ReadBy(Step<T> step, int ring = 0) => (LastReader, Ring) = (step, Math.Max(Ring, ring));

    public void Allocate(Arena<T> arena)
    {
        var count = (long)Beyond + Channels;
        if (count > int.MaxValue)
            throw new AfterimageException(
                $"A layer of {Channels}x{Height}x{Width} values for {Batch} images is too large to compile: "
                + "use a smaller batch or the autograd operator.");
        Value = arena.Take(count);
        Adjoint = arena.Take(count);
        Tangent = arena.Take(count);
        AdjointTangent = arena.Take(count);
    }

    public void Clear(T* buffer) => new Span<T>(buffer, Count).Clear();
}
