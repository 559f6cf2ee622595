using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>A part of a network as structure alone, without numbers: what equations of it can be counted by.</summary>
internal abstract record PieceForm
{
    /// <summary>[C,H,W] of what enters.</summary>
    public abstract long[] Input { get; init; }

    /// <summary>[C,H,W] of what leaves.</summary>
    public abstract long[] Leaving { get; }
}

/// <summary>A convolution, the normalization behind it, and perhaps max pooling.</summary>
internal sealed record BlockForm(Conv2d Conv, BatchNorm2d? Norm, MaxPool2d? Pool, long[] Input) : PieceForm
{
    /// <summary>Inputs of one channel beyond which dense normal equations would take too long.</summary>
    private const int LargestMap = 1500;
    private const int LargestChoice = 600;

    /// <summary>Numbers that a blind factorization looks for at once; of more channels only the strongest mixtures are.</summary>
    private const long LargestBlind = 4200;

    public override long[] Input { get; init; } = Input;

    public long[] Output => Conv.Follow(Input);

    public override long[] Leaving => Pool?.Follow(Output) ?? Output;

    public long Places => Input[1] * Input[2];

    /// <summary>Numbers of dL/dW for each input channel.</summary>
    public long Equations => (long)Conv.Output * Conv.Kernel * Conv.Kernel;

    /// <summary>
    /// Whether dL/dW determines the input once what leaves is known: every input channel has more equations than places, and with
    /// pooling enough of them are left over for the places of the maxima.
    /// </summary>
    public bool IsDetermined
    {
        get
        {
            if (Equations < Places || Places > LargestMap || Pool is { Padding: > 0 })
                return false;
            var choices = Pool is null ? 0 : Leaving[1] * Leaving[2] * (Pool.Kernel * Pool.Kernel - 1L);
            return choices <= LargestChoice && Input[0] * Places + Conv.Output * choices <= Input[0] * Equations;
        }
    }

    /// <summary>Mixtures of the input's channels that a blind factorization looks for.</summary>
    public long Mixtures => Math.Min(Input[0], Math.Min(Math.Max(1, LargestBlind / Places), Equations));

    /// <summary>
    /// Whether dL/dW alone gives the input up to its scale, with nothing known of what leaves: its rows span the patches of the input where
    /// there are at least as many output channels as places, and their overlap tells the rest.
    /// </summary>
    public bool IsBlind => Conv.Stride == 1 && Conv.Groups == 1 && Places == Output[1] * Output[2] && Places <= Conv.Output
        && Mixtures * Places <= LargestBlind && Mixtures * Conv.Kernel * Conv.Kernel >= 2 * Places;
}

/// <summary>Two convolutions beside a shortcut.</summary>
/// <param name="First">Takes in what the unit takes in.</param>
/// <param name="Second">Its ReLU stands behind the sum.</param>
/// <param name="Padding">A shortcut without parameters that leaves out places and adds channels.</param>
/// <param name="Projection">A shortcut with a convolution. Without both it is the identity.</param>
internal sealed record UnitForm(BlockForm First, BlockForm Second, PaddedShortcut? Padding, BlockForm? Projection) : PieceForm
{
    /// <summary>So many known features inside of a unit for every number of the image let the search find it.</summary>
    private const double Abundant = 16;

    /// <summary>Equations for each place, below which conjugate gradients on all equations take long.</summary>
    private const double Comfortable = 2;

    public override long[] Input { get; init; } = First.Input;

    public override long[] Leaving => Second.Output;

    /// <summary>
    /// Whether the input is solved for: it must be determined, and where a stride makes that hard, what is known in the unit must not
    /// be enough for the image already.
    /// </summary>
    /// <param name="pixels">Numbers of the image.</param>
    public bool ReadsInput(long pixels) => First.IsDetermined && (First.Conv.Stride == 1 || First.Equations >= Comfortable * First.Places
        || Features < Abundant * pixels);

    /// <summary>What enters the second convolution, and what leaves the unit.</summary>
    public long Features => (Second.Input[0] * Second.Places) + Leaving.Aggregate(1L, (product, size) => product * size);
}
