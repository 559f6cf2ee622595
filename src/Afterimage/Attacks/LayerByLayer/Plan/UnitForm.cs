using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>Two convolutions beside a shortcut.</summary>
/// <param name="First">Takes in what the unit takes in.</param>
/// <param name="Second">Its ReLU stands behind the sum.</param>
/// <param name="Padding">A shortcut without parameters that leaves out places and adds channels.</param>
/// <param name="Projection">A shortcut with a convolution. Without both it is the identity.</param>
internal sealed record UnitForm(BlockForm First, BlockForm Second, PaddedShortcut? Padding, BlockForm? Projection) : PieceForm
{
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
        || Features < KnownFeatures.Abundant * pixels);

    /// <summary>What enters the second convolution, and what leaves the unit.</summary>
    public long Features => (Second.Input[0] * Second.Places) + Leaving.Aggregate(1L, (product, size) => product * size);
}
