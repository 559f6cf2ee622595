using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A network of <see cref="RectifiedPiece"/>s and a linear head, with the gradient of one image, in double precision on the CPU. Where there
/// are residual units they are the last pieces, and the head takes in the mean of their features over all places.
/// </summary>
internal sealed class RectifiedChain
{
    private RectifiedChain(VictimModel model, IReadOnlyList<RectifiedPiece> pieces, Stage head) => (Model, Pieces, Head) = (model, pieces, head);

    /// <summary>In double precision; it normalizes images.</summary>
    public VictimModel Model { get; }

    public IReadOnlyList<RectifiedPiece> Pieces { get; }

    public bool IsResidual => Pieces[^1] is ResidualUnit;

    public Stage Head { get; }

    /// <summary>Null when the network or the round is of another kind; the obstacle says why.</summary>
    public static RectifiedChain? Of(AttackContext context, out string obstacle)
    {
        var observation = context.Observation;
        obstacle = "";
        if (observation.BatchSize != 1)
            obstacle = $"The recursion reads one image, but the batch has {observation.BatchSize}: use \"rectified-matching\".";
        else if (observation.Training is not FedSgd)
            obstacle = "The recursion reads a single gradient, and this client makes several steps: use gradient matching.";
        else if (context.Model.Network is not { } network)
            obstacle = "The recursion needs a network of known layers: use gradient matching.";
        else if (!observation.Update.Flat.isfinite().all().ToBoolean())
            obstacle = "The update has values that are not finite: the client's training diverged, so there is nothing to read.";
        else
            return Open(context, network, out obstacle);
        return null;
    }

    private static RectifiedChain? Open(AttackContext context, Network network, out string obstacle)
    {
        var reader = new PieceReader(context, network);
        var pieces = reader.Pieces(out obstacle);
        if (obstacle.Length > 0)
            return null;
        var rest = reader.Rest;
        if (reader.Head(averaged: pieces.Count > 0 && pieces[^1] is ResidualUnit) is { } head && pieces.Count > 0 && pieces[0] is RectifiedBlock
            && pieces.SkipWhile(piece => piece is RectifiedBlock).All(piece => piece is ResidualUnit))
            return new(context.Model, pieces, head);
        obstacle = "The recursion needs convolutions with ReLU and max pooling flattened into one linear head, or residuals averaged into " +
            $"one, and this network {rest}: use gradient matching.";
        return null;
    }
}
