using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Laws;

/// <summary>A small round: a model, a batch that is the truth, and the update of a client that holds it.</summary>
internal sealed class Scene : IDisposable
{
    public Scene(ModelSource source, LocalTraining? training = null, int batch = 2, ulong seed = 1, ScalarType type = ScalarType.Float64,
        ImageShape? shape = null)
    {
        using var scope = NewDisposeScope();
        var input = shape ?? (source is TorchScriptFile ? new ImageShape(3, 32, 32) : new ImageShape(3, 12, 12));
        var classes = source is not TorchScriptFile ? 5 : shape is null ? 10 : 4;
        training ??= new FedSgd();
        Model = source.Open(input, classes, new RandomSource(seed).Derive("model"), type, CPU);
        using var generator = new RandomSource(seed).Derive("truth").Generator(CPU);
        Images = rand([batch, input.Channels, input.Height, input.Width], ScalarType.Float32, CPU, generator: generator).to(type)
            .DetachFromDisposeScope();
        Labels = Enumerable.Range(0, batch).Select(i => (3 * i + 1) % classes).ToValueList();
        Targets = new Labels(Labels, Enumerable.Repeat(1.0, batch).ToValueList()).Targets(classes, type, CPU).DetachFromDisposeScope();
        Context = new()
        {
            Model = Model,
            Observation = new()
            {
                Update = training.Linearize(Model, new(Images, Targets)).Value.Detach(),
                Training = training,
                BatchSize = batch,
                Labels = Labels,
            },
            Random = new RandomSource(seed).Derive("attack"),
        };
    }

    public VictimModel Model { get; }

    public Tensor Images { get; }

    public Tensor Targets { get; }

    public ValueList<int> Labels { get; }

    public AttackContext Context { get; }

    public LocalTraining Training => Context.Observation.Training;

    /// <summary>These images as priors see them, with the true labels.</summary>
    public PriorInput Trial(Tensor images, Tensor? consensus = null) => new(Context, images, Targets, consensus);

    /// <summary>Standard normal numbers, the same for the same name.</summary>
    public Tensor Normal(string name, params long[] shape)
    {
        using var generator = new RandomSource(7).Derive(name).Generator(CPU);
        return randn(shape, Model.Type, CPU, generator: generator);
    }

    /// <summary>A network that differentiates smoothly and has a head with a bias.</summary>
    public static Scene Smooth(ScalarType type = ScalarType.Float64, int batch = 2, ulong seed = 1) =>
        new(new LeNet(), batch: batch, seed: seed, type: type);

    /// <summary>A network in which one step costs next to nothing.</summary>
    public static Scene Tiny(int batch = 1, LocalTraining? training = null, ScalarType type = ScalarType.Float32) =>
        new(new Mlp { Depth = 2, Width = 24, Activation = ActivationKind.Sigmoid }, training, batch, type: type, shape: new(1, 8, 8));

    /// <summary>The model of a kind, small where it has a size.</summary>
    public static ModelSource Source(string kind) => Parts.Default<ModelSource>(kind) switch
    {
        Mlp mlp => mlp with { Width = 24 },
        ConvNet network => network with { Width = 4 },
        ResNet network => network with { Depth = 20 },
        TorchScriptFile => new TorchScriptFile(Shared.Path("problems", "pytorch", "resnet20-trained-b1", "model.pt")),
        var other => other,
    };

    public void Dispose()
    {
        Context.Dispose();
        Images.Dispose();
        Targets.Dispose();
    }
}

/// <summary>Tensors of this thread that nobody has given back.</summary>
internal static class Live
{
    public static long Tensors => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
}

/// <summary>Derivatives against differences.</summary>
internal static class Slope
{
    /// <summary>Compares the derivative of a function along a direction with its central difference.</summary>
    /// <param name="tolerance">Relative to the larger of the two.</param>
    public static void Agrees(Func<Tensor, double> function, Tensor point, Tensor gradient, Tensor direction, double tolerance = 1e-6,
        double step = 1e-5)
    {
        var difference = (function(point + direction * step) - function(point - direction * step)) / (2 * step);
        var derivative = (gradient * direction).sum().ToDouble();
        Assert.True(double.IsFinite(derivative));
        Assert.True(Math.Abs(difference - derivative) <= tolerance * Math.Max(1e-9, Math.Max(Math.Abs(difference), Math.Abs(derivative))),
            $"the difference is {difference:R}, the derivative {derivative:R}");
    }
}
