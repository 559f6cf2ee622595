using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The linear layers at the end of a network, with ReLU between them, for all images of a batch at once: what one of them sees of every
/// image tells what all others see.
/// </summary>
/// <param name="tail">With the gradients of the whole batch.</param>
internal sealed class HiddenStages(LinearTail tail)
{
    /// <summary>Smaller numbers, relative to an input's largest, are zeros.</summary>
    private const double Zero = 1e-6;

    private readonly Stage[] stages = [.. tail.Hidden, tail.Head];

    public Stage this[int stage] => stages[stage];

    /// <summary>
    /// The largest batch that a layer takes apart; 0 where it takes in something else than what comes out of a ReLU, or has no bias. The
    /// derivatives of the logits sum to zero, so that the head has one direction less.
    /// </summary>
    public static long Largest(ChainForm form, int stage)
    {
        var linear = form.Linears[stage];
        var rectified = stage > 0 || (form.Pieces.Count > 0 && !form.IsResidual);
        return rectified && linear.Bias
            ? SeparableBatch.Largest(stage == form.Linears.Count - 1 ? linear with { Output = linear.Output - 1 } : linear, [linear.Input])
            : 0;
    }

    /// <summary>What enters each layer from one on, and the logits at the end, [N,features] each.</summary>
    /// <param name="stage">The first of them.</param>
    /// <param name="inputs">What enters it.</param>
    public Tensor[] Upwards(int stage, Tensor inputs)
    {
        var values = new List<Tensor> { inputs };
        for (; stage < stages.Length; stage++)
        {
            var z = values[^1].matmul(stages[stage].Weight!.t()) + stages[stage].Bias!;
            values.Add(stage < stages.Length - 1 ? z.relu() : z);
        }
        return [.. values];
    }

    /// <summary>dL/dz of the layer in front of one.</summary>
    /// <param name="stage">The layer.</param>
    /// <param name="inputs">What enters it, [N,features].</param>
    /// <param name="gradients">dL/dz of it, [N,outputs].</param>
    public Tensor Arriving(int stage, Tensor inputs, Tensor gradients) =>
        gradients.matmul(stages[stage].Weight!) * (inputs > Zero * inputs.amax([1], keepdim: true));

    /// <summary>What enters a layer, once dL/dz of all images is known: dL/dW is linear in it.</summary>
    /// <returns>Inputs, [N,features], and the share of dL/dW that they leave.</returns>
    public (Tensor Inputs, double Residual) Inputs(int stage, Tensor gradients)
    {
        var sent = stages[stage].WeightGradient!;
        var inputs = Factorization.LeastSquares(gradients.t(), sent, $"The gradients that arrive at {Name(stage)}");
        return (inputs, ((gradients.t().matmul(inputs) - sent).norm() / sent.norm()).ToDouble());
    }

    public string Name(int stage) => ((Linear)stages[stage].Layer).Name;

    /// <summary>
    /// The label of every image and how often it occurs: the loss of each class makes another dL/dz of a layer, and the client's is that
    /// of the right one, a multiple of it for an image that occurs several times.
    /// </summary>
    /// <param name="stage">The layer.</param>
    /// <param name="inputs">What enters it, [N,features].</param>
    /// <param name="gradients">dL/dz of it, [N,outputs].</param>
    /// <param name="batch">Images of the batch.</param>
    public (Labels Labels, int[] Times) Labels(int stage, Tensor inputs, Tensor gradients, int batch)
    {
        var values = Upwards(stage, inputs);
        var classes = values[^1].shape[1];
        // Derivatives of the logits by z, [N,classes,outputs].
        var slopes = eye(classes, dtype: ScalarType.Float64).unsqueeze(0);
        for (var above = stages.Length - 1; above > stage; above--)
            slopes = slopes.matmul(stages[above].Weight!) * (values[above - stage] > 0).unsqueeze(1);
        var expected = values[^1].softmax(1).unsqueeze(1).matmul(slopes) - slopes;
        var sent = (batch * gradients).unsqueeze(1);
        var times = (sent * expected).sum([2]) / (expected.square().sum([2]) + 1e-300);
        var left = (sent - times.clamp(min: 0).unsqueeze(2) * expected).norm(2);
        var (order, best) = left.sort(1);
        var sure = 1 - order[.., 0] / (order[.., 1] + 1e-300);
        var own = best[.., ..1];
        return (new([.. own.data<long>().Select(c => (int)c)], [.. sure.data<double>().Select(value => Math.Clamp(value, 0, 1))]),
            [.. times.gather(1, own).data<double>().Select(value => (int)Math.Round(Math.Clamp(value, 1, batch)))]);
    }
}
