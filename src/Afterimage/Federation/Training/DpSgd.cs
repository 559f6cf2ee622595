using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// One step of DP-SGD (Abadi et al., 2016): the gradient of every image is scaled down to a norm, their mean is taken, and Gaussian noise
/// is added whose deviation is the multiplier times the norm over the number of images. An attacker knows norm and multiplier; "afterimage
/// privacy" says which (epsilon, delta) they amount to over a training.
/// </summary>
[Cites("abadi2016deep")]
public sealed record DpSgd : LocalTraining, ISettings
{
    /// <summary>The largest norm of the gradient of one image, more than 0; null clips nothing.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double? Clip { get; init; }

    /// <summary>Deviation of the noise on the sum of the gradients in units of <see cref="Clip"/>; 0 adds none.</summary>
    [Range(0, 1e6)]
    public double NoiseMultiplier { get; init; }

    /// <inheritdoc/>
    public string? Fault => NoiseMultiplier > 0 && Clip is null
        ? "The noise of DP-SGD is measured in units of the clipping norm, and none is given: set \"clip\" too." : null;

    /// <inheritdoc/>
    public override UpdateKind Kind => UpdateKind.Gradient;

    /// <inheritdoc/>
    public override double GradientFactor(int batch) => Loss.Images(batch);

    /// <inheritdoc/>
    public override int MaskRows(int batch) => batch;

    /// <inheritdoc/>
    public override string? Obstacle(VictimModel model) => Clip is null ? Plain.Obstacle(model) : "The gradient of every image is clipped";

    /// <inheritdoc/>
    public override GradientSet Evaluate(VictimModel model, Batch batch, RandomChoices? choices = null) =>
        Clip is null ? Plain.Evaluate(model, batch, choices) : base.Evaluate(model, batch, choices);

    /// <inheritdoc/>
    public override GradientSet Train(VictimModel model, Batch batch, RandomSource random)
    {
        Settings.Check(this);
        var update = base.Train(model, batch, random);
        if (Deviation(batch.Count) is not (> 0 and var deviation))
            return update;
        using var generator = random.Derive("privacy").Generator(CPU);
        return new(update.Layout, update.Flat
            + randn(update.Flat.shape, update.Flat.dtype, CPU, generator: generator).to(update.Flat.device) * deviation);
    }

    /// <inheritdoc/>
    public override Channel Way(int batch) =>
        Deviation(batch) is > 0 and var deviation ? new NoiseChannel("DP-SGD's Gaussian", 0, deviation) : Channel.None;

    /// <summary>Deviation of the noise on every number of the update.</summary>
    public double Deviation(int batch) => NoiseMultiplier * (Clip ?? 0) * Loss.Images(batch) / batch;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Tensor> Update(VictimModel model, Batch batch, RandomChoices choices)
    {
        if (Clip is not { } clip)
            return Plain.Update(model, batch, choices);
        if (Mode == ModelMode.Train && model.Buffers.Count > 0)
            throw new AfterimageException("BatchNorm in train mode mixes the images of a batch, so that no gradient belongs to one of " +
                "them and DP-SGD promises nothing: use eval mode or a model with GroupNorm.");
        Tensor[]? sum = null;
        for (var i = 0; i < batch.Count; i++)
        {
            var own = Differentiate.Gradients(LossOf(model, batch.Narrow(i, 1), masks: choices.Masks?.narrow(0, i, 1)), model.Parameters,
                graph: true);
            var square = own.Select(part => part.square().sum()).Aggregate((total, next) => total + next);
            // The root has no derivative at zero, where nothing is clipped.
            var factor = (clip / square.clamp_min(1e-30).sqrt()).clamp_max(1);
            sum = sum is null ? [.. own.Select(part => part * factor)] : [.. sum.Zip(own, (total, part) => total + part * factor)];
        }
        var share = Loss.Images(batch.Count) / batch.Count;
        return [.. sum!.Select(part => part * share)];
    }

    private FedSgd Plain => new() { Mode = Mode, Loss = Loss };
}
