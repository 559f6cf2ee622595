using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>Pixels as the network sees them, after normalization, in which published learning rates are meant.</summary>
internal sealed class NetworkUnits
{
    private readonly Tensor mean;
    private readonly Tensor std;

    public NetworkUnits(AttackContext context)
    {
        var model = context.Model;
        mean = tensor(model.Normalization.Mean.ToArray(), model.Type, model.Device).view(1, -1, 1, 1);
        std = tensor(model.Normalization.Std.ToArray(), model.Type, model.Device).view(1, -1, 1, 1);
        (Lowest, Highest) = ((0 - mean) / std, (1 - mean) / std);
    }

    /// <summary>Black, [1,C,1,1].</summary>
    public Tensor Lowest { get; }

    /// <summary>White, [1,C,1,1].</summary>
    public Tensor Highest { get; }

    public Tensor FromImages(Tensor images) => (images - mean) / std;

    public Tensor ToImages(Tensor seen) => seen * std + mean;

    /// <summary>The derivative with respect to what the network sees, from that with respect to images.</summary>
    public Tensor Pullback(Tensor imageGradient) => imageGradient * std;
}
