using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The cheapest method that applies, and the next where it does not converge: Gauss-Newton on smooth networks, then gradient
/// matching. The outcome says why.
/// </summary>
public sealed record Best : Attack
{
    public LabelRecovery.LabelRecovery Labels { get; init; } = new BiasSign();

    public override Reconstruction Run(AttackContext context, Action<Sighting>? watch = null, CancellationToken cancellation = default)
    {
        var obstacle = Obstacle(context);
        if (obstacle is not null)
        {
            using var matched = (Known.Matching with { Labels = Labels }).Run(context, watch, cancellation);
            return Told(matched, $"Gradient matching, because {obstacle}.", 0, null);
        }
        var newton = new GaussNewton { Labels = Labels }.Run(context, watch, cancellation);
        if (newton.Outcome.Kind is OutcomeKind.Converged or OutcomeKind.Canceled)
            using (newton)
                return Told(newton, "Gauss-Newton, because every layer is smooth and the update is one gradient.", 0, null);
        using (newton)
        using (var matched = (Known.Matching with { Labels = Labels }).Run(context,
            watch is null ? null : sighting => watch(sighting with { Restart = sighting.Restart + newton.Restarts }), cancellation))
            return matched.RelativeMisfit < newton.RelativeMisfit
                ? Told(matched, "Gradient matching, because Gauss-Newton did not converge and left more of the update unexplained.", newton.Restarts, newton)
                : Told(newton, "Gauss-Newton, because gradient matching, tried after it, left more of the update unexplained.", 0, matched);
    }

    /// <summary>Why second order does not apply, or null.</summary>
    private string? Obstacle(AttackContext context) =>
        Labels is Joint ? "the labels are unknowns as well"
        : context.Observation.Training is not FedSgd ? "the update is made of several local steps"
        : context.Model.Device.type != DeviceType.CPU ? "the model does not live on the CPU"
        : ModelCard.Of(context.Model, "").IsSmooth switch
        {
            true => null,
            false => "ReLU or max pooling makes the gradient jump, where second-order steps fail",
            _ => "the model's layers are unknown, and second-order steps need smooth ones",
        };

    private static Reconstruction Told(Reconstruction found, string reason, int restartsBefore, Reconstruction? other)
    {
        using var scope = Tidy.Scope();
        return new()
        {
            Images = found.Images.clone().MoveToOuterDisposeScope(),
            Labels = found.Labels,
            Objective = found.Objective,
            RelativeMisfit = found.RelativeMisfit,
            Outcome = found.Outcome with { Advice = $"{reason} {found.Outcome.Advice}" },
            Operator = found.Operator,
            Restart = found.Restart + restartsBefore,
            Restarts = found.Restarts + (other?.Restarts ?? 0),
            Iterations = found.Iterations + (other?.Iterations ?? 0),
            Evaluations = found.Evaluations + (other?.Evaluations ?? 0),
        };
    }
}
