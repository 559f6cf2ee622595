using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// Mean absolute value of the details in an orthonormal wavelet basis (Daubechies, 1992), of the images as the network sees them:
/// photographs need few of them. Borders are joined (periodic); levels end where a side is odd or shorter than the filter.
/// </summary>
[Cites("daubechies1992ten")]
public sealed record WaveletSparsity : Prior
{
    public Wavelet Wavelet { get; init; } = Wavelet.Haar;

    /// <summary>Halvings of the image at most.</summary>
    public int Levels { get; init; } = 5;

    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        if (Levels < 1)
            throw new AfterimageException($"Wavelet sparsity needs at least one level; it has {Levels}.");
        var model = context.Model;
        var transform = new WaveletTransform(model.Input.Height, model.Input.Width, Levels, Wavelet, model.Type, model.Device);
        return trial =>
        {
            var (details, smooth) = transform.Of(model.Normalize(trial.Images));
            return details.Aggregate(smooth.sum() * 0, (sum, block) => sum + block.abs().sum()) / trial.Images.numel();
        };
    }
}

public enum Wavelet
{
    /// <summary>Means and differences of two neighbors.</summary>
    Haar,

    /// <summary>The filter of four taps, blind to linear slopes.</summary>
    Daubechies4,
}
