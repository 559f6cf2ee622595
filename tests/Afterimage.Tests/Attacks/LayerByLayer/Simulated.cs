using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>A client's batch, its update, and the context in which an attack sees it.</summary>
internal sealed record Simulated(AttackContext Context, Tensor Images, int[] Labels)
{
    private static readonly Normalization Cifar = new([0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]);

    /// <param name="source">The model.</param>
    /// <param name="shape">Of one image.</param>
    /// <param name="labels">One for each image.</param>
    /// <param name="training">One gradient unless said otherwise.</param>
    /// <param name="type">Precision in which the client computes.</param>
    /// <param name="seed">Of weights, images and attack.</param>
    public static Simulated Batch(ModelSource source, ImageShape shape, int[] labels, LocalTraining? training = null,
        ScalarType type = ScalarType.Float32, ulong seed = 1)
    {
        var random = new RandomSource(seed);
        var normalized = shape.Channels == 3 ? source with { Normalization = Cifar } : source;
        var model = normalized.Open(shape, 10, random.Derive("model"), type, CPU);
        using var generator = random.Derive("images").Generator(CPU);
        // Blocks of one color beside noise: as correlated as real images are.
        var coarse = rand([labels.Length, shape.Channels, 2, 2], generator: generator);
        var fine = rand([labels.Length, shape.Channels, shape.Height, shape.Width], generator: generator);
        var images = (0.8 * nn.functional.interpolate(coarse, [shape.Height, shape.Width]) + 0.2 * fine).to(type);
        return Of(model, images, labels, training ?? new FedSgd(), random);
    }

    /// <summary>Smooth images, as photographs are.</summary>
    public static Simulated Smooth(VictimModel model, int[] labels, ulong seed = 5)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        var (channels, height, width) = model.Input;
        var coarse = rand([labels.Length, channels, 4, 4], generator: generator);
        var images = nn.functional.interpolate(coarse, [height, width], mode: InterpolationMode.Bilinear, align_corners: false);
        return Of(model, images, labels, new FedSgd(), new(seed));
    }

    public static Simulated Of(VictimModel model, Tensor images, int[] labels, LocalTraining training, RandomSource random)
    {
        var targets = new Labels(labels.ToValueList(), []).Targets(model.Classes, model.Type, CPU);
        var update = training.Linearize(model, new(images, targets)).Value;
        return new(new()
        {
            Model = model,
            Observation = new() { Update = update, Training = training, BatchSize = labels.Length },
            Random = random.Derive("attack"),
        }, images, labels);
    }

    /// <summary>The same round where the client also sends the statistics of its batch.</summary>
    public Simulated Revealing()
    {
        var (trace, seen) = (new Trace(), Context.Observation);
        Context.Model.Logits(Images, seen.Training.Mode, trace: trace);
        return this with
        {
            Context = new()
            {
                Model = Context.Model,
                Observation = new()
                {
                    Update = seen.Update,
                    Training = seen.Training,
                    BatchSize = seen.BatchSize,
                    BatchStatistics = LayerStatistics.Of(trace),
                },
                Random = Context.Random,
            },
        };
    }

    public static VictimModel Open(Network network, ulong seed = 1, ScalarType type = ScalarType.Float32)
    {
        using var generator = new RandomSource(seed).Generator(CPU);
        var parameters = network.Parameters.Select(spec => ((rand([.. spec.Shape], ScalarType.Float64, CPU, generator: generator) - 0.5)
            * (2 / Math.Sqrt(spec.FanIn))).to(type)).ToArray();
        return new NetworkModel(network, Normalization.None(network.Input.Channels), parameters, []);
    }

    /// <summary>For each true image the PSNR of the reconstruction nearest to it, and the label that came with that.</summary>
    public (double[] Psnr, int[] Labels) Judge(Reconstruction found)
    {
        var truth = Images.to(ScalarType.Float64).flatten(1);
        var errors = (truth.unsqueeze(1) - found.Images.to(ScalarType.Float64).flatten(1).unsqueeze(0)).square().mean([2]);
        var (smallest, places) = errors.min(1);
        return ([.. smallest.data<double>().Select(error => -10 * Math.Log10(error + 1e-30))],
            [.. places.data<long>().Select(place => found.Labels.Classes[(int)place])]);
    }
}
