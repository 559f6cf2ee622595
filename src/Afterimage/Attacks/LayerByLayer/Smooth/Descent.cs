using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>The way of one reading of the head down to the image, one layer at a time.</summary>
internal sealed class Descent(LayerChain chain, HeadReading reading, RandomSource random)
{
    private Tensor gradient = reading.LogitGradient;
    private Estimate estimate = new(zeros_like(reading.LogitGradient), zeros_like(reading.LogitGradient));

    public int Label => reading.Label;

    /// <summary>What the last layer reached takes for its input; in the end, the network's.</summary>
    public Tensor Input => estimate.Value;

    /// <summary>
    /// The largest share of a layer's weight gradient that its solution leaves unexplained; infinite, and the descent over, where no
    /// gradient arrives.
    /// </summary>
    public double Residual { get; private set; }

    /// <summary>Rank, condition, residual and expected error of each layer solved, the last first.</summary>
    public List<LayerSolved> Layers { get; } = [];

    /// <summary>Goes through stage <paramref name="place"/>, from its output to its input.</summary>
    public void Pass(int place)
    {
        var stage = chain.Stages[place];
        long[] shape = [1, .. stage.Input];
        switch (stage.Layer)
        {
            case Flatten:
                (estimate, gradient) = (new(estimate.Value.view(shape), estimate.Precision.view(shape)), gradient.view(shape));
                break;
            case Activation activation:
                var backwards = new Elementwise(activation);
                var slope = backwards.Slope(estimate.Value, zero: 4 / Math.Sqrt(estimate.Precision.mean().ToDouble()));
                (estimate, gradient) = (new(backwards.Inverse(estimate.Value), estimate.Precision * slope.square()), gradient * slope);
                break;
            default:
                Solve(stage, place);
                break;
        }
    }

    private void Solve(Stage stage, int place)
    {
        if (gradient.norm().ToDouble() is not > 0)
        {
            Residual = double.PositiveInfinity;
            return;
        }
        var solution = InputSystem.Solve(stage, gradient, estimate, random.Derive("recursion", place));
        var name = stage.Layer is Conv2d conv ? conv.Name : ((Linear)stage.Layer).Name;
        Layers.Add(new(name, stage.Unknowns, solution.Residual)
        {
            Rank = solution.Rank,
            Condition = solution.Condition,
            Error = 1 / Math.Sqrt(solution.Input.Precision.mean().ToDouble()),
        });
        Residual = Math.Max(Residual, solution.Residual);
        (estimate, gradient) = (solution.Input, stage.Map.Transpose(stage.Weight!, gradient));
    }
}
