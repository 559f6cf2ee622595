namespace Afterimage.Attacks;

/// <summary>How much of the patches of an input lies outside of a space: a quadratic form in the input.</summary>
internal static class PatchForm
{
    /// <summary>[size,size]; numbers of the padding are left out.</summary>
    /// <param name="reads">Which number of the input a tap reads at a place, counted from 1, 0 for the padding: [taps, places].</param>
    /// <param name="outside">The projector onto what is outside of the space, [taps,taps].</param>
    /// <param name="size">Numbers of the input.</param>
    public static Tensor Of(Tensor reads, Tensor outside, long size)
    {
        var form = zeros(size, size, ScalarType.Float64);
        for (var place = 0L; place < reads.shape[1]; place++)
        {
            using var inner = Tidy.Scope();
            var (from, to) = Read(reads, place);
            var rows = form.index_select(0, to).index_add_(1, to, outside.index_select(0, from).index_select(1, from), 1);
            form.index_copy_(0, to, rows);
        }
        return form;
    }

    /// <summary>The sum of all patches outside of the space, [size,taps] for every number of the input.</summary>
    /// <inheritdoc cref="Of"/>
    public static Tensor Sum(Tensor reads, Tensor outside, long size)
    {
        var sum = zeros(size, outside.shape[0], ScalarType.Float64);
        for (var place = 0L; place < reads.shape[1]; place++)
        {
            using var inner = Tidy.Scope();
            var (from, to) = Read(reads, place);
            sum.index_add_(0, to, outside.index_select(0, from), 1);
        }
        return sum;
    }

    /// <summary>How often each number of the input is read, [size].</summary>
    /// <inheritdoc cref="Of"/>
    public static Tensor Counts(Tensor reads, long size) => zeros(size + 1, ScalarType.Float64)
        .index_add_(0, reads.reshape(-1), ones(reads.numel(), ScalarType.Float64), 1).narrow(0, 1, size);

    private static (Tensor From, Tensor To) Read(Tensor reads, long place)
    {
        var from = (reads[.., place] > 0).nonzero().flatten();
        return (from, reads[.., place].index_select(0, from) - 1);
    }
}
