using Afterimage.Federation;

namespace Afterimage.Priors;

internal static class Normalized
{
    /// <summary>The map from images in [0,1] to what the network sees.</summary>
    public static Func<Tensor, Tensor> Of(AttackContext context)
    {
        var model = context.Model;
        var mean = tensor(model.Normalization.Mean.ToArray(), model.Type, model.Device).view(1, -1, 1, 1);
        var std = tensor(model.Normalization.Std.ToArray(), model.Type, model.Device).view(1, -1, 1, 1);
        return images => (images - mean) / std;
    }
}
