using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A network of <see cref="RectifiedPiece"/>s and a <see cref="LinearTail"/>, with the gradient of one image, in double precision on the
/// CPU. Any residual units are the last pieces, and the tail takes in the mean of their features over all places.
/// </summary>
internal sealed class RectifiedChain
{
    private RectifiedChain(VictimModel model, IReadOnlyList<RectifiedPiece> pieces, LinearTail tail) =>
        (Model, Pieces, Tail) = (model, pieces, tail);

    /// <summary>In double precision; it normalizes images.</summary>
    public VictimModel Model { get; }

    public IReadOnlyList<RectifiedPiece> Pieces { get; }

    public bool IsResidual => Pieces[^1] is ResidualUnit;

    public LinearTail Tail { get; }

    /// <summary>Why the round cannot be read, as far as its settings show; null otherwise.</summary>
    public static string? Obstacle(AttackContext context) =>
        context.Observation.BatchSize != 1
            ? $"The recursion reads one image, but the batch has {context.Observation.BatchSize}: use \"rectified-matching\"."
        : context.Observation.Training is not FedSgd
            ? "The recursion reads a single gradient, and this client makes several steps: use gradient matching."
        : context.Model.Network is null ? "The recursion needs a network of known layers: use gradient matching."
        : LayerChain.Unreadable(context.Observation);

    /// <param name="context">The round.</param>
    /// <param name="joint">Whether the whole batch passes at once, so that BatchNorm in train mode has its statistics.</param>
    /// <param name="told">Whether statistics that the client sent take their place, so that each image passes by itself.</param>
    /// <exception cref="AfterimageException">The network is of another kind.</exception>
    public static RectifiedChain Of(AttackContext context, bool joint = false, bool told = false)
    {
        var form = ChainForm.Of(context.Model.Network!, context.Observation.Training.Mode == ModelMode.Train, joint);
        if (form.Obstacle is { } obstacle)
            throw new AfterimageException(obstacle);
        var tail = new PieceReader(context, joint && !told).Tail(form);
        return new(context.Model, [.. form.Pieces.Select(new PieceReader(context, form, joint && !told).Piece)], tail);
    }

    /// <summary>dL/d inputs of a piece, for dL/d of what leaves the last one.</summary>
    /// <param name="piece">The first of those in between.</param>
    /// <param name="inputs">What it takes in, [B,*Input].</param>
    /// <param name="gradient">[B,*Leaving] of the last piece.</param>
    public Tensor Back(int piece, Tensor inputs, Tensor gradient)
    {
        var passings = Pieces.Skip(piece).Select(each => each.Follow()).ToList();
        foreach (var passing in passings)
            inputs = passing.At(inputs);
        var found = passings.AsEnumerable().Reverse().Aggregate(gradient, (change, passing) => passing.Pull(change));
        passings.ForEach(passing => passing.Dispose());
        return found;
    }
}
