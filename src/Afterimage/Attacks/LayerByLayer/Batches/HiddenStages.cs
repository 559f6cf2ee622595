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
    /// The label of every image and how often it occurs: (P - Y)' H / B is linear in P - Y, and a multiple of it for an image that occurs
    /// several times.
    /// </summary>
    /// <param name="features">What enters the head, [N,features].</param>
    /// <param name="logits">[N,classes].</param>
    /// <param name="batch">Images of the batch.</param>
    public (Labels Labels, int[] Times) Labels(Tensor features, Tensor logits, int batch)
    {
        var sent = cat([tail.Head.WeightGradient!, tail.Head.BiasGradient!.unsqueeze(1)], 1);
        var seen = cat([features, ones([features.shape[0], 1], ScalarType.Float64)], 1);
        var gradients = batch * Factorization.LeastSquares(seen.t(), sent.t(), "The features in front of the head");
        var (probabilities, classes) = (logits.softmax(1), (logits.softmax(1) - gradients).argmax(1));
        var expected = probabilities - nn.functional.one_hot(classes, logits.shape[1]).to(ScalarType.Float64);
        var times = ((gradients * expected).sum([1]) / expected.square().sum([1])).data<double>()
            .Select(value => double.IsFinite(value) ? Math.Clamp((int)Math.Round(value), 1, batch) : 1).ToArray();
        var soft = probabilities - gradients / tensor(times).unsqueeze(1);
        var sure = soft.max(1).values.data<double>().Select(value => Math.Clamp(value, 0, 1)).ToValueList();
        return (new(classes.data<long>().Select(c => (int)c).ToValueList(), sure), times);
    }
}
