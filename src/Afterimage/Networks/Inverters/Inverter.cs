using System.Globalization;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics.Arrays;

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

    /// <summary>What the file said beside the weights.</summary>
    internal InverterFile Origin => origin;

    /// <summary>The weights, as the network lays them out.</summary>
    internal Tensor Weights => parameters.Flat;

    /// <summary>The layers.</summary>
    public InverterShape Shape => origin.Shape;

    /// <summary>Reads a file of "afterimage train inverter".</summary>
    /// <exception cref="AfterimageException">The file holds no inverter.</exception>
    public static Inverter Load(string path) => InverterFile.Read(path);

    /// <summary>Whether a file holds an inverter of this model, its weights and its channel; another kind of file holds none.</summary>
    public static bool IsFor(string path, AttackContext context)
    {
        var file = ArrayFile.Read(path);
        if (!InverterFile.Is(file))
            return false;
        using var inverter = Load(path);
        var print = ModelFingerprint.Of(context.Model);
        var origin = inverter.origin;
        return origin.Model.Architecture == print.Architecture
            && (origin.Model.Weights.Length == 0 || origin.Model.Weights == print.Weights)
            && origin.Channel == context.Observation.Channel.Description && context.Observation.BatchSize <= inverter.Shape.Batch;
    }

    /// <summary>The images [B,C,H,W] in [0,1] behind the update of a round, in the model's precision.</summary>
    /// <exception cref="AfterimageException">The inverter was trained for another model, other training or smaller batches.</exception>
    public Tensor Answer(AttackContext context) => Tidy.Keep(() =>
    {
        using var _ = no_grad();
        Check(context);
        using var reading = Shape.Reading(context.Model);
        var numbers = reading.Of(context.Observation.Update);
        return network.Images(parameters, origin.Scale.Of(numbers.unsqueeze(0)), context.Observation.BatchSize).squeeze(0)
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
        if (origin.Model.Weights.Length > 0 && ModelFingerprint.Of(context.Model).Weights != origin.Model.Weights)
            yield return "The inverter was trained for other weights of this architecture, so that its images mean little: " +
                "let it go on for these (\"afterimage train inverter --from\"), or train one for all " +
                "(\"--kind backprojection --victims\").";
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
