namespace Afterimage.Federation;

/// <summary>
/// The size of the update, where the client's learning rate and number of steps are not known for certain: the simulated update is
/// multiplied by a positive number that is looked for together with the images.
/// </summary>
public sealed record UpdateScale : Nuisance
{
    /// <inheritdoc/>
    public override NuisanceSearch Open(AttackContext context, RandomSource random) => new Search(context);

    private sealed class Search(AttackContext context) : NuisanceSearch
    {
        public override Tensor Start { get; } = zeros([1], context.Model.Type, context.Model.Device);

        public override JointLinearization At(Batch batch, Tensor values) =>
            new Scaled(context.Operator.At(batch), values.exp().ToDouble());

        public override string Describe(Tensor values)
        {
            var scale = values.exp().ToDouble();
            return context.Observation.Training is HiddenTraining { Length: { } length }
                ? FormattableString.Invariant($"Learning rate times steps was fitted at {length * scale:G3}; one update does not tell its factors.")
                : FormattableString.Invariant($"The update was fitted at {scale:G3} times its simulated size.");
        }
    }

    /// <summary>e^z A(x), whose derivative with respect to z is itself.</summary>
    private sealed class Scaled(Linearization inner, double scale) : JointLinearization
    {
        public override GradientSet Value { get; } = inner.Value.Scale(scale);

        public override (Batch Batch, Tensor Values) Pullback(GradientSet v) =>
            (inner.Pullback(v.Scale(scale)), v.Flat.dot(Value.Flat).reshape(1));
    }
}
