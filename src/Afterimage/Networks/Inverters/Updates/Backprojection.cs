using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>
/// An update as pictures: what sets each layer's part of it apart from that of a gray image, carried back to the pixels by the model's own
/// derivative at that image, J'(g/|g| - a/|a|) over |J' a/|a||. Other weights give other updates, but pictures of the same image, so
/// that one network reads the updates of many models.
/// </summary>
internal sealed class Backprojection : UpdateReading
{
    private readonly VictimModel model;
    private readonly ForwardOperator forward;
    private readonly IReadOnlyList<(long From, long Count)> layers;
    private readonly Tensor gray;

    /// <param name="model">Borrowed.</param>
    /// <param name="forward">Its gradient of one image; taken over.</param>
    public Backprojection(VictimModel model, ForwardOperator forward)
    {
        (this.model, this.forward) = (model, forward);
        layers = Layers(model.Layout);
        var input = model.Input;
        gray = full([1L, input.Channels, input.Height, input.Width], 0.5, model.Type, model.Device).DetachFromDisposeScope();
        Widths = Enumerable.Repeat(input.Channels * input.Height * input.Width, layers.Count).ToValueList();
    }

    public override ValueList<int> Widths { get; }

    public override Tensor Of(GradientSet update) => Tidy.Keep(() =>
    {
        var point = Point(update);
        return cat([.. layers.Select(layer => Picture(point, update, layer))]).to(ScalarType.Float32, CPU);
    });

    /// <summary>The gray image under the label whose gradient points along the update: a guess of the label that needs no head.</summary>
    private Linearization Point(GradientSet update)
    {
        var targets = eye(model.Classes, dtype: model.Type, device: model.Device);
        Batch Labeled(int label) => new(gray, targets.narrow(0, label, 1));
        double Along(int label)
        {
            using var scope = Tidy.Scope();
            var own = forward.At(Labeled(label)).Value.Flat;
            return (own.dot(update.Flat) / own.norm().clamp(1e-30)).ToDouble();
        }
        return forward.At(Labeled(Enumerable.Range(0, model.Classes).MaxBy(Along)));
    }

    private Tensor Picture(Linearization point, GradientSet update, (long From, long Count) layer)
    {
        Tensor Direction(GradientSet of)
        {
            var whole = zeros_like(of.Flat);
            var part = of.Flat.narrow(0, layer.From, layer.Count);
            whole.narrow(0, layer.From, layer.Count).copy_(part / part.norm().clamp(1e-30));
            return whole;
        }
        Tensor Back(Tensor direction) => point.Pullback(new(model.Layout, direction)).Inputs.detach().reshape(-1);
        var own = Direction(point.Value);
        return Back(Direction(update) - own) / Back(own).norm().clamp(1e-30);
    }

    protected override void Dispose(bool disposing)
    {
        forward.Dispose();
        gray.Dispose();
        base.Dispose(disposing);
    }
}
