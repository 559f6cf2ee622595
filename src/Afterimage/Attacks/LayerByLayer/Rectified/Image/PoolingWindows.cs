namespace Afterimage.Attacks;

/// <summary>The windows of a max pooling: which outputs of the convolution each of them looks at.</summary>
internal sealed class PoolingWindows
{
    private readonly long[] output;

    /// <param name="block">With pooling.</param>
    public PoolingWindows(RectifiedBlock block)
    {
        output = block.Output;
        var pool = block.Pool!;
        var (rows, columns, side) = (output[1], output[2], pool.Kernel);
        var all = from y in Enumerable.Range(0, (int)block.Leaving[1])
                  from x in Enumerable.Range(0, (int)block.Leaving[2])
                  from place in Enumerable.Range(0, side * side)
                  let row = y * pool.Stride - pool.Padding + place / side
                  let column = x * pool.Stride - pool.Padding + place % side
                  select row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : -1;
        var index = tensor([.. all]);
        Places = index.clamp_min(0);
        Inside = (index >= 0).reshape(1, -1, side * side);
    }

    /// <summary>Whether a place of a window lies on the map, not on its padding, [1,windows,places].</summary>
    public Tensor Inside { get; }

    /// <summary>Where each place of a window lies on the map, [windows * places]; 0 where it does not.</summary>
    public Tensor Places { get; }

    /// <summary>[B,*Output] as [B * C,windows,places].</summary>
    public Tensor Gather(Tensor u) =>
        u.reshape(-1, output[1] * output[2]).index_select(1, Places).reshape(-1, Inside.shape[1], Inside.shape[2]);

    /// <summary>Transposed <see cref="Gather"/>.</summary>
    public Tensor Scatter(Tensor values) => zeros([values.shape[0], output[1] * output[2]], values.dtype)
        .index_add_(1, Places, values.flatten(1), 1).reshape([-1, .. output]);
}
