namespace Afterimage.Federation;

/// <summary>
/// The surrogate model of Zhu, Yao and Blaschko (2023): many local steps are taken for one gradient at weights between those before
/// and those after the round, (1 - a) W0 + a WT, where a is looked for together with the images. One step in place of all of them.
/// </summary>
[Cites("zhu2023surrogate")]
public sealed record SurrogateWeights : Nuisance
{
    /// <summary>In [0,1]: where a begins.</summary>
    [Range(0, 1)]
    public double Start { get; init; } = 0.5;

    /// <summary>The learning rate of a as a multiple of that of the images.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double Pace { get; init; } = 1e-3;

    /// <inheritdoc/>
    public override NuisanceSearch Open(AttackContext context, RandomSource random) =>
        new Search(context, Start, Pace);

    private sealed class Search : NuisanceSearch
    {
        private readonly AttackContext context;
        private readonly Tensor[] path;

        public Search(AttackContext context, double start, double pace)
        {
            (this.context, Rate) = (context, pace);
            path = context.Observation.Update.Split();
            // A client that sends a gradient does not move, so there is no path to look along.
            var unknowns = context.Observation.Training.Kind == UpdateKind.Gradient ? 0 : 1;
            Start = full([unknowns], start, context.Model.Type, context.Model.Device);
        }

        public override Tensor Start { get; }

        public override double Rate { get; }

        public override JointLinearization At(Batch batch, Tensor values) =>
            new GraphJointLinearization(context.Model.Layout, batch, values, (leaves, z) =>
            {
                var training = context.Observation.Training;
                var weights = context.Model.Parameters.Zip(path, (before, along) => before + along * z).ToArray();
                var gradients = Differentiate.Gradients(training.LossOf(context.Model, leaves, weights), weights, graph: true);
                var factor = training.GradientFactor(context.Observation.BatchSize);
                return [.. gradients.Select(gradient => gradient * factor)];
            });

        public override bool Project(Tensor values) => Clamp(values);

        public override string Describe(Tensor values) => FormattableString.Invariant(
            $"The surrogate model stands at {values.ToDouble():F2} of the way from the weights before to the weights after the round.");
    }
}
