using Afterimage.Audit.Clients;

namespace Afterimage.Audit.Judging;

/// <summary>Mean squared error over all pixels and channels, of images in [0,1].</summary>
public sealed record MeanSquaredError : Metric
{
    /// <inheritdoc/>
    public override string Name => "mse";

    /// <inheritdoc/>
    public override bool HigherIsBetter => false;

    /// <inheritdoc/>
    public override double Optimum => 0;

    /// <inheritdoc/>
    public override string Summary => "Mean squared difference of pixel values in [0,1]; 0 is the same image.";

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen) => Between(truth, seen);

    internal static double Between(Image truth, Image seen)
    {
        var sum = 0.0;
        var other = seen.Pixels;
        var pixels = truth.Pixels;
        for (var i = 0; i < pixels.Length; i++)
        {
            var difference = (double)pixels[i] - other[i];
            sum += difference * difference;
        }
        return sum / pixels.Length;
    }
}
