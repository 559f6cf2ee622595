using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.LabelRecovery;

/// <summary>
/// What procedural images look like to the head: their features and logits. They stand for images that nobody has seen, to say how
/// predictions of this model vary; no data of the client's kind is needed.
/// </summary>
/// <param name="Features">[N,features] row by row.</param>
/// <param name="Logits">[N,C] row by row.</param>
internal sealed record DummyHead(int Count, double[] Features, double[] Logits)
{
    private const int Images = 64, Fewer = 24;

    /// <summary>Multiplications for one image beyond which, as for scripts, fewer images must do.</summary>
    private const long LargestWork = 3_000_000_000;

    public static DummyHead Of(AttackContext context) => context.Once(found =>
        Pass(found, found.Model.Network is { } network && Work(network) <= LargestWork ? Images : Fewer));

    private static long Work(Network network)
    {
        return Of(network.Layers, [network.Input.Channels, network.Input.Height, network.Input.Width]);

        static long Of(ValueList<Layer> layers, long[] shape)
        {
            var work = 0L;
            foreach (var layer in layers)
            {
                var after = layer.Follow(shape);
                var weights = layer is Linear or Conv2d
                    ? layer.Parameters.First().Shape.Aggregate(1L, (product, size) => product * size) : 0;
                work += weights * (after is [_, var height, var width] ? height * width : after is [var tokens, _] ? tokens : 1)
                    + layer.Branches.Sum(branch => Of(branch, shape));
                shape = after;
            }
            return work;
        }
    }

    /// <summary>Features of images through a model of known layers, or through the gradient of one image at a time.</summary>
    public static DummyHead Pass(AttackContext context, Tensor images, IReadOnlyList<Tensor>? parameters = null)
    {
        using var scope = Tidy.Scope();
        var head = HeadEvidence.Of(context);
        var features = Body(context.Model) is { } body
            ? Forward(context, body, images, parameters) : ByGradients(context, images, parameters);
        var (count, values) = ((int)images.shape[0], features.to(ScalarType.Float64).contiguous().data<double>().ToArray());
        double[] Logits(int image) => head.Logits(values.AsSpan(image * head.Features, head.Features));
        return new(count, values, [.. Enumerable.Range(0, count).SelectMany(Logits)]);
    }

    /// <summary>Dead leaves where they can be painted, else uniform noise; shape [N,C,H,W].</summary>
    public static Tensor Draw(AttackContext context, int count)
    {
        var (shape, model) = (context.Model.Input, context.Model);
        if (!DeadLeaves.CanHave(shape))
        {
            using var generator = new RandomSource(0).Derive("dummy").Generator(CPU);
            return rand([count, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, CPU, generator: generator)
                .to(model.Type, model.Device);
        }
        var leaves = new DeadLeaves { Shape = shape }.Open();
        return tensor([.. Enumerable.Range(0, count).SelectMany(i => leaves[i].Pixels)], [count, shape.Channels, shape.Height, shape.Width])
            .to(model.Type, model.Device);
    }

    private static DummyHead Pass(AttackContext context, int count)
    {
        using var scope = Tidy.Scope();
        return Pass(context, Draw(context, count));
    }

    /// <summary>Everything before the head; null where layers are unknown, do not end in it, or have no parameters of their own.</summary>
    private static Network? Body(VictimModel model) =>
        model.Network is { Layers: var layers } network && layers.Count > 0 && layers[^1] is Linear head
            && layers.SkipLast(1).Any(layer => layer.Parameters.Any())
            && model.Head is var (weight, _) && model.Layout.Entries[weight].Name == head.Name + ".weight"
            ? new(network.Input, head.Input, layers.SkipLast(1).ToValueList()) : null;

    private static Tensor Forward(AttackContext context, Network body, Tensor images, IReadOnlyList<Tensor>? parameters)
    {
        using var _ = no_grad();
        var (model, layout) = (context.Model, body.Layout());
        var values = parameters ?? model.Parameters;
        Tensor[] weights = [.. layout.Entries.Select(entry => values[model.Layout.IndexOf(entry.Name)].detach().alias())];
        using var network = new NetworkModel(body, model.Normalization, weights,
            model.Buffers.ToDictionary(pair => pair.Key, pair => pair.Value.alias()));
        var mode = context.Observation.Training.Mode;
        if (mode == ModelMode.Train && body.Buffers.Any())
            return network.Logits(images, mode);
        // What layers of large networks leave of all images at once is more than many machines hold.
        var together = Math.Max(1, Fewer * LargestWork / Math.Max(1, Work(body)));
        var parts = new List<Tensor>();
        for (var from = 0L; from < images.shape[0]; from += together)
        {
            var part = images.narrow(0, from, Math.Min(together, images.shape[0] - from));
            parts.Add(Tidy.Keep(() => network.Logits(part, mode)));
        }
        return cat(parts);
    }

    /// <summary>The gradient of one image is d h' with d = p - t: any model whose last layer is linear.</summary>
    private static Tensor ByGradients(AttackContext context, Tensor images, IReadOnlyList<Tensor>? parameters)
    {
        var model = context.Model;
        var (weight, _) = model.Head!.Value;
        var rows = new List<Tensor>();
        var values = parameters?.Select(value => value.detach().requires_grad_()).ToArray() ?? model.Parameters;
        for (var i = 0L; i < images.shape[0]; i++)
            rows.Add(Tidy.Keep(() =>
            {
                var logits = model.Logits(images.narrow(0, i, 1), ModelMode.Eval, parameters is null ? null : values);
                // The derivative of one logit with respect to its row of the weight is the feature itself.
                return Differentiate.Gradients(logits[0, 0], [values[weight]])[0][0].detach();
            }));
        return stack([.. rows]);
    }
}
