using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// The same numbers in channels-last order under another shape: pixels as tokens, tokens as pixels, tokens as features. One side has a
/// single row.
/// </summary>
internal sealed unsafe class ReshapeStep<T>(Node<T> input, Node<T> output) : LinearMap<T>(input, output)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly Node<T> tall = input.Height > output.Height ? input : output;

    protected override void Map(T* from, T* to) => Copy(Input, from, Output, to, add: false);

    protected override void Transpose(T* from, T* to, bool add) => Copy(Output, from, Input, to, add);

    private void Copy(Node<T> source, T* from, Node<T> target, T* to, bool add)
    {
        for (var row = 0; row < tall.Rows; row++)
            kernels.Scale(to + Place(target, row), T.One, from + Place(source, row), tall.RowLength, add);
    }

    private int Place(Node<T> node, int row) => node == tall ? node.RowOffset(row)
        : node.Offset(row / tall.Height, 0, 0) + row % tall.Height * tall.RowLength;
}

/// <summary>Some consecutive tokens.</summary>
internal sealed unsafe class TokenRangeStep<T>(int first, Node<T> input, Node<T> output) : LinearMap<T>(input, output)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;

    protected override void Map(T* from, T* to)
    {
        for (var sample = 0; sample < Input.Batch; sample++)
            kernels.Scale(to + Output.Offset(sample, 0, 0), T.One, from + Input.Offset(sample, 0, first), Output.RowLength, add: false);
    }

    protected override void Transpose(T* from, T* to, bool add)
    {
        if (!add)
            Input.Clear(to);
        for (var sample = 0; sample < Input.Batch; sample++)
            kernels.Scale(to + Input.Offset(sample, 0, first), T.One, from + Output.Offset(sample, 0, 0), Output.RowLength, add: true);
    }
}
