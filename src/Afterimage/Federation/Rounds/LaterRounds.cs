using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The model as the server sent it in later rounds, in which the client trained on the same batch again. The updates of all rounds are one
/// stacked update: the first round's parameter tensors under their own names, then those of each later round.
/// </summary>
/// <param name="models">One model for each later round, all of one architecture; this owns them.</param>
public sealed class LaterRounds(IReadOnlyList<VictimModel> models) : IDisposable
{
    /// <summary>One model for each later round.</summary>
    public IReadOnlyList<VictimModel> Models { get; } = models;

    /// <summary>Rounds, the first included.</summary>
    public int Count => Models.Count + 1;

    /// <summary>The layout of the stacked update of several rounds of one model.</summary>
    public static TensorLayout Stacked(TensorLayout layout, int rounds) => new(Enumerable.Range(0, rounds).SelectMany(round =>
        layout.Entries.Select(entry => (round == 0 ? entry.Name : $"{entry.Name}, round {round + 1}", entry.Shape))));

    /// <summary>The updates of all rounds, in order, as one.</summary>
    public static GradientSet Stack(IReadOnlyList<GradientSet> updates) => updates.Count == 1 ? updates[0]
        : new(Stacked(updates[0].Layout, updates.Count), cat([.. updates.Select(update => update.Flat)]));

    /// <summary>The part of a stacked update that belongs to a round, from 0: a view.</summary>
    /// <param name="stacked">The update of all rounds.</param>
    /// <param name="layout">That of one round.</param>
    /// <param name="round">From 0.</param>
    public static GradientSet Slice(GradientSet stacked, TensorLayout layout, int round) =>
        new(layout, stacked.Flat.narrow(0, round * layout.Count, layout.Count));

    /// <summary>A copy in another precision or on another device; the caller owns it.</summary>
    public LaterRounds To(ScalarType type, Device device) => new([.. Models.Select(model => model.To(type, device))]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in Models)
            model.Dispose();
    }
}
