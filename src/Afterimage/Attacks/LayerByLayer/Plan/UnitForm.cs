using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>Two convolutions, or more as in a bottleneck, beside a shortcut.</summary>
/// <param name="First">Takes in what the unit takes in.</param>
/// <param name="Second">The last; its ReLU stands behind the sum.</param>
/// <param name="Padding">A shortcut without parameters that leaves out places and adds channels.</param>
/// <param name="Projection">A shortcut with a convolution. Without both it is the identity.</param>
internal sealed record UnitForm(BlockForm First, BlockForm Second, PaddedShortcut? Padding, BlockForm? Projection) : PieceForm
{
    /// <summary>Equations for each place, below which conjugate gradients on all equations take long.</summary>
    private const double Comfortable = 2;

    /// <summary>Convolutions between the first and the last.</summary>
    public IReadOnlyList<BlockForm> Between { get; init; } = [];

    /// <summary>All convolutions of the body, in order.</summary>
    public IReadOnlyList<BlockForm> Body => [First, .. Between, Second];

    /// <summary>
    /// Convolutions whose windows may tie places together, so that their weight gradient takes a batch apart: of a bottleneck those between
    /// its 1 x 1 convolutions.
    /// </summary>
    public IReadOnlyList<BlockForm> Separating => Between.Count > 0 ? Between : [First];

    /// <summary>The body and the convolution of the shortcut.</summary>
    public IEnumerable<BlockForm> All => Projection is null ? Body : Body.Append(Projection);

    /// <summary>Whether all that stands between the first convolution and the output follows from equations.</summary>
    public bool IsDetermined => Body.Skip(1).All(block => block.IsDetermined);

    /// <summary>
    /// Whether its convolutions are solved for one after the other: with more than two, or where a normalization's statistics depend on
    /// the image.
    /// </summary>
    public bool IsStepwise => Between.Count > 0 || All.Any(block => block.Groups is not null);

    public override long[] Input { get; init; } = First.Input;

    public override long[] Leaving => Second.Output;

    /// <summary>
    /// Whether the input is solved for: it must be determined, and where a stride makes that hard, what is known in the unit must not
    /// be enough for the image already.
    /// </summary>
    /// <param name="pixels">Numbers of the image.</param>
    public bool ReadsInput(long pixels) => First.IsDetermined && (First.Conv.Stride == 1 || First.Equations >= Comfortable * First.Places
        || Features < KnownFeatures.Abundant * pixels);

    /// <summary>What leaves the first convolution, and what leaves the unit.</summary>
    public long Features => First.Output.Aggregate(1L, (product, size) => product * size)
        + Leaving.Aggregate(1L, (product, size) => product * size);
}
