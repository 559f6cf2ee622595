using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>
/// What clients would send of images, hashed: updates are made when they are needed, behind the defense that clients apply to the update
/// of their whole batch, and never stored.
/// </summary>
/// <param name="model">Shared by all clients; borrowed.</param>
/// <param name="defense">What each client does to its update.</param>
/// <param name="sketch">The hashing.</param>
internal sealed class UpdatePairs(VictimModel model, Defense defense, UpdateSketch sketch) : IDisposable
{
    private static readonly FedSgd Training = new();

    // No timing decides: the same seed gives the same network.
    private readonly ForwardOperator? compiled =
        Training.Obstacle(model) is null ? Training.Operator(model, 1, OperatorChoice.Compiled) : null;

    /// <summary>One hashed update for every batch, [N,Size].</summary>
    /// <param name="images">[N,count,C,H,W] in [0,1].</param>
    /// <param name="labels">Classes, [N,count].</param>
    /// <param name="random">Of what clients draw.</param>
    public Tensor Of(Tensor images, Tensor labels, RandomSource random)
    {
        var targets = nn.functional.one_hot(labels, model.Classes).to(model.Type);
        return stack([.. Enumerable.Range(0, (int)images.shape[0])
            .Select(i => Tidy.Keep(() => Sent(new(images[i].to(model.Type), targets[i]), random.Derive("client", i))))]);
    }

    private Tensor Sent(Batch batch, RandomSource random)
    {
        var update = compiled is null ? Training.Evaluate(model, batch) : compiled.At(batch).Value;
        foreach (var frozen in model.Frozen)
            update[model.Layout.IndexOf(frozen)].zero_();
        return sketch.Of(defense.Protect(update, random, new(model, batch, Training)).Flat);
    }

    public void Dispose() => compiled?.Dispose();
}
