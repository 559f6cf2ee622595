namespace Afterimage.Attacks;

/// <summary>
/// The end of a residual network in train mode for a whole batch, from what one convolution of its last unit takes in. What follows is a
/// forward pass up to the last convolution, whose dL/dW then gives dL/dz of every place. Behind it dL/d output is the head's gradient, one
/// number for all places of an image and channel, where the last ReLU is on, and zero where it is off.
/// </summary>
/// <param name="Labels">Of every image.</param>
/// <param name="Gradient">dL/d of what leaves the unit, [B,*Leaving].</param>
/// <param name="On">One where its last ReLU is on and zero elsewhere, [B,*Leaving].</param>
/// <param name="Inputs">What each of the convolutions takes in, the last one at the end.</param>
/// <param name="Difference">What head and ReLUs leave of dL/d output, relative.</param>
internal sealed record JointEnd(int[] Labels, Tensor Gradient, Tensor On, IReadOnlyList<Tensor> Inputs, double Difference)
{
    private const int Turns = 6;

    /// <summary>Of the normal equations of dL/d logits, for heads of more classes than features.</summary>
    private const double Ridge = 1e-12;

    /// <summary>Null where places are too many for the last convolution.</summary>
    /// <param name="head">The linear layer behind the mean over all places.</param>
    /// <param name="body">The convolution whose input is known and those behind it in the unit.</param>
    /// <param name="input">What the first of these takes in, [B,*Input].</param>
    public static JointEnd? Of(Stage head, IReadOnlyList<RectifiedBlock> body, Tensor input)
    {
        var last = body[^1];
        var inputs = new List<Tensor> { input };
        foreach (var block in body.SkipLast(1))
            inputs.Add(block.Forward(inputs[^1]));
        var inner = inputs[^1];
        var layer = new BatchLayer(last.Conv, last.Input, last.WeightGradient, false);
        var patches = layer.Unfold(inner).flatten(0, 1);
        if (patches.shape[0] > patches.shape[1])
            return null;
        var (batch, places) = (input.shape[0], layer.Patches);
        var arriving = Factorization.LeastSquares(patches.t(), layer.Rows.t(), "The patches of the last convolution")
            .reshape(batch, places, -1).transpose(1, 2).reshape([batch, .. last.Output]);
        var (group, point) = (last.Group!, last.Group!.At(last.Map.Apply(last.Weight, inner, last.Bias)));
        var open = (arriving * point.Deviation + group.Level + group.Slope * point.Standard) / where(last.Scale == 0, 1.0, last.Scale);
        var seen = open.flatten(2);
        var expected = seen.gather(2, seen.abs().argmax(2, keepdim: true));
        var weight = head.Weight!;
        var logits = zeros([batch, weight.shape[0]], ScalarType.Float64);
        for (var turn = 0; turn < Turns; turn++)
        {
            // A channel that is off everywhere says nothing.
            var on = Opened(seen, expected);
            var counts = on.sum(2);
            var each = (seen * on).sum(2) / counts.clamp_min(1) * places;
            for (var n = 0L; n < batch; n++)
            {
                var weighted = weight * counts[n];
                var normal = weighted.matmul(weight.t());
                normal.diagonal().add_(Ridge * normal.diagonal().mean());
                logits[n].copy_(Factorization.Solve(normal, weighted.matmul(each[n].unsqueeze(1)), "The head's weights").squeeze(1));
            }
            expected = (logits.matmul(weight) / places).unsqueeze(2);
        }
        var gates = Opened(seen, expected);
        var labels = logits.argmin(1).data<long>().Select(label => (int)label).ToArray();
        var told = gates * expected;
        return new(labels, expected.expand_as(seen).reshape(open.shape), gates.reshape(open.shape), inputs,
            ((seen - told).norm() / told.norm()).ToDouble());
    }

    private static Tensor Opened(Tensor seen, Tensor expected) => (seen / expected > 0.5).to(ScalarType.Float64);
}
