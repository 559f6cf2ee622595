using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A network without branches, layer after layer, with its weights and the mean gradient of the update beside each: what the
/// closed forms work on. Everything in double precision on the CPU; inputs are normalized images.
/// </summary>
internal sealed class LayerChain
{
    private readonly VictimModel model;

    private LayerChain(VictimModel model, IReadOnlyList<Stage> stages) => (this.model, Stages) = (model, stages);

    public ImageShape Input => model.Input;

    public IReadOnlyList<Stage> Stages { get; }

    public Stage Head => Stages[^1];

    /// <summary>Why closed forms cannot work on the model or the update; null when they can.</summary>
    public static string? Obstacle(AttackContext context) =>
        context.Model.Network is not { } network || network.Layers.Any(layer => layer.Branches.Any())
            ? "Closed forms need a network of known layers without branches: use gradient matching."
        : network.Layers[^1] is not Linear
            ? "Closed forms begin at a linear head, and this network ends otherwise: use gradient matching."
        : Unreadable(context.Observation);

    /// <summary>Shared by everything that solves equations of an update.</summary>
    internal static string? Unreadable(Observation observation)
    {
        using var scope = Tidy.Scope();
        return observation.Update.Flat.isfinite().all().ToBoolean() ? observation.Training.Loss.HeadObstacle
            : "The update has values that are not finite: the client's training diverged, so there is nothing to read.";
    }

    /// <summary>The chain of a round without <see cref="Obstacle"/>.</summary>
    public static LayerChain Of(AttackContext context)
    {
        var network = context.Model.Network!;
        var layout = context.Model.Layout;
        var gradient = context.Observation.ApproximateGradient();
        long[] shape = [network.Input.Channels, network.Input.Height, network.Input.Width];
        var stages = new List<Stage>();
        foreach (var layer in network.Layers.Where(layer => layer is not Dropout))
        {
            var next = layer.Follow(shape);
            Tensor? Own(string suffix, Func<int, Tensor> value) =>
                layer.Parameters.FirstOrDefault(spec => spec.Name.EndsWith(suffix, StringComparison.Ordinal)) is { } spec
                    ? value(layout.IndexOf(spec.Name)).detach().to(ScalarType.Float64).cpu() : null;
            stages.Add(new(layer, shape, next,
                Own(".weight", i => context.Model.Parameters[i]), Own(".bias", i => context.Model.Parameters[i]),
                Own(".weight", i => gradient[i]), Own(".bias", i => gradient[i])));
            shape = next;
        }
        return new(context.Model, stages);
    }

    /// <summary>Network inputs as images of shape [B,C,H,W], cut off at 0 and 1.</summary>
    public Tensor Images(Tensor inputs) => Denormalized(Shaped(inputs)).clamp(0, 1);

    /// <summary>Network inputs with as many numbers as images have, in the shape [B,C,H,W].</summary>
    public Tensor Shaped(Tensor inputs) => inputs.reshape(-1, Input.Channels, Input.Height, Input.Width);

    public Tensor Denormalized(Tensor inputs) => model.Denormalize(inputs);

    /// <summary>Network inputs of gray images, for places that nothing is known of.</summary>
    public Tensor Gray(long count) =>
        model.Normalize(full([count, Input.Channels, Input.Height, Input.Width], 0.5, ScalarType.Float64));

    /// <summary>What reaches each stage for network inputs [B,C,H,W]; the logits are last.</summary>
    public Tensor[] Activations(Tensor inputs)
    {
        var values = new List<Tensor> { inputs };
        foreach (var stage in Stages)
            values.Add(stage.Forward(values[^1]));
        return [.. values];
    }
}

/// <summary>One layer with the shapes around it, its parameters, and their gradient of the mean loss.</summary>
internal sealed record Stage(Layer Layer, long[] Input, long[] Output,
    Tensor? Weight, Tensor? Bias, Tensor? WeightGradient, Tensor? BiasGradient)
{
    public long Unknowns => Input.Aggregate(1L, (product, size) => product * size);

    /// <summary>Of a linear layer or a convolution.</summary>
    public LayerMap Map => LayerMap.Of(Layer, Input);

    public Tensor Forward(Tensor x) => Layer switch
    {
        Linear or Conv2d => Map.Apply(Weight!, x, Bias),
        Activation activation => new Elementwise(activation).Apply(x),
        Flatten => x.flatten(1),
        _ => throw new AfterimageException($"Closed forms do not run through {Layer.GetType().Name}: use gradient matching."),
    };
}
