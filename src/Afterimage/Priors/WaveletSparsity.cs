using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// Mean absolute value of the detail coefficients of the normalized images in an orthonormal wavelet basis (Daubechies, 1992), of
/// which photographs have few large ones. Borders are periodic; levels end where a side is odd or shorter than the filter.
/// </summary>
[Cites("daubechies1992ten")]
public sealed record WaveletSparsity : Prior
{
    /// <summary>Which wavelet.</summary>
    public Wavelet Wavelet { get; init; } = Wavelet.Haar;

    /// <summary>The largest number of levels, at least 1; each halves the image.</summary>
    [Range(1, 16)]
    public int Levels { get; init; } = 5;

    /// <inheritdoc/>
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var model = context.Model;
        var transform = new WaveletTransform(model.Input.Height, model.Input.Width, Levels, Wavelet, model.Type, model.Device);
        return trial =>
        {
            var (details, smooth) = transform.Of(model.Normalize(trial.Images));
            return details.Aggregate(smooth.sum() * 0, (sum, block) => sum + block.abs().sum()) / trial.Images.numel();
        };
    }
}

/// <summary>Orthonormal wavelets.</summary>
public enum Wavelet
{
    /// <summary>Haar's, with a filter of two taps.</summary>
    Haar,

    /// <summary>Daubechies' with a filter of four taps, whose details are zero on linear slopes.</summary>
    Daubechies4,
}
