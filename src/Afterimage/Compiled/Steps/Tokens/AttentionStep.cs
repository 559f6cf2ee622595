using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>
/// Attention of tokens that hold queries Q, keys K and values V side by side: for each head O = A V with A = softmax(S) and S = scale Q K'.
/// </summary>
/// <remarks>
/// With bars for adjoints, G = Abar - rowsum(Abar A) where Abar = Obar V', and Sbar = A G. Dots are tangents; all products are of the
/// [tokens,tokens] matrices of one head, which A, G and the dot of A keep from pass to pass.
/// </remarks>
internal sealed unsafe class AttentionStep<T>(Attention layer, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int tokens = input.Width;
    private readonly int width = output.Channels / layer.Heads;
    private readonly T scale = T.CreateTruncating(layer.Scale);
    private T* weights, changes, centered, scratch, second, product;

    private int Square => tokens * tokens;

    public override void Allocate(Arena<T> arena)
    {
        var all = (long)input.Batch * layer.Heads * Square;
        if (all > int.MaxValue)
            throw new AfterimageException($"An attention of {tokens} tokens for {input.Batch} images is too large to compile: " +
                "use a smaller batch or the autograd operator.");
        weights = arena.Take(all);
        changes = arena.Take(all);
        centered = arena.Take(all);
        scratch = arena.Take(Square);
        second = arena.Take(Square);
        product = arena.Take(width);
    }

    public override void Forward()
    {
        for (var block = 0; block < input.Batch * layer.Heads; block++)
        {
            var a = weights + block * Square;
            Outer(a, Queries(input.Value, block), input.Channels, Keys(input.Value, block), add: false);
            for (var row = 0; row < tokens; row++)
                Softmax(a + row * tokens);
            Combine(Head(output.Value, block), output.Channels, a, false, Values(input.Value, block), input.Channels, T.One, add: false);
        }
    }

    /// <summary>Replaces products by weights.</summary>
    private void Softmax(T* row)
    {
        T largest = row[0] * scale, sum = T.Zero;
        for (var i = 0; i < tokens; i++)
            largest = T.Max(largest, row[i] *= scale);
        for (var i = 0; i < tokens; i++)
            sum += row[i] = T.Exp(row[i] - largest);
        kernels.Scale(row, T.One / sum, row, tokens, add: false);
    }

    public override void Backward(T* gradient)
    {
        for (var block = 0; block < input.Batch * layer.Heads; block++)
        {
            T* a = weights + block * Square, g = centered + block * Square;
            Outer(g, Head(output.Adjoint, block), output.Channels, Values(input.Value, block), add: false);
            for (var row = 0; row < tokens; row++)
                Center(g + row * tokens, Sum(g + row * tokens, a + row * tokens));
            if (!input.Learned)
                continue;
            kernels.Times(scratch, a, g, Square, add: false);
            Spread(input.Adjoint, block, scratch, input.Value, Adds(input));
            Combine(Values(input.Adjoint, block), input.Channels, a, true, Head(output.Adjoint, block), output.Channels, T.One,
                Adds(input));
        }
    }

    public override void TangentForward(T* v)
    {
        if (!Moves(input, v))
            return;
        for (var block = 0; block < input.Batch * layer.Heads; block++)
        {
            T* a = weights + block * Square, da = changes + block * Square;
            Outer(da, Queries(input.Tangent, block), input.Channels, Keys(input.Value, block), add: false);
            Outer(da, Queries(input.Value, block), input.Channels, Keys(input.Tangent, block), add: true);
            kernels.Scale(da, scale, da, Square, add: false);
            for (var row = 0; row < tokens; row++)
                Center(da + row * tokens, Sum(da + row * tokens, a + row * tokens));
            kernels.Times(da, da, a, Square, add: false);
            var to = Head(output.Tangent, block);
            Combine(to, output.Channels, da, false, Values(input.Value, block), input.Channels, T.One, add: false);
            Combine(to, output.Channels, a, false, Values(input.Tangent, block), input.Channels, T.One, add: true);
        }
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        var moves = Moves(input, v);
        for (var block = 0; Asked(input, v) && block < input.Batch * layer.Heads; block++)
        {
            T* a = weights + block * Square, da = changes + block * Square, g = centered + block * Square;
            // The tangent of Abar, and with it that of Sbar.
            Outer(scratch, Head(output.AdjointTangent, block), output.Channels, Values(input.Value, block), add: false);
            if (moves)
                Outer(scratch, Head(output.Adjoint, block), output.Channels, Values(input.Tangent, block), add: true);
            for (var row = 0; row < tokens; row++)
            {
                T* line = scratch + row * tokens, centers = g + row * tokens;
                // Rows of the tangent of A sum to zero, so that G stands for Abar.
                Center(line, Sum(line, a + row * tokens) + (moves ? Sum(centers, da + row * tokens) : T.Zero));
            }
            kernels.Times(scratch, scratch, a, Square, add: false);
            if (moves)
                kernels.Times(scratch, da, g, Square, add: true);
            Spread(input.AdjointTangent, block, scratch, input.Value, Adds(input));
            var values = Values(input.AdjointTangent, block);
            Combine(values, input.Channels, a, true, Head(output.AdjointTangent, block), output.Channels, T.One, Adds(input));
            if (!moves)
                continue;
            kernels.Times(second, a, g, Square, add: false);
            Spread(input.AdjointTangent, block, second, input.Tangent, add: true);
            Combine(values, input.Channels, da, true, Head(output.Adjoint, block), output.Channels, T.One, add: true);
        }
    }

    /// <summary>Qbar (+)= scale Sbar K and Kbar (+)= scale Sbar' Q.</summary>
    private void Spread(T* to, int block, T* scores, T* from, bool add)
    {
        Combine(Queries(to, block), input.Channels, scores, false, Keys(from, block), input.Channels, scale, add);
        Combine(Keys(to, block), input.Channels, scores, true, Queries(from, block), input.Channels, scale, add);
    }

    /// <summary>square (+)= left right', for rows of one head's width.</summary>
    private void Outer(T* square, T* left, int stride, T* right, bool add) =>
        kernels.Dot(square, tokens, left, stride, right, input.Channels, tokens, tokens, width, add);

    /// <summary>to (+)= factor times the square matrix, or its transpose, times rows of one head's width.</summary>
    private void Combine(T* to, int strideTo, T* square, bool isTransposed, T* rows, int strideRows, T factor, bool add)
    {
        for (var row = 0; row < tokens; row++)
        {
            T* first = isTransposed ? square + row : square + row * tokens, line = to + row * strideTo;
            if (factor == T.One)
            {
                kernels.Combine(line, first, isTransposed ? tokens : 1, rows, strideRows, tokens, width, add);
                continue;
            }
            kernels.Combine(product, first, isTransposed ? tokens : 1, rows, strideRows, tokens, width, add: false);
            kernels.Scale(line, factor, product, width, add);
        }
    }

    private T Sum(T* left, T* right)
    {
        T sum;
        kernels.Dot(&sum, 1, left, tokens, right, tokens, 1, 1, tokens, add: false);
        return sum;
    }

    private void Center(T* row, T mean)
    {
        for (var i = 0; i < tokens; i++)
            row[i] -= mean;
    }

    private T* Queries(T* values, int block) =>
        values + input.Offset(block / layer.Heads, 0, 0) + block % layer.Heads * width;

    private T* Keys(T* values, int block) => Queries(values, block) + output.Channels;

    private T* Values(T* values, int block) => Queries(values, block) + 2 * output.Channels;

    private T* Head(T* values, int block) => values + output.Offset(block / layer.Heads, 0, 0) + block % layer.Heads * width;
}
