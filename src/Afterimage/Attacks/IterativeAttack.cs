using Afterimage.Federation;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>An attack that looks for images of known labels, from one start after another.</summary>
public abstract record IterativeAttack : Attack
{
    /// <summary>Copies of every number behind a layer that a graph of second derivatives holds: ResNet-50 took more than 20.</summary>
    private const long Held = 24;

    /// <summary>How labels are recovered before the search.</summary>
    public LabelRule Labels { get; init; } = new RefinedCounts();

    /// <summary>Starts tried at most.</summary>
    [Range(1, 100_000)]
    public int Restarts { get; init; } = 1;

    /// <inheritdoc/>
    public override LabelRule? Rule => Labels;

    /// <inheritdoc/>
    public override Attack? WithRestarts(int restarts) => this with { Restarts = restarts };

    /// <inheritdoc/>
    public override Attack? WithLabels(LabelRule rule) => this with { Labels = rule };

    /// <inheritdoc/>
    protected override long Memory(AttackContext context) => base.Memory(context) + (InDouble ? sizeof(double) : sizeof(float)) * Held
        * context.Observation.BatchSize * (context.Model.Network?.ValueCount ?? 0);
}
