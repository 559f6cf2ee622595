using Afterimage.Audit.Clients;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Judging;

/// <summary>Features of images, each computed once.</summary>
/// <param name="features">The features of an image.</param>
public sealed class FeatureSpace(Func<Image, double[]> features)
{
    private readonly Dictionary<Image, double[]> found = [];

    /// <summary>The features of an image.</summary>
    public double[] Of(Image image)
    {
        if (!found.TryGetValue(image, out var values))
            found.Add(image, values = features(image));
        return values;
    }

    /// <summary>What enters the last linear layer of a model in eval mode; null where the model shows no such layer.</summary>
    /// <param name="model">The model, which must live as long as the space is used.</param>
    public static FeatureSpace? Head(VictimModel model) =>
        model.Network is null || model.Head is null || Features(model, new(model.Input, new float[model.Input.Count])) is null ? null
            : new(image => Features(model, image)!);

    private static double[]? Features(VictimModel model, Image image)
    {
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var trace = new Trace();
        model.Logits(Tensors.From(new ImageBatch(image.Shape, [image.Pixels.ToArray()]), model.Type, model.Device), trace: trace);
        return trace.Features?.to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }
}
