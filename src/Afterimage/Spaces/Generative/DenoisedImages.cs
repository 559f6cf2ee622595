using Afterimage.Federation;
using Afterimage.Networks;

namespace Afterimage.Spaces;

/// <summary>Noisy images of a diffusion model, which stand for what it makes of them at one noise level.</summary>
internal sealed class DenoisedImages : Search
{
    private readonly DiffusionModel model;
    private readonly ModelImages fit;
    private readonly Tensor? labels;
    private readonly long[] shape;
    private (Tensor Leaf, Tensor Clean, double Sigma)? last;

    private DenoisedImages(DiffusionModel model, ModelImages fit, Tensor? labels, int batch)
    {
        (this.model, this.fit, this.labels) = (model, fit, labels);
        shape = [batch, .. model.Shape];
        Start = zeros(shape, model.Flat.dtype, model.Flat.device).reshape(-1);
    }

    /// <summary>The standard deviation of the noise, for pixels in [0,1].</summary>
    public double Sigma { get; set; }

    /// <inheritdoc/>
    public override Tensor Start { get; }

    /// <summary>Loads a model for a round.</summary>
    /// <exception cref="AfterimageException">The file holds no diffusion model.</exception>
    public static DenoisedImages Open(string? path, AttackContext context, Tensor targets, double sigma)
    {
        using var loaded = Load(path);
        var model = loaded.To(context.Model.Type, context.Model.Device);
        return new(model, new(context.ImagesShape), model.Classes == context.Model.Classes ? targets : null, context.Observation.BatchSize)
        {
            Sigma = sigma,
        };
    }

    /// <summary>Images [count,C,H,W] of the victim's shape that a model draws by itself, its classes in turn.</summary>
    public static Tensor Imagine(string? path, AttackContext context, int count, RandomSource random)
    {
        const int Levels = 24;
        using var model = Load(path);
        var labels = model.Classes == 0 ? null : arange(count, ScalarType.Int64, CPU).remainder(model.Classes);
        return new ModelImages([count, .. context.ImagesShape[1..]]).Fit(model.Sample(count, Levels, random, labels));
    }

    private static DiffusionModel Load(string? path) => path is null ? DiffusionModel.Shipped() : DiffusionModel.Load(path);

    /// <summary>The denoised images in the model's own size, as flat as the variables.</summary>
    public Tensor Clean(Tensor variables) => Seen(variables).Clean.detach().reshape(-1);

    /// <inheritdoc/>
    public override Tensor Decode(Tensor variables) => fit.Fit(variables.requires_grad
        ? model.Denoise(variables.view(shape), Sigma, labels) : Seen(variables).Clean.detach());

    /// <inheritdoc/>
    public override Tensor Pullback(Tensor variables, Tensor imageGradient)
    {
        var (leaf, clean) = Seen(variables);
        return Differentiate.Products([fit.Fit(clean)], [leaf], [imageGradient])[0].reshape(-1);
    }

    /// <summary>One pass of the network serves the images and their derivative, as long as the caller's scope lives.</summary>
    private (Tensor Leaf, Tensor Clean) Seen(Tensor variables)
    {
        if (last is not { Leaf.IsInvalid: false, Clean.IsInvalid: false } kept || kept.Sigma != Sigma
            || !kept.Leaf.equal(variables.view(shape)).all().ToBoolean())
        {
            var leaf = variables.detach().view(shape).clone().requires_grad_();
            last = kept = (leaf, model.Denoise(leaf, Sigma, labels), Sigma);
        }
        return (kept.Leaf, kept.Clean);
    }

    /// <inheritdoc/>
    public override bool Project(Tensor variables) => false;
}
