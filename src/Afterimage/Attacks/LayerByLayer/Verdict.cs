using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>How a closed form ends: refused with advice, or with images and what they leave unexplained.</summary>
internal static class Verdict
{
    /// <summary>A misfit at the rounding of single precision, which settles every doubt; mixtures of similar images explain much.</summary>
    private const double Doubtless = 1e-5;

    public static Reconstruction Refused(AttackContext context, string advice, ValueList<string> notes = default) =>
        Nothing(context, new(OutcomeKind.Refused, advice), notes);

    public static Reconstruction Canceled(AttackContext context, ValueList<string> notes = default) =>
        Nothing(context, new(OutcomeKind.Canceled, "The attack was stopped before it reached the images; run it again."), notes);

    private static Reconstruction Nothing(AttackContext context, Outcome outcome, ValueList<string> notes)
    {
        var batch = context.Observation.BatchSize;
        var images = full(context.ImagesShape, 0.5, ScalarType.Float32);
        var labels = new Labels(new int[batch].ToValueList(), new double[batch].ToValueList());
        var misfit = Misfit(context, images, labels);
        return new()
        {
            Images = images.MoveToOuterDisposeScope(),
            Labels = labels,
            Objective = misfit,
            RelativeMisfit = misfit,
            Outcome = outcome,
            Evaluations = 1,
            Notes = notes,
        };
    }

    /// <param name="context">What the server sees and knows.</param>
    /// <param name="images">In [0,1], shape [B,C,H,W], double precision.</param>
    /// <param name="labels">In the order of the images.</param>
    /// <param name="iterations">Steps or candidates that it took.</param>
    /// <param name="notes">What was found out.</param>
    /// <param name="doubt">Why the images are probably wrong, and what to do; null when nothing speaks against them but the misfit.</param>
    /// <param name="canceled">Whether the attack was stopped.</param>
    /// <param name="objective">What a search left of its objective; without one it is the misfit.</param>
    public static Reconstruction Found(AttackContext context, Tensor images, Labels labels, int iterations, ValueList<string> notes,
        string? doubt = null, bool canceled = false, double? objective = null)
    {
        var misfit = Misfit(context, images, labels);
        return new()
        {
            Images = images.to(ScalarType.Float32).MoveToOuterDisposeScope(),
            Labels = labels,
            Objective = objective ?? misfit,
            RelativeMisfit = misfit,
            Outcome = Judge(misfit, 1.1 * context.Observation.Floor, doubt, canceled),
            Iterations = iterations,
            Evaluations = 1,
            Notes = notes,
        };
    }

    private static double Misfit(AttackContext context, Tensor images, Labels labels)
    {
        using var scope = Tidy.Scope();
        var model = context.Model;
        var targets = labels.Targets(model.Classes, model.Type, model.Device);
        var inputs = images.to(model.Type).to(model.Device);
        var predicted = context.Observation.Training.Linearize(model, new(inputs, targets)).Value.Flat;
        return ((predicted - context.Observation.Update.Flat).norm() / context.Observation.Update.Flat.norm()).ToDouble();
    }

    private static Outcome Judge(double misfit, double floor, string? doubt, bool canceled)
    {
        if (!double.IsFinite(misfit))
            return new(OutcomeKind.Diverged,
                "The equations have no finite solution: check the model's weights and the update for huge values.");
        if (misfit < (doubt is null ? Math.Max(1e-3, floor) : Doubtless))
            return new(OutcomeKind.Converged, $"The reconstruction explains the update up to {misfit:G2} of its norm.");
        if (canceled)
            return new(OutcomeKind.Canceled, $"Stopped early; the images so far leave {misfit:P1} of the update unexplained.");
        return new(OutcomeKind.BudgetSpent, doubt ?? $"The reconstruction leaves {misfit:P1} of the update unexplained: " +
            "the equations hold only approximately here (several local steps, noise, or a defense); " +
            "use it as a start of gradient matching.");
    }
}
