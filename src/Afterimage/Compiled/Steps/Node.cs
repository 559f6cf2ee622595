using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// The activations between two steps for the whole batch, in channels-last order [B,H,W,C] with a border of zeros for the
/// convolutions that read them, and their derivatives: the adjoint, the tangent, and the tangent of the adjoint.
/// </summary>
internal sealed unsafe class Node<T>(int batch, int channels, int height, int width, bool learned)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public int Batch { get; } = batch;

    public int Channels { get; } = channels;

    public int Height { get; } = height;

    public int Width { get; } = width;

    /// <summary>Whether these activations depend on a parameter.</summary>
    public bool Learned { get; } = learned;

    /// <summary>Width of the border of zeros in pixels, the largest that a reader has asked for.</summary>
    public int Ring { get; private set; }

    /// <summary>The last step that reads these activations; in the backward pass it writes the adjoint, and the others add.</summary>
    public Step<T>? LastReader { get; private set; }

    public T* Value { get; private set; }

    public T* Adjoint { get; private set; }

    public T* Tangent { get; private set; }

    public T* AdjointTangent { get; private set; }

    /// <summary>
    /// Distance from one row of pixels to the next; no multiple of 1024 bytes, for such rows would compete for the same cache lines.
    /// </summary>
    public int Row => Pitch * sizeof(T) % 1024 == 0 ? Pitch + 64 / sizeof(T) : Pitch;

    private int Pitch => (Width + 2 * Ring) * Channels;

    public int Sample => (Height + 2 * Ring) * Row;

    public int Count => Batch * Sample;

    /// <summary>Numbers in one row of pixels without the border.</summary>
    public int RowLength => Width * Channels;

    /// <summary>Rows of pixels in the batch.</summary>
    public int Rows => Batch * Height;

    /// <summary>Offset of a dummy pixel behind all others, for padding rows of products: zero in adjoints, arbitrary in values.</summary>
    public int Beyond => Count + Arena<T>.Slack;

    public int Offset(int sample, int y, int x) => sample * Sample + (y + Ring) * Row + (x + Ring) * Channels;

    /// <summary>Offset of a row of pixels, rows counted through the batch.</summary>
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
