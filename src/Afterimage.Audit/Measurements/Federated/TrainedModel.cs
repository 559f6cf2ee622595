using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements;

/// <summary>The model as a federation has trained it so far, for clients that are simulated on it.</summary>
/// <param name="Trained">The model, which stays its owner's; clients get copies.</param>
internal sealed record TrainedModel(VictimModel Trained) : ModelSource
{
    /// <inheritdoc/>
    public override VictimModel Open(ImageShape input, int classes, RandomSource random, ScalarType type, Device device) =>
        Trained.To(type, device);
}
