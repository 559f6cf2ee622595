using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>A convolution, the normalization behind it, and perhaps max pooling.</summary>
internal sealed record BlockForm(Conv2d Conv, BatchNorm2d? Norm, MaxPool2d? Pool, long[] Input) : PieceForm
{
    /// <summary>Inputs of one channel beyond which dense normal equations would take too long.</summary>
    private const int LargestMap = 1500;
    private const int LargestChoice = 600;

    /// <summary>Numbers that a blind factorization looks for at once; of more channels only the strongest mixtures are.</summary>
    private const long LargestBlind = 4200;

    /// <summary>The share of missing directions beyond which a blind factorization goes astray.</summary>
    public const double MostMissing = 0.2;

    public override long[] Input { get; init; } = Input;

    /// <summary>GroupNorm behind the convolution, in the place of BatchNorm; null for none.</summary>
    public GroupNorm? Groups { get; init; }

    public long[] Output => Conv.Follow(Input);

    public ConvolutionMap Map => new(Conv, Input);

    public override long[] Leaving => Pool?.Follow(Output) ?? Output;

    public long Places => Map.Places;

    /// <summary>Numbers of dL/dW for each input channel.</summary>
    public long Equations => Map.Equations;

    /// <summary>
    /// Whether dL/dW determines the input once what leaves is known: every input channel has more equations than places, and with
    /// pooling enough of them are left over for the places of the maxima. With GroupNorm dL/dz depends on the input, by a little: it is
    /// iterated, but not through a pooling.
    /// </summary>
    public bool IsDetermined
    {
        get
        {
            if (Equations < Places || Places > LargestMap || Pool is { Padding: > 0 } || (Pool is not null && Groups is not null))
                return false;
            var choices = Pool is null ? 0 : Leaving[1] * Leaving[2] * (Pool.Kernel * Pool.Kernel - 1L);
            return choices <= LargestChoice && Input[0] * Places + Conv.Output * choices <= Input[0] * Equations;
        }
    }

    /// <summary>Mixtures of the input's channels that a blind factorization looks for.</summary>
    public long Mixtures => Math.Min(Input[0], Math.Min(Math.Max(1, LargestBlind / Places), Equations));

    /// <summary>
    /// Whether dL/dW alone gives the input up to its scale, with nothing known of what leaves: its rows span the patches of the input where
    /// there are about as many output channels as places or more, and their overlap tells the rest.
    /// </summary>
    public bool IsBlind => IsBlindByWindows || IsBlindByLines;

    /// <summary>Whether the columns and the rows of windows tell as much, for which fewer channels are enough.</summary>
    public bool IsBlindByLines => SeparableBatch.Obstacle(Conv, Input, false) is null && SeparableBatch.ByLines(Conv, Input) > 0;

    private bool IsBlindByWindows => Conv.Stride == 1 && Conv.Groups == 1 && Conv.Kernel > 1 && Places == Output[1] * Output[2]
        && (1 - MostMissing) * Places <= Conv.Output
        && Mixtures * Places <= LargestBlind && Mixtures * Conv.Kernel * Conv.Kernel >= 2 * Places;
}
