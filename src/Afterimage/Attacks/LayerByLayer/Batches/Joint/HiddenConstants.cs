using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// Places of a convolution's input whose common constant BatchNorm in train mode hides. dL/dz sums to zero there, so that a tap of the
/// kernel sees no constant of the places that it reads; only the padding, which is zero, tells it. A convolution with a stride reads some
/// places by taps that never reach the padding. Zeros that a ReLU left tell the constant then.
/// </summary>
internal static class HiddenConstants
{
    /// <summary>Values that are so many errors from the smallest may be equal to it.</summary>
    private const double Near = 8;

    /// <summary>One row for each set of places, [sets,H * W], of one channel; null for none.</summary>
    /// <param name="layers">Convolutions that take in the same.</param>
    public static Tensor? Of(IEnumerable<RectifiedBlock> layers)
    {
        var blocks = layers.ToList();
        var (height, width) = (blocks[0].Input[1], blocks[0].Input[2]);
        // Place 0 is the padding.
        var first = Enumerable.Range(0, (int)(height * width) + 1).ToArray();
        int Root(int place) => first[place] == place ? place : first[place] = Root(first[place]);
        foreach (var block in blocks)
        {
            using var scope = Tidy.Scope();
            var reads = new ConvolutionMap(block.Conv with { Input = 1, Output = 1, Groups = 1 }, [1, height, width]).Reads();
            for (var tap = 0L; tap < reads.shape[0]; tap++)
            {
                var places = reads[tap].data<long>().ToArray();
                foreach (var place in places)
                {
                    var (a, b) = (Root((int)places[0]), Root((int)place));
                    first[Math.Max(a, b)] = Math.Min(a, b);
                }
            }
        }
        var sets = Enumerable.Range(1, first.Length - 1).GroupBy(Root).Where(set => set.Key != 0).ToList();
        if (sets.Count == 0)
            return null;
        var rows = zeros([sets.Count, height * width], ScalarType.Float64);
        for (var i = 0; i < sets.Count; i++)
            rows[i].index_fill_(0, tensor(sets[i].Select(place => place - 1L).ToArray()), 1);
        return rows;
    }

    /// <summary>Inputs with the constants that make the smallest value of every set and channel zero.</summary>
    /// <param name="sets">As <see cref="Of"/> gives them.</param>
    /// <param name="inputs">[B,C,H,W], with any constants.</param>
    /// <param name="errors">
    /// Of the inputs, shaped alike: values that are so near to the smallest are zero as well, and those in front of a gap.
    /// </param>
    public static Tensor Told(Tensor sets, Tensor inputs, Tensor errors) => Tidy.Keep(() =>
    {
        var told = inputs.flatten(2).clone();
        var places = sets.unbind().Select(set => set.nonzero().squeeze(1)).ToList();
        foreach (var set in places)
        {
            var values = told.index_select(2, set);
            told.index_copy_(2, set, values - values.amin([0, 2], keepdim: true));
        }
        var within = Math.Max(Near * errors.max().ToDouble(), ZeroEdge.Of(told));
        foreach (var set in places)
        {
            var values = told.index_select(2, set);
            var near = (values <= within).to(values.dtype);
            told.index_copy_(2, set, values - (values * near).sum([0, 2], keepdim: true) / near.sum([0, 2], keepdim: true));
        }
        return told.reshape(inputs.shape);
    });
}
