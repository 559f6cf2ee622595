using Afterimage.Federation;
using Afterimage.Priors;

namespace Afterimage.Attacks;

/// <summary>
/// Mean squared difference, over pairs of epochs, of a function of their images that does not depend on their order: the largest
/// response over images to random 3x3 filters, place by place, or the mean image.
/// </summary>
internal sealed record EpochAgreement(int Epochs, int Filters) : Prior
{
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var (channels, type, device) = (context.Model.Input.Channels, context.Model.Type, context.Model.Device);
        using var generator = context.Random.Derive("filters").Generator(device);
        var filters = Filters == 0 ? null
            : (randn([Filters, channels, 3, 3], ScalarType.Float32, device, generator: generator) / Math.Sqrt(9 * channels)).to(type);
        return trial =>
        {
            var images = trial.Images;
            var batch = images.shape[0] / Epochs;
            var seen = filters is null ? images : nn.functional.conv2d(images, filters, padding: [1, 1]);
            var parts = Enumerable.Range(0, Epochs).Select(epoch => seen.narrow(0, epoch * batch, batch))
                .Select(part => filters is null ? part.mean([0]) : part.amax([0])).ToArray();
            var sum = images.sum() * 0;
            for (var i = 0; i < Epochs; i++)
                for (var j = i + 1; j < Epochs; j++)
                    sum = sum + (parts[i] - parts[j]).square().mean();
            return sum * (2.0 / (Epochs * (Epochs - 1)));
        };
    }
}
