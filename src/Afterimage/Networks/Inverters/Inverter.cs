using System.Globalization;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>
/// A network that was trained on pairs of update and images of one model (Learning to Invert; Wu et al., 2023), and now makes images of an
/// update in one pass.
/// </summary>
[Cites("wu2023learning")]
public sealed class Inverter : IDisposable
{
    private readonly InverterFile origin;
    private readonly InverterNetwork network;
    private readonly ParameterViews parameters;
    private readonly ValueList<double> decibels;

    internal Inverter(InverterFile origin, InverterNetwork network, Tensor flat, ValueList<double> decibels)
    {
        (this.origin, this.network, this.decibels) = (origin, network, decibels);
        parameters = new(network.Layout, flat, isOwner: true);
        parameters.Detach();
    }

    /// <summary>The layers.</summary>
    public InverterShape Shape => origin.Shape;

    /// <summary>Reads a file of "afterimage train inverter".</summary>
    /// <exception cref="AfterimageException">The file holds no inverter.</exception>
    public static Inverter Load(string path) => InverterFile.Read(path);

    /// <summary>The images [B,C,H,W] in [0,1] behind the update of a round, in the model's precision.</summary>
    /// <exception cref="AfterimageException">The inverter was trained for another model, other training or smaller batches.</exception>
    public Tensor Answer(AttackContext context) => Tidy.Keep(() =>
    {
        using var _ = no_grad();
        Check(context);
        var sketch = Shape.Sketch(context.Model.Layout).Of(context.Observation.Update.Flat);
        return network.Images(parameters, origin.Scale.Of(sketch.unsqueeze(0)), context.Observation.BatchSize).squeeze(0)
            .to(context.Model.Type, context.Model.Device);
    });

    /// <summary>Images [count,C,H,W] in [0,1] that it makes of updates of noise, one of each.</summary>
    public Tensor Imagine(int count, RandomSource random) => Tidy.Keep(() =>
    {
        using var _ = no_grad();
        using var normal = random.Generator(CPU);
        var noise = randn([count, origin.Widths.Sum()], ScalarType.Float32, CPU, generator: normal);
        return network.Images(parameters, noise, 1).flatten(0, 1);
    });

    /// <summary>What its images are worth in a round, one sentence each.</summary>
    public IEnumerable<string> Remarks(AttackContext context)
    {
        var batch = context.Observation.BatchSize;
        yield return "The inverter brings held-out images of its training data back at " +
            string.Create(CultureInfo.InvariantCulture, $"{decibels[batch]:F1} dB in batches of {batch}, ") +
            string.Create(CultureInfo.InvariantCulture, $"the mean image at {decibels[0]:F1} dB.");
        if (ModelFingerprint.Of(context.Model).Weights != origin.Model.Weights)
            yield return "The inverter was trained for other weights of this architecture, so that its images mean little: " +
                "train one for these weights (\"afterimage train inverter\").";
        if (context.Observation.Channel.Description is var way && way != origin.Channel)
            yield return $"The inverter was trained for an update {origin.Channel}, and this is one {way}: " +
                "train one for this defense (\"afterimage train inverter --defense\").";
    }

    private void Check(AttackContext context)
    {
        if (context.Observation.Update.Layout.Count != context.Model.Layout.Count)
            throw new AfterimageException("The inverter reads updates of the whole model, and this search has parts of it alone: " +
                "choose another start.");
        if (ModelFingerprint.Of(context.Model).Architecture != origin.Model.Architecture)
            throw new AfterimageException("The inverter was trained for another architecture than the model's: " +
                "train one for this model (\"afterimage train inverter --model\").");
        if (context.Observation.Training is not FedSgd { Mode: ModelMode.Eval } training || training.Loss != new FedSgd().Loss)
            throw new AfterimageException("The inverter was trained on single gradients of the cross entropy in eval mode, and " +
                "this client trains otherwise: use another attack, such as \"matching\".");
        if (context.Observation.BatchSize > Shape.Batch)
            throw new AfterimageException($"The inverter was trained for batches of at most {Shape.Batch}, and this one has " +
                $"{context.Observation.BatchSize} images: train one with --batch (at most {InverterTraining.LargestBatch}).");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        parameters.Dispose();
        origin.Dispose();
    }
}
